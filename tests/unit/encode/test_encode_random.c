/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * encode: random bytes in all fields that a process can choose have to come back exactly as they
 * were, as text or as base64.
 */
#include "encode_line.h"

/* A small generator of our own: the same bytes on every machine. */
static uint32_t next_random(uint32_t *seed)
{
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

/* Bytes that are likely to meet: parts of UTF-8 sequences, controls, quotes, plain letters. */
static struct span random_bytes(uint32_t *seed, char *p, size_t max, bool with_nul)
{
        static const uint8_t likely[] = { 0xc2, 0x80, 0x9f, 0xa0, 0xe2, 0x82, 0xac, 0xf0, 0x90,
                                          0xed, 0xff, 0x7f, 0x1b, '\n', '"',  '\\', '/',  '=' };
        size_t size = next_random(seed) % (max + 1);

        for (size_t i = 0; i < size; i++) {
                uint32_t r = next_random(seed);

                if (r & 0x100)
                        p[i] = (char)likely[(r >> 9) % sizeof(likely)];
                else if (r & 0x200)
                        p[i] = (char)('a' + r % 26);
                else
                        p[i] = (char)r;
                if (p[i] == '\0' && !with_nul)
                        p[i] = 'N';
        }
        return (struct span){ p, size };
}

/* `json` has to be `expected`, or `base64` its exact bytes. */
static void assert_exact(struct json_object *json, struct json_object *base64, struct span expected)
{
        _cleanup_(buf_done) struct buf encoded = { 0 };

        if (!base64) {
                assert_int_equal(json_object_get_string_len(json), expected.size);
                assert_memory_equal(json_object_get_string(json), expected.data, expected.size);
                return;
        }
        text_base64(expected, &encoded);
        assert_int_equal(json_object_get_string_len(base64), encoded.size);
        if (encoded.size > 0)
                assert_memory_equal(json_object_get_string(base64), encoded.data, encoded.size);
}

static void assert_exact_strings(struct json_object *json, struct span strings)
{
        struct json_object *base64 = NULL;
        size_t n = 0, at = 0;

        (void)json_object_object_get_ex(json, "argv_base64", &base64);
        while (at < strings.size) {
                size_t size = strnlen(strings.data + at, strings.size - at);

                assert_exact(json_object_array_get_idx(get(json, "argv"), n),
                             base64 ? json_object_array_get_idx(base64, n) : NULL,
                             (struct span){ strings.data + at, size });
                at += size + 1;
                n++;
        }
        assert_int_equal(json_object_array_length(get(json, "argv")), n);
        assert_int_equal(json_object_get_uint64(get(json, "argc")), n);
}

static void random_bytes_come_back_exactly(void **state)
{
        static const char *const keys[] = { "comm", "parent_comm", "tty",   "filename",
                                            "exe",  "cwd",         "cgroup" };
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        uint32_t seed = 1;

        (void)state;
        for (int round = 0; round < 3000; round++) {
                struct exec_event event = { .kind = EVENT_EXEC, .boot_ns = NOW_BOOT_NS };
                struct span *fields[] = { &event.comm,     &event.parent_comm, &event.tty,
                                          &event.filename, &event.exe,         &event.cwd,
                                          &event.cgroup };
                char bytes[ELEMENTSOF(keys)][24], argv[100], env[30] = "NAME=";
                struct json_object *json, *base64;
                struct span value;
                struct line line;

                for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                        *fields[i] = random_bytes(&seed, bytes[i], sizeof(bytes[i]), true);
                event.argv = random_bytes(&seed, argv, sizeof(argv), true);
                value = random_bytes(&seed, env + 5, sizeof(env) - 5, false);
                event.env = (struct span){ env, 5 + value.size };

                assert_int_equal(encode_event(e, &event, 0, &line), 0);
                json = parse_line(&line);
                for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                        char key_base64[32];

                        base64 = NULL;
                        (void)snprintf(key_base64, sizeof(key_base64), "%s_base64", keys[i]);
                        (void)json_object_object_get_ex(json, key_base64, &base64);
                        assert_exact(get(json, keys[i]), base64, *fields[i]);
                }
                assert_exact_strings(json, event.argv);
                base64 = has(json, "env_base64") ? get(get(json, "env_base64"), "NAME") : NULL;
                assert_exact(get(get(json, "env"), "NAME"), base64, value);
                json_object_put(json);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(random_bytes_come_back_exactly),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
