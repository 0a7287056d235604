#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The snapshot: what runs already is told once, before everything else, as it is; and then it is
known as a parent. Iterators show the processes of the reader's own PID namespace: here maybe not
all, so the tests look at their own."""
import contextlib
import fcntl
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import termios
import unittest

import harness
from harness import TARGET, stat_fields, start_ticks
from manager import Manager

# A rule that would hide them, if they were execs.
SETTINGS = {"Capture": {"Snapshot": "yes", "RingSize": "8M"},
            "Rule": [{"Comm": "sh", "Action": "drop"}]}
# Executes $1 as a child of its own whenever it gets a line; the line is its argument.
READER = 'while read line; do "$0" "$line"; done'
# Likewise, but in a child that is only forked.
FORKED = f"exec 3<&0; (echo; {READER}) <&3 3<&- & exec 3<&-; wait"

# Has its arguments in memory that is mapped from a file, says so, and waits.
MAPPED = """
import ctypes, mmap, os, sys
map = ctypes.CDLL(None).mmap
map.restype = ctypes.c_void_p
map.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
with open("/proc/self/stat") as file:
    arg_start = int(file.read().rpartition(")")[2].split()[45])
page = arg_start & -mmap.PAGESIZE
file = os.memfd_create("arguments")
os.write(file, ctypes.string_at(page, mmap.PAGESIZE))
flags = mmap.MAP_PRIVATE | 0x10         # MAP_FIXED
assert map(page, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE, flags, file, 0) == page
print(flush=True)
sys.stdin.read()
"""


def kernel_has(helper_since):
    release = tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2])
    return release >= helper_since


HAS_PROCESSES = kernel_has((5, 8))
HAS_ARGV = kernel_has((5, 18))


class Older:
    """A shell that runs before the daemon does."""

    def __init__(self, script=READER, *arguments, **options):
        self.argv = ["sh", "-c", script, TARGET, *arguments]
        self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, cwd="/", **options)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate(timeout=harness.DEADLINE)

    def execute(self, tag):
        self.process.stdin.write(tag.encode() + b"\n")
        self.process.stdin.flush()


@contextlib.contextmanager
def at_terminal(is_own):
    """A process whose standard descriptors are a terminal: its own, or only somebody's."""
    other_end, terminal = pty.openpty()

    def arrange():
        if is_own:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(["sleep", "infinity"], stdin=terminal, stdout=terminal,
                               stderr=terminal, start_new_session=True, preexec_fn=arrange)
    os.close(terminal)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
        os.close(other_end)


@contextlib.contextmanager
def with_mapped_arguments():
    with subprocess.Popen([sys.executable, "-c", MAPPED], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"\n"
        yield process.pid


def processes(events):
    return [e for e in events if e["event"] == "process"]


def process_event(events, pid):
    found = [e for e in processes(events) if e["pid"] == pid]
    assert len(found) == 1, f"{len(found)} events of process {pid}"
    return found[0]


def execution(daemon, tag):
    return daemon.wait_for(lambda e: e["event"] == "exec" and e["argv"][1:] == [tag], tag)


@unittest.skipUnless(HAS_PROCESSES, "this kernel has no iterator of tasks")
class Snapshot(unittest.TestCase):
    def check_missing(self, start):
        self.assertNotIn("process", start.get("missing", []))
        self.assertEqual("process.argv" in start.get("missing", []), not HAS_ARGV)

    def check_facts(self, event, older):
        """Against what /proc says of it."""
        self.assertEqual(event["exe"], os.path.realpath("/bin/sh"))
        self.assertEqual((event["ppid"], event["cwd"], event["comm"]), (os.getpid(), "/", "sh"))
        self.assertEqual(start_ticks(event["process_id"]), int(stat_fields(older.pid)[19]))
        self.assertEqual(event.get("argv"), older.argv if HAS_ARGV else None)
        self.assertEqual(event.get("argc"), len(older.argv) if HAS_ARGV else None)
        self.assertEqual(event["stdin"]["type"], "pipe")
        self.assertEqual(event["stdin"]["ino"], os.fstat(older.process.stdin.fileno()).st_ino)
        self.assertEqual(event["parent_exe"], os.readlink("/proc/self/exe"))
        self.assertEqual(event["source"], "snapshot")
        for key in ("filename", "env", "retval", "truncated", "argv_truncated"):
            self.assertNotIn(key, event)

    def check_older(self, events, child, older):
        event = process_event(events, older.pid)
        self.check_facts(event, older)
        self.assertEqual(child["parent_process_id"], event["process_id"])
        self.assertEqual(child["parent_exec_id"], event["exec_id"])
        self.assertEqual(child.get("parent_argv"), event.get("argv"))
        self.assertEqual(child["ancestors"][0]["exe"], event["exe"])

    def check_forked(self, events, child, older):
        """The exec that it comes from is that of its own parent, which is still there."""
        event, parent = process_event(events, child["ppid"]), process_event(events, older.pid)
        self.assertEqual(event["ppid"], older.pid)
        self.assertNotIn("exec_id", event)
        self.assertEqual(child["parent_exec_id"], parent["exec_id"])
        self.assertEqual(child.get("parent_argv"), older.argv if HAS_ARGV else None)
        self.assertEqual([a["exe"] for a in child["ancestors"][:2]], [event["exe"]] * 2)

    def check_secret(self, events, child, older):
        shown = [*older.argv[:-1], "--password=<redacted>"] if HAS_ARGV else None
        event = process_event(events, older.pid)
        self.assertEqual((event.get("argv"), child.get("parent_argv")), (shown, shown))
        self.assertEqual(event.get("redacted"), [len(shown) - 1] if shown else None)

    def check_order(self, events):
        """Those that were told later than execs can wait have the time when they were."""
        kinds = [e["event"] for e in events]
        first = next(i for i, kind in enumerate(kinds) if kind not in ("start", "process"))
        self.assertEqual(kinds[0], "start")
        self.assertNotIn(events[0]["time"], [e["time"] for e in processes(events[first:])])
        self.assertFalse([e for e in processes(events) if e["ppid"] == 2], "of the kernel")

    def check_replay(self, path, live):
        output = subprocess.run(
            [harness.DAEMON, "--config=/dev/null", "--stdout", f"--replay={path}"], check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
        self.assertEqual(*([[e.get(key) for key in ("event", "time", "pid", "exe", "parent_argv")]
                            for e in events if e["event"] == "process" or e.get("exe") == TARGET]
                           for events in (live, [json.loads(o) for o in output.splitlines()])))

    def test_processes_come_first_and_are_what_they_are(self):
        """In no counter, or the harness says so when the daemon stops."""
        with tempfile.TemporaryDirectory() as folder, Older() as older, \
                Older(READER, "--password=hunter2") as secret, \
                Older(FORKED, stdout=subprocess.PIPE) as forked:
            forked.process.stdout.readline()    # the child is there
            path = os.path.join(folder, "recording")
            with harness.Daemon(SETTINGS, options=[f"--record={path}"]) as daemon:
                daemon.wait_for(lambda e: e["event"] == "process" and e["pid"] == forked.pid,
                                "process")      # READY=1 comes before
                for shell, tag in ((older, "older"), (secret, "secret"), (forked, "forked")):
                    shell.execute(tag)
                children = [execution(daemon, tag) for tag in ("older", "secret", "forked")]
                events = daemon.stop()
            self.check_missing(events[0])
            self.check_order(events)
            self.check_older(events, children[0], older)
            self.check_secret(events, children[1], secret)
            self.check_forked(events, children[2], forked)
            self.assertFalse([line for line in daemon.lines.lines if b"hunter2" in line])
            self.check_replay(path, events)

    def test_only_a_terminal_of_its_own_is_interactive(self):
        with at_terminal(True) as own, at_terminal(False) as other, \
                harness.Daemon(SETTINGS) as daemon:
            for pid, interactive in ((own, True), (other, None)):
                event = daemon.wait_for(lambda e, pid=pid: e["event"] == "process" and
                                        e["pid"] == pid, "process")
                self.assertEqual([event[name]["type"] for name in ("stdin", "stdout", "stderr")],
                                 ["tty"] * 3)
                self.assertIs(event.get("interactive"), interactive)
                self.assertEqual("tty" in event, bool(interactive))

    def test_arguments_in_a_file_are_not_read(self):
        """Whose file system may be one that never answers."""
        with with_mapped_arguments() as pid, harness.Daemon(SETTINGS) as daemon:
            event = daemon.wait_for(lambda e: e["event"] == "process" and e["pid"] == pid,
                                    "process")
            self.assertEqual(event["exe"], os.path.realpath(sys.executable))
            self.assertNotIn("argv", event)

    def test_a_restart_tells_nothing_and_knows_all(self):
        with Older() as older, Manager(SETTINGS) as manager:
            harness.wait_until(lambda: [e for e in processes(manager.events())
                                        if e["pid"] == older.pid], "its event")
            manager.end()
            told = processes(manager.events())
            process_event(told, older.pid)
            manager.start()
            older.execute("child")
            harness.wait_until(lambda: [e for e in manager.events() if e.get("argv", [])[1:] ==
                                        ["child"]], "the child")
            events = manager.events()
            self.assertEqual(len(processes(events)), len(told))
            child, = [e for e in events if e["event"] == "exec" and e["argv"][1:] == ["child"]]
            self.assertEqual(child.get("parent_argv"), older.argv if HAS_ARGV else None)
            self.assertEqual(child["parent_exec_id"], process_event(told, older.pid)["exec_id"])
            manager.end()


if __name__ == "__main__":
    harness.main()
