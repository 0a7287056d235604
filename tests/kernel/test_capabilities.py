#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The daemon as its unit runs it, an ordinary user with ambient capabilities: it gives away at once
what it can, and can do later what it has to.

Other kernels ask for more than this one: progs/strict_kernel.c makes them.
"""
import mmap
import os
import pathlib
import shutil
import signal
import stat
import struct
import subprocess
import sys
import unittest

import harness
from bpf_maps import bpftool, map_of
from harness import TARGET
from manager import Manager

DAC_READ_SEARCH, SYS_ADMIN, PERFMON, BPF = (1 << n for n in (2, 21, 38, 39))
GIVEN = "+bpf,+perfmon,+dac_read_search,+sys_admin"
PROGRAM = "counted-by-test-capabilities"
RING_SIZE = 328     # in struct handover_page: of the rings that were handed over
MLOCK_KB = pathlib.Path("/proc/sys/kernel/perf_event_mlock_kb")
CAPTURE = {"RingSize": "256K"}
ALL = {**CAPTURE, "RingSize": "128K", "Exits": "yes", "FailedExecs": "yes", "FailedExecsIgnore": "",
       "Attempts": "yes"}
SELF_TEST = {"SelfTest": "0"}


class Unprivileged(Manager):
    """Runs a copy of the daemon as nobody; `strict`: what the kernel shall be strict about."""

    def __init__(self, strict="", capture=None, stats=None):
        super().__init__({"Capture": capture or CAPTURE, "Stats": stats or SELF_TEST})
        for path in (self.folder, self.address):
            os.chown(path, harness.NOBODY, harness.NOBODY)
        self.copy = os.path.join(self.folder, "execsnoopd")
        shutil.copy(self.daemon, self.copy)
        preload = os.path.join(self.folder, "strict_kernel.so")
        shutil.copy(os.path.join(harness.PROGS, "strict_kernel.so"), preload)
        self.prefix = ["setpriv", f"--reuid={harness.NOBODY}", f"--regid={harness.NOBODY}",
                       "--clear-groups", f"--inh-caps=-all,{GIVEN}", f"--ambient-caps={GIVEN}",
                       f"--bounding-set=-all,{GIVEN}", "--no-new-privs"]
        if strict:
            self.prefix += ["env", f"LD_PRELOAD={preload}", f"STRICT_KERNEL={strict}",
                            "ASAN_OPTIONS=verify_asan_link_order=0"]
        self.start(self.copy)

    def __enter__(self):
        return self

    def replace(self):
        """As a package does."""
        shutil.copy(self.daemon, self.copy + ".new")
        os.rename(self.copy + ".new", self.copy)

    def capabilities(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            found = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        return {name: int(found["Cap" + name], 16) for name in ("Eff", "Prm", "Inh", "Amb")}


def ring_size(pid):
    """Without the page before the data; the bells are smaller."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        rings = [line.split()[0].split("-") for line in file if "[perf_event]" in line]
    return max(int(end, 16) - int(begin, 16) for begin, end in rings) - mmap.PAGESIZE


def take_ring_away(pid, cpu):
    """The outcome of the CPU's going offline."""
    key = [f"{byte:02x}" for byte in cpu.to_bytes(4, sys.byteorder)]
    bpftool("map", "delete", "id", map_of(pid, "rings"), "key", "hex", *key)


def execute(count):
    for _ in range(count):
        os.waitpid(os.posix_spawn(TARGET, [PROGRAM], {}), 0)


class Capabilities(unittest.TestCase):
    def setUp(self):
        """As the unit has by LimitMEMLOCK=infinity, which not every root can give, nor this one."""
        self.may_lock = os.access(MLOCK_KB, os.W_OK)
        if self.may_lock:
            self.mlock_kb = MLOCK_KB.read_text("ascii")
            self.addCleanup(MLOCK_KB.write_text, self.mlock_kb, "ascii")
            MLOCK_KB.write_text(str(1 << 20), "ascii")

    def check_sets(self, manager, permitted, effective=0):
        """Also after a second's reading of the counters, and another."""
        for _ in range(2):
            manager.sync()
            self.assertEqual(manager.capabilities(),
                             {"Eff": effective, "Prm": permitted, "Inh": 0, "Amb": 0})

    def check_reloads(self, manager):
        """Programs come and go, and rings change their size."""
        manager.configure({"Capture": ALL, "Stats": SELF_TEST})
        manager.reload()
        n_before = len(manager.sync())
        execute(5)
        try:
            os.posix_spawn("/nonexistent", [PROGRAM], {})
        except FileNotFoundError:
            pass
        fresh = manager.sync()[n_before:]
        kinds = [e["event"] for e in fresh if e.get("argv") == [PROGRAM]]
        self.assertEqual([kinds.count(kind) for kind in ("exec", "exec_attempt", "exec_failed")],
                         [5, 6, 1], [e for e in fresh if e["event"] == "lost"])
        self.assertGreaterEqual([e["event"] for e in fresh].count("exit"), 5)
        manager.configure({"Capture": CAPTURE, "Stats": SELF_TEST})
        manager.reload()

    def check_upgrade(self, manager):
        pid, before = manager.pid, os.stat(f"/proc/{manager.pid}/exe").st_ino
        manager.replace()
        execute(5)
        manager.reload()
        execute(5)
        events = manager.sync()
        self.assertEqual(manager.pid, pid)
        self.assertNotEqual(os.stat(f"/proc/{pid}/exe").st_ino, before)
        self.assertEqual([e["down"] for e in events if e["event"] == "start"],
                         ["unknown", "counted"])
        passed, = struct.unpack("Q", os.pread(manager.store["page"], 8, RING_SIZE))
        if self.may_lock:
            self.assertGreater(passed, 256 << 10)

    def check_life(self, strict, permitted, effective=0):
        with Unprivileged(strict) as manager:
            self.check_sets(manager, permitted, effective)
            self.check_reloads(manager)
            self.check_sets(manager, permitted, effective)
            self.check_upgrade(manager)
            self.check_sets(manager, permitted, effective)
            self.check_reloads(manager)
            self.check_sets(manager, permitted, effective)
            execute(5)
            manager.sync()
            manager.restart(signal.SIGKILL)     # gets all again, and the fd store
            self.check_sets(manager, permitted, effective)
            self.assertEqual(manager.end(), 0)
            events = manager.events()
        self.assertEqual(events[-1]["unaccounted"], 0)
        mine = [e for e in events if e["event"] == "exec" and e.get("argv") == [PROGRAM]]
        self.assertEqual(len(mine), 2 * 5 + 10 + 5, events[-1])

    def test_this_kernel(self):
        harness.need(not paranoid(), "this kernel wants CAP_SYS_ADMIN")
        self.check_life("", DAC_READ_SEARCH | PERFMON | BPF)

    def test_kernel_that_wants_sys_admin_for_perf(self):
        self.check_life("perf", DAC_READ_SEARCH | SYS_ADMIN | BPF)

    def test_kernel_that_wants_bpf_for_each_reading(self):
        harness.need(not paranoid(), "this kernel wants CAP_SYS_ADMIN")
        self.check_life("bpf", DAC_READ_SEARCH | PERFMON | BPF, BPF)

    def test_kernel_that_wants_both(self):
        self.check_life("perf bpf", DAC_READ_SEARCH | SYS_ADMIN | BPF, BPF)

    def test_rings_change_after_an_upgrade(self):
        """Also where the kernel has their memory on the account of our process."""
        if self.may_lock:
            MLOCK_KB.write_text(self.mlock_kb, "ascii")
        with Unprivileged("", {"RingSize": "1M"}) as manager:
            manager.replace()
            manager.reload()
            for size in 512, 1024, 256, 1024:
                manager.configure({"Capture": {"RingSize": f"{size}K"}, "Stats": SELF_TEST})
                manager.reload()
                self.assertEqual(ring_size(manager.pid), size << 10)
            execute(5)
            mine = [e for e in manager.sync() if e.get("argv") == [PROGRAM]]
            manager.end()
        self.assertEqual(len(mine), 5)

    def test_cpu_that_comes_online_is_followed(self):
        cpus = os.sched_getaffinity(0)
        cpu = min(cpus)
        self.addCleanup(os.sched_setaffinity, 0, cpus)
        for strict in ("", "perf bpf"):
            with self.subTest(strict=strict), Unprivileged(strict) as manager:
                take_ring_away(manager.pid, cpu)
                os.sched_setaffinity(0, {cpu})
                execute(3)
                manager.sync()
                execute(5)
                manager.sync()
                found = manager.capabilities()
                manager.end()
                events = manager.events()
                mine = [e for e in events if e["event"] == "exec" and e.get("argv") == [PROGRAM]]
                self.assertGreaterEqual(len(mine), 5)   # others' execs may have told it before
                self.assertEqual({e["cpu"] for e in events if e["event"] == "lost"}, {cpu})
                self.assertEqual(events[-1]["unaccounted"], 0)
                self.assertEqual(found["Eff"] & ~BPF, 0)

    def test_canary_has_nothing(self):
        with Unprivileged(stats={"SelfTest": "1s"}) as manager:
            def canaries():
                return [e for e in manager.sync() if e["event"] == "exec" and
                        e["ppid"] == manager.pid and
                        e["argv"] == ["execsnoopd-canary", "--version"]]
            found = harness.wait_until(lambda: canaries()[1:], "canaries")
            manager.end()
        self.assertEqual([e.get("caps") for e in found], [None] * len(found))

    def test_upgrade_to_what_cannot_run_inherits_nothing(self):
        with Unprivileged() as manager:
            before = manager.capabilities()
            with open(manager.copy + ".new", "wb") as file:
                file.write(b"no program")
            os.chmod(manager.copy + ".new", 0o755)
            os.rename(manager.copy + ".new", manager.copy)
            manager.reload()
            self.assertEqual(manager.capabilities(), before)
            self.assertEqual(before["Amb"], 0)
            self.check_reloads(manager)
            manager.end()

    def test_configuration_for_root_only(self):
        """As at the start, so later; but no other file."""
        with Unprivileged() as manager:
            os.chmod(manager.config, stat.S_IRUSR)
            os.chown(manager.config, 0, 0)
            self.check_reloads(manager)
            manager.end()

    def test_replay_has_nothing(self):
        """A recording is somebody else's bytes."""
        with Unprivileged() as manager:
            manager.end()
            fifo = os.path.join(manager.folder, "fifo")
            os.mkfifo(fifo)
            os.chmod(fifo, 0o644)
            pid = os.posix_spawnp("setpriv", [*manager.prefix, manager.copy, "--stdout",
                                              f"--config={manager.config}", f"--replay={fifo}"],
                                  os.environ)
            with open(fifo, "wb"):      # it has been opened, before which all was given away
                manager.pid = pid
                found = manager.capabilities()
            os.waitpid(pid, 0)
            manager.pid = 0
        self.assertEqual(found, {"Eff": 0, "Prm": 0, "Inh": 0, "Amb": 0})

    def test_root_stays_as_it_is(self):
        with Manager({"Stats": SELF_TEST}) as manager:
            manager.sync()
            ours = Unprivileged.capabilities(type("Ours", (), {"pid": os.getpid()}))
            self.assertEqual(Unprivileged.capabilities(manager), ours)
            manager.end()


def paranoid():
    """Debian's kernels know a 3, for which nothing less than CAP_SYS_ADMIN is enough."""
    with open("/proc/sys/kernel/perf_event_paranoid", encoding="ascii") as file:
        return int(file.read()) > 2


if __name__ == "__main__":
    harness.main()
