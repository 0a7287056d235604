#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_run_sh.py SOURCE: the first of the two commands of the README, in a copy of the tree.

The first line on stdout is the start event; `ls -l /tmp` typed elsewhere is there within MaxLatency
and 100 ms, with everything right; SIGTERM ends it with a stop event and 0. On a terminal there is a
table of it, until Ctrl-C.
"""
import json
import os
import pty
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

LATENCY_SECONDS = 0.1 + 0.1  # MaxLatency, and what the contract adds
NOISE_SECONDS = 2.0          # another process may have the CPU: this is no benchmark


def main():
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        tree = folder + "/tree"
        shutil.copytree(sys.argv[1], tree, symlinks=True,
                        ignore=lambda path, names: {"build", ".git"} & set(names)
                        if path == sys.argv[1] else set())
        run = subprocess.Popen([tree + "/packaging/run.sh", "--config=/dev/null"], cwd="/",
                               stdout=subprocess.PIPE)
        try:
            check(run)
        finally:
            run.send_signal(signal.SIGTERM)
            rest = run.stdout.read().splitlines()
            assert run.wait() == 0
        check_terminal(tree + "/packaging/run.sh")
    assert json.loads(rest[-1])["event"] == "stop"


def check_terminal(program):
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "dumb"
        os.execv(program, [program])
    shown = read_until(terminal, b"TIME ")
    marker = f"of-the-terminal-{os.getpid()}"
    subprocess.run(["true", marker], check=True)
    shown += read_until(terminal, marker.encode())
    os.write(terminal, b"\x03")
    shown += read_until(terminal, None)
    assert b"execsnoopd stops: " in shown.splitlines()[-1], shown
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def read_until(terminal, wanted):
    """What comes until that text is there; None: to the end."""
    shown = b""
    while wanted is None or wanted not in shown:
        try:
            part = os.read(terminal, 65536)
        except OSError:     # its other end is closed
            part = b""
        if not part:
            assert wanted is None, shown
            break
        shown += part
    return shown


def check(run):
    start = json.loads(run.stdout.readline())
    assert start["event"] == "start" and start["seq"] == 1, start

    ls = subprocess.Popen(["ls", "-l", "/tmp"], cwd="/usr", stdout=subprocess.DEVNULL)
    began = time.monotonic()
    for line in run.stdout:
        event = json.loads(line)
        if event.get("pid") == ls.pid:
            break
    took = time.monotonic() - began
    ls.wait()
    print("the event came after %.0f ms" % (took * 1000))
    assert took < LATENCY_SECONDS + NOISE_SECONDS
    expected = {"event": "exec", "ppid": os.getpid(), "tid": ls.pid, "uid": os.getuid(),
                "user": pwd.getpwuid(os.getuid()).pw_name, "comm": "ls",
                "filename": shutil.which("ls"), "exe": os.path.realpath(shutil.which("ls")),
                "argv": ["ls", "-l", "/tmp"], "argc": 3, "cwd": "/usr", "retval": 0}
    assert {key: event.get(key) for key in expected} == expected, event


main()
