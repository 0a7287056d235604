#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Under load: nothing missing, nothing twice, in order; and what is lost is stated, to the last."""
import collections
import itertools
import os
import signal
import subprocess
import tempfile
import unittest

import harness
from harness import Daemon, STORM, TARGET

N_EXECS = 20_000
N_LOSSY = 4_000
N_ROTATED = 3_000
N_UNREAD = 4_000
N_ENDLESS = 500_000
ROTATE_BYTES = 64 * 1024


markers = (f"storm-{os.getpid()}-{i}" for i in itertools.count())


def start_storm(count, marker):
    return subprocess.Popen([STORM, str(count), marker, TARGET], stdin=subprocess.DEVNULL)


def numbers_of(events, marker):
    """How often each exec of the storm is there, by its number."""
    return collections.Counter(int(e["argv"][2]) for e in events if e["event"] == "exec" and
                               len(e.get("argv", ())) == 3 and e["argv"][1] == marker)


class Storm(unittest.TestCase):
    def storm(self, count):
        """Runs one to its end; its marker."""
        marker = next(markers)
        self.assertEqual(start_storm(count, marker).wait(), 0)
        return marker

    def assert_each_once(self, events, marker, count):
        self.assertEqual(numbers_of(events, marker), collections.Counter(range(count)))

    def test_every_exec_is_once_in_stdout(self):
        with Daemon({"Capture": {"RingSize": "8M"}, "Queue": {"Size": "64M", "Backlog": "64M"}},
                    ) as daemon:
            marker = self.storm(N_EXECS)
            events = daemon.stop()
        self.assert_each_once(events, marker, N_EXECS)
        self.assertEqual(events[-1]["lost"], 0)

    def test_every_exec_is_once_in_the_file(self):
        with Daemon({"Capture": {"RingSize": "8M"}, "Queue": {"Size": "64M", "Backlog": "64M"}},
                    sink="file") as daemon:
            marker = self.storm(N_EXECS)
            events = daemon.stop()
        self.assert_each_once(events, marker, N_EXECS)
        self.assertEqual(events[-1]["lost"], 0)

    def test_losses_of_a_tiny_ring_are_stated(self):
        with Daemon({"Capture": {"RingSize": "4K", "Exits": "yes"}}) as daemon:
            stats = [e for e in daemon.sync() if e["event"] == "stats"]
            before = stats[-1]["programs"]["exec"]["seen"]
            daemon.signal(signal.SIGSTOP)
            marker = self.storm(N_LOSSY)
            daemon.signal(signal.SIGCONT)
            after = self.storm(100)
            events = daemon.stop()
        stop = events[-1]
        program = stop["programs"]["exec"]
        # the ledger has been checked; here is the part that we know ourselves
        self.assertGreaterEqual(program["seen"] - before, N_LOSSY + 100)
        found = numbers_of(events, marker)
        self.assertEqual(set(found.values()) | {1}, {1})
        bare = sum(e["event"] == "exec" and "argv" not in e for e in events)
        self.assertEqual(bare, program["bare"])
        execs_lost = program["seen"] - program["sent"] + program["recursion_misses"]
        self.assertGreater(execs_lost, 0)
        self.assertGreaterEqual(found.total() + bare + execs_lost, N_LOSSY)
        in_log = sum(e["event"] == "exec" for e in events)
        self.assertEqual(program["seen"] + program["recursion_misses"], in_log + execs_lost)
        self.assertTrue(any(e["event"] == "lost" and e["where"] == "ring" for e in events))
        self.assertEqual(numbers_of(events, after).total() > 0, True)

    def test_losses_of_a_small_queue_are_stated(self):
        with Daemon({"Queue": {"Size": "64K"}, "Capture": {"RingSize": "8M", "ArgvMax": "4K"}},
                    ) as daemon:
            daemon.signal(signal.SIGSTOP)
            marker = self.storm(N_LOSSY)
            daemon.signal(signal.SIGCONT)
            events = daemon.stop()
        lost = events[-1]["lost_by"]
        self.assertGreater(lost["queue"], 0)
        self.assertGreaterEqual(numbers_of(events, marker).total() + events[-1]["lost"], N_LOSSY)

    def test_reader_that_does_not_read_for_a_while(self):
        with Daemon({"Queue": {"Backlog": "256K"}, "Capture": {"RingSize": "8M"}},
                    paused=True) as daemon:
            marker = self.storm(N_UNREAD)
            daemon.lines.running.set()
            daemon.wait_for(lambda e: e["event"] == "lost", "loss")
            daemon.sync()
            after = self.storm(100)
            events = daemon.stop()
        self.assertGreater(events[-1]["sinks"]["stdout"]["lost"], 0)
        self.assertGreaterEqual(numbers_of(events, marker).total() +
                                events[-1]["sinks"]["stdout"]["lost"], N_UNREAD)
        self.assert_each_once(events, after, 100)

    def test_rotation_keeps_lines_whole_and_seq_without_a_hole(self):
        with Daemon({"File": {"MaxSize": "64K", "MaxFiles": "3"}}, sink="file") as daemon:
            marker = self.storm(N_ROTATED)
            daemon.stop(complete=False)         # checks the lines of all files, and their seq
            files = daemon.files()
            sizes = [os.path.getsize(path) for path in files]
            events = daemon.events()
            names = sorted(os.listdir(daemon.folder))
        self.assertEqual([os.path.basename(path) for path in files],
                         ["exec.jsonl.2", "exec.jsonl.1", "exec.jsonl"])
        self.assertEqual(names, [".exec.jsonl.lock", "exec.jsonl", "exec.jsonl.1", "exec.jsonl.2",
                                 "notify", "stderr", "test.conf", "test.conf.d"])
        self.assertLessEqual(max(sizes), ROTATE_BYTES)
        self.assertGreater(min(sizes[:2]), ROTATE_BYTES * 3 // 4)
        self.assertEqual(set(numbers_of(events, marker).values()), {1})
        stop = events[-1]
        self.assertEqual((stop["lost"], stop["sinks"]["file"]["lost"], stop["unaccounted"]),
                         (0, 0, 0))
        self.assertGreaterEqual(stop["sinks"]["file"]["written"], N_ROTATED)

    def test_stop_under_load_comes_last_and_adds_up(self):
        for sink in ("stdout", "file"):
            with self.subTest(sink=sink), Daemon({"Capture": {"Exits": "yes"}},
                                                 sink=sink) as daemon:
                marker = next(markers)
                storm = start_storm(N_ENDLESS, marker)
                try:
                    harness.wait_until(lambda: len(daemon.raw_lines()) > 2000, "storm in the log")
                    daemon.terminate()
                    self.assertIsNone(storm.poll())     # it was load indeed
                finally:
                    storm.kill()
                    storm.wait()
                events = daemon.stop()
                self.assertGreater(numbers_of(events, marker).total(), 500)

    def test_head_that_has_enough_ends_it_quietly(self):
        with open("/dev/null", "wb") as null:
            reading, writing = os.pipe()
            config = ["--stdout", "--config=/dev/null"]
            daemon = subprocess.Popen([harness.DAEMON, *config], stdout=writing,
                                      stdin=null.fileno(), stderr=subprocess.PIPE)
            os.close(writing)
            head = subprocess.Popen(["head", "-n1"], stdin=reading, stdout=subprocess.PIPE)
            os.close(reading)
            self.assertIn(b'"event":"start"', head.communicate()[0])
            while daemon.poll() is None:            # each is an exec that it cannot write
                subprocess.run([TARGET], stdin=subprocess.DEVNULL, check=True)
            self.assertEqual(daemon.returncode, 0)
            self.assertRegex(daemon.stderr.read(), rb"\Aexecsnoopd: Logging to stdout, [^\n]*\n\Z")
            daemon.stderr.close()

    def test_full_disk_loses_nothing_that_is_not_counted(self):
        folder = tempfile.mkdtemp(prefix="execsnoopd-test-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
        try:
            path = os.path.join(folder, "exec.jsonl")
            with Daemon({"File": {"Path": path}, "Queue": {"Backlog": "256K"}},
                        sink="file") as daemon:
                daemon.path = path
                self.storm(2000)
                harness.wait_until(lambda: "cannot write" in daemon.stderr(), "message")
                subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
                harness.wait_until(lambda: "works again" in daemon.stderr(), "message")
                marker = self.storm(100)
                events = daemon.stop()
            self.assert_each_once(events, marker, 100)
            self.assertGreater(events[-1]["sinks"]["file"]["lost"], 0)
        finally:
            subprocess.run(["umount", folder], check=True)
            os.rmdir(folder)


if __name__ == "__main__":
    harness.main()
