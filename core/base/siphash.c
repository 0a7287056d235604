/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* After the paper; the words are little endian on every machine. */
#include <endian.h>
#include <string.h>

#include "base/siphash.h"

struct state {
        uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned n)
{
        return x << n | x >> (64 - n);
}

static uint64_t load(const void *p)
{
        uint64_t word;

        memcpy(&word, p, sizeof(word));
        return le64toh(word);
}

static void sip_round(struct state *s)
{
        s->v0 += s->v1;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v2 = rotate(s->v2, 32);
}

static void compress(struct state *s, uint64_t word)
{
        s->v3 ^= word;
        sip_round(s);
        sip_round(s);
        s->v0 ^= word;
}

uint64_t siphash(const uint8_t key[static SIPHASH_KEY_SIZE], struct span text)
{
        const uint64_t k0 = load(key), k1 = load(key + 8);
        struct state s = {
                .v0 = k0 ^ UINT64_C(0x736f6d6570736575),
                .v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
                .v2 = k0 ^ UINT64_C(0x6c7967656e657261),
                .v3 = k1 ^ UINT64_C(0x7465646279746573),
        };
        uint8_t last[8] = { [7] = (uint8_t)text.size };
        size_t n = text.size / 8 * 8;

        for (size_t i = 0; i < n; i += 8)
                compress(&s, load(text.data + i));
        if (text.size > n)
                memcpy(last, text.data + n, text.size - n);
        compress(&s, load(last));
        s.v2 ^= 0xff;
        for (unsigned i = 0; i < 4; i++)
                sip_round(&s);
        return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
