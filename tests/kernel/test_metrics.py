#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Metrics= beside the log of the same run, and in the hands of Prometheus' own programs."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest
import urllib.request

import harness
from harness import TARGET, new_daemon, wait_until

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = f"measured-by-test-{os.getpid()}"
SAMPLE = re.compile(r'^(\w+)(?:\{\w+="((?:[^"\\]|\\.)*)"\})? (-?\d+)$')


def execute(count):
    for _ in range(count):
        os.waitpid(os.posix_spawn(TARGET, [PROGRAM], {}), 0)


def read(path):
    """{(name, value of the label): number}, each once."""
    samples = {}
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        name, label, number = SAMPLE.match(line).groups()
        assert (name, label) not in samples, line
        samples[name.removeprefix("execsnoopd_"), label] = int(number)
    return samples


def tool(name):
    """A program that has to be here where tests may not be skipped."""
    path = shutil.which(name)
    if not path and not os.environ.get("CI"):
        raise unittest.SkipTest(f"{name} is not here")
    return path or name


class Metrics(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="execsnoopd-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "metrics.prom"

    def settings(self, path=None, **keys):
        rule = {"Name": 'my "own"\\rule', "Argument": PROGRAM, "Action": "drop"}
        return {"Capture": {"RingSize": "8M"}, "Stats": {"Metrics": path or self.path},
                "Rule": [rule], **keys}

    def test_numbers_are_those_of_the_log(self):
        with new_daemon(self.settings()) as daemon:
            before = read(self.path)
            execute(20)
            daemon.sync()
            daemon.reload()         # writes them anew
            after = read(self.path)
            self.assertEqual(os.stat(self.path).st_mode & 0o7777, 0o644)
            self.assertEqual(os.listdir(self.folder), [self.path.name])
            stats = daemon.stop()[-1]
        name = r'my \"own\"\\rule'
        self.assertEqual(before["rule_dropped_total", name], 0)
        self.assertEqual(after["rule_dropped_total", name], 20)
        self.assertEqual(after["events_filtered_total", name], 20)
        self.assertEqual(stats["filtered_by"]['my "own"\\rule'], 20)
        self.assertEqual(after["sink_unaccounted_events", "stdout"], 0)
        seen = sum(n for (key, _), n in after.items() if key == "events_seen_total")
        kept = sum(n for (key, _), n in after.items() if key in (
            "events_filtered_total", "ring_events", "queue_events", "summing_events",
            "sink_events_written_total", "sink_backlog_events", "sink_events_before_total",
            "sink_events_lost_total", "events_lost_total"))
        self.assertEqual(seen, kept)
        self.assertFalse(self.path.exists(), "the last numbers outlive the daemon")

    def test_follows_reloads(self):
        other = self.folder / "other.prom"
        with new_daemon(self.settings()) as daemon:
            daemon.reload(self.settings(other))
            self.assertEqual(os.listdir(self.folder), [other.name])
            daemon.reload(self.settings(Stats={"Metrics": ""}))
            self.assertEqual(os.listdir(self.folder), [])
            daemon.stop()

    def test_a_name_is_in_the_runtime_directory_or_nowhere(self):
        settings = self.settings("here.prom")
        environment = {"RUNTIME_DIRECTORY": str(self.folder)}
        with harness.Daemon(settings, environment=environment) as daemon:
            self.assertEqual(os.listdir(self.folder), ["here.prom"])
            daemon.stop()
        with harness.Daemon(settings) as daemon:
            daemon.stop()
        self.assertEqual(os.listdir(self.folder), [])

    def test_what_cannot_be_written_is_said_once_and_events_go_on(self):
        missing = self.folder / "later" / "metrics.prom"
        with new_daemon(self.settings(missing, Rule=[])) as daemon:
            execute(3)
            daemon.reload()
            self.assertEqual(daemon.stderr().count("Cannot write the metrics to"), 1)
            missing.parent.mkdir()
            daemon.reload()
            self.assertIn("Writing the metrics to", daemon.stderr())
            self.assertIn(("build_info", "0.1.0"), read(missing))
            events = daemon.stop()
        self.assertEqual(sum(e.get("argv") == [PROGRAM] for e in events), 3)

    def test_no_link_is_followed(self):
        victim = self.folder / "victim"
        victim.write_text("precious")
        pathlib.Path(f"{self.path}.new").symlink_to(victim)
        self.path.symlink_to(victim)
        with new_daemon(self.settings()) as daemon:
            self.assertFalse(self.path.is_symlink())
            self.assertEqual(victim.read_text(), "precious")
            daemon.stop()

    def test_promtool_accepts_them(self):
        promtool = tool("promtool")
        with new_daemon(self.settings()) as daemon:
            with open(self.path, "rb") as metrics:
                done = subprocess.run([promtool, "check", "metrics"], stdin=metrics,
                                      capture_output=True, text=True, check=False)
            daemon.stop()
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_node_exporter_shows_them(self):
        exporter = tool("prometheus-node-exporter")
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % unused.getsockname()[1]
        shown = []

        def is_shown():
            try:
                with urllib.request.urlopen(f"http://{address}/metrics") as page:
                    shown.append(page.read().decode())
            except OSError:
                return False
            return True

        with new_daemon(self.settings()) as daemon:
            process = subprocess.Popen(
                [exporter, f"--web.listen-address={address}", "--collector.disable-defaults",
                 "--collector.textfile", f"--collector.textfile.directory={self.folder}"],
                stderr=subprocess.DEVNULL)
            try:
                wait_until(is_shown, "node_exporter")
            finally:
                process.kill()
                process.wait()
            daemon.stop()
        self.assertIn("node_textfile_scrape_error 0\n", shown[-1])
        self.assertIn(f'node_textfile_mtime_seconds{{file="{self.path}"}}', shown[-1])
        self.assertIn('execsnoopd_sink_events_lost_total{sink="stdout"} 0\n', shown[-1])

    def test_alerts(self):
        """Each of the shipped ones fires on its condition, and none on a quiet host."""
        promtool = tool("promtool")
        rules = shutil.copy(SOURCE / "config/prometheus/execsnoopd.rules.yml", self.folder)
        tests = shutil.copy(SOURCE / "tests/kernel/alerts.test.yml", self.folder)
        for command in (["check", "rules", rules], ["test", "rules", tests]):
            subprocess.run([promtool, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           check=True)
        names = set(re.findall(r"- alert: (\w+)", pathlib.Path(rules).read_text("utf-8")))
        fired = set(re.findall(r"alertname: (\w+)\n +exp_alerts:\n", pathlib.Path(tests)
                               .read_text("utf-8")))
        self.assertEqual(names, fired)


if __name__ == "__main__":
    harness.main()
