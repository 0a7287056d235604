#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""lifecycle.py FOLDER: the life of the package, as root on a Debian that runs systemd.

Installed, the service is there and off. Enabled it runs, in its sandbox and with little privilege,
also as the image after an upgrade in place or after a crash; it logs a storm that journald would
cut short if it limited our rate. An upgrade misses nothing; it restarts the service only where it
has to and says why; stopped and disabled, it is left alone. Removed, it has stopped, and
configuration and logs stay. Purged, nothing is left but the locked user. FOLDER has the package as
old.deb, and as later versions new.deb, unit.deb (with another unit file) and broken.deb (whose
program cannot run).
Prints what it has done; exits with 0 if all is well.
"""
import hashlib
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time

from execs import Execs

SERVICE = "execsnoopd.service"
LOGS = "/var/log/execsnoopd"
LOG = LOGS + "/exec.jsonl"
PROGRAM = "/usr/sbin/execsnoopd"
TARGET = "/package/target"
DROP_IN = "/etc/execsnoopd.conf.d/50-local.conf"
# By default journald takes no more than 10,000 lines of a unit in 30 s, or up to four times as many
# if there is much room for them. Each storm is what the daemon holds while journald gets no CPU.
N_STORMS, STORM = 20, 3000

WAIT_SECONDS = 100
EXPOSURE_MAX = 1.5
# CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN, CAP_PERFMON; CAP_BPF
CAP_BPF = 1 << 39
ALLOWED = 1 << 2 | 1 << 21 | 1 << 38 | CAP_BPF

# These change by themselves: other file systems, and the books of dpkg, systemd and this test.
NOT_COMPARED = ("/proc", "/sys", "/dev", "/run", "/tmp", "/package", "/var/log/journal",
                "/var/log/dpkg.log", "/var/lib/dpkg", "/var/lib/systemd/catalog/database",
                "/etc/.pwd.lock", "/var/tmp", "/root/.cache")
ACCOUNTS = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")


def describe(path):
    """All that a package could change: type, permissions, owner, content."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    elif path in ACCOUNTS:
        with open(path, encoding="utf-8") as file:
            content = [line for line in file if not line.startswith("execsnoopd:")]
    elif stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
    else:
        content = None
    return stat.filemode(status.st_mode), status.st_uid, status.st_gid, content


def snapshot():
    found = {}
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders
                      if os.path.join(folder, name) not in NOT_COMPARED]
        for name in folders + files:
            path = os.path.join(folder, name)
            if path in NOT_COMPARED or path.removesuffix("-") in ACCOUNTS and path[-1] == "-":
                continue
            found[path] = describe(path)
    return found


def run(*command):
    print("+", *command, flush=True)
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL,
                   env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))


def said(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False).stdout.strip()


def state():
    return said("systemctl", "is-enabled", SERVICE), said("systemctl", "is-active", SERVICE)


def main_pid():
    return int(said("systemctl", "show", "--property=MainPID", "--value", SERVICE))


def is_running():
    return state() == ("enabled", "active")


def running_pid():
    assert is_running(), said("systemctl", "status", SERVICE)
    return main_pid()


def catalog():
    return said("journalctl", "--list-catalog").count("execsnoopd")


def check_installed(package):
    run("dpkg", "--install", package)
    assert state() == ("disabled", "inactive"), state()
    user = pwd.getpwnam("execsnoopd")
    assert user.pw_shell.endswith("nologin") and 0 < user.pw_uid < 1000, user
    logs = os.stat(LOGS)
    assert (stat.filemode(logs.st_mode), logs.st_uid) == ("drwxr-x---", user.pw_uid), logs
    assert catalog() > 5, "the catalog does not know our messages"
    assert said("dpkg-query", "--show", "--showformat=${Conffiles}", "execsnoopd").startswith(
        "/etc/execsnoopd.conf ")
    assert os.path.isdir("/etc/execsnoopd.conf.d")
    run("dpkg", "--verify", "execsnoopd")
    run("execsnoopd", "--test-config")


def starts():
    with open(LOG, encoding="utf-8") as file:
        whole = file.read().rpartition("\n")[0]
    events = [json.loads(line) for line in whole.split("\n") if line]
    return [event["down"] for event in events if event["event"] == "start"]


def wait_until(condition, what):
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def check_capabilities():
    """Three in reserve, none inherited, and none at work: CAP_BPF if the kernel is an old one."""
    with open(f"/proc/{main_pid()}/status", encoding="ascii") as file:
        found = {line.split()[0]: line.split()[1:] for line in file}
    sets = {name: int(found[f"Cap{name}:"][0], 16) for name in ("Eff", "Prm", "Inh", "Amb")}
    assert bin(sets["Prm"]).count("1") == 3 and sets["Prm"] & ~ALLOWED == 0, sets
    assert sets["Eff"] & ~CAP_BPF == 0 and not sets["Inh"] and not sets["Amb"], sets
    assert "0" not in found["Uid:"] and found["Seccomp:"] == ["2"], found


def configure(settings):
    with open(DROP_IN, "w", encoding="utf-8") as file:
        file.write(f"[File]\nEnabled=yes\n{settings}")


def an_exit_is_logged():
    """Only of a process whose exec was seen as well: one of now, nobody else may start any."""
    said("true")
    with open(LOG, encoding="utf-8") as file:
        return '"event":"exit"' in file.read()


def check_sandbox():
    """All that asks for privilege later works within the unit's limits."""
    check_capabilities()
    before = main_pid()
    configure("[Capture]\nExits=yes\nFailedExecs=yes\nAttempts=yes\nRingSize=2M\n")
    run("systemctl", "reload", SERVICE)
    wait_until(an_exit_is_logged, "no exit is logged")
    check_capabilities()

    shutil.copy(PROGRAM, PROGRAM + ".new")
    os.rename(PROGRAM + ".new", PROGRAM)
    configure("")
    run("systemctl", "reload", SERVICE)
    wait_until(lambda: starts() == ["unknown", "counted"] and is_running(),
               "it does not go on as the new program")
    assert running_pid() == before
    check_capabilities()

    os.kill(before, signal.SIGKILL)
    wait_until(lambda: len(starts()) == 3 and is_running(), "it is not started again")
    assert running_pid() != before and starts()[-1] == "counted", starts()
    check_capabilities()
    level = said("systemd-analyze", "security", "--no-pager", SERVICE).splitlines()[-1]
    print(level)
    assert float(level.split()[-3]) <= EXPOSURE_MAX, level


def stats_came(now):
    command = ("timeout", "5", "journalctl", "--boot", "--output=cat", "--follow", "--lines=all",
               "EXECSNOOP_EVENT=stats")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as journal:
        for line in journal.stdout:
            if json.loads(line)["time"] > now:
                journal.terminate()
                return True
    return False


def wait_for_stats():
    """All that has happened until now is in the journal when this returns, or counted as lost: the
    first stats event, too, may be lost, if the machine is busy with other programs' storms."""
    now = time.time_ns()
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9)) + f".{now % 10**9:09}Z"
    for _ in range(10):
        run("systemctl", "kill", "--signal=USR2", SERVICE)
        if stats_came(now):
            return
    raise AssertionError("the stats event is not in the journal")


def check_rate_is_not_limited():
    """Each exec of many storms is in the journal once, or counted as lost."""
    begin, before = time.monotonic(), main_pid()
    for _ in range(N_STORMS):
        run("/package/storm", str(STORM), "storm", TARGET)
        wait_for_stats()
    assert main_pid() == before, said("systemctl", "status", SERVICE)
    seconds = time.monotonic() - begin
    logged, lost, bare = [], 0, 0
    for line in said("journalctl", "--boot", "--output=cat", "--unit", SERVICE).splitlines():
        event = json.loads(line) if line.startswith('{"event":') else {"event": None}
        if event["event"] == "lost":
            lost += event["count"]
        elif event["event"] == "exec" and "argv" not in event:
            bare += 1           # the ring had no room for more of it
        elif event["event"] == "exec" and event["argv"][:2] == [TARGET, "storm"]:
            logged.append((event["process_id"], event["argv"][2]))
    print(f"{N_STORMS * STORM} execs in {seconds:.1f} s: {len(logged)} logged, {bare} bare, "
          f"{lost} lost")
    assert len(set(logged)) == len(logged), "some are there twice"
    assert len(logged) <= N_STORMS * STORM <= len(logged) + bare + lost
    assert len(logged) > 40000, "that is no more than the limit"


def logged_execs():
    return (json.loads(line) for line in
            said("journalctl", "--boot", "--output=cat", "--unit", SERVICE,
                 "EXECSNOOP_EVENT=exec").splitlines())


def install(package, succeeds=True):
    """What the package manager says."""
    print("+ dpkg --install", package, flush=True)
    done = subprocess.run(("dpkg", "--install", package), check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
    print(done.stdout, flush=True)
    assert (done.returncode == 0) == succeeds, done.returncode
    return done.stdout


def runs_new_program():
    return os.path.samefile(f"/proc/{main_pid()}/exe", PROGRAM)


def check_upgrade_misses_nothing(package):
    before = running_pid()
    with Execs(TARGET, "upgraded") as execs:
        said_by_it = install(package)
    assert "goes on as the new program" in said_by_it and "restarting" not in said_by_it
    assert running_pid() == before and runs_new_program()
    assert execs.count > 0
    wait_until(lambda: execs.logged(logged_execs()) == execs.count,
               f"not all of {execs.count} are logged")
    assert starts()[-1] == "counted", starts()


def check_invalid_settings(package):
    """The new version does not take them, and neither would it after a restart."""
    before = running_pid()
    configure("MaxSize=much\n")
    said_by_it = install(package)
    assert "the old program goes on" in said_by_it and f"{DROP_IN}:3" in said_by_it, said_by_it
    assert running_pid() == before and not runs_new_program()
    configure("")
    run("systemctl", "reload", SERVICE)
    wait_until(lambda: is_running() and runs_new_program(), "it does not go on as the new program")
    assert running_pid() == before


def check_other_unit_file(package, old):
    before = running_pid()
    said_by_it = install(package)
    assert "restarting it, because its unit file has settings" in said_by_it, said_by_it
    assert running_pid() != before and os.getpriority(os.PRIO_PROCESS, main_pid()) == -9
    before = running_pid()
    assert "restarting it, because its unit file" in install(old)
    assert running_pid() != before and os.getpriority(os.PRIO_PROCESS, main_pid()) == -10


def check_broken_program(package, old):
    said_by_it = install(package, succeeds=False)
    assert "restarting it, because the new program did not take over" in said_by_it, said_by_it
    assert "execsnoopd.service:" not in install(old), "there was nothing to be done any more"
    wait_until(lambda: is_running() and runs_new_program(), "it is not started again")


def check_upgrades(folder):
    old, new = f"{folder}/old.deb", f"{folder}/new.deb"
    install(new)
    assert state() == ("disabled", "inactive"), state()

    configure("")
    run("systemctl", "enable", "--now", SERVICE)
    check_sandbox()
    check_rate_is_not_limited()
    check_upgrade_misses_nothing(new)
    check_invalid_settings(new)
    check_other_unit_file(f"{folder}/unit.deb", old)
    check_broken_program(f"{folder}/broken.deb", old)
    assert os.path.exists(DROP_IN)

    # Disabled, and started by hand: an upgrade takes that along, and does not enable it.
    run("systemctl", "disable", SERVICE)
    before = main_pid()
    install(new)
    assert state() == ("disabled", "active") and runs_new_program(), state()
    assert main_pid() == before


def check_removed():
    run("systemctl", "enable", SERVICE)
    run("dpkg", "--remove", "execsnoopd")
    assert said("systemctl", "is-active", SERVICE) == "inactive"
    assert not os.path.exists(PROGRAM)
    assert os.path.exists("/etc/execsnoopd.conf") and os.path.exists(DROP_IN)
    with open(LOG, encoding="utf-8") as file:
        assert '"event":"stop"' in file.readlines()[-1], "it was not stopped in good order"
    assert catalog() == 0


def check_purged(before):
    run("dpkg", "--purge", "execsnoopd")
    assert not [name for name in os.listdir("/var/lib/dpkg/info") if name.startswith("execsnoopd")]
    after = snapshot()
    differences = [(path, before.get(path), after.get(path)) for path in sorted(before | after)
                   if before.get(path) != after.get(path)]
    assert not differences, differences
    assert "!" in said("getent", "shadow", "execsnoopd").split(":")[1], "the user is not locked"


def main():
    folder = sys.argv[1]
    before = snapshot()
    check_installed(f"{folder}/old.deb")
    check_upgrades(folder)
    check_removed()
    check_purged(before)
    print(f"all is well; {len(before)} files compared")


main()
