#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""More than the daemon can take, because it is stopped, frozen, or small: it goes on by itself,
says what was lost while it goes on losing, and keeps to the memory that its settings allow."""
import contextlib
import itertools
import math
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

import faults
import harness
from faults import Daemon, Journald, assert_all, check_sums, lost, numbers, storm, wait_until

N_MANY = 6000       # more than each of the buffers below holds
N_LONG = 2000       # twice: more than 2M of lines
N_HUGE = 400        # of 60 KB: more than the queue holds by default, and the backlogs of lines
N_FEW = 100
N_LAST = 10         # fit into the smallest ring, whenever the daemon gets to it
N_ENDLESS = 1_000_000

KIB, MIB = 1 << 10, 1 << 20


def memory_bound(size=16 * MIB, backlog=16 * MIB, argv_max=64 * KIB, sinks=2):
    """As execsnoopd.conf(5) says it; what ArgvMax= makes of the others as its paragraph says."""
    manual = (faults.TESTS.parent / "packaging/man/execsnoopd.conf.5").read_text("utf-8")
    formula, = re.findall(r"^\d+M \+ .* ArgvMax$", manual, re.M)
    values = {"M": MIB, "Size": max(size, 2 * argv_max + 256 * KIB), "sinks": sinks,
              "Backlog": max(backlog, 8 * argv_max + 256 * KIB), "ArgvMax": argv_max}
    total = 0
    for term in formula.split(" + "):
        factors = re.sub(r"(\d)M\b", r"\1 * M", term).split(" * ")
        total += math.prod(values.get(f) or int(f) for f in factors)
    return total


def recover(daemon, journald, disk, size):
    """Both sinks work again, and all that is executed now is there. Returns their events."""
    faults.remount(disk, f"size={size}")
    journald.resume()
    daemon.await_words("'file' works again")
    daemon.sync_journal()
    last = storm(N_LAST)
    file, journal = daemon.finish()
    for events in file, journal:
        assert_all(events, last, N_LAST)
    return file, journal


class Overload(unittest.TestCase):
    def check(self, events, marker, count, *places):
        found = numbers(events, marker)
        self.assertEqual(set(found.values()) - {1}, set())
        # events whose arguments found no room in the ring are there, too
        bare = sum(e["event"] == "exec" and "argv" not in e for e in events)
        self.assertGreaterEqual(found.total() + bare + lost(events, *places), count)
        self.assertGreater(lost(events, *places), 0)

    def stopped_in_a_storm(self, settings, seconds):
        with Daemon(settings, journal=False) as daemon:
            process, _ = faults.start_storm(N_ENDLESS)
            try:
                daemon.await_stats(lambda e: e["programs"]["exec"]["seen"] > N_FEW, "the storm")
                daemon.signal(signal.SIGSTOP)
                time.sleep(seconds)         # the fault itself
                self.assertIsNone(process.poll())
                daemon.signal(signal.SIGCONT)
                wait_until(lambda: lost(daemon.events(), "ring"), "loss told in the storm")
            finally:
                process.kill()
                process.wait()
            daemon.sync()
            marker = storm(N_LAST)
            events, _ = daemon.finish(journal=False)
        assert_all(events, marker, N_LAST)
        self.assertGreater(lost(events, "ring"), 0)

    def test_stopped_for_5_seconds(self):
        self.stopped_in_a_storm({"Capture": {"RingSize": "1M"}}, 5)

    def test_stopped_with_small_rings(self):
        self.stopped_in_a_storm({"Capture": {"RingSize": "16K", "ArgvMax": "4K"}}, 1)

    def test_queue_full_of_what_the_rings_held(self):
        with Daemon({"Capture": {"RingSize": "16M", "ArgvMax": "4K"}, "Queue": {"Size": "64K"}},
                    journal=False) as daemon:
            daemon.signal(signal.SIGSTOP)
            marker = storm(N_MANY)
            daemon.signal(signal.SIGCONT)
            daemon.signal(signal.SIGUSR2)           # a full queue has room for it
            wait_until(lambda: any(e["event"] == "stats" for e in daemon.events()), "stats")
            wait_until(lambda: lost(daemon.events(), "queue"), "loss told")
            last = storm(N_LAST)
            events, _ = daemon.finish(journal=False)
        self.check(events, marker, N_MANY, "queue")
        assert_all(events, last, N_LAST)

    def test_small_backlog_loses_nothing_while_its_sink_works(self):
        with Daemon(faults.SMALL_BACKLOG, journal=False) as daemon:
            marker = storm(N_MANY)
            events, _ = daemon.finish(journal=False)
        assert_all(events, marker, N_MANY)

    def check_memory(self, high, bound):
        print(f"at most {high >> 10} KiB, {bound >> 10} KiB allowed", flush=True)
        self.assertLessEqual(high, bound)

    def fill(self, settings, count, bound):
        """Everything that can hold an event is full."""
        with Journald() as journald, faults.small_disk("64K") as disk, \
                Daemon(settings, disk + "/exec.jsonl") as daemon:
            journald.pause()
            storm(N_FEW)
            daemon.await_words("'file': cannot write")
            daemon.signal(signal.SIGSTOP)
            marker = storm(count)
            daemon.signal(signal.SIGCONT)
            for arguments in ["x"] * 20000, ["y" * 60000]:
                subprocess.run([harness.TARGET, *arguments], stdin=subprocess.DEVNULL, check=True)
            second = storm(count)
            high = daemon.status("VmHWM")
            file, journal = recover(daemon, journald, disk, "64M")
        self.check_memory(high, bound)
        return file, journal, marker, second

    def test_everything_small_and_full(self):
        file, journal, marker, second = self.fill(
            {"Capture": {"RingSize": "64K", "ArgvMax": "4K"},
             "Queue": {"Size": "64K", "Backlog": "64K"}}, N_MANY,
            memory_bound(64 * KIB, 64 * KIB, 4 * KIB))
        for events, sink in (file, "file"), (journal, "journal"):
            for storm_marker in marker, second:
                self.check(events, storm_marker, N_MANY, "ring", "queue", sink)

    def test_long_backlogs_are_full(self):
        file, journal, *_ = self.fill({"Queue": {"Backlog": "2M"}}, N_LONG,
                                      memory_bound(backlog=2 * MIB))
        # They were full indeed.
        self.assertGreater(lost(file, "file") + lost(journal, "journal"), 0)

    def execute_huge(self, count):
        """With arguments of which each byte has to be escaped, and those that are long."""
        arguments = itertools.cycle([["y" * 60000], [b"\xff"] * 30000, ["\x01" * 60000]])
        for huge in itertools.islice(arguments, count):
            subprocess.run([harness.TARGET, *huge], stdin=subprocess.DEVNULL, check=True)

    def test_all_memory_is_used(self):
        """Queue and backlogs are full at once; which of the sinks is told of what does not
        matter."""
        bound = memory_bound() - 24 * MIB       # what the start needs, is free again
        with Journald() as journald, faults.small_disk("64K") as disk, \
                Daemon({"Capture": {"RingSize": "32M"}}, disk + "/exec.jsonl") as daemon:
            journald.pause()
            bound += daemon.status("VmRSS")
            storm(N_FEW)
            daemon.await_words("'file': cannot write")
            self.execute_huge(N_HUGE)
            daemon.signal(signal.SIGSTOP)
            self.execute_huge(N_HUGE)
            daemon.signal(signal.SIGCONT)
            self.execute_huge(N_FEW)
            daemon.signal(signal.SIGUSR2)
            wait_until(lambda: daemon.status("VmHWM") > bound / 2, "memory in use")
            high = daemon.status("VmHWM")
            file, journal = recover(daemon, journald, disk, "200M")
        self.check_memory(high, bound)
        for events, sink in (file, "file"), (journal, "journal"):
            self.assertGreater(lost(events, "queue"), 0)
            self.assertGreater(lost(events, sink), 0)

    def test_frozen(self):
        root = pathlib.Path("/run/cgroup2")
        root.mkdir()
        mounted = subprocess.run(["mount", "-t", "cgroup2", "none", root], check=False)
        harness.need(mounted.returncode == 0, "this machine has no cgroup2")
        self.addCleanup(subprocess.run, ["umount", "--lazy", root], check=True)
        group = root / f"execsnoopd-test-{os.getpid()}"
        group.mkdir()
        harness.need((group / "cgroup.freeze").exists(), "this kernel cannot freeze")

        def is_frozen(value):
            return f"frozen {value}" in (group / "cgroup.events").read_text("ascii").splitlines()

        with Daemon({"Capture": {"RingSize": "64K", "ArgvMax": "4K"}}, journal=False) as daemon:
            first = storm(N_LAST)
            daemon.sync()
            (group / "cgroup.procs").write_text(str(daemon.pid()), "ascii")
            (group / "cgroup.freeze").write_text("1", "ascii")
            wait_until(lambda: is_frozen(1), "the daemon to be frozen")
            many = storm(N_MANY)
            (group / "cgroup.freeze").write_text("0", "ascii")
            wait_until(lambda: is_frozen(0), "the daemon to be thawed")
            daemon.sync()
            last = storm(N_LAST)
            events, _ = daemon.finish(journal=False)
        with contextlib.suppress(OSError):
            group.rmdir()
        assert_all(events, first, N_LAST)
        self.check(events, many, N_MANY, "ring")
        assert_all(events, last, N_LAST)
        check_sums(events)


if __name__ == "__main__":
    faults.main()
