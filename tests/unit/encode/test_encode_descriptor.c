/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* encode_descriptor: stdin, stdout and stderr as objects, whole and within limits. */
#include <sys/socket.h>

#include "encode_line.h"

#define LIMIT_MIN 2560

static struct exec_event make_event(enum exec_descriptor_type type)
{
        return (struct exec_event){
                .kind = EVENT_EXEC,
                .boot_ns = NOW_BOOT_NS,
                .facts.pid = 4242,
                .descriptors[1] = { .type = type, .ino = 17 },
        };
}

static struct json_object *encode(const struct exec_event *event, size_t limit)
{
        _cleanup_(encoder_freep) struct encoder *e = make_encoder("box");
        struct line line;

        assert_int_equal(encode_event(e, event, limit, &line), 0);
        if (limit > 0)
                assert_true(line_size_max(&line) <= limit);
        return parse_line(&line);
}

static void each_type_has_its_keys(void **state)
{
        static const struct {
                enum exec_descriptor_type type;
                const char *json;
        } cases[] = {
                { DESCRIPTOR_TTY, "{\"type\":\"tty\"}" },
                { DESCRIPTOR_CONTROLLING_TTY, "{\"type\":\"tty\"}" },
                { DESCRIPTOR_PIPE, "{\"type\":\"pipe\",\"ino\":17}" },
                { DESCRIPTOR_SOCKET, "{\"type\":\"socket\",\"ino\":17}" },
                { DESCRIPTOR_FILE, "{\"type\":\"file\"}" },
                { DESCRIPTOR_NULL, "{\"type\":\"null\"}" },
                { DESCRIPTOR_MEMFD, "{\"type\":\"memfd\"}" },
                { DESCRIPTOR_OTHER, "{\"type\":\"other\"}" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct exec_event event = make_event(cases[i].type);
                struct json_object *json = encode(&event, 0);

                assert_value(json, "stdout", cases[i].json);
                assert_false(has(json, "stdin"));
                assert_false(has(json, "stderr"));
                json_object_put(json);
        }
}

static void pipe_with_a_name_has_its_device(void **state)
{
        struct exec_event event = make_event(DESCRIPTOR_PIPE);
        struct json_object *json;

        (void)state;
        event.descriptors[1].dev = 259 << 20 | 3;
        json = encode(&event, 0);
        assert_value(json, "stdout", "{\"type\":\"pipe\",\"dev\":\"259:3\",\"ino\":17}");
        json_object_put(json);
}

static void socket_has_family_and_addresses(void **state)
{
        static const struct {
                uint8_t family;
                const char *json;
        } families[] = {
                { AF_UNIX, "unix" },       { AF_INET, "inet" },     { AF_INET6, "inet6" },
                { AF_NETLINK, "netlink" }, { AF_PACKET, "packet" }, { AF_VSOCK, "vsock" },
                { AF_BLUETOOTH, "31" },    { 255, "255" },
        };
        struct exec_event event = make_event(DESCRIPTOR_SOCKET);
        struct json_object *json;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                event.descriptors[1].family = families[i].family;
                json = encode(&event, 0);
                assert_string_equal(get_string(get(json, "stdout"), "family"), families[i].json);
                json_object_put(json);
        }
        event.descriptors[1].family = AF_INET;
        event.descriptors[1].local = span_of("10.0.0.1:1");
        event.descriptors[1].peer = span_of("10.0.0.2:2");
        json = encode(&event, 0);
        assert_value(json, "stdout",
                     "{\"type\":\"socket\",\"ino\":17,\"family\":\"inet\",\"local\":\"10.0.0.1:1\","
                     "\"peer\":\"10.0.0.2:2\"}");
        json_object_put(json);
}

static void address_of_any_bytes_has_them_exactly(void **state)
{
        struct exec_event event = make_event(DESCRIPTOR_SOCKET);
        struct json_object *json, *out;

        (void)state;
        event.descriptors[1].peer = span_of("/\xff\n");
        json = encode(&event, 0);
        out = get(json, "stdout");
        assert_string_equal(get_string(out, "peer"), "/\xef\xbf\xbd\n");
        assert_string_equal(get_string(out, "peer_base64"), "L/8K");
        json_object_put(json);
}

static void interactive_are_terminal_input_and_errors(void **state)
{
        (void)state;
        for (unsigned bits = 0; bits < 8; bits++) {
                struct exec_event event = make_event(DESCRIPTOR_CLOSED);
                struct json_object *json;

                for (int i = 0; i < EXEC_DESCRIPTORS; i++)
                        event.descriptors[i].type =
                                bits >> i & 1 ? DESCRIPTOR_CONTROLLING_TTY : DESCRIPTOR_TTY;
                json = encode(&event, 0);
                assert_int_equal(has(json, "interactive"), (bits & 5) == 5);
                json_object_put(json);
        }
}

static void addresses_that_did_not_come_are_marked(void **state)
{
        struct exec_event event = make_event(DESCRIPTOR_SOCKET);
        struct json_object *json;

        (void)state;
        event.descriptors[0] = event.descriptors[1];
        event.descriptors[1].is_cut = true;
        json = encode(&event, 0);
        assert_value(json, "truncated", "[\"stdout\"]");
        assert_value(json, "stdout", "{\"type\":\"socket\",\"ino\":17}");
        json_object_put(json);
}

/* Six paths of such bytes: no line that is to be short has room for all. */
static void check_limits(char byte)
{
        struct exec_event event = make_event(DESCRIPTOR_SOCKET);
        char path[EXEC_ADDRESS_SIZE_MAX];

        memset(path, byte, sizeof(path));
        event.descriptors[1].ino = UINT64_MAX;
        event.descriptors[1].dev = UINT32_MAX;
        event.descriptors[1].family = AF_NETLINK;
        event.descriptors[1].local = event.descriptors[1].peer =
                (struct span){ path, sizeof(path) };
        event.descriptors[0] = event.descriptors[2] = event.descriptors[1];
        for (size_t limit = LIMIT_MIN; limit < 6000; limit += 7) {
                struct json_object *json = encode(&event, limit), *in = get(json, "stdin");

                assert_string_equal(get_string(in, "type"), "socket");
                assert_true(has(in, "peer") || !has(in, "local"));
                /* What is not marked is whole. */
                for (int i = 0; i < EXEC_DESCRIPTORS; i++) {
                        static const char *const keys[] = { "stdin", "stdout", "stderr" };
                        const char *marked =
                                has(json, "truncated")
                                        ? json_object_to_json_string(get(json, "truncated"))
                                        : "";

                        assert_int_equal(has(get(json, keys[i]), "local") &&
                                                 has(get(json, keys[i]), "peer"),
                                         !strstr(marked, keys[i]));
                }
                json_object_put(json);
        }
}

static void line_keeps_its_limit(void **state)
{
        (void)state;
        check_limits('\1');   /* takes six */
        check_limits('\xff'); /* three, and again in base64 */
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_type_has_its_keys),
                cmocka_unit_test(pipe_with_a_name_has_its_device),
                cmocka_unit_test(socket_has_family_and_addresses),
                cmocka_unit_test(address_of_any_bytes_has_them_exactly),
                cmocka_unit_test(interactive_are_terminal_input_and_errors),
                cmocka_unit_test(addresses_that_did_not_come_are_marked),
                cmocka_unit_test(line_keeps_its_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
