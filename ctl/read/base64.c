/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include "read/base64.h"

static int value_of(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (is_digit(c))
                return c - '0' + 52;
        if (c == '+')
                return 62;
        return c == '/' ? 63 : -1;
}

/* Four characters, of which the last `n_padding` are none. */
static bool decode_group(const char *p, unsigned n_padding, struct buf *ret)
{
        uint32_t bits = 0;

        for (unsigned i = 0; i < 4; i++) {
                const int value = i < 4 - n_padding ? value_of(p[i]) : 0;

                if (value < 0)
                        return false;
                bits = bits << 6 | (uint32_t)value;
        }
        for (unsigned i = 0; i < 3 - n_padding; i++)
                buf_append_char(ret, (char)(bits >> (16 - 8 * i)));
        return true;
}

bool base64_decode(struct span s, struct buf *ret)
{
        unsigned n_padding = 0;

        if (s.size % 4 != 0)
                return false;
        if (span_ends_with(s, "=="))
                n_padding = 2;
        else if (span_ends_with(s, "="))
                n_padding = 1;
        for (size_t i = 0; i < s.size; i += 4)
                if (!decode_group(s.data + i, i + 4 == s.size ? n_padding : 0, ret))
                        return false;
        return true;
}
