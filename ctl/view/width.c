/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <wchar.h>

#include "base/text.h"
#include "view/width.h"

/* Of a character that is shown; the terminal's table is that of the C library, or nearly. */
static unsigned columns_of(struct text_unit unit)
{
        int n;

        if (unit.character < 0x7f)
                return 1;
        n = wcwidth((wchar_t)unit.character);
        return n < 0 ? 1 : (unsigned)n;
}

unsigned width_columns(struct span s)
{
        unsigned n = 0;

        while (s.size > 0) {
                const struct text_unit unit = text_unit((const uint8_t *)s.data, s.size);

                n += columns_of(unit);
                s = span_skip(s, unit.size);
        }
        return n;
}

struct span width_head(struct span s, unsigned columns)
{
        struct span rest = s;

        while (rest.size > 0) {
                const struct text_unit unit = text_unit((const uint8_t *)rest.data, rest.size);
                const unsigned n = columns_of(unit);

                if (n > columns)
                        break;
                columns -= n;
                rest = span_skip(rest, unit.size);
        }
        return span_head(s, s.size - rest.size);
}
