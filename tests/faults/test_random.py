#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Faults at random moments. The seed is printed; EXECSNOOPD_SEED repeats a run as far as the
machine does."""
import os
import random
import threading
import unittest

import faults
import harness
from faults import (Daemon, Journald, SMALL_BACKLOG, assert_all, check_seq, lost, numbers, storm,
                    wait_until)

SEED = int(os.environ.get("EXECSNOOPD_SEED", random.SystemRandom().randrange(1 << 32)))
N_STORM = 1500
N_FEW = faults.N_PIECE
N_KILLS = 6
N_FAULTS = 8
LONGEST = 0.3       # seconds between two faults
MESSAGES_OF_A_KILL = 1      # that journald had taken out of its socket


class Faults(threading.Thread):
    """Does the faults one by one, at random moments, as long as the storm rages."""

    def __init__(self, chance, faults_in_turn):
        super().__init__(daemon=True)
        self.chance = chance
        self.faults = faults_in_turn
        self.over = threading.Event()
        self.n_done = 0
        self.error = None

    def run(self):
        try:
            while not self.over.wait(self.chance.uniform(0, LONGEST)):
                self.faults[self.n_done % len(self.faults)]()
                self.n_done += 1
        except BaseException as error:      # for finish() to raise
            self.error = error

    def finish(self):
        """Returns when the last was undone."""
        self.over.set()
        self.join()
        if self.error:
            raise self.error
        while self.n_done % len(self.faults):
            self.faults[self.n_done % len(self.faults)]()
            self.n_done += 1


class Random(unittest.TestCase):
    def setUp(self):
        print(f"EXECSNOOPD_SEED={SEED}", flush=True)
        self.chance = random.Random(f"{SEED} {self.id()}")

    def assert_identity(self, events, sink, *storms):
        """Lost is exactly what is missing of our storms."""
        missing = sum(N_STORM - len(numbers(events, marker)) for marker in storms)
        told = lost(events, "ring", "queue", "decode", sink)
        self.assertLessEqual(missing, told)
        stop = events[-1]
        written = sum(e["event"] in faults.checks.KERNEL_EVENTS for e in events)
        self.assertEqual(stop["seen"], stop["filtered"] + written + told)
        for marker in storms:
            self.assertEqual(set(numbers(events, marker).values()) - {1}, set())

    def test_daemon_is_killed(self):
        """Whatever it was doing, its file has whole lines, none twice, and goes on."""
        with faults.folder() as place:
            path = place + "/exec.jsonl"
            storms = []
            for i in range(N_KILLS):
                with Daemon(path=path, journal=False) as daemon:
                    process, marker = faults.start_storm(N_STORM)
                    storms.append(marker)
                    threading.Event().wait(self.chance.uniform(0, LONGEST))     # the moment
                    daemon.kill()
                    process.kill()
                    process.wait()
                if i % 2:       # as if it had been in the middle of a line, which is rare
                    with open(path, "ab") as file:
                        file.write(b'{"event":"exec","time":"2026-' * self.chance.randrange(1, 999))
            with Daemon(path=path, journal=False) as daemon:
                last = storm(N_STORM)
                daemon.terminate()
                raw, events = daemon.raw_lines(), daemon.events()
                daemon.kill()
        faults.checks.check_lines(raw)          # and their seq, from each start on
        self.assertEqual(sum(e["event"] == "start" for e in events), N_KILLS + 1)
        for marker in storms:
            self.assertEqual(set(numbers(events, marker).values()) - {1}, set())
        assert_all(events, last, N_STORM)

    def test_disk_is_full(self):
        with faults.small_disk("64M") as disk:
            with Daemon({**SMALL_BACKLOG, "File": {"MaxSize": "256K", "MaxFiles": "1000"}},
                        disk + "/exec.jsonl", journal=False) as daemon:
                storms = self.storms_with(
                    lambda: faults.fill(disk, self.chance.randrange(1 << 16)),
                    lambda: faults.empty(disk))
                wait_until(lambda: daemon.stderr().count("works again") ==
                           daemon.stderr().count("cannot"), "the file to work")
                last = storm(N_STORM)
                events, _ = daemon.finish(journal=False)
        self.assert_identity(events, "file", *storms)
        assert_all(events, last, N_STORM)
        self.assertEqual(check_seq(events), 0)

    def storms_with(self, *faults_in_turn):
        thread = Faults(self.chance, faults_in_turn)
        thread.start()
        storms = []
        while thread.n_done < N_FAULTS and thread.is_alive():
            storms.append(storm(N_STORM))
        thread.finish()
        print(f"{thread.n_done} faults in {len(storms)} storms", flush=True)
        return storms

    def test_journald_hangs_dies_and_comes_back(self):
        with Journald() as journald, Daemon(SMALL_BACKLOG) as daemon:
            storms = self.storms_with(journald.pause, journald.resume, journald.kill,
                                      journald.start, journald.stop, journald.start)
            daemon.sync_journal()
            last = storm(N_FEW)
            file, journal = daemon.finish(holes=N_FAULTS * MESSAGES_OF_A_KILL)
        self.assert_identity(file, "file", *storms)
        for marker in storms:
            assert_all(file, marker, N_STORM)
        assert_all(file, last, N_FEW)
        self.assertEqual(lost(file, "journal"), 0)
        self.assertEqual(file[-1]["lost_by"].get("journal", 0), lost(journal, "journal"))
        if check_seq(journal) == 0:
            self.assert_identity(journal, "journal", *storms)
        assert_all(journal, last, N_FEW)

    def test_daemon_stops_and_goes_on(self):
        """With everything small, and both sinks failing now and then."""
        with Journald() as journald, faults.small_disk("64M") as disk:
            with Daemon({"Capture": {"RingSize": "64K", "ArgvMax": "4K", "Exits": "yes"},
                         "Queue": {"Size": "64K", "Backlog": "64K"}},
                        disk + "/exec.jsonl") as daemon:
                storms = self.storms_with(
                    lambda: daemon.signal(harness.signal.SIGSTOP), journald.pause,
                    lambda: daemon.signal(harness.signal.SIGCONT),
                    lambda: faults.fill(disk, self.chance.randrange(1 << 16)),
                    journald.resume, lambda: faults.empty(disk))
                daemon.sync_journal()
                wait_until(lambda: daemon.stderr().count("works again") ==
                           daemon.stderr().count("cannot"), "the file to work")
                last = storm(N_STORM)
                daemon.sync_journal()
                file, journal = daemon.finish()
        self.assert_identity(file, "file", *storms)
        self.assert_identity(journal, "journal", *storms)
        for events in file, journal:
            self.assertGreater(len(numbers(events, last)), 0)


if __name__ == "__main__":
    faults.main()
