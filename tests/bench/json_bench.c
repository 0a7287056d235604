/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * json_bench < LOG: what json-c's parser takes for the lines of a log, and nothing else: the
 * measure for what execsnoopctl may take. Prints how many lines it was.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

int main(void)
{
        struct json_tokener *tokener = json_tokener_new();
        uint64_t n = 0;
        char *line = NULL;
        size_t size = 0;
        ssize_t length;

        if (!tokener)
                return EXIT_FAILURE;
        while ((length = getline(&line, &size, stdin)) > 0) {
                json_object *object = json_tokener_parse_ex(tokener, line, (int)length);

                if (!object) {
                        (void)fprintf(stderr, "line %" PRIu64 " is no JSON\n", n + 1);
                        return EXIT_FAILURE;
                }
                json_object_put(object);
                json_tokener_reset(tokener);
                n++;
        }
        (void)printf("%" PRIu64 "\n", n);
        free(line);
        json_tokener_free(tokener);
        return ferror(stdin) ? EXIT_FAILURE : EXIT_SUCCESS;
}
