#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""A shipper that is killed and restarted at random delivers every line, or one sees which it has
not.

rsyslog, with the configuration of content/ship, reads the file of a real daemon that rotates it all
the time, and compresses what is older. Killed or stopped at random, and down for less than a file
lasts, it misses nothing; what it delivers twice, the views of content/sql have once. Then it is
down while several files come and go: what is missing is then exactly what the views find.
"""
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

import harness
from harness import Daemon, STORM, TARGET, wait_until

CONTENT = harness.HERE.parent / "content"
sys.path.insert(0, str(CONTENT))
import engines      # pylint: disable=wrong-import-position

CONFIG = CONTENT.parent.parent / "content/ship/rsyslog-file.conf"
# Only our own: what others execute must not make files come and go.
SETTINGS = {"Capture": {"RingSize": "8M"}, "Stats": {"Interval": "1s"},
            "Filter": {"Default": "drop"},
            "Rule": [{"Name": "ours", "Exe": f'"{TARGET}"', "Action": "keep"}],
            "File": {"MaxSize": "512K", "MaxFiles": "1000"}}
COMPRESSING = {**SETTINGS, "File": {**SETTINGS["File"], "Compress": "zstd"}}
N_KILLS = 10
BATCH, N_BATCHES, N_MISSED = 30, 8, 1800
POLL_SECONDS = 0.3      # all lines are read each time


class Shipper:
    def __init__(self, daemon):
        self.folder = pathlib.Path(daemon.folder)
        self.shipped = self.folder / "shipped.jsonl"
        self.config = self.folder / "rsyslog.conf"
        (self.folder / "rsyslog").mkdir()
        self.config.write_text(
            CONFIG.read_text("utf-8").replace("/var/log/execsnoopd/exec.jsonl", daemon.path)
            .replace("/var/lib/rsyslog", f"{self.folder}/rsyslog")
            .replace("/var/log/shipped.jsonl", str(self.shipped)), "utf-8")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            ["rsyslogd", "-n", "-f", self.config, "-i", self.folder / "rsyslog.pid"])

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(harness.DEADLINE)

    def lines(self):
        return harness.whole_lines(self.shipped) if self.shipped.exists() else []


def has_all(daemon, shipper):
    time.sleep(POLL_SECONDS)
    return not set(daemon.raw_lines()) - set(shipper.lines())


def has_line(line, shipper):
    time.sleep(POLL_SECONDS)
    return line in shipper.lines()


def keep_busy(chance):
    """Less than a file takes, so that at most one rotation happens meanwhile."""
    for _ in range(N_BATCHES):
        subprocess.run([STORM, str(BATCH), "shipped", TARGET], check=True,
                       stdin=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 0.1))


def ranges(numbers):
    """[(first, last)] of what is without a gap."""
    found = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [tuple(pair) for pair in found]


class ShipperTest(unittest.TestCase):
    def test_killed_at_random_it_delivers_all_or_one_sees_what_not(self):
        self.check_killed(SETTINGS)

    def test_the_same_while_files_are_compressed(self):
        """The one before the current stays plain, which is what the shipper goes on in."""
        self.check_killed(COMPRESSING)

    def check_killed(self, settings):
        harness.need(shutil.which("rsyslogd") or os.environ.get("CI"), "rsyslog is not here")
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", file=sys.stderr)
        with Daemon(settings, sink="file") as daemon:
            shipper = Shipper(daemon)
            shipper.start()
            self.kill_at_random(daemon, shipper, random.Random(seed))
            n_files = len(daemon.files())
            self.assertGreaterEqual(n_files, 3)

            shipper.end(signal.SIGKILL)
            subprocess.run([STORM, str(N_MISSED), "missed", TARGET], check=True,
                           stdin=subprocess.DEVNULL)
            daemon.sync()
            self.assertGreaterEqual(len(daemon.files()), n_files + 3)
            shipper.start()
            daemon.stop(check_lines=lambda _: None)     # by the schema: other tests look
            last = daemon.raw_lines()[-1]
            wait_until(lambda: has_line(last, shipper), "the last line")
            shipper.end(signal.SIGTERM)
            n_compressed = sum(path.endswith(".zst") for path in daemon.files())
            self.assertEqual(n_compressed > 0, settings is COMPRESSING)
            self.check(daemon.raw_lines(), shipper)

    def kill_at_random(self, daemon, shipper, chance):
        for _ in range(N_KILLS):
            busy = harness.Background(keep_busy, random.Random(chance.random()))
            time.sleep(chance.uniform(0, 0.6))
            shipper.end(chance.choice((signal.SIGKILL, signal.SIGTERM)))
            time.sleep(chance.uniform(0, 0.3))
            shipper.start()
            busy.join()
            wait_until(lambda: has_all(daemon, shipper), "all lines, in spite of kills")

    def check(self, written, shipper):
        """The views against what the daemon has written."""
        delivered = collections.Counter(shipper.lines())
        lost = [json.loads(line)["seq"] for line in written if line not in delivered]
        self.assertTrue(lost)
        engine = engines.SQLite(None)
        try:
            engine.load(shipper.shipped)
            lines = engine.rows("SELECT count(*) AS n FROM lines")[0]["n"]
            found = engine.rows("SELECT * FROM findings WHERE kind NOT IN ('stopped', 'silent')")
        finally:
            engine.close()
        self.assertEqual(int(lines), len(written) - len(lost))
        holes = [(int(row["from_seq"]), int(row["to_seq"])) for row in found
                 if row["kind"] == "hole"]
        self.assertEqual(sorted(holes), ranges(lost))
        self.assertLessEqual({row["kind"] for row in found}, {"hole", "duplicate"})
        twice = sum(delivered[line] - 1 for line in delivered)
        print(f"{len(written)} lines, {len(lost)} lost while it was down for several files, "
              f"{twice} delivered more than once", file=sys.stderr)


if __name__ == "__main__":
    harness.main()
