#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""argv: reproducible byte for byte from the line, or provably cut."""
import os
import resource

import harness
from harness import Child, KernelTest, TARGET

# argv and environment together may take a quarter of the stack's limit, and 6 MiB at most; one
# string 128 KiB with its NUL.
STACK_BYTES = 64 << 20
STRING_BYTES = 128 * 1024 - 1


def start(argv):
    """In a child: the bare system call, for what os.execve() refuses."""
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    resource.setrlimit(resource.RLIMIT_STACK, (STACK_BYTES, hard))
    harness.execve(TARGET.encode(), argv)
    os._exit(98)


def size_of(argv):
    return sum(len(argument) + 1 for argument in argv)


class ArgvTest(KernelTest):
    def check_whole(self, argv):
        event = self.exec_of(lambda: start(argv))
        self.assertTrue(harness.exact(event, "argv") == argv, f"{str(event)[:4000]}")
        self.assertEqual(event["argc"], len(argv))
        for key in ("argv_truncated", "argv_bytes", "truncated"):
            self.assertNotIn(key, event)
        return event

    def check_cut(self, argv):
        """Returns what is left of argv: the first strings, the last of which may lack its end."""
        event = self.exec_of(lambda: start(argv))
        self.assertIs(event.get("argv_truncated"), True)
        self.assertEqual((event["argc"], event["argv_bytes"]), (len(argv), size_of(argv)))
        left = harness.exact(event, "argv")
        self.assertEqual(left[:-1], argv[:len(left) - 1])
        self.assertTrue(argv[len(left) - 1].startswith(left[-1]))
        return left


class Whole(ArgvTest):
    settings = {"Capture": {"ArgvMax": "4M"}}

    def test_control_characters_quotes_and_backslash(self):
        event = self.check_whole([b"a\nb", b"\t", b"\x1b[31m", b"\x7f", b"\"'", b"\\", b"\\u0000",
                                  b"\\\\n", b"\r\n", b"\b\f", b"</script>"])
        self.assertNotIn("argv_base64", event)

    def test_every_byte_there_is(self):
        self.check_whole([bytes([b]) for b in range(1, 256)] + [bytes(range(1, 256))])

    def test_invalid_utf8(self):
        event = self.check_whole([b"\xff", b"a\x80b", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98",
                                  b"\xc0\x80", b"\xf8\x88\x80\x80\x80", b"\xf4\x90\x80\x80"])
        self.assertEqual(event["argv"][0], "\ufffd")

    def test_bytes_like_surrogates(self):
        self.check_whole([b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80"])

    def test_text_that_needs_care(self):
        event = self.check_whole(["\x80\x9f".encode(), "\u0085".encode(), "\u2028\u2029".encode(),
                                  "\ufeff".encode(), "\ufffe\uffff".encode(),
                                  "\U0001f600\U0010ffff".encode(), "\ufffd".encode(),
                                  "e\u0301\u202e".encode()])
        self.assertNotIn("argv_base64", event)

    def test_one_bad_byte_among_good_arguments(self):
        self.check_whole([b"good", b"\xfe", b"", b"also good"])

    def test_empty_strings(self):
        self.check_whole([b"", b"", b"x", b""])

    def test_one_empty_string(self):
        self.check_whole([b""])

    def test_no_argv_at_all(self):
        # the kernel makes it one empty string from 5.18 on: what it is, /proc knows, too
        for argv in (None, []):
            child = Child(lambda argv=argv: start(argv))
            child.await_exec()
            with open(f"/proc/{child.pid}/cmdline", "rb") as file:
                expected = [""] * len(file.read())
            child.close()
            event, = self.daemon.of(child.pid, since=child.since)
            self.assertEqual((event["argv"], event["argc"]), (expected, len(expected)))
            self.assertNotIn("argv_truncated", event)

    def test_three_thousand_arguments(self):
        self.check_whole([b"%d" % i for i in range(3000)])

    def test_one_argument_of_120_000_bytes(self):
        self.check_whole([b"x", b"0123456789" * 12_000])

    def test_longest_argument_there_can_be(self):
        self.check_whole([b"y" * STRING_BYTES, b"\xff" * STRING_BYTES])

    def test_hundred_thousand_empty_strings(self):
        self.check_whole([b""] * 100_000)

    def test_sizes_around_those_of_records(self):
        # the first record takes what is left of 32 KiB, each continuation a little less than that
        for size in (4095, 4096, 9_000, 10_000, 10_240, 32_000, 32_704, 32_768, 42_000, 42_944,
                     65_535, 65_536, 65_537):
            with self.subTest(size=size):
                argv = [b"a" * (size - 3), b"b"]
                self.assertEqual(size_of(argv), size)
                self.check_whole(argv)

    def test_two_mebibytes(self):
        self.check_whole([b"%07d" % i + b"z" * 1016 for i in range(2048)])


class Cut(ArgvTest):
    settings = {"Capture": {"ArgvMax": "4K"}}

    def test_exactly_the_limit_is_whole(self):
        self.check_whole([b"c" * 4000, b"d" * 94])

    def test_one_byte_more_is_cut(self):
        # only the last NUL is missing, which nobody can know: so it is marked
        argv = [b"c" * 4000, b"d" * 95]
        self.assertEqual(self.check_cut(argv), argv)

    def test_one_long_argument(self):
        left = self.check_cut([b"e" * 120_000])
        self.assertEqual(len(left[0]), 4096)

    def test_many_arguments(self):
        left = self.check_cut([b"%04d" % i for i in range(3000)])
        self.assertGreaterEqual(len(left), 4096 // 5)

    def test_empty_strings(self):
        self.check_cut([b""] * 100_000)

    def test_cut_inside_a_character(self):
        left = self.check_cut(["€".encode() * 2000])
        self.assertEqual(left[0], ("€".encode() * 2000)[:4096])

    def test_six_mebibytes(self):
        self.check_cut([b"f" * STRING_BYTES] * 47)


class Default(ArgvTest):
    def test_64_kib_is_whole_and_one_byte_more_is_cut(self):
        self.check_whole([b"g" * 65534, b""])
        self.check_cut([b"g" * 65535, b""])


class Largest(ArgvTest):
    settings = {"Capture": {"ArgvMax": "6M"}}

    def test_six_mebibytes(self):
        # the pointers count, too, and the name of the program is there once more
        self.check_whole([b"h" * STRING_BYTES] * 47 + [b"%d" % i for i in range(1000)])

    def test_six_megabytes_of_short_arguments(self):
        self.check_whole([b"%07d" % i for i in range(390_000)])

    def test_daemon_goes_on_afterwards(self):
        self.check_whole([b"small"])


if __name__ == "__main__":
    harness.main()
