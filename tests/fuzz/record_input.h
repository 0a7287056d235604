/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Makes records of any bytes, for fuzz targets: a fuzzer would seldom find the lengths by itself.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/macro.h"
#include "exec_record.h"

/* So many bytes can be put right. */
static inline bool record_input_has_size(size_t size)
{
        return size >= sizeof(struct exec_record) && size <= EXEC_RECORD_SIZE_MAX;
}

/*
 * Version, size, and the lengths of the fields, as far as they go; what remains is argv. Paths end
 * with a NUL.
 */
static inline void record_input_put_right(char *data, size_t size)
{
        struct exec_record r;
        size_t rest = size - sizeof(r), end = sizeof(r);

        memcpy(&r, data, sizeof(r));
        r.head.version = EXEC_RECORD_VERSION;
        r.head.size = (uint32_t)size;
        r.head.program %= _PROGRAM_MAX;
        if (!exec_record_is_process(&r.head))
                r.head.kind = RECORD_EXEC + r.head.kind % 3;
        r.len[FIELD_ANCESTORS] =
                r.len[FIELD_ANCESTORS] % (EXEC_ANCESTORS_MAX + 1) * sizeof(struct exec_ancestor);
        for (unsigned f = 0; f < _FIELD_MAX; f++) {
                if (f == FIELD_ANCESTORS && r.len[f] > rest)
                        r.len[f] = 0;
                r.len[f] = f == FIELD_ARGV ? rest : MIN(r.len[f], rest);
                rest -= r.len[f];
                end += r.len[f];
                if (r.len[f] > 0 && (f == FIELD_EXE || f == FIELD_CWD || f == FIELD_CGROUP ||
                                     f == FIELD_PARENT_EXE))
                        data[end - 1] = '\0';
        }
        memcpy(data, &r, sizeof(r));
}
