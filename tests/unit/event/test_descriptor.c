/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* descriptor: addresses as text, and what cannot be is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/macro.h"
#include "event/descriptor.h"

#define LITERAL(s)                                                                                 \
        {                                                                                          \
                s, sizeof(s) - 1                                                                   \
        }
#define V6_LOOPBACK "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
#define NAME_108                                                                                   \
        "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"  \
        "890123456789012345678"

static struct address_texts texts;
static struct event_descriptor descriptors[EXEC_DESCRIPTORS];

static bool decode(const struct exec_descriptor *d, struct span addresses, bool is_cut)
{
        _cleanup_(freep) char *block = malloc(addresses.size + 1);
        struct exec_facts facts = { 0 };
        bool ok;

        assert_non_null(block);
        memcpy(facts.descriptors, d, sizeof(facts.descriptors));
        /* At the end of a block, to be seen by the sanitizer; Unix paths are borrowed from it. */
        if (addresses.size > 0)
                memcpy(block + 1, addresses.data, addresses.size);
        ok = descriptors_decode(&facts, (struct span){ block + 1, addresses.size }, is_cut, &texts,
                                descriptors);
        for (int i = 0; ok && i < EXEC_DESCRIPTORS; i++) {
                struct event_descriptor *e = &descriptors[i];

                if (e->local.data >= block && e->local.data <= block + addresses.size)
                        e->local.data = addresses.data + (e->local.data - block - 1);
                if (e->peer.data >= block && e->peer.data <= block + addresses.size)
                        e->peer.data = addresses.data + (e->peer.data - block - 1);
        }
        return ok;
}

static void assert_span(struct span s, const char *expected)
{
        if (!expected) {
                assert_null(s.data);
                return;
        }
        assert_int_equal(s.size, strlen(expected));
        assert_memory_equal(s.data, expected, s.size);
}

static void addresses_are_shown_as_text(void **state)
{
        static const struct {
                uint8_t family;
                struct span address;
                const char *text; /* NULL: refused */
        } cases[] = {
                { AF_INET, LITERAL("\x0a\0\0\1\x16\0"), "10.0.0.1:22" },
                { AF_INET, LITERAL("\xff\xff\xff\xff\xff\xff"), "255.255.255.255:65535" },
                { AF_INET, LITERAL("\x0a\0\0\1\x16"), NULL },
                { AF_INET, LITERAL(V6_LOOPBACK "\x16\0"), NULL },
                { AF_INET6, LITERAL(V6_LOOPBACK "\x16\0"), "[::1]:22" },
                { AF_INET6, LITERAL("\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1\x50\0"),
                  "[::ffff:127.0.0.1]:80" },
                { AF_INET6, LITERAL("\x0a\0\0\1\x16\0"), NULL },
                { AF_UNIX, LITERAL("/run/x\0"), "/run/x" },
                { AF_UNIX, LITERAL("r\xff"), "r\xff" },
                { AF_UNIX, LITERAL("\0a\0b\0"), "@a@b@" },
                { AF_UNIX, LITERAL(NAME_108), NAME_108 },
                { AF_UNIX, LITERAL(NAME_108 "9"), NULL },
                { AF_VSOCK, LITERAL("\0\4\0\0\2\0\0\0"), "2:1024" },
                { AF_VSOCK, LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff"), "4294967295:4294967295" },
                { AF_VSOCK, LITERAL("\0\4\0\0"), NULL },
                { AF_NETLINK, LITERAL("\0\4\0\0"), NULL },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct exec_descriptor local[EXEC_DESCRIPTORS] = { 0 },
                                       peer[EXEC_DESCRIPTORS] = { 0 };

                local[2].type = peer[2].type = DESCRIPTOR_SOCKET;
                local[2].family = peer[2].family = cases[i].family;
                local[2].local_size = peer[2].peer_size = (uint8_t)cases[i].address.size;
                assert_int_equal(decode(local, cases[i].address, false), cases[i].text != NULL);
                if (!cases[i].text)
                        continue;
                assert_span(descriptors[2].local, cases[i].text);
                assert_span(descriptors[2].peer, NULL);
                assert_true(decode(peer, cases[i].address, false));
                assert_span(descriptors[2].peer, cases[i].text);
                assert_span(descriptors[2].local, NULL);
        }
}

/* 0: 10.0.0.1:22 to 10.0.0.2:23; 2: to a Unix socket */
static const struct exec_descriptor three[EXEC_DESCRIPTORS] = {
        { .type = DESCRIPTOR_SOCKET, .ino = 7, .family = AF_INET, .local_size = 6, .peer_size = 6 },
        { .type = DESCRIPTOR_PIPE, .ino = 8, .dev = 9 },
        { .type = DESCRIPTOR_SOCKET, .ino = 9, .family = AF_UNIX, .peer_size = 3 },
};
static const struct span three_addresses = LITERAL("\x0a\0\0\1\x16\0\x0a\0\0\2\x17\0/x\0");

static void each_takes_its_own_addresses(void **state)
{
        (void)state;
        assert_true(decode(three, three_addresses, false));
        assert_span(descriptors[0].local, "10.0.0.1:22");
        assert_span(descriptors[0].peer, "10.0.0.2:23");
        assert_int_equal(descriptors[1].ino, 8);
        assert_int_equal(descriptors[1].dev, 9);
        assert_span(descriptors[2].local, NULL);
        assert_span(descriptors[2].peer, "/x");
        assert_false(descriptors[0].is_cut);
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
        struct span shorter = three_addresses;

        (void)state;
        while (shorter.size-- > 0)
                assert_false(decode(three, shorter, false));
        assert_false(decode(three, (struct span)LITERAL("\x0a\0\0\1\x16\0\x0a\0\0\2\x17\0/x\0y"),
                            false));
        shorter = (struct span){ three_addresses.data, 1 };
        assert_false(decode(three, shorter, true));
}

/* A record that had no room for more than its fixed part. */
static void addresses_that_did_not_come_are_said_to_be_missing(void **state)
{
        (void)state;
        assert_false(decode(three, (struct span){ "", 0 }, false));
        assert_true(decode(three, (struct span){ "", 0 }, true));
        assert_true(descriptors[0].is_cut);
        assert_false(descriptors[1].is_cut);
        assert_true(descriptors[2].is_cut);
        assert_span(descriptors[0].local, NULL);
}

static void same_open_file_is_the_same(void **state)
{
        struct exec_descriptor d[EXEC_DESCRIPTORS] = { three[0] };

        (void)state;
        d[1].type = DESCRIPTOR_AS_STDIN;
        d[2].type = DESCRIPTOR_AS_STDOUT;
        assert_true(decode(d, (struct span){ three_addresses.data, 12 }, false));
        for (int i = 0; i < EXEC_DESCRIPTORS; i++) {
                assert_int_equal(descriptors[i].ino, 7);
                assert_span(descriptors[i].peer, "10.0.0.2:23");
        }
}

static void what_is_the_same_as_itself_or_a_later_one_is_refused(void **state)
{
        struct exec_descriptor d[EXEC_DESCRIPTORS] = { 0 };

        (void)state;
        for (int i = 0; i < EXEC_DESCRIPTORS; i++) {
                for (uint8_t type = DESCRIPTOR_AS_STDIN; type < UINT8_MAX; type++) {
                        memset(d, 0, sizeof(d));
                        d[i].type = type;
                        assert_int_equal(decode(d, (struct span){ "", 0 }, false),
                                         (type == DESCRIPTOR_AS_STDIN && i > 0) ||
                                                 (type == DESCRIPTOR_AS_STDOUT && i > 1));
                }
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_are_shown_as_text),
                cmocka_unit_test(each_takes_its_own_addresses),
                cmocka_unit_test(sizes_that_do_not_fit_are_refused),
                cmocka_unit_test(addresses_that_did_not_come_are_said_to_be_missing),
                cmocka_unit_test(same_open_file_is_the_same),
                cmocka_unit_test(what_is_the_same_as_itself_or_a_later_one_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
