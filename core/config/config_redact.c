/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The type of lists in [Redact]: globs for names of options and variables.
 *
 * Refuses globs with any character that no name has, because they could never match.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_report.h"
#include "config/config_value.h"

/* Several times what is built in: more is a mistake, and each costs time. */
#define GLOBS_MAX 1024
/* As names are compared: longer ones by their end. */
#define GLOB_SIZE_MAX 64

static int check_glob(struct span glob, struct buf *problem)
{
        if (span_is(glob, BUILTIN_GLOBS))
                return 0;
        for (size_t i = 0; i < glob.size; i++) {
                const char c = glob.data[i];

                if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
                    (c == '\0' || !strchr("-_.*?", c)))
                        return config_refuse(problem, glob,
                                             "is no glob for names, expected letters, digits "
                                             "and - _ . * ?, or " BUILTIN_GLOBS);
        }
        if (glob.size > GLOB_SIZE_MAX)
                return config_refuse(problem, glob, "is too long, expected at most 64 bytes");
        return 0;
}

static int add_glob(char **globs, struct span glob, struct buf *problem)
{
        size_t n = 0;

        for (; globs[n]; n++)
                if (span_is(glob, globs[n]))
                        return 0;
        if (n == GLOBS_MAX)
                return config_refuse(problem, glob, "is one too many, expected at most 1024");
        globs[n] = strndup(glob.data, glob.size);
        return globs[n] ? 0 : -ENOMEM;
}

static int parse_globs(struct span text, void *member, struct buf *problem)
{
        char ***globs = member;
        struct span word;
        int r;

        if (!*globs)
                *globs = calloc(GLOBS_MAX + 1, sizeof(**globs));
        if (!*globs)
                return -ENOMEM;
        while (value_take_word(&text, &word)) {
                r = check_glob(word, problem);
                if (r == 0)
                        r = add_glob(*globs, word, problem);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void format_globs(const void *member, struct buf *ret)
{
        value_names.format(member, ret);
}

static void clear_globs(void *member)
{
        value_names.clear(member);
}

const struct value_type value_globs = {
        .parse = parse_globs,
        .format = format_globs,
        .clear = clear_globs,
        .is_list = true,
        .keeps_default = true,
};
