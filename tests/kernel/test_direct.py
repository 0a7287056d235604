#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Direct loads and calls find the same in the kernel's memory: two daemons see the same programs,
one reading each way, and their events are held against each other key for key."""
import collections
import concurrent.futures
import contextlib
import os
import pty
import shutil
import socket
import subprocess
import tempfile
import unittest

import harness
from harness import DOORS, NOBODY, PROGS, TARGET, new_daemon

TRUE = "/bin/true"     # does not wait for its input, as TARGET does
CAPTURE = {"Capture": {"Exits": "yes", "FailedExecs": "yes", "FailedExecsIgnore": "",
                       "RingSize": "8M"}}
DEBUG = {"SYSTEMD_LOG_LEVEL": "debug"}
CALLS = {**DEBUG, "EXECSNOOPD_NO_DIRECT_LOADS": "1"}
PROGRAMS = {"exec", "exit", "failed", "failed_at"}     # attempts are read as failures are
# Each daemon looks at its own clock, and counts its own lines.
OWN_KEYS = ("time", "seq", "duration_ns")
KINDS = ("exec", "exec_failed", "exit")


def ways(daemon):
    """How its programs read, by their names."""
    said = (line.partition("The BPF program '")[2] for line in daemon.stderr().splitlines())
    return dict(line.split("' reads by ") for line in said if "' reads by " in line)


def family(way, *arguments):
    subprocess.run([os.path.join(PROGS, "family"), way, TARGET, *arguments], check=True,
                   stdin=subprocess.DEVNULL)


def door(name, *arguments):
    subprocess.run([DOORS, name, TARGET, *arguments], check=False, stdin=subprocess.DEVNULL)


def run_with(*fds):
    """A program that has them as stdin, stdout, stderr, and before it one that is missing."""
    pid = os.fork()
    if pid == 0:
        try:
            fds = [os.dup(fd) for fd in fds]
            for i, fd in enumerate(fds):
                os.dup2(fd, i)
            with contextlib.suppress(OSError):
                os.execv("/nowhere/at/all", ["failed"])
            os.execv(TRUE, [TRUE])
        finally:
            os._exit(99)
    os.waitpid(pid, 0)


def parents(_folder):
    for way in ("fork", "subshell", "deep", "orphaned-shell", "subreaper", "vfork", "thread",
                "headless"):
        family(way, "x" * 100)


def programs(folder):
    door("thread")
    door("not_resident")
    long = os.path.join(folder, *["n" * 200] * 15)
    os.makedirs(long)
    script = os.path.join(long, "script")
    with open(script, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexec \"$@\"\n")
    os.chmod(script, 0o755)
    subprocess.run([script, TARGET, *map(str, range(300))], check=True, cwd=long,
                   stdin=subprocess.DEVNULL, env={"LD_PRELOAD": "", "LD_LIBRARY_PATH": "/x"})
    memory = os.memfd_create("program", 0)
    with open(TARGET, "rb") as file:
        os.write(memory, file.read())
    subprocess.run([f"/proc/self/fd/{memory}"], check=True, stdin=subprocess.DEVNULL,
                   pass_fds=[memory])
    os.close(memory)
    with contextlib.suppress(unittest.SkipTest):
        subprocess.run([harness.program_of_32_bits("target32")], check=True,
                       stdin=subprocess.DEVNULL)


def credentials(folder):
    path = os.path.join(folder, "set-uid")
    shutil.copyfile(TARGET, path)
    os.chmod(path, 0o6755)
    subprocess.run([path], check=True, stdin=subprocess.DEVNULL, user=NOBODY, group=NOBODY)
    for options in (["-Ur"], ["-mpfniuC"]):
        subprocess.run(["unshare", *options, TARGET], check=False, stdin=subprocess.DEVNULL)


def connected(family_, address):
    with socket.socket(family_) as listener, socket.socket(family_) as client:
        listener.bind(address)
        listener.listen()
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        with server:
            run_with(client.fileno(), server.fileno(), listener.fileno())


def descriptors(folder):
    connected(socket.AF_INET, ("127.0.0.1", 0))
    if socket.has_ipv6:
        with contextlib.suppress(OSError):      # it may be turned off
            connected(socket.AF_INET6, ("::1", 0))
    connected(socket.AF_UNIX, os.path.join(folder, "socket"))
    connected(socket.AF_UNIX, b"\0abstract")
    ours, theirs = os.pipe()
    null = os.open("/dev/null", os.O_RDWR)
    file = os.open(TARGET, os.O_PATH)
    run_with(ours, theirs, null)
    run_with(null, file, null)
    for fd in (ours, theirs, null, file):
        os.close(fd)
    pid, master = pty.fork()
    if pid == 0:
        os.execv(TRUE, [TRUE, "at-a-terminal"])
    os.waitpid(pid, 0)
    os.close(master)


def has_direct_loads():
    """Whether the kernel has the function that they need."""
    with open("/proc/kallsyms", encoding="ascii") as file:
        return any(line.split()[2] == "bpf_rdonly_cast" for line in file)


def told_of(events, folder):
    """By process, what was told of those that worked in that folder."""
    result = {}
    for e in events:
        if e["event"] in KINDS:
            result.setdefault(e["process_id"], []).append(e)
    return {process: [{k: v for k, v in e.items() if k not in OWN_KEYS} for e in told]
            for process, told in result.items()
            if any(e.get("cwd", "").startswith(folder) for e in told)}


class Ways(unittest.TestCase):
    maxDiff = None

    def test_events_are_the_same(self):
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="execsnoopd-test-"))
            with concurrent.futures.ThreadPoolExecutor() as pool:   # to load takes its time
                daemons = list(pool.map(lambda e: new_daemon(CAPTURE, environment=e),
                                        (DEBUG, CALLS)))
            for daemon in daemons:
                stack.enter_context(daemon)
            stack.callback(os.chdir, os.getcwd())
            os.chdir(folder)
            os.chmod(folder, 0o755)
            for work in (parents, programs, credentials, descriptors):
                work(folder)
            os.chdir("/")   # what proves the log of the one is an exec for the other
            direct, calls = (told_of(d.stop(), folder) for d in daemons)
            self.assertEqual(ways(daemons[1]), dict.fromkeys(PROGRAMS, "calls"))
            if has_direct_loads():
                self.assertEqual(ways(daemons[0]), dict.fromkeys(PROGRAMS, "direct loads"))
            else:
                print("this kernel has no direct loads: both daemons have read by calls")
        kinds = collections.Counter(e["event"] for told in direct.values() for e in told)
        self.assertEqual(set(kinds), set(KINDS), kinds)
        self.assertGreater(kinds["exec"], 30)
        self.assertEqual(set(direct), set(calls))
        for process, told in direct.items():
            self.assertEqual(told, calls[process])


class Refused(unittest.TestCase):
    def test_what_the_kernel_refuses_reads_by_calls(self):
        strict = {**DEBUG, "LD_PRELOAD": os.path.join(PROGS, "strict_kernel.so"),
                  "STRICT_KERNEL": "functions", "ASAN_OPTIONS": "verify_asan_link_order=0"}
        with new_daemon(environment=strict) as daemon:
            pid = os.posix_spawn(TARGET, [TARGET, "by-calls"], {})
            os.waitpid(pid, 0)
            event = daemon.of(pid, "exec")[-1]
            self.assertEqual(ways(daemon), {"exec": "calls"})
            refusals = daemon.stderr().count("refuses the BPF program 'exec' with direct loads")
            self.assertEqual(refusals, 1 if has_direct_loads() else 0)
        self.assertEqual(event["argv"], [TARGET, "by-calls"])
        self.assertEqual(event["exe"], os.path.realpath(TARGET))


if __name__ == "__main__":
    harness.main()
