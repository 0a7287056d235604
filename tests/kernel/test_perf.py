#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Others who use our tracepoints by perf lose nothing, whether or not an event is of use to us. And
the programs stay far below what a kernel verifies at most."""
import os
import re
import unittest

import calls
import harness
from descriptors import descriptors_of
from harness import KernelTest, PROGS, TARGET, new_daemon

N = 5
TRACEFS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
SYS_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}[os.uname().machine]
PERF_TYPE_TRACEPOINT = 2
PERF_ATTR_SIZE_VER0 = 64
# Of a million: the next kernel may need several times as many steps for the same program.
VERIFIED_INSNS_MAX = 100_000
INHERIT = 1 << 1        # children as well, once they have been waited for


def tracepoint_id(name):
    for folder in TRACEFS:
        try:
            with open(os.path.join(folder, "events", name, "id"), encoding="ascii") as file:
                return int(file.read())
        except FileNotFoundError:
            pass
    raise AssertionError(f"no tracepoint {name}")


class Counter:
    """Counts a tracepoint in this process and those that it starts, as `perf stat` does."""

    def __init__(self, name):
        words = [0] * (PERF_ATTR_SIZE_VER0 // 8)
        words[0] = PERF_TYPE_TRACEPOINT | PERF_ATTR_SIZE_VER0 << 32
        words[1] = tracepoint_id(name)
        words[5] = INHERIT
        attr = (calls.ctypes.c_uint64 * len(words))(*words)
        self.fd = calls.call("syscall", SYS_PERF_EVENT_OPEN, attr, 0, -1, -1, 0)

    def close(self):
        count = int.from_bytes(os.read(self.fd, 8), "little")
        os.close(self.fd)
        return count


def programs(daemon):
    """How many instructions the verifier took for each, by tag: what it consists of."""
    counts = {}
    for _, text in descriptors_of(daemon.process.pid):
        facts = dict(re.findall(r"(\w+):\s*(\w+)", text))
        if facts.get("prog_type") and "verified_insns" in facts:     # from 5.16 on
            counts[facts["prog_tag"]] = int(facts["verified_insns"])
    return counts


def strict_daemon(settings, what):
    return new_daemon(settings, environment={
        "LD_PRELOAD": os.path.join(PROGS, "strict_kernel.so"), "STRICT_KERNEL": what,
        "ASAN_OPTIONS": "verify_asan_link_order=0"})


class Perf(KernelTest):
    settings = {"Capture": {"Exits": "yes", "FailedExecs": "yes", "FailedExecsIgnore": "ENOEXEC",
                            "Attempts": "yes"}}

    def count(self, function, *names):
        counters = [Counter(name) for name in names]
        for _ in range(N):
            self.run_child(function)
        self.assertEqual({name: counter.close() for name, counter in zip(names, counters)},
                         dict.fromkeys(names, N))

    def check_programs(self, daemon):
        """They leave the verifier room. Their tags."""
        counts = programs(daemon)
        self.assertGreaterEqual(len(counts), 6, counts)
        self.assertLess(max(counts.values()), VERIFIED_INSNS_MAX, counts)
        return set(counts)

    def test_programs_that_loop(self):
        self.check_programs(self.daemon)

    def test_programs_without_bpf_loop(self):
        with strict_daemon(self.settings, "loops") as daemon:
            tags = self.check_programs(daemon)
            pid = os.posix_spawn(TARGET, [TARGET, "no-loops"], {})
            os.waitpid(pid, 0)
            event = daemon.of(pid, "exec")[-1]
        self.assertEqual(len(tags & self.check_programs(self.daemon)), 1) # that of exits has none
        self.assertEqual((event["exe"], event["argv"]),
                         (os.path.realpath(TARGET), [TARGET, "no-loops"]))

    def test_few_types_make_the_same_programs_as_all(self):
        with strict_daemon(self.settings, "types") as daemon:
            self.assertIn("Cannot copy the kernel's types", daemon.stderr())
            tags = self.check_programs(daemon)
        self.assertEqual(tags, self.check_programs(self.daemon))

    def test_success(self):
        self.count(lambda: os.execv(TARGET, ["target"]), "sched/sched_process_exec",
                   "sched/sched_process_exit", "syscalls/sys_enter_execve",
                   "syscalls/sys_exit_execve")

    def test_failure(self):
        self.count(lambda: calls.execve(b"/nonexistent", [b"x"]), "syscalls/sys_enter_execve",
                   "syscalls/sys_exit_execve")

    def test_failure_of_execveat(self):
        self.count(lambda: calls.execveat(calls.AT_FDCWD, b"/nonexistent", [b"x"]),
                   "syscalls/sys_enter_execveat", "syscalls/sys_exit_execveat")

    def test_failure_that_is_ignored(self):
        path = self.write("empty", b"").encode()
        self.count(lambda: calls.execve(path, [b"x"]), "syscalls/sys_exit_execve")

    def test_end_that_is_not_logged(self):
        self.count(lambda: None, "sched/sched_process_exit")


if __name__ == "__main__":
    harness.main()
