#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The check inside a VM: how the service behaves from boot to purge, as a package under a real
systemd, and by tests/kernel what this kernel tells of every door and every fact.

Started by a unit at the end of the boot; the scenario is on the kernel's command line. Talks to the
host by the second serial port: "ok NAME", "not ok NAME: reason", "note TEXT", "journal BASE64" for
all events seen in the journal, "file BASE64" for those of the file, "stream BASE64" for those of
the tests of tests/kernel, and "done" at the end.
"""
import ctypes
import errno
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

import package_checks
import world_checks
from inside import (DROP_IN, KERNEL_TESTS, N_BURST, NOBODY, UNIT, Journal, Port, active_since,
                    burst, expect, finish, has_argument, is_a, lost_sum, reload_with, run, show,
                    start, succeed, usec_of, write_drop_in)

CPU = "/sys/devices/system/cpu/cpu1/online"
SLOWNESS = "5"  # how many times less a test does, and how much longer it may take
TEMPORARY = "/tests/tmp"  # in /tmp no set-user-id is honoured since Debian 13
SYS_FINIT_MODULE = 313
CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 1 << 2, 1 << 21, 1 << 38, 1 << 39
IN_UNIT = CAP_DAC_READ_SEARCH | CAP_SYS_ADMIN | CAP_PERFMON | CAP_BPF
# After set-up: one of two is given away, and none is at work but CAP_BPF where the kernel wants it.
ALLOWED_CAPABILITIES = {"Eff": CAP_BPF, "Prm": IN_UNIT, "Inh": 0, "Amb": 0, "Bnd": IN_UNIT}


# The checks, in the order in which they run.

def check_service_is_active(journal, port):
    unit = show(UNIT, "ActiveState", "SubState", "UnitFileState", "NRestarts", "StatusText", "Type",
                "NotifyAccess", "WatchdogUSec", "ActiveEnterTimestampMonotonic")
    port.say("note", f"unit {unit}")
    assert (unit["ActiveState"], unit["SubState"]) == ("active", "running"), unit
    expect(unit, Type="notify", NotifyAccess="main", UnitFileState="enabled", NRestarts="0")
    assert unit["WatchdogUSec"] not in ("0", "infinity"), unit
    assert re.match(r"At [0-9:]+: \d+ events seen", unit["StatusText"]), unit
    assert succeed("systemctl", "is-active", UNIT) == "active\n"


def check_boot_is_clean(journal, port):
    failed = succeed("systemctl", "--failed", "--plain", "--no-legend")
    assert "execsnoopd" not in failed, failed
    port.say("note", f"failed units: {failed.split() or 'none'}")
    warnings = succeed("journalctl", "-b", "-o", "cat", "_PID=1", "+", "_TRANSPORT=kernel")
    cycles = [line for line in warnings.splitlines() if "ordering cycle" in line]
    assert not cycles, cycles


def check_daemon_has_little_privilege(journal, port):
    pid = show(UNIT, "MainPID")["MainPID"]
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    assert "0" not in status["Uid"].split(), status["Uid"]
    assert status["NoNewPrivs"] == "1"
    sets = {name: int(status["Cap" + name], 16) for name in ("Eff", "Prm", "Inh", "Amb", "Bnd")}
    port.say("note", f"capabilities: {({name: hex(found) for name, found in sets.items()})}")
    for name, found in sets.items():
        assert found & ~ALLOWED_CAPABILITIES[name] == 0, (name, status["Cap" + name])
    assert bin(sets["Prm"]).count("1") <= 3, status["CapPrm"]
    assert status["Seccomp"] == "2", status["Seccomp"]


def check_early_boot_is_logged(journal, port):
    first = journal.wait("start", lambda event: True)[0]
    assert first["event"] == "start" and first["seq"] == 1, first
    assert first["kernel"] == os.uname().release, first
    ready, sysinit = active_since(UNIT), active_since("sysinit.target")
    assert ready < sysinit, (ready, sysinit)
    journal.wait_stats()
    execs = [event for event in journal.events if event["event"] == "exec"]
    early = [event for event in execs if usec_of(event) < sysinit]
    port.say("note", f"began to see {first['boot_age_ns'] / 1e9:.1f} s after boot, ready "
             f"{(sysinit - ready) / 1e6:.1f} s before sysinit.target; {len(early)} of {len(execs)} "
             f"execs of the boot are from before it")
    port.say("note", "before sysinit.target: " + "; ".join(
        f"{event.get('unit', event['cgroup'])}: {' '.join(event['argv'])[:60]}"
        for event in early))
    # How many more there are depends on how fast the kernel verifies our programs.
    assert [event for event in early if "early-boot" in event["argv"]], f"none of {len(execs)}"


def check_processes_are_told(journal, port):
    """What ran before the daemon, PID 1 first of all, which then is a parent of whom all is
    known."""
    start = journal.wait("start", lambda event: True)[0]
    assert "process" not in start.get("missing", ()), start
    journal.wait_stats()
    kinds = [event["event"] for event in journal.events]
    told = [event for event in journal.events if event["event"] == "process"]
    port.say("note", f"{len(told)} processes told: " + " ".join(e["comm"] for e in told))
    first = next(i for i, kind in enumerate(kinds) if kind not in ("start", "process"))
    # Those that were told later than execs can wait have the time when they were.
    assert told and start["time"] not in [e["time"] for e in journal.events[first:]
                                          if e["event"] == "process"], kinds[:100]
    assert not [event for event in told if event.get("ppid") == 2], told
    first, = (event for event in told if event["pid"] == 1)
    with open("/proc/1/cmdline", encoding="utf-8") as file:
        argv = file.read().split("\0")[:-1]
    argv = None if "process.argv" in start.get("missing", ()) else argv
    expect(first, exe=os.readlink("/proc/1/exe"), comm="systemd", source="snapshot", uid=0)
    assert first.get("argv") == argv, (first, argv)
    children = [event for event in journal.events
                if event["event"] == "exec" and event.get("ppid") == 1 and event["ancestors"]]
    assert children
    for child in children:
        expect(child, parent_exe=first["exe"], parent_exec_id=first["exec_id"])
        assert child.get("parent_argv") == argv, child
        assert child["ancestors"][0]["exe"] == first["exe"], child


def check_nothing_is_lost_or_twice(journal, port):
    """So far: nothing has been done to provoke a loss."""
    stats = journal.wait_stats()
    first = next(i for i, event in enumerate(journal.events) if event["event"] == "start")
    seqs = [event["seq"] for event in journal.events[first:]]
    assert seqs == list(range(1, len(seqs) + 1)), seqs
    assert stats["lost"] == 0 and stats["unaccounted"] == 0, stats
    assert stats["sinks"]["journal"]["lost"] == 0, stats
    assert not [event for event in journal.events if event["event"] == "lost"]


def check_facts_of_root(journal, port):
    pid = start("/bin/true", ["true", "facts-root", "two words", ""])
    assert finish(pid) == 0
    event, = journal.wait("exec by root", has_argument("facts-root"))
    expect(event, pid=pid, tid=pid, ppid=os.getpid(), uid=0, gid=0, euid=0, suid=0, comm="true",
           parent_comm="guest", filename="/bin/true", exe="/usr/bin/true",
           argv=["true", "facts-root", "two words", ""], argc=4, cwd="/",
           cgroup="/system.slice/execsnoopd-guest.service", retval=0)


def check_facts_of_another_user(journal, port):
    pid = start("bin/true", ["true", "facts-nobody"], uid=NOBODY, cwd="/usr")
    assert finish(pid) == 0
    event, = journal.wait("exec by nobody", has_argument("facts-nobody"))
    expect(event, pid=pid, uid=NOBODY, gid=NOBODY, euid=NOBODY, suid=NOBODY, filename="bin/true",
           exe="/usr/bin/true", cwd="/usr")
    assert "caps" not in event, event


def check_facts_of_a_script(journal, port):
    with open("/run/script", "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nexit 0\n")
    os.chmod("/run/script", 0o755)
    pid = start("/run/script", ["ignored", "facts-script"])
    assert finish(pid) == 0
    event, = journal.wait("exec of a script", has_argument("facts-script"))
    expect(event, pid=pid, filename="/run/script", exe="/usr/bin/dash",
           argv=["/bin/sh", "/run/script", "facts-script"])


def check_facts_of_fexecve(journal, port):
    fd = os.open("/bin/true", os.O_RDONLY)
    pid = start(fd, ["true", "facts-fexecve"])
    assert finish(pid) == 0
    event, = journal.wait("fexecve", has_argument("facts-fexecve"))
    expect(event, pid=pid, filename=f"/dev/fd/{fd}", exe="/usr/bin/true")


def check_facts_of_a_unit(journal, port):
    succeed("systemd-run", "--wait", "--quiet", "--unit=facts", "--slice=facts-slice",
            "--property=User=nobody", "/bin/true", "facts-unit")
    event, = journal.wait("exec of a unit", lambda event: event["event"] == "exec"
                          and event["argv"] == ["/bin/true", "facts-unit"])
    expect(event, ppid=1, parent_comm="systemd", uid=NOBODY,
           cgroup="/facts.slice/facts-slice.slice/facts.service", exe="/usr/bin/true")
    for key, value in (("unit", "facts.service"), ("slice", "facts-slice.slice"),
                       ("user", "nobody")):
        if key in event:
            expect(event, **{key: value})


def check_broken_reload_changes_nothing(journal, port):
    before = show(UNIT, "MainPID", "ActiveState", "NRestarts")
    done = reload_with("[Capture]\nExits=perhaps\n")
    assert done.returncode != 0, done.stdout
    port.say("note", "told: " + journal.wait_message(re.escape(DROP_IN) + ":2: "))
    expect(show(UNIT, "MainPID", "ActiveState", "NRestarts"), **before)
    pid = start("/bin/true", ["true", "after-broken-reload"])
    assert finish(pid) == 0
    journal.wait("exec after it", has_argument("after-broken-reload"))


def check_reload_adds_exits_and_failures(journal, port):
    done = reload_with("[Capture]\nExits=yes\nFailedExecs=yes\nFailedExecsIgnore=\n")
    assert done.returncode == 0, done.stdout
    journal.wait_message("Reloaded the configuration")
    assert succeed("systemctl", "is-active", UNIT) == "active\n"


def check_exits(journal, port):
    for script, facts in (("exit 7", {"exit_code": 7}), ("kill -9 $$", {"signal": 9})):
        pid = start("/bin/sh", ["sh", "-c", script, "exits"])
        code = finish(pid)
        assert code in (7, -9), code
        event, = journal.wait(f"exit after {script}", lambda event, pid=pid:
                              event["event"] == "exit" and event["pid"] == pid)
        expect(event, comm="sh", **facts)
        assert event["duration_ns"] > 0


def check_failures(journal, port):
    with open("/run/no-program", "w", encoding="ascii") as file:
        file.write("\0")
    for path, mode, error in (("/run/no-program", 0o644, errno.EACCES),
                              ("/run/no-program", 0o755, errno.ENOEXEC),
                              ("/run/nothing-here", None, errno.ENOENT)):
        if mode is not None:
            os.chmod(path, mode)
        pid = start(path, ["failing", "facts-failing"])
        assert finish(pid) == error
        event, = journal.wait(f"failure of {path}", lambda event, pid=pid:
                              event["event"] == "exec_failed" and event["pid"] == pid)
        expect(event, filename=path, retval=-error, error=errno.errorcode[error], uid=0, cwd="/",
               comm="guest")


def write_cpu(value):
    with open(CPU, "w", encoding="ascii") as file:
        file.write(value)


def check_processor_that_comes_back(journal, port):
    """Its execs are logged or counted; and from the moment that it is followed, all logged."""
    succeed("systemctl", "is-active", UNIT)
    journal.wait_stats()
    n_words, n_events = len(journal.words), len(journal.events)
    write_cpu("0")
    write_cpu("1")
    burst("burst-back")
    journal.wait_message("Following CPU 1", since=n_words)
    logged, lost = journal.wait_accounted("burst-back", N_BURST, since=n_events)
    port.say("note", f"CPU that comes back: {logged} execs logged, {lost} events counted as lost")
    n_events = len(journal.events)
    burst("burst-followed")
    journal.wait("execs on the CPU that came back", has_argument("burst-followed"), N_BURST,
                 since=n_events)


def check_restart_without_a_processor(journal, port):
    """It comes online only after the daemon has started. And what the service manager has kept over
    the restart is found again: what happened meanwhile is counted, and whoever was seen to begin
    has an end."""
    write_drop_in("[Capture]\nExits=yes\n")
    journal.read_all()
    n_words = len(journal.words)
    reading, writing = os.pipe()
    older = start("/bin/cat", ["cat"], stdin=reading)
    os.close(reading)
    write_cpu("0")
    succeed("systemctl", "restart", UNIT)
    os.close(writing)
    assert finish(older) == 0
    write_cpu("1")
    burst("burst-new")
    starts = journal.wait("start", is_a("start"), 2)
    expect(starts[1], seq=1, down="counted")
    first = journal.events.index(starts[1])
    journal.wait_message("Following CPU 1", since=n_words)
    burst("burst-new-followed")
    journal.wait("execs on the CPU that is new", has_argument("burst-new-followed"), N_BURST)
    logged, lost = journal.wait_accounted("burst-new", N_BURST, since=first)
    port.say("note", f"CPU that is new: {logged} execs logged, {lost} events counted as lost")
    ends = [event["pid"] for event in journal.events[first:] if event["event"] == "exit"]
    assert older in ends, (older, ends)


def check_killed(journal, port):
    """The service manager starts it again, and nothing that happened meanwhile goes uncounted."""
    before = journal.count("start")
    succeed("systemctl", "kill", "-s", "KILL", UNIT)
    burst("burst-killed")
    starts = journal.wait("start", is_a("start"), before + 1)
    expect(starts[-1], seq=1, down="counted")
    expect(show(UNIT, "NRestarts"), NRestarts="1")
    first = journal.events.index(starts[-1])
    expect(journal.wait_stats(), unaccounted=0)
    logged, lost = journal.wait_accounted("burst-killed", N_BURST, since=first)
    down = lost_sum(journal.events[first:], "down")
    port.say("note", f"killed: {logged} execs logged, {down} events counted as lost while down, "
             f"{lost - down} until there were rings")
    assert down > 0


def check_ledger(journal, port):
    stats = journal.wait_stats()
    assert stats["unaccounted"] == 0, stats
    for name, program in stats["programs"].items():
        sums = sum(program[key] for key in ("sent", "filtered", "lost_ring_full", "lost_no_ring",
                                            "lost_other"))
        assert program["seen"] == sums, (name, program)
    port.say("note", f"programs {json.dumps(stats['programs'])}")


def check_stop(journal, port):
    before = journal.count("stop")
    succeed("systemctl", "stop", UNIT)
    stops = journal.wait("stop", is_a("stop"), before + 1)
    expect(stops[-1], unaccounted=0)
    unit = show(UNIT, "ActiveState", "Result", "ExecMainStatus", "ExecMainCode")
    expect(unit, ActiveState="inactive", Result="success", ExecMainStatus="0")
    assert journal.events[-1] is stops[-1], journal.events[-1]


def load_modules():
    libc = ctypes.CDLL(None, use_errno=True)
    for path in glob.glob("/modules/*.ko"):
        with open(path, "rb") as file:
            if libc.syscall(SYS_FINIT_MODULE, file.fileno(), b"", 0) != 0:
                raise OSError(ctypes.get_errno(), path)


def check_every_door_and_every_fact(journal, port):
    """The tests against the live kernel, each of which tells its own result."""
    load_modules()
    os.makedirs(TEMPORARY)
    environment = {**os.environ, "EXECSNOOPD": shutil.which("execsnoopd"),
                   "EXECSNOOPD_PROGS": KERNEL_TESTS,
                   "EXECSNOOPD_SLOWNESS": SLOWNESS,
                   "TMPDIR": TEMPORARY}
    with subprocess.Popen([sys.executable, "-B", f"{KERNEL_TESTS}/run_shared.py"], env=environment,
                          stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            port.say(*line.rstrip("\n").split(" ", 1))
    assert process.returncode == 0, process.returncode


def check_lockdown_is_refused(journal, port):
    with open("/sys/kernel/security/lockdown", encoding="ascii") as file:
        assert "[confidentiality]" in file.read()
    journal.wait_message("locked down")
    unit = show(UNIT, "ActiveState", "Result", "ExecMainStatus", "NRestarts")
    expect(unit, ActiveState="failed", Result="exit-code", ExecMainStatus="77", NRestarts="0")
    status = run("systemctl", "status", "--no-pager", UNIT).stdout
    assert "locked down" in status, status
    expect(show("sysinit.target", "ActiveState"), ActiveState="active")


# On each kernel.
AT_WORK = (
    package_checks.check_boot_ends, check_service_is_active,
    package_checks.check_log_can_be_written, check_boot_is_clean,
    check_daemon_has_little_privilege, check_early_boot_is_logged, check_processes_are_told,
    package_checks.check_all_since_the_start_is_logged, check_nothing_is_lost_or_twice,
    package_checks.check_exposure, check_facts_of_root, check_facts_of_another_user,
    check_facts_of_a_script, check_facts_of_fexecve, check_facts_of_a_unit,
    package_checks.check_journal_limits_the_rate_of_others,
    package_checks.check_rate_is_not_limited, check_broken_reload_changes_nothing,
    check_reload_adds_exits_and_failures, check_exits, check_failures,
    check_processor_that_comes_back, check_ledger, check_restart_without_a_processor,
    package_checks.check_reload_adds_a_file, package_checks.check_program_at_home_has_its_hash,
    package_checks.check_old_files_are_compressed)
# The longest checks, on the newest.
WORLD = (world_checks.check_clock_that_is_set, world_checks.check_tracefs_that_goes,
         world_checks.check_machine_that_sleeps)
RESTARTS = (
    package_checks.check_restart_is_counted, package_checks.check_upgrade_in_place,
    check_killed, package_checks.check_status, package_checks.check_metrics, check_ledger,
    check_stop, check_every_door_and_every_fact, package_checks.check_kernel_without_btf)
# On the others.
END = (package_checks.check_purge_leaves_nothing,
       package_checks.check_installed_on_a_machine_that_runs,
       package_checks.check_lockdown_after_the_boot)

# Of journald and dpkg: the same with whatever kernel.
OF_A_RELEASE = (package_checks.check_journal_limits_the_rate_of_others,
                package_checks.check_rate_is_not_limited,
                package_checks.check_installed_on_a_machine_that_runs)

SCENARIOS = {
    "world": AT_WORK + WORLD + RESTARTS,
    "release": AT_WORK + RESTARTS + END,
    "kernel": tuple(check for check in AT_WORK + RESTARTS + END if check not in OF_A_RELEASE),
    "lockdown": (check_lockdown_is_refused,),
}


def tell_what_the_unit_said(port):
    output = run("journalctl", "-b", "-u", UNIT, "-o", "short-monotonic",
                 "--no-hostname", "--no-pager")
    for line in [line for line in output.stdout.splitlines() if "]: {" not in line][-30:]:
        port.say("note", line)


def name_of(check):
    return check.__name__.removeprefix("check_")


def chosen():
    """The checks of the scenario, or those of them that are named, as often as they are."""
    with open("/proc/cmdline", encoding="ascii") as file:
        options = dict(re.findall(r"execsnoopd\.(\w+)=(\S+)", file.read()))
    checks = SCENARIOS[options["scenario"]]
    if "only" not in options:
        return checks
    return [check for name in options["only"].split(",") for check in checks
            if name_of(check) == name]


def main():
    # Our own name, in the eyes of the kernel, for parent_comm.
    with open("/proc/self/comm", "w", encoding="ascii") as file:
        file.write("guest")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    port = Port()
    journal = Journal()
    for check in chosen():
        name = name_of(check)
        begin = time.monotonic()
        try:
            check(journal, port)
            port.say("ok", f"{name} ({time.monotonic() - begin:.1f} s)")
        except Exception as error:  # pylint: disable=broad-exception-caught
            where = traceback.extract_tb(error.__traceback__)[1:]
            lines = ",".join(str(frame.lineno) for frame in where)
            reason = f"{type(error).__name__} {error}".replace("\n", " | ")
            port.say("not", f"ok {name}: line {lines}: {reason}")
            tell_what_the_unit_said(port)
            if run("systemctl", "is-active", UNIT).returncode != 0:
                break  # the next checks would only wait in vain
    journal.process.terminate()
    port.say_packed("journal", "".join(journal.lines))
    port.say("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
