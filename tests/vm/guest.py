#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The check inside a VM: how the service behaves from boot to stop, under a real systemd, and then
by tests/kernel what this kernel tells of every door and every fact.

Started by a unit at the end of the boot; the scenario is on the kernel's command line. Talks to the
host by the second serial port: "ok NAME", "not ok NAME: reason", "note TEXT", "line JSON" for each
event seen in the journal, "stream BASE64" for those of the tests of tests/kernel, and "done" at the
end.
"""
import ctypes
import errno
import glob
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
import traceback
import tty

UNIT = "execsnoopd.service"
PORT = "/dev/ttyS1"
TIMEOUT_SECONDS = 60  # for what takes a second on an idle machine
DROP_IN = "/etc/execsnoopd.conf.d/test.conf"
CPU = "/sys/devices/system/cpu/cpu1/online"
NOBODY = 65534
KERNEL_TESTS = "/tests/kernel"
SLOWNESS = "5"  # how many times less a test does, and how much longer it may take
SYS_FINIT_MODULE = 313
ON_CPU_1, N_BURST = {1}, 100
CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 1 << 2, 1 << 21, 1 << 38, 1 << 39
IN_UNIT = CAP_DAC_READ_SEARCH | CAP_SYS_ADMIN | CAP_PERFMON | CAP_BPF
# After set-up: one of two is given away, and none is at work but CAP_BPF where the kernel wants it.
ALLOWED_CAPABILITIES = {"Eff": CAP_BPF, "Prm": IN_UNIT, "Inh": 0, "Amb": 0, "Bnd": IN_UNIT}


class Port:
    def __init__(self):
        self.file = open(PORT, "wb", buffering=0)
        tty.setraw(self.file, termios.TCSANOW)

    def say(self, word, text=""):
        data = f"{word} {text}\n".encode("utf-8", "backslashreplace")
        while data:
            data = data[self.file.write(data):]


class Journal:
    """Follows the unit in the journal from the beginning of the boot on."""

    def __init__(self, port):
        self.port = port
        self.entries = []
        self.events = []
        command = ["journalctl", "-b", "-u", UNIT, "-o", "json", "-f", "-n", "all", "--no-pager"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.rest = b""

    def read_some(self, deadline):
        ready = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
        if not ready[0]:
            return False
        *lines, self.rest = (self.rest + os.read(self.process.stdout.fileno(), 1 << 20)) \
            .split(b"\n")
        for line in lines:
            self.take(json.loads(line))
        return True

    def take(self, entry):
        self.entries.append(entry)
        if "EXECSNOOP_EVENT" not in entry:
            return
        text = entry["MESSAGE"]
        assert isinstance(text, str), f"MESSAGE is shown as {text!r:.80}"
        event = json.loads(text)
        assert event["event"] == entry["EXECSNOOP_EVENT"], text
        self.events.append(event)
        self.port.say("line", text)

    def wait(self, what, matches, count=1):
        """`count` events for which `matches(event)`, whether they have come or are to come."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        seen, found = 0, []
        while True:
            found += [event for event in self.events[seen:] if matches(event)]
            seen = len(self.events)
            if len(found) >= count:
                return found
            assert self.read_some(deadline), f"{len(found)} of {count} in the journal: {what}"

    def wait_message(self, pattern):
        """The first of the daemon's own words, or systemd's, that match."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        seen = 0
        while True:
            for entry in self.entries[seen:]:
                if "EXECSNOOP_EVENT" not in entry and re.search(pattern, str(entry["MESSAGE"])):
                    return entry
            seen = len(self.entries)
            assert self.read_some(deadline), f"no message like {pattern!r}"

    def wait_stats(self):
        """A `stats` event that was asked for now: what happened before is before it."""
        before = len([event for event in self.events if event["event"] == "stats"])
        run("systemctl", "kill", "-s", "USR2", UNIT)
        return self.wait("stats", lambda event: event["event"] == "stats", before + 1)[-1]


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


def succeed(*command):
    done = run(*command)
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}: {done.stdout}"
    return done.stdout


def show(unit, *properties):
    """Properties of a unit, as strings."""
    output = succeed("systemctl", "show", unit, *(f"-p{name}" for name in properties))
    return dict(line.split("=", 1) for line in output.splitlines())


def active_since(unit):
    """Microseconds since 1970."""
    path = succeed("busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                   "org.freedesktop.systemd1.Manager", "GetUnit", "s", unit).split('"')[1]
    value = succeed("busctl", "get-property", "org.freedesktop.systemd1", path,
                    "org.freedesktop.systemd1.Unit", "ActiveEnterTimestamp")
    return int(value.split()[1])


def usec_of(event):
    """Microseconds since 1970 of an event's time."""
    date, fraction = event["time"].rstrip("Z").split(".")
    seconds = int(time.mktime(time.strptime(date, "%Y-%m-%dT%H:%M:%S")))
    return (seconds - time.timezone) * 10**6 + int(fraction[:6])


def start(path, argv, **changes):
    """Runs a program without a shell or a helper in between; returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.chdir(changes.get("cwd", "/"))
        os.setresgid(*[changes.get("uid", 0)] * 3)
        os.setresuid(*[changes.get("uid", 0)] * 3)
        if "stdin" in changes:
            os.dup2(changes["stdin"], 0)
        os.execve(path, argv, os.environ)
    except OSError as error:
        os._exit(error.errno)
    finally:
        os._exit(255)


def finish(pid):
    """The exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def has_argument(mark, kind="exec"):
    return lambda event: event["event"] == kind and mark in event.get("argv", ())


def expect(event, **facts):
    wrong = {key: (event.get(key), value) for key, value in facts.items()
             if event.get(key) != value}
    assert not wrong, f"is and should be: {wrong} in {event}"


# The checks, in the order in which they run.

def check_service_is_active(journal, port):
    unit = show(UNIT, "ActiveState", "SubState", "UnitFileState", "NRestarts", "StatusText",
                "WatchdogUSec", "ActiveEnterTimestampMonotonic")
    port.say("note", f"unit {unit}")
    assert (unit["ActiveState"], unit["SubState"]) == ("active", "running"), unit
    assert unit["UnitFileState"] == "enabled", unit
    assert unit["NRestarts"] == "0", unit
    assert unit["WatchdogUSec"] not in ("0", "infinity"), unit
    assert re.match(r"\d+ events seen", unit["StatusText"]), unit
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
    # How many more there are depends on how fast the kernel verifies our programs.
    assert [event for event in early if "early-boot" in event["argv"]], f"none of {len(execs)}"


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


def write_drop_in(text):
    os.makedirs(os.path.dirname(DROP_IN), exist_ok=True)
    with open(DROP_IN, "w", encoding="ascii") as file:
        file.write(text)


def reload_with(text):
    write_drop_in(text)
    return run("systemctl", "reload", UNIT)


def check_broken_reload_changes_nothing(journal, port):
    done = reload_with("[Capture]\nExits=perhaps\n")
    assert done.returncode != 0, done.stdout
    journal.wait_message(re.escape(DROP_IN) + ":2: ")
    assert succeed("systemctl", "is-active", UNIT) == "active\n"
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


def burst(mark):
    """Execs on CPU 1, of a program that costs as little as can be."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, ON_CPU_1)
    for _ in range(N_BURST):
        assert finish(os.posix_spawn(f"{KERNEL_TESTS}/target", ["target", mark], {})) == 0
    os.sched_setaffinity(0, everywhere)


def lost_sum(journal):
    return sum(event["count"] for event in journal.events if event["event"] == "lost")


def check_processor_that_comes_back(journal, port):
    """Its execs are logged or counted; and from the moment that it is followed, all logged."""
    succeed("systemctl", "is-active", UNIT)
    lost = lost_sum(journal)
    write_cpu("0")
    write_cpu("1")
    burst("burst-back")
    journal.wait_message("Following CPU 1")
    journal.wait_stats()
    logged = len([event for event in journal.events if has_argument("burst-back")(event)])
    lost = lost_sum(journal) - lost
    port.say("note", f"CPU that comes back: {logged} execs logged, {lost} events counted as lost")
    assert logged <= N_BURST <= logged + lost, (logged, lost)
    burst("burst-followed")
    journal.wait("execs on the CPU that came back", has_argument("burst-followed"), N_BURST)


def check_restart_without_a_processor(journal, port):
    """It comes online only after the daemon has started. And what the service manager has kept over
    the restart is found again: what happened meanwhile is counted, and whoever was seen to begin
    has an end."""
    write_drop_in("[Capture]\nExits=yes\n")
    reading, writing = os.pipe()
    older = start("/bin/cat", ["cat"], stdin=reading)
    os.close(reading)
    write_cpu("0")
    succeed("systemctl", "restart", UNIT)
    os.close(writing)
    assert finish(older) == 0
    write_cpu("1")
    burst("burst-new")
    starts = journal.wait("start", lambda event: event["event"] == "start", 2)
    expect(starts[1], seq=1, down="counted")
    first = journal.events.index(starts[1])
    journal.wait("Following", lambda event: event["event"] == "lost"
                 and journal.events.index(event) > first)
    burst("burst-new-followed")
    journal.wait("execs on the CPU that is new", has_argument("burst-new-followed"), N_BURST)
    journal.wait_stats()
    logged = len([event for event in journal.events if has_argument("burst-new")(event)])
    lost = sum(event["count"] for event in journal.events[first:] if event["event"] == "lost")
    port.say("note", f"CPU that is new: {logged} execs logged, {lost} events counted as lost")
    assert logged <= N_BURST <= logged + lost, (logged, lost)
    ends = [event["pid"] for event in journal.events[first:] if event["event"] == "exit"]
    assert older in ends, (older, ends)


def check_killed(journal, port):
    """The service manager starts it again, and nothing that happened meanwhile goes uncounted."""
    succeed("systemctl", "kill", "-s", "KILL", UNIT)
    burst("burst-killed")
    starts = journal.wait("start", lambda event: event["event"] == "start", 3)
    expect(starts[2], seq=1, down="counted")
    stats = journal.wait_stats()
    expect(stats, unaccounted=0)
    logged = len([event for event in journal.events if has_argument("burst-killed")(event)])
    down = sum(event["count"] for event in journal.events
               if event["event"] == "lost" and event["where"] == "down")
    port.say("note", f"killed: {logged} execs logged, {down} events counted as lost, while down")
    assert logged <= N_BURST <= logged + down, (logged, down)


def check_ledger(journal, port):
    stats = journal.wait_stats()
    assert stats["unaccounted"] == 0, stats
    for name, program in stats["programs"].items():
        sums = sum(program[key] for key in ("sent", "filtered", "lost_ring_full", "lost_no_ring",
                                            "lost_other"))
        assert program["seen"] == sums, (name, program)
    port.say("note", f"programs {json.dumps(stats['programs'])}")


def check_stop(journal, port):
    succeed("systemctl", "stop", UNIT)
    stops = journal.wait("stop", lambda event: event["event"] == "stop", 2)
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
    environment = {**os.environ, "EXECSNOOPD": shutil.which("execsnoopd"),
                   "EXECSNOOPD_PROGS": KERNEL_TESTS,
                   "EXECSNOOPD_SLOWNESS": SLOWNESS}
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


SCENARIOS = {
    "service": (
        check_service_is_active, check_boot_is_clean, check_daemon_has_little_privilege,
        check_early_boot_is_logged, check_nothing_is_lost_or_twice, check_facts_of_root,
        check_facts_of_another_user, check_facts_of_a_script, check_facts_of_fexecve,
        check_facts_of_a_unit, check_broken_reload_changes_nothing,
        check_reload_adds_exits_and_failures, check_exits, check_failures,
        check_processor_that_comes_back, check_ledger,
        check_restart_without_a_processor, check_killed, check_ledger,
        check_stop, check_every_door_and_every_fact),
    "lockdown": (check_lockdown_is_refused,),
}


def tell_what_the_unit_said(port):
    output = run("journalctl", "-b", "-u", UNIT, "-o", "short-monotonic",
                 "--no-hostname", "--no-pager")
    for line in [line for line in output.stdout.splitlines() if "]: {" not in line][-30:]:
        port.say("note", line)


def scenario():
    with open("/proc/cmdline", encoding="ascii") as file:
        return re.search(r"execsnoopd\.scenario=(\w+)", file.read()).group(1)


def main():
    # Our own name, in the eyes of the kernel, for parent_comm.
    with open("/proc/self/comm", "w", encoding="ascii") as file:
        file.write("guest")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    port = Port()
    journal = Journal(port)
    for check in SCENARIOS[scenario()]:
        name = check.__name__.removeprefix("check_")
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
    port.say("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
