#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""A real systemd-journald of one's own, in a mount namespace with a /run of its own.

run_journald.py COMMAND [ARG...] runs the command beside it. Whether the host runs a journald makes
no difference: neither sees the other. Needs root; exits with 77 without, as skipped tests do.

As a module: isolate() first, then Journald().
"""
import os
import signal
import socket
import subprocess
import sys

JOURNALD = "/lib/systemd/systemd-journald"
JOURNAL_FOLDER = "/run/log/journal"
NOTIFY_SOCKET = "/run/notify"
START_SECONDS = 100
EXIT_SKIP = 77

# Audit= without a value: neither switch the kernel's auditing on, as is the default, nor off.
CONFIG = """[Journal]
Storage=volatile
RuntimeMaxUse=1G
RateLimitIntervalSec=0
ReadKMsg=no
Audit=
ForwardToSyslog=no
ForwardToWall=no
"""


def isolate():
    """Runs the program again with a private, empty /run; returns in the second run only."""
    if os.environ.get("EXECSNOOPD_TEST_ISOLATED") != "1":
        if os.geteuid() != 0 or not os.path.exists(JOURNALD):
            print("skipped: needs root and systemd-journald", file=sys.stderr)
            sys.exit(EXIT_SKIP)
        os.environ["EXECSNOOPD_TEST_ISOLATED"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "--",
                              sys.executable, *sys.argv])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"], check=True)
    for folder in ("/run/systemd/journal", "/run/systemd/journald.conf.d", JOURNAL_FOLDER):
        os.makedirs(folder)
    with open("/run/systemd/journald.conf.d/zz-test.conf", "w", encoding="utf-8") as file:
        file.write(CONFIG)


def isolate_units():
    """Cgroups in which a process is of a unit, for journald: the real ones, seen at another place.
    After isolate()."""
    subprocess.run(["mount", "-t", "cgroup2", "none", "/sys/fs/cgroup"], check=True)


def as_service(name, command):
    """The command, of the unit NAME.service; see isolate_units()."""
    return ["sh", "-ec", 'mkdir -p "$1"; echo $$ >"$1/cgroup.procs"; shift; exec "$@"', "sh",
            f"/sys/fs/cgroup/system.slice/{name}.service", *command]


class Journald:
    """Runs from start() to stop()."""

    def __init__(self):
        self.process = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(NOTIFY_SOCKET)
            notify.settimeout(START_SECONDS)
            environment = dict(os.environ, NOTIFY_SOCKET=NOTIFY_SOCKET)
            self.process = subprocess.Popen([JOURNALD], env=environment)
            while b"READY=1" not in notify.recv(65536).split(b"\n"):
                pass
        os.unlink(NOTIFY_SOCKET)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def pause(self):
        """Hangs it; returns when it does."""
        os.kill(self.process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 64
    isolate()
    with Journald():
        return subprocess.run(sys.argv[1:], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
