#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Every door and every fact, by one daemon that goes from configuration to configuration.

For machines where loading the BPF programs takes half a minute: virtual ones without KVM. The same
tests as natively, sorted so that each program is loaded as rarely as can be. Nothing is skipped for
what the kernel may lack: where this runs, all is known to be there.

Tells line by line on standard output: "ok NAME", "not ok NAME: reason", "note TEXT", and at the end
the daemon's whole stream, which has to be checked elsewhere by the schema: "stream BASE64", parts
of one zlib stream. Exit status: 0, or 1 if a test failed.
"""
import base64
import contextlib
import signal
import sys
import time
import unittest
import zlib

import harness
import test_direct

MODULES = ("test_doors", "test_facts", "test_descriptors", "test_host.Host", "test_privilege",
           "test_argv", "test_exits", "test_failures", "test_parents.Parents")
# By name, with the reason: what cannot be, or need not be, on every kernel.
LEFT_OUT = {
    "test_descriptors.Sockets.test_vsock": "not all kernels here have it",
    "test_exits.Exits.test_storm_has_one_end_for_each_start": "a storm",
    "test_exits.Exits.test_no_end_of_what_was_not_seen_to_start": "needs a younger daemon",
    "test_parents.Parents.test_programs_of_the_kernel_have_no_parent_that_was_executed":
        "dumps the core of a process that has all lines, for minutes",
}
# The tests that load programs, in an order that loads the most expensive but once.
SWITCHES = ("Attempts", "FailedExecs", "Exits")
LOAD_ORDER = [(), ("Attempts",), SWITCHES, ("FailedExecs",), ("Exits",)]
STREAM_PART = 3000


def say(word, text):
    print(word, text.replace("\n", " | "), flush=True)


class Shared:
    """In place of harness.Daemon: lends the one daemon, by a reload where that is needed."""

    def __init__(self):
        self.daemon = None
        self.settings = []          # of whoever has borrowed it, the innermost last

    @contextlib.contextmanager
    def __call__(self, settings=None):
        self.settings.append(settings or {})
        self.reconfigure()
        try:
            yield self.daemon
        finally:
            self.settings.pop()
            if self.settings:
                self.reconfigure()

    def reconfigure(self):
        begin = time.monotonic()
        if not self.daemon:
            self.daemon = harness.Daemon(self.settings[-1], environment=test_direct.DEBUG)
        elif self.daemon.settings != self.settings[-1]:
            said = self.daemon.reload(self.settings[-1])
            assert "Reloaded the configuration" in said, said
        say("note", f"configured in {time.monotonic() - begin:.1f} s: {self.settings[-1]}")


class Report(unittest.TestResult):
    """A line for each test; a skip is a failure, and so is what fails outside of tests."""

    def startTest(self, test):
        super().startTest(test)
        self.begin = time.monotonic()
        self.reasons = []

    def stopTest(self, test):
        super().stopTest(test)
        for reason in self.reasons:
            say("not", f"ok {test.id()}: {reason}")
        if not self.reasons:
            say("ok", f"{test.id()} ({time.monotonic() - self.begin:.1f} s)")

    def addError(self, test, err):
        super().addError(test, err)
        text = self._exc_info_to_string(err, test)
        if hasattr(self, "reasons") and isinstance(test, unittest.TestCase):
            self.reasons.append(text)
        else:
            say("not", f"ok {test}: {text}")

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.reasons.append(f"{subtest}: {self._exc_info_to_string(err, test)}")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.errors.append((test, reason))
        self.reasons.append(f"skipped: {reason}")


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def load_order(test):
    """By the programs that have to be loaded, then by settings; else as the modules come."""
    capture = test.settings.get("Capture", {})
    switches = tuple(name for name in SWITCHES if capture.get(name) == "yes")
    return LOAD_ORDER.index(switches), sorted(capture.items())


def tests():
    """All that are run here, in order."""
    found = list(flatten(unittest.defaultTestLoader.loadTestsFromNames(MODULES)))
    unknown = set(LEFT_OUT) - {test.id() for test in found}
    assert not unknown, unknown
    return sorted((test for test in found if test.id() not in LEFT_OUT), key=load_order)


def chosen(names):
    """All, or those that have one of the names in their own."""
    return unittest.TestSuite(test for test in tests()
                              if not names or any(name in test.id() for name in names))


def tell_stream(lines):
    encoded = base64.b64encode(zlib.compress(b"".join(lines), 1)).decode()
    for i in range(0, len(encoded), STREAM_PART):
        say("stream", encoded[i:i + STREAM_PART])


def check_ways(daemon):
    """It does without direct loads only where the kernel does."""
    ways = test_direct.ways(daemon)
    say("note", f"read kernel memory: {ways}")
    expected = "direct loads" if test_direct.has_direct_loads() else "calls"
    assert set(ways.values()) == {expected}, ways


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))       # and clean up
    harness.new_daemon = shared = Shared()
    report = Report()
    begin = time.monotonic()
    try:
        say("note", f"left out: {LEFT_OUT}")
        chosen(sys.argv[1:]).run(report)
        say("note", f"{report.testsRun} kernel tests in {time.monotonic() - begin:.0f} s")
        check_ways(shared.daemon)
        begin = time.monotonic()
        shared.daemon.stop(check_lines=tell_stream)
        say("ok", f"ledger of the shared daemon ({time.monotonic() - begin:.1f} s)")
    except AssertionError as error:
        say("not", f"ok shared daemon: {error}")
        return 1
    finally:
        if shared.daemon:
            shared.daemon.__exit__(*sys.exc_info())
    return 0 if report.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
