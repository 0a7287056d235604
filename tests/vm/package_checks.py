# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The checks inside a VM that has the Debian package, installed and enabled before it was booted:
what its administrator does with it, and what the journal of that Debian makes of it."""
import ctypes
import hashlib
import json
import os
import re
import shutil
import struct
import time

from execs import Execs
from inside import (DROP_IN, KERNEL_TESTS, NOBODY, UNIT, expect, finish, has_argument, is_a,
                    lost_sum, reload_and_wait, reload_with, run, show, start, succeed)

PACKAGE = "/package.deb"
TARGET = f"{KERNEL_TESTS}/target"
PROGRAM = "/usr/sbin/execsnoopd"
LOG = "/var/log/execsnoopd/exec.jsonl"
EXPOSURE_MAX = 1.5
# In here more take minutes. Twice what the journald of this VM takes from others in 30 seconds:
# RateLimitBurst=100, times 3 for the free space. tests/package goes beyond the default, natively.
N_STORM = 700
N_CHATTER = 700
N_FILES = 300       # several files of 64K
COMPRESS_SECONDS = 900  # of lowest priority, beside other VMs
ZSTD_MAGIC = bytes.fromhex("28b52ffd")
FORK_TO_EXEC_USEC = 10**5  # at most, between what the service manager takes for the start and it
HOME = "/home/somebody"
UNIT_DROP_IN = "/run/systemd/system/execsnoopd.service.d/no-btf.conf"
# The VM's own.
NOT_OURS = ("execsnoopd-guest.service", "execsnoopd-early.service", "execsnoopd.service.d")
NOT_SEARCHED = ("/proc", "/sys", "/run", "/dev", "/tests")

SYS_BPF = 321
BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD = 11, 13, 15
BPF_PROG_INFO_SIZE, BPF_PROG_NAME, BPF_OBJ_NAME_LEN = 80, 64, 16


def check_boot_ends(journal, port):
    """How much of it is ours is for the reader to judge: to verify our programs takes the kernel
    0.2 s, but 50 times as long under emulation."""
    port.say("note", "system is " + run("systemctl", "is-system-running", "--wait").stdout)
    port.say("note", " ".join(succeed("systemd-analyze", "time").split()))
    blame = succeed("systemd-analyze", "blame", "--no-pager").splitlines()
    ours = [line for line in blame if UNIT in line]
    port.say("note", f"blame: {'; '.join(line.strip() for line in blame[:4] + ours)}")
    for line in succeed("systemd-analyze", "critical-chain", "--no-pager").splitlines()[3:]:
        port.say("note", line)


def services():
    """Name, PID and start of the main process, in microseconds after boot, of all that had one."""
    shown = succeed("systemctl", "show", "--all", "-pId", "-pExecMainPID",
                    "-pExecMainStartTimestampMonotonic", "*.service")
    for block in shown.split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines())
        if int(unit.get("ExecMainPID", 0)) > 0:
            yield (unit["Id"], int(unit["ExecMainPID"]),
                   int(unit["ExecMainStartTimestampMonotonic"]))


def check_all_since_the_start_is_logged(journal, port):
    """The programs of all units that the service manager started later than us."""
    began_usec = journal.wait("start", is_a("start"))[0]["boot_age_ns"] // 1000
    journal.wait_stats()
    seen = {event["pid"] for event in journal.events if event["event"] == "exec"}
    found = list(services())
    later = [(name, pid) for name, pid, usec in found if usec > began_usec + FORK_TO_EXEC_USEC]
    port.say("note", "began before the daemon: " + " ".join(name for name, _, usec in found
                                                   if usec <= began_usec and name != UNIT))
    port.say("note", f"began after us: {' '.join(name for name, _ in later)}")
    missing = [name for name, pid in later if pid not in seen]
    assert later and not missing, missing


def check_exposure(journal, port):
    shown = succeed("systemd-analyze", "security", "--no-pager", UNIT)
    level = float(re.search(rf"Overall exposure level for {UNIT}: ([0-9.]+)", shown)[1])
    port.say("note", f"exposure {level}")
    assert level <= EXPOSURE_MAX, shown


def check_journal_limits_the_rate_of_others(journal, port):
    """Else the next check would prove nothing."""
    succeed("systemd-run", "--wait", "--quiet", "--unit=chatter", "seq", str(N_CHATTER))
    succeed("journalctl", "--sync")
    stored = succeed("journalctl", "-b", "-o", "cat", "_SYSTEMD_UNIT=chatter.service").splitlines()
    port.say("note", f"of {N_CHATTER} lines of another unit {len(stored)} were stored")
    assert 0 < len(stored) < N_CHATTER, len(stored)


def check_rate_is_not_limited(journal, port):
    journal.wait_stats()
    n_events, begin = len(journal.events), time.monotonic()
    succeed(f"{KERNEL_TESTS}/storm", str(N_STORM), "storm", TARGET)
    seconds = time.monotonic() - begin
    _, lost = journal.wait_accounted("storm", N_STORM + 1, since=n_events)  # and itself
    port.say("note", f"{N_STORM} execs in {seconds:.1f} s, all in the journal after "
             f"{time.monotonic() - begin:.1f} s")
    logged = [event["argv"][2] for event in journal.events if has_argument("storm")(event)
              and event["argv"][0] == TARGET]
    assert len(set(logged)) == len(logged), "some are there twice"
    expect(journal.wait_stats(), unaccounted=0)
    if lost:
        port.say("note", f"{len(logged)} of them were logged, {lost} events counted as lost")
    suppressed = succeed("journalctl", "-b", "-o", "cat", "--no-pager", "_TRANSPORT=driver")
    assert UNIT not in suppressed, suppressed


def check_log_can_be_written(journal, port):
    """In the daemon's own view of the file systems: / was read-only when the boot began."""
    succeed("nsenter", "--mount", "--target", show(UNIT, "MainPID")["MainPID"],
            "test", "-w", os.path.dirname(LOG))


def check_reload_adds_a_file(journal, port):
    """Where the package has made a folder for it."""
    before = show(UNIT, "MainPID", "NRestarts")
    done = reload_with("[File]\nEnabled=yes\n")
    assert done.returncode == 0, done.stdout
    journal.wait_message("Reloaded the configuration")
    expect(show(UNIT, "MainPID", "NRestarts"), **before)
    journal.wait_stats()
    with open(LOG, encoding="utf-8") as file:
        assert '"event":"start"' in file.readline(), "the file does not begin with a start event"


def check_program_at_home_has_its_hash(journal, port):
    """One that is its owner's alone, read from within the sandbox of the unit."""
    done = reload_with("[File]\nEnabled=yes\n[Capture]\nExeHash=sha256\n")
    assert done.returncode == 0, done.stdout
    path = os.path.join(HOME, "program")
    os.makedirs(HOME, exist_ok=True)
    shutil.copy(TARGET, path)
    os.chmod(path, 0o700)
    for name in (path, HOME):
        os.chown(name, NOBODY, NOBODY)
    os.chmod(HOME, 0o700)
    finish(start(path, ["at-home"]))
    event, = journal.wait("hash", lambda e: e["event"] == "file" and e.get("exe") == path)
    with open(path, "rb") as file:
        expect(event, sha256=hashlib.sha256(file.read()).hexdigest())
    finish(start(path, ["at-home-again"]))
    event, = journal.wait("exec that has it", has_argument("at-home-again"))
    assert "sha256" in event["exe_file"], event
    port.say("note", f"files {json.dumps(journal.wait_stats()['files'])}")


def check_old_files_are_compressed(journal, port):
    """In the sandbox of the unit, by its user, with its folder."""
    done = reload_with("[File]\nEnabled=yes\nMaxSize=64K\nCompress=zstd\n")
    assert done.returncode == 0, done.stdout
    n_events = len(journal.events)
    succeed(f"{KERNEL_TESTS}/storm", str(N_FILES), "files", TARGET)
    journal.wait_accounted("files", N_FILES + 1, since=n_events)
    packed = f"{LOG}.2.zst"
    end = time.monotonic() + COMPRESS_SECONDS
    while not os.path.exists(packed) or os.path.exists(f"{LOG}.2"):
        assert time.monotonic() < end, os.listdir(os.path.dirname(LOG))
        time.sleep(0.1)
    with open(packed, "rb") as file:
        assert file.read(4) == ZSTD_MAGIC
    old, new = ((st.st_uid, st.st_gid, st.st_mode) for st in map(os.stat, (packed, LOG)))
    assert old == new, (old, new)
    port.say("note", f"of 64K {os.path.getsize(packed)} bytes are left")
    reload_and_wait(journal, "[File]\nEnabled=yes\n")


def check_restart_is_counted(journal, port):
    before, n_events = journal.count("start"), len(journal.events)
    with Execs(TARGET, "restarted") as execs:
        succeed("systemctl", "restart", UNIT)
    started = journal.wait("start", is_a("start"), before + 1)[-1]
    expect(started, seq=1, down="counted")
    first = journal.events.index(started)
    logged, lost = journal.wait_accounted(execs.mark, execs.count, since=n_events)
    expect(journal.wait_stats(), unaccounted=0)
    down = lost_sum(journal.events[first:], "down")
    port.say("note", f"restart: of {execs.count} execs {logged} were logged, {down} events counted "
             f"as lost while down, {lost - down} until there were rings")
    # The least that happens meanwhile: the service manager executes the daemon.
    assert down > 0


def check_upgrade_in_place(journal, port):
    """A new file, as a package manager puts it there, and a reload: nothing is missed, and later
    the rings can be changed as before."""
    before, pid = journal.count("start"), show(UNIT, "MainPID", "NRestarts")
    with Execs(TARGET, "upgraded") as execs:
        shutil.copy2(PROGRAM, PROGRAM + ".dpkg-new")
        os.rename(PROGRAM + ".dpkg-new", PROGRAM)
        succeed("systemctl", "reload", UNIT)
        started = journal.wait("start", is_a("start"), before + 1)[-1]
    expect(started, seq=1, down="counted")
    expect(journal.wait_stats(), unaccounted=0)
    expect(show(UNIT, "MainPID", "NRestarts"), **pid)
    assert os.path.samefile(f"/proc/{pid['MainPID']}/exe", PROGRAM), "it still runs the old file"
    lost = lost_sum(journal.events[journal.events.index(started):])
    port.say("note", f"upgrade: {execs.logged(journal.events)} of {execs.count} execs were logged")
    assert lost == 0, lost
    assert execs.logged(journal.events) == execs.count, (execs.logged(journal.events), execs.count)
    for size in "512K", "2M":
        reload_and_wait(journal, f"[Capture]\nRingSize={size}\n[File]\nEnabled=yes\n")
    refused = [text for text in journal.words if "Cannot open a ring" in text]
    assert not refused, refused


def check_status(journal, port):
    status = succeed("systemctl", "status", "--no-pager", "--lines=0", UNIT)
    line = re.search(r'Status: "(At [0-9:]+: \d+ events seen.*)"', status)
    assert line, status
    port.say("note", f"status: {line[1]}")


def check_metrics(journal, port):
    """They are where the manual says, for everybody to read."""
    done = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
               "cat", "/run/execsnoopd/metrics.prom")
    assert done.returncode == 0 and 'execsnoopd_build_info{version="' in done.stdout, done
    assert 'execsnoopd_sink_events_written_total{sink="journal"} ' in done.stdout, done.stdout


def check_kernel_without_btf(journal, port):
    """Or with what is none in its place: said so in `status`, and not tried again."""
    os.makedirs(os.path.dirname(UNIT_DROP_IN), exist_ok=True)
    for setting, words in (("TemporaryFileSystem=/sys/kernel/btf:ro", "This kernel has no BTF"),
                           ("BindReadOnlyPaths=/dev/null:/sys/kernel/btf/vmlinux",
                            "This kernel has no usable BTF")):
        with open(UNIT_DROP_IN, "w", encoding="ascii") as file:
            file.write(f"[Service]\n{setting}\n")
        succeed("systemctl", "daemon-reload")
        done = run("systemctl", "start", UNIT)
        assert done.returncode != 0, done.stdout
        unit = show(UNIT, "ActiveState", "Result", "ExecMainStatus", "NRestarts")
        expect(unit, ActiveState="failed", Result="exit-code", ExecMainStatus="69", NRestarts="0")
        status = run("systemctl", "status", "--no-pager", UNIT).stdout
        assert words in status, status
    os.unlink(UNIT_DROP_IN)
    succeed("systemctl", "daemon-reload")
    succeed("systemctl", "start", UNIT)


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 128)
    result = ctypes.CDLL(None, use_errno=True).syscall(SYS_BPF, command, buffer, len(buffer))
    return result, buffer.raw


def bpf_program_name(number):
    fd, _ = bpf(BPF_PROG_GET_FD_BY_ID, struct.pack("I", number))
    if fd < 0:
        return None
    info = ctypes.create_string_buffer(BPF_PROG_INFO_SIZE)
    bpf(BPF_OBJ_GET_INFO_BY_FD, struct.pack("IIQ", fd, len(info), ctypes.addressof(info)))
    os.close(fd)
    return info.raw[BPF_PROG_NAME:BPF_PROG_NAME + BPF_OBJ_NAME_LEN].rstrip(b"\0").decode()


def bpf_programs():
    """The names of all that are loaded."""
    names, number = [], 0
    while True:
        result, raw = bpf(BPF_PROG_GET_NEXT_ID, struct.pack("I", number))
        if result < 0:
            return names
        number = struct.unpack_from("I", raw, 4)[0]
        names.append(bpf_program_name(number))


def our_programs():
    """on_exec, or on_exec_bounded before Linux 5.17."""
    return [name for name in bpf_programs() if (name or "").startswith("on_exec")]


def check_purge_leaves_nothing(journal, port):
    """Purged while it is enabled and runs: it stops in good order, and nothing is left in the
    kernel, of the unit, or in a file system."""
    assert our_programs(), bpf_programs()
    with open(LOG, encoding="utf-8") as file:
        port.say_packed("file", file.read().rpartition("\n")[0] + "\n")
    before = journal.count("stop")
    succeed("dpkg", "--purge", "execsnoopd")
    journal.wait("stop", is_a("stop"), before + 1)
    expect(show(UNIT, "ActiveState", "LoadState"), ActiveState="inactive", LoadState="not-found")
    assert not our_programs()
    left = [os.path.join(folder, name) for folder, folders, files in os.walk("/")
            for name in folders + files if "execsnoopd" in name
            and name not in NOT_OURS and not folder.startswith(NOT_SEARCHED)]
    assert not left, left
    assert not os.path.exists(DROP_IN)


def check_installed_on_a_machine_that_runs(journal, port):
    """From the package alone: what the README tells an administrator to type."""
    before = journal.count("start")
    succeed("dpkg", "--install", PACKAGE)
    succeed("systemctl", "enable", "--now", UNIT)
    started = journal.wait("start", is_a("start"), before + 1)[-1]
    expect(started, seq=1, down="unknown")
    assert finish(start("/bin/true", ["true", "by-hand"])) == 0
    journal.wait("exec", has_argument("by-hand"))
    expect(journal.wait_stats(), unaccounted=0)
    succeed("dpkg", "--purge", "execsnoopd")


def check_lockdown_after_the_boot(journal, port):
    """The same, where there is nothing to be done any more."""
    with open("/sys/kernel/security/lockdown", "w", encoding="ascii") as file:
        file.write("confidentiality")
    succeed("dpkg", "--install", PACKAGE)
    assert run("systemctl", "enable", "--now", UNIT).returncode != 0
    expect(show(UNIT, "ActiveState", "Result", "ExecMainStatus", "NRestarts", "UnitFileState"),
           ActiveState="failed", Result="exit-code", ExecMainStatus="77", NRestarts="0",
           UnitFileState="enabled")
    status = run("systemctl", "status", "--no-pager", UNIT).stdout
    assert "locked down" in status, status
