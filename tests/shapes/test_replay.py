#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_replay.py EXECSNOOPD: the formats from the command line. Every recording, replayed in each,
is the same stream: valid, without a hole, and line by line what the table makes of the native one;
with rules and redaction in force."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import check_shape
import validate
from common import Bad, read_lines

DAEMON = sys.argv[1]
RECORDINGS = sorted((pathlib.Path(__file__).parent.parent / "golden").glob("*.rec"))
EXIT_USAGE, EXIT_CONFIG = 64, 78

CONFIG = """
[Rule]
Name=a rule
Tag=seen twice

[Rule]
Name=quiet
Comm=true
Action=summarize
"""


def run(*options, config=""):
    with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as file:
        file.write(config)
        file.flush()
        return subprocess.run([DAEMON, f"--config={file.name}", *options], capture_output=True,
                              check=False, timeout=120)


def replay(path, name):
    done = run("--stdout", f"--format={name}", f"--replay={path}", config=CONFIG)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{path}: {done.returncode}: {done.stderr}")
    return done.stdout.splitlines(keepends=True)


class Formats(unittest.TestCase):
    def test_every_recording_says_the_same_in_every_format(self):
        kinds = set()
        for path in RECORDINGS:
            native = [json.loads(line) for line in replay(path, "native")]
            kinds |= {event["event"] for event in native}
            machine_id = native[0].get("machine_id")
            for name in check_shape.SHAPES:
                with self.subTest(recording=path.name, format=name):
                    found = check_shape.check_lines(name, replay(path, name), native, machine_id)
                    self.assertEqual(found, len(native))
        self.assertEqual(kinds, {"start", "exec", "exec_failed", "exec_attempt", "exit", "process",
                                 "summary", "lost", "stop"})

    def test_every_golden_line_is_valid(self):
        """And what the manual says, without rules and without their start."""
        golden = pathlib.Path(__file__).parent.parent / "golden"
        for name in check_shape.SHAPES:
            found = sorted((golden / name).glob("*.jsonl"))
            self.assertEqual(len(found), len(RECORDINGS))
            for path in found:
                with self.subTest(golden=path.name, format=name):
                    native = read_lines(golden / path.name)
                    check_shape.check_lines(name, path.read_bytes().splitlines(keepends=True),
                                            native, None)

    def test_native_is_the_default(self):
        path = RECORDINGS[0]
        default = run("--stdout", f"--replay={path}", config=CONFIG)
        self.assertEqual(default.stdout.splitlines(keepends=True), replay(path, "native"))

    def test_no_secret_is_in_any_format(self):
        path = next(p for p in RECORDINGS if p.name == "snapshot.rec")
        for name in ("native", *check_shape.SHAPES):
            text = b"".join(replay(path, name))
            self.assertNotIn(b"hunter2", text)
            self.assertIn(b"--password=<redacted>", text)

    def test_unknown_format(self):
        done = run("--stdout", "--format=xml", f"--replay={RECORDINGS[0]}")
        self.assertEqual((done.returncode, done.stdout), (EXIT_USAGE, b""))
        self.assertRegex(done.stderr.decode(), r'--format: "xml" is not a format, expected one of: '
                         r"native ecs ocsf\n")
        done = run("--test-config", config="[File]\nFormat=xml\n")
        self.assertEqual(done.returncode, EXIT_CONFIG)
        self.assertRegex(done.stderr.decode(), r'\.conf:2: Format: "xml" is not a format, expected')

    def test_format_without_stdout(self):
        done = run("--format=ecs", f"--replay={RECORDINGS[0]}")
        self.assertEqual((done.returncode, done.stdout), (EXIT_USAGE, b""))
        self.assertIn(b"Format=", done.stderr)


class Checker(unittest.TestCase):
    """What is not valid is found."""

    def setUp(self):
        path = next(p for p in RECORDINGS if p.name == "snapshot.rec")
        self.native = [json.loads(line) for line in replay(path, "native")]
        self.lines = {name: replay(path, name) for name in check_shape.SHAPES}

    def refuse(self, name, edit, place=None):
        lines = [json.loads(line) for line in self.lines[name]]
        place = next(i for i, e in enumerate(self.native)
                     if e["event"] == "exec") if place is None else place
        edit(lines[place])
        text = [json.dumps(line).encode() + b"\n" for line in lines]
        with self.assertRaises(Bad):
            check_shape.check_lines(name, text, None, None)

    def test_ecs(self):
        edits = [lambda e: e["process"].update(extra=1), lambda e: e.update(log={"level": "x"}),
                 lambda e: e["process"].update(pid="1"), lambda e: e["process"].update(args="a"),
                 lambda e: e["user"].update(id=0), lambda e: e["process"].update(pid=2 ** 63),
                 lambda e: e["process"].update(interactive="yes"),
                 lambda e: e["event"].update(kind="thing"),
                 lambda e: e["event"].update(type=["creation"]),
                 lambda e: e["event"].update(category="process"),
                 lambda e: e.update({"@timestamp": "yesterday"}),
                 lambda e: e["host"].pop("hostname"), lambda e: e.pop("execsnoopd"),
                 lambda e: e["execsnoopd"].update(unknown=1),
                 lambda e: e["execsnoopd"].update(cgroup=1),
                 lambda e: e["event"].update(sequence=99), lambda e: e.update(container={})]
        for edit in edits:
            self.refuse("ecs", edit)
        self.refuse("ecs", lambda e: e["execsnoopd"].pop("version"), 0)
        self.refuse("ecs", lambda e: e["execsnoopd"].update(pid=1), 0)

    def test_ocsf(self):
        def process(event):
            return event["process"]

        edits = [lambda e: process(e).update(extra=1), lambda e: e.update(log="x"),
                 lambda e: process(e).update(pid="1"), lambda e: process(e).update(pid=2 ** 63),
                 lambda e: process(e)["file"].pop("type_id"), lambda e: e.pop("actor"),
                 lambda e: e["actor"]["process"].clear(), lambda e: process(e).update(user={}),
                 lambda e: e["device"].pop("type_id"), lambda e: e["device"].pop("hostname"),
                 lambda e: e["metadata"].pop("version"), lambda e: e["metadata"].pop("product"),
                 lambda e: e["metadata"].update(version="1.7.0"),
                 lambda e: e["metadata"].pop("profiles"), lambda e: e.update(type_uid=100702),
                 lambda e: e.update(category_uid=6), lambda e: e.update(class_uid=1006),
                 lambda e: e.update(class_uid=0, category_uid=0), lambda e: e.update(status_id=3),
                 lambda e: e.update(severity_id=7), lambda e: e.update(time=e["time"] + 1),
                 lambda e: e.update(time=str(e["time"])), lambda e: e.pop("unmapped"),
                 lambda e: e["metadata"].update(is_truncated=True),
                 lambda e: e["unmapped"].update(truncated=["env"]),
                 lambda e: e["unmapped"].update(unknown=1),
                 lambda e: e["unmapped"].update(cgroup=1),
                 lambda e: e["metadata"].update(sequence=99)]
        for edit in edits:
            self.refuse("ocsf", edit)
        edits = [lambda e: e["unmapped"].pop("version"), lambda e: e["unmapped"].update(pid=1),
                 lambda e: e.pop("app"), lambda e: e["metadata"].pop("profiles"),
                 lambda e: e.update(activity_id=1), lambda e: e["device"].pop("boot_uid")]
        for edit in edits:
            self.refuse("ocsf", edit, 0)

    def test_any_key_that_is_missing_or_changed_is_found(self):
        for name, lines in self.lines.items():
            for number, line in enumerate(lines):
                event = json.loads(line)
                for path in leaves(event):
                    other = json.loads(line)
                    parent = other
                    for key in path[:-1]:
                        parent = parent[key]
                    parent[path[-1]] = "changed"
                    if path[-1] in check_shape.DELIVERY:
                        continue
                    with self.assertRaises(Bad, msg=f"{name}: {path}"):
                        check_shape.compare(check_shape.SHAPES[name],
                                            check_shape.SHAPES[name].shape(
                                                self.native[number],
                                                self.native[0].get("machine_id")), other)


def leaves(value, path=()):
    if not isinstance(value, dict):
        yield path
        return
    for key, child in value.items():
        yield from leaves(child, (*path, key))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
