/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* siphash: the test vectors of its authors (vectors_sip64, key 00 01 .. 0f, text 00 01 ..). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/siphash.h"

static void siphash_gives_the_published_vectors(void **state)
{
        static const struct {
                size_t size;
                uint64_t hash;
        } vectors[] = {
                { 0, UINT64_C(0x726fdb47dd0e0e31) },  { 1, UINT64_C(0x74f839c593dc67fd) },
                { 2, UINT64_C(0x0d6c8009d9a94f5a) },  { 7, UINT64_C(0xab0200f58b01d137) },
                { 8, UINT64_C(0x93f5f5799a932462) },  { 15, UINT64_C(0xa129ca6149be45e5) },
                { 63, UINT64_C(0x958a324ceb064572) },
        };
        uint8_t key[SIPHASH_KEY_SIZE];
        char text[64];

        (void)state;
        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = (char)i;
        for (uint8_t i = 0; i < sizeof(key); i++)
                key[i] = i;
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++)
                assert_true(siphash(key, (struct span){ text, vectors[i].size }) ==
                            vectors[i].hash);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(siphash_gives_the_published_vectors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
