#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The other formats, of a live daemon: on stdout, each kind of event; in the file, over a reload
that changes them, and over a run that was killed, each event is there once or accounted for."""
import glob
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

import harness
from harness import Daemon, STORM, TARGET
from manager import Manager
import test_restart

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "shapes"))
import check_shape      # pylint: disable=wrong-import-position

N_DURING_RELOADS = 6000
FORMATS = ("native", *check_shape.SHAPES)
KINDS = check_shape.ecs.PLACES


def told(line):
    """What a line of any format says about the log, in native words."""
    event = json.loads(line)
    for name, shape in check_shape.SHAPES.items():
        if shape.is_mine(event):
            return {"format": name, **shape.told(event)}
    return {"format": "native", **event}


def files(path):
    """The file and what it was rotated to, the oldest first."""
    names = glob.glob(path + ".*")
    return sorted(names, key=lambda name: -int(name.rpartition(".")[2])) + [path]


def read(path):
    with open(path, "rb") as file:
        return file.readlines()


class Formats(unittest.TestCase):
    def check_file(self, path):
        """All of it is valid, and of one format. Returns the events."""
        lines = read(path)
        events = [told(line) for line in lines]
        names = {event["format"] for event in events}
        self.assertLessEqual(len(names), 1, path)
        for name in names & set(check_shape.SHAPES):
            check_shape.check_lines(name, lines, None, None)
        return events

    def test_reload_to_another_format_under_load_loses_nothing(self):
        settings = {"Capture": {"RingSize": "8M"}, "File": {"MaxFiles": "1000"}}
        with Daemon(settings, sink="file") as daemon:
            marker = f"shapes-{os.getpid()}"
            storm = subprocess.Popen([STORM, str(N_DURING_RELOADS), marker, TARGET],
                                     stdin=subprocess.DEVNULL)
            n_reloads = 0
            while storm.poll() is None or n_reloads < len(FORMATS):
                n_reloads += 1
                settings["File"]["Format"] = FORMATS[n_reloads % len(FORMATS)]
                daemon.reload(settings)
            self.assertEqual(storm.returncode, 0)
            daemon.terminate()
            parts = [self.check_file(path) for path in files(daemon.path)]
            daemon.kill()
        self.assertEqual(len(parts), n_reloads + 1)
        self.assertEqual([part[0]["format"] for part in parts],
                         [FORMATS[i % len(FORMATS)] for i in range(len(parts))])
        for part in parts:
            self.assertEqual((part[0]["event"], part[0]["seq"]), ("start", 1))
        numbers = [int(e["argv"][2]) for part in parts for e in part
                   if e["event"] == "exec" and (e["argv"] or [])[1:2] == [marker]]
        self.assertEqual(sorted(numbers), list(range(N_DURING_RELOADS)))
        stop = parts[-1][-1]
        self.assertEqual((stop["event"], stop["lost"], stop["unaccounted"]), ("stop", 0, 0))


class Stdout(Daemon):
    """Whose lines are told in native words."""

    def events(self):
        return [told(line) for line in self.raw_lines()]


class Kinds(unittest.TestCase):
    def test_every_kind_is_on_stdout_and_valid(self):
        marker = f"kinds-{os.getpid()}"
        settings = {
            "Capture": {"Exits": "yes", "FailedExecs": "yes", "FailedExecsIgnore": "",
                        "Attempts": "yes", "Snapshot": "yes", "ExeHash": "sha256",
                        "RingSize": "8M"},
            "Rule": [{"Argument": marker, "Event": "exec", "Action": "summarize"}],
        }
        for name in check_shape.SHAPES:
            with self.subTest(format=name), \
                    Stdout(settings, options=[f"--format={name}"]) as daemon:
                for _ in range(3):
                    subprocess.run([TARGET, marker], check=False)
                with self.assertRaises(FileNotFoundError):
                    subprocess.run(["/nonexistent", marker], check=False)
                daemon.wait_for(lambda e: e["event"] == "file", "file event")
                daemon.sync()
                self.assertEqual(daemon.terminate(), 0)
                daemon.lines.thread.join(harness.DEADLINE)
                lines = daemon.raw_lines()
                daemon.kill()
                check_shape.check_lines(name, lines, None, None)
                events = [told(line) for line in lines]
                self.assertEqual({e["event"] for e in events} | {"lost"}, set(KINDS))
                counts = {e["of"]: e["count"] for e in events if e["event"] == "summary"}
                self.assertEqual(counts, {"exec": 2, "exit": 2})
                self.assertEqual((events[-1]["event"], events[-1]["unaccounted"]), ("stop", 0))


class ShapesManager(Manager):
    """Whose file may have any format, and have been rotated."""

    def events(self):
        return [told(line) for path in files(self.path) if os.path.exists(path)
                for line in read(path) if line.endswith(b"\n")]


class Killed(test_restart.Ledger):
    """The account of a run that was killed is brought up to date from lines of any format."""

    def forget_last_lines(self, manager):
        """As if it had been killed before it could account for them."""
        lines = read(manager.path)[-5:]
        events = [told(line) for line in lines]
        worth = sum(test_restart.is_kernels(e) for e in events) + test_restart.lost(events)
        self.assertGreater(worth, 0)
        test_restart.take_back(manager, worth, sum(map(len, lines)))

    def run_in_turns(self, names, n_runs):
        """Each is killed, and the next one has the next format."""
        settings = [{"File": {"Format": name, "MaxFiles": "100"}} for name in names]
        with ShapesManager(settings[0]) as manager:
            for i in range(1, n_runs + 1):
                test_restart.execute(100)
                manager.sync()
                manager.end(signal.SIGKILL)
                self.forget_last_lines(manager)
                manager.configure(settings[i % len(names)])
                manager.start()
            manager.sync()
            manager.end()
            return manager.events()

    def test_killed_in_each_format(self):
        for names in ([name] for name in check_shape.SHAPES):
            with self.subTest(formats=names):
                self.check(self.run_in_turns(names, 2), 200)

    def test_killed_and_started_with_another_format(self):
        events = self.run_in_turns(FORMATS, 2 * len(FORMATS))
        self.assertEqual({e["format"] for e in events}, set(FORMATS))
        self.check(events, 200 * len(FORMATS))


if __name__ == "__main__":
    harness.main()
