/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Runs a fuzz target over files, as an ordinary test without libFuzzer.
 *
 * Arguments are files, or folders of which every file is taken. The target aborts on a finding; the
 * name printed last is then the seed to blame. Without any seed nothing has been tested: that
 * fails.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fclosep(FILE **f)
{
        if (*f)
                (void)fclose(*f);
}

static int run_file(const char *path, size_t size)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "re");
        _cleanup_(freep) uint8_t *data = NULL;

        if (!f)
                return -errno;
        data = malloc(size); /* exactly, so that ASan sees a read beyond the end */
        if (!data && size > 0)
                return -ENOMEM;
        if (fread(data, 1, size, f) != size)
                return -EIO;
        (void)printf("%s\n", path);
        (void)fflush(stdout);
        (void)LLVMFuzzerTestOneInput(data, size);
        return 0;
}

static int skip_hidden(const struct dirent *entry)
{
        return entry->d_name[0] != '.';
}

static int run_path(const char *path, unsigned *n_seeds);

static int run_folder(const char *path, unsigned *n_seeds)
{
        struct dirent **entries;
        int n, r = 0;

        n = scandir(path, &entries, skip_hidden, alphasort);
        if (n < 0) {
                r = -errno;
                (void)fprintf(stderr, "%s: %s\n", path, strerror(-r));
                return r;
        }
        for (int i = 0; i < n; i++) {
                _cleanup_(freep) char *child = NULL;

                if (r == 0)
                        r = asprintf(&child, "%s/%s", path, entries[i]->d_name) < 0
                                    ? -ENOMEM
                                    : run_path(child, n_seeds);
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int run_path(const char *path, unsigned *n_seeds)
{
        struct stat st;
        int r;

        if (stat(path, &st) < 0)
                r = -errno;
        else if (S_ISDIR(st.st_mode))
                return run_folder(path, n_seeds);
        else
                r = run_file(path, (size_t)st.st_size);
        if (r < 0)
                (void)fprintf(stderr, "%s: %s\n", path, strerror(-r));
        else
                (*n_seeds)++;
        return r;
}

int main(int argc, char **argv)
{
        unsigned n_seeds = 0;

        for (int i = 1; i < argc; i++)
                if (run_path(argv[i], &n_seeds) < 0)
                        return EXIT_FAILURE;
        if (n_seeds == 0) {
                (void)fprintf(stderr, "No seeds: nothing has been tested\n");
                return EXIT_FAILURE;
        }
        (void)printf("%u seeds\n", n_seeds);
        return EXIT_SUCCESS;
}
