#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The daemon is killed at random moments while it writes to a real journald and to a file, and goes
on: over all its runs each stream accounts for all that the kernel saw."""
import contextlib
import json
import os
import random
import signal
import subprocess
import time
import unittest

import faults
import harness
import run_journald
from checks import KERNEL_EVENTS
from faults import Journald, storm
from manager import Manager

SEED = int(os.environ.get("EXECSNOOPD_SEED", random.SystemRandom().randrange(1 << 32)))
N_STORM = 3000
N_KILLS = 6
LONGEST = 0.25      # seconds between a start and a kill


def journal_events(since):
    run = subprocess.run(
        ["journalctl", "-D", run_journald.JOURNAL_FOLDER, "-t", "execsnoopd", "--no-pager", "--all",
         "-o", "json", "--output-fields=MESSAGE,EXECSNOOP_JSON,EXECSNOOP_SEQ"],
        stdout=subprocess.PIPE, check=True)
    entries = map(json.loads, run.stdout.splitlines())
    events = [json.loads(e.get("EXECSNOOP_JSON") or e["MESSAGE"]) for e in entries
              if "EXECSNOOP_SEQ" in e]
    return [e for e in events if e["time"] >= since]


class Restart(unittest.TestCase):
    def assert_accounts(self, events, sink):
        """Each run goes on where the one before was cut off, and nothing is missing or twice."""
        last = events[-1]
        faults.check_sums(events)
        harness.check_proof([json.dumps(event).encode() + b"\n" for event in events])
        told = sum(e["event"] in KERNEL_EVENTS for e in events)
        others = {"file", "journal", "blind"} - {sink}
        told += sum(e["count"] for e in events
                    if e["event"] == "lost" and e["where"] not in others)
        uncertain = sum(e.get("uncertain", 0) for e in events)
        self.assertLessEqual(last["seen"] - last["filtered"], told, sink)
        self.assertLessEqual(told, last["seen"] - last["filtered"] + uncertain, sink)
        self.assertLessEqual(uncertain, N_KILLS)
        self.assertEqual(len({(e["process_id"], e["time"]) for e in events
                              if e["event"] == "exec"}),
                         sum(e["event"] == "exec" for e in events))

    def kill_in_storms(self, settings, number):
        print(f"EXECSNOOPD_SEED={SEED}", flush=True)
        chance = random.Random(f"{SEED} {self.id()}")
        begin = harness.timestamp()
        with Journald(), Manager({"Journal": {"Enabled": "yes"}, **settings}) as manager:
            thread = harness.Background(storm, N_STORM)
            for _ in range(N_KILLS):
                time.sleep(chance.uniform(0, LONGEST))
                manager.restart(number)
            thread.join()
            manager.sync()
            manager.end()
            harness.wait_until(lambda: journal_events(begin)[-1]["event"] == "stop",
                               "stop event in the journal")
            self.assert_accounts(manager.events(), "file")
            self.assert_accounts(journal_events(begin), "journal")

    def file_has_lost(self, manager, begin):
        """By the counters, which the journal has, too."""
        os.kill(manager.pid, signal.SIGUSR2)
        return any(e["sinks"]["file"]["lost"] > 0 for e in journal_events(begin)
                   if e["event"] == "stats")

    def test_killed_when_the_disk_was_full(self):
        """The file may lack what the journal has; each reports its own gap."""
        begin = harness.timestamp()
        with Journald():
            manager = Manager({"Journal": {"Enabled": "yes"}, **faults.SMALL_BACKLOG})
            disk = os.path.join(manager.folder, "disk")
            os.mkdir(disk)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], check=True)
            manager.path = os.path.join(disk, "exec.jsonl")
            manager.configure({"Journal": {"Enabled": "yes"}, **faults.SMALL_BACKLOG})
            with contextlib.closing(manager):
                manager.start()
                for _ in range(5):
                    storm(faults.N_PIECE)
                    harness.wait_until(lambda: len(journal_events(begin)) > 5, "journal")
                harness.wait_until(lambda: self.file_has_lost(manager, begin), "loss of the file")
                manager.end(signal.SIGKILL)
                storm(faults.N_PIECE)
                subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
                manager.start()
                manager.sync()
                manager.end()
                harness.wait_until(lambda: journal_events(begin)[-1]["event"] == "stop",
                                   "stop event in the journal")
                events = manager.events()
                subprocess.run(["umount", disk], check=True)
        self.assert_accounts(events, "file")
        self.assert_accounts(journal_events(begin), "journal")

    def test_killed(self):
        self.kill_in_storms({}, signal.SIGKILL)

    def test_killed_with_everything_small(self):
        self.kill_in_storms({"Queue": {"Size": "64K", "Backlog": "64K"},
                             "Capture": {"ArgvMax": "4K", "RingSize": "16K"}}, signal.SIGKILL)

    def test_stopped_in_order(self):
        self.kill_in_storms({}, signal.SIGTERM)


if __name__ == "__main__":
    faults.main()
