# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The checks inside a VM of what happens to a machine while the daemon runs: somebody sets its
clock, it sleeps, tracefs goes and comes back."""
import glob
import os
import time

from inside import (KERNEL_TESTS, ON_CPU_1, UNIT, expect, finish, has_argument, is_a, lost_sum,
                    reload_and_wait, reload_with, run, show, start, succeed, usec_of)

LOG = "/var/log/execsnoopd/exec.jsonl"
WITH_FILE = "[File]\nEnabled=yes\n"  # as check_reload_adds_a_file leaves it
# Within MaxAge=, to before the boot, over more than a month, and back to the right time.
STEPS_SECONDS = (5 * 3600, -9 * 3600, 33 * 86400, -33 * 86400 + 4 * 3600)
N_EXECS = 30
SLEEP_SECONDS = 30
WATCHDOG_SECONDS = 20
TRACEFS = "/sys/kernel/tracing"
DEBUGFS = "/sys/kernel/debug"
TRACEFS_UNITS = ("sys-kernel-tracing.mount", "sys-kernel-debug.mount")
UNIT_DROP_IN = "/run/systemd/system/execsnoopd.service.d/watchdog.conf"


def execs(mark, count=N_EXECS):
    """When each began and was over, in microseconds since 1970."""
    times = []
    for i in range(count):
        before = time.time_ns() // 1000
        finish(os.posix_spawn(f"{KERNEL_TESTS}/target", ["target", mark, str(i)], {}))
        times.append((before, time.time_ns() // 1000 + 1))
    return times


def expect_all(journal, mark, times):
    """Each once, and at its time."""
    found = journal.wait(mark, has_argument(mark), len(times))
    assert len(found) == len(times), (mark, len(found))
    expect_times(found, times)


def expect_times(found, times):
    for event in found:
        before, after = times[int(event["argv"][2])]
        assert before <= usec_of(event) <= after, (before, event["time"], after)


def step_clock(seconds):
    time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)


def check_clock_that_is_set(journal, port):
    """Events go on, none is lost, and each has the time by the clock of its own moment, to the last
    before the step and the first after it. What the daemon does by itself goes on in its time, and
    the file is not rotated more often than its lines get old."""
    reload_and_wait(journal, WITH_FILE + "MaxAge=12h\n[Stats]\nInterval=1s\nSelfTest=1s\n")
    lost, unit = lost_sum(journal.events), show(UNIT, "MainPID", "NRestarts")
    older = glob.glob(LOG + ".*")
    for number, seconds in enumerate(STEPS_SECONDS):
        before = execs(f"clock-{number}-before")
        step_clock(seconds)
        after = execs(f"clock-{number}-after")
        expect_all(journal, f"clock-{number}-before", before)
        expect_all(journal, f"clock-{number}-after", after)
        expect(journal.wait_stats(), unaccounted=0)
        n_stats, n_tests = journal.count("stats"), tests_of_itself(journal)
        journal.wait("stats by their timer", is_a("stats"), n_stats + 2)
        journal.wait("the daemon's own test", has_argument("execsnoopd-canary"), n_tests + 1)
    expect(show(UNIT, "MainPID", "NRestarts"), **unit)
    rotated = glob.glob(LOG + ".*")
    port.say("note", f"{len(STEPS_SECONDS)} steps of the clock: {sorted(older)} {sorted(rotated)}")
    assert len(rotated) == len(older) + 1, "one step is beyond MaxAge"
    assert lost_sum(journal.events) == lost, lost_sum(journal.events)
    succeed("systemctl", "is-active", UNIT)
    reload_and_wait(journal, WITH_FILE)


def tests_of_itself(journal):
    return sum(1 for event in journal.events if has_argument("execsnoopd-canary")(event))


def sleeping_seconds():
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()


def restart_with_watchdog(journal):
    os.makedirs(os.path.dirname(UNIT_DROP_IN), exist_ok=True)
    with open(UNIT_DROP_IN, "w", encoding="ascii") as file:
        file.write(f"[Service]\nWatchdogSec={WATCHDOG_SECONDS}s\n")
    succeed("systemctl", "daemon-reload")
    begun = journal.count("start")
    succeed("systemctl", "restart", UNIT)
    journal.wait("start", is_a("start"), begun + 1)
    os.unlink(UNIT_DROP_IN)


def check_machine_that_sleeps(journal, port):
    """In S3, for longer than the watchdog would wait: it does not count that time. CPU 1 goes and
    comes back, so what it executes is logged, or counted until it is followed."""
    restart_with_watchdog(journal)
    unit = show(UNIT, "MainPID", "NRestarts")
    n_events, n_words = len(journal.events), len(journal.words)
    before, slept = execs("sleep-before"), sleeping_seconds()
    done = run("rtcwake", "--mode", "mem", "--seconds", str(SLEEP_SECONDS))
    slept = sleeping_seconds() - slept
    assert done.returncode == 0 and slept > WATCHDOG_SECONDS, done.stdout
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, ON_CPU_1)
    after = execs("sleep-after")
    os.sched_setaffinity(0, everywhere)
    journal.wait_message("Following CPU 1", since=n_words)
    later = execs("sleep-later")
    expect_all(journal, "sleep-before", before)
    expect_all(journal, "sleep-later", later)
    logged, lost = journal.wait_accounted("sleep-after", N_EXECS, since=n_events)
    expect_times([event for event in journal.events if has_argument("sleep-after")(event)], after)
    expect(journal.wait_stats(), unaccounted=0)
    port.say("note", f"slept for {slept:.1f} s; after it {logged} of {N_EXECS} execs logged, "
             f"{lost} events counted as lost")
    expect(show(UNIT, "MainPID", "NRestarts"), **unit)
    succeed("systemctl", "daemon-reload")


def unmount_tracefs():
    run("umount", "--lazy", f"{DEBUGFS}/tracing")
    for unit in TRACEFS_UNITS:
        run("systemctl", "stop", unit)
    assert not os.listdir(TRACEFS), os.listdir(TRACEFS)


def inside_unit(*command):
    """Mounts there are the unit's own affair: its copies survive those of the host."""
    return run("nsenter", "--target", show(UNIT, "MainPID")["MainPID"], "--mount", *command)


def unmount_inside_unit():
    for path in (f"{DEBUGFS}/tracing", DEBUGFS, TRACEFS):
        while inside_unit("umount", "--lazy", path).returncode == 0:
            pass
    assert inside_unit("ls", DEBUGFS, TRACEFS).stdout.split() == [DEBUGFS + ":", TRACEFS + ":"]


def expect_exec(journal, mark):
    expect_all(journal, mark, execs(mark, 1))


def check_tracefs_that_goes(journal, port):
    """Programs that run need it no more. Those that a reload adds need it, wherever it is; without,
    all stays as it was. A restart has it mounted; where that cannot be, the failure says so."""
    unit = show(UNIT, "MainPID", "NRestarts")
    lost = lost_sum(journal.events)
    unmount_tracefs()
    unmount_inside_unit()
    expect_exec(journal, "tracefs-gone")
    reload_with(WITH_FILE + "[Capture]\nExits=yes\n")
    port.say("note", "told: " + journal.wait_message("tracefs is not mounted"))
    expect_exec(journal, "tracefs-gone-still")
    for kind, path in (("debugfs", DEBUGFS), ("tracefs", TRACEFS)):
        assert inside_unit("mount", "-t", kind, kind, path).returncode == 0
        reload_and_wait(journal, WITH_FILE + "[Capture]\nExits=yes\n")
        pid = start("/bin/true", ["true", "tracefs-elsewhere"])
        assert finish(pid) == 0
        journal.wait("its end", lambda event, pid=pid: event["event"] == "exit"
                     and event["pid"] == pid)
        reload_and_wait(journal, WITH_FILE)
        unmount_inside_unit()
    expect(journal.wait_stats(), unaccounted=0)
    assert lost_sum(journal.events) == lost, lost_sum(journal.events)
    expect(show(UNIT, "MainPID", "NRestarts"), **unit)
    restart_without_tracefs(journal, port)


def restart_without_tracefs(journal, port):
    begun = journal.count("start")
    for unit in TRACEFS_UNITS:
        succeed("systemctl", "mask", "--runtime", unit)
    unmount_tracefs()
    assert run("systemctl", "restart", UNIT).returncode != 0
    expect(show(UNIT, "ActiveState", "Result", "ExecMainStatus", "NRestarts"),
           ActiveState="failed", Result="exit-code", ExecMainStatus="77", NRestarts="0")
    status = run("systemctl", "status", "--no-pager", UNIT).stdout
    assert "tracefs is not mounted" in status, status
    for unit in TRACEFS_UNITS:
        succeed("systemctl", "unmask", "--runtime", unit)
    succeed("systemctl", "start", UNIT)
    assert os.listdir(TRACEFS), "the unit does not see to it that it is mounted"
    started = journal.wait("start", is_a("start"), begun + 1)[-1]
    port.say("note", f"started again: {started['down']}")
    expect_exec(journal, "tracefs-back")
    expect(journal.wait_stats(), unaccounted=0)
