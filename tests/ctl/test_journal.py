#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_journal.py EXECSNOOPCTL: the journal as a source, with a real journald.

The daemon's entries come from a control group with the name of its unit. Whoever sends the same
from elsewhere, or as another user, is not believed. -n, -f, -b, --since and --cursor-file are those
of journalctl(1).
"""
import contextlib
import json
import os
import pathlib
import pwd
import re
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "journal"))
import run_journald

CTL = sys.argv[1]
UNIT = "execsnoopd.service"
ROOTS = [pathlib.Path("/sys/fs/cgroup", name) for name in ("systemd", "unified", ".")]
SOCKET = "/run/systemd/journal/socket"
DEADLINE_SECONDS = 60
DAEMON_UID = 64999


def fields_of(line):
    event = json.loads(line)
    return {"MESSAGE": line, "EXECSNOOP_EVENT": event["event"], "SYSLOG_IDENTIFIER": "execsnoopd",
            "PRIORITY": "6", "_SYSTEMD_UNIT": UNIT, "_UID": str(DAEMON_UID)}


def send(fields):
    datagram = b""
    for key, value in fields.items():
        data = value.encode()
        datagram += key.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(datagram, SOCKET)


@contextlib.contextmanager
def sender(cgroup, uid, messages):
    """A process in that control group, or where we are, that has sent them, and lives on: journald
    looks at its control group."""
    ready, done = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(done[1])
        for folder in cgroup:
            (folder / "cgroup.procs").write_text(str(os.getpid()), "utf-8")
        os.setuid(uid)
        for fields in messages:
            send(fields)
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        os._exit(0)
    os.close(ready[1])
    assert os.read(ready[0], 1) == b"x"
    os.close(ready[0])
    os.close(done[0])
    try:
        yield
    finally:
        os.close(done[1])
        os.waitpid(pid, 0)


def n_entries():
    shown = subprocess.run(["journalctl", "-t", "execsnoopd", "-o", "cat", "--no-pager"],
                           check=True, stdout=subprocess.PIPE).stdout
    return len(shown.splitlines())


def wait_for_entries(n):
    end = time.monotonic() + DEADLINE_SECONDS
    while n_entries() < n:
        assert time.monotonic() < end, f"{n_entries()} of {n} entries"
        time.sleep(0.05)


def run(*options):
    done = subprocess.run([CTL, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=DEADLINE_SECONDS, check=False)
    assert done.returncode == 0, (options, done.stderr)
    return done.stdout.decode(), done.stderr.decode()


def seqs(*options):
    return [json.loads(line)["seq"] for line in run("-o", "json", *options)[0].splitlines()]


def make_groups():
    """The unit's control group in each hierarchy that there is."""
    groups = []
    for root in ROOTS:
        if (root / "cgroup.procs").exists():
            group = root / "system.slice" / UNIT
            group.mkdir(parents=True, exist_ok=True)
            groups.append(group)
    assert groups, "no control groups here"
    return groups


def add_user(folder):
    """The daemon's user, in this mount namespace alone."""
    passwd = pathlib.Path(folder, "passwd")
    others = [line for line in pathlib.Path("/etc/passwd").read_text("utf-8").splitlines()
              if not line.startswith("execsnoopd:")]
    ours = f"execsnoopd:x:{DAEMON_UID}:{DAEMON_UID}::/:/bin/false"
    passwd.write_text("\n".join(others + [ours, ""]), "utf-8")
    os.chmod(passwd, 0o644)
    subprocess.run(["mount", "--bind", passwd, "/etc/passwd"], check=True)
    assert pwd.getpwnam("execsnoopd").pw_uid == DAEMON_UID


def check_options(folder, boot_id):
    assert seqs() == [1, 2, 3, 4, 5, 6]
    assert seqs("-n", "2") == [4, 5, 6]   # an exit is in the row of its exec
    assert seqs("-n", "0") == [] and seqs("-n", "all") == seqs()
    # Of another host's journal nobody knows the daemon's user: the unit alone decides.
    assert set(seqs("-D", run_journald.JOURNAL_FOLDER)) == set(seqs())
    assert seqs("-b") == seqs() and seqs("-b", boot_id) == seqs()
    assert seqs("-b", "0" * 32) == []
    assert seqs("--since=-1h", "--until=+1h") == []      # the events are older than their entries
    cursor = pathlib.Path(folder, "cursor")
    assert seqs("--cursor-file", str(cursor)) == seqs()
    assert cursor.read_text("utf-8").startswith("s=")
    assert seqs("--cursor-file", str(cursor)) == []
    assert seqs("--cursor-file", str(cursor)) == []     # and it stays where it is
    assert seqs("--cursor-file", str(cursor), "-b", "1") == []
    # Of an entry that is gone: what is left is all behind it.
    cursor.write_text(re.sub(";i=[0-9a-f]+;", ";i=1;", cursor.read_text("utf-8")), "utf-8")
    assert seqs("--cursor-file", str(cursor)) == seqs()
    before = cursor.read_text("utf-8")
    done = subprocess.run([CTL, "-o", "json", "--cursor-file=/dev/full"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode == 74, done
    assert b"cannot write /dev/full: No space left on device" in done.stderr, done
    # Where there is no room for a new one the old one stays.
    done = subprocess.run([CTL, "-o", "json", "--cursor-file", cursor], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, restore_signals=False, check=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
    assert done.returncode == 74 and b"cannot write" in done.stderr, done
    assert cursor.read_text("utf-8") == before, done
    names = [path.name for path in cursor.parent.iterdir()]
    assert sorted(name for name in names if "cursor" in name) == ["cursor"]
    parts = pathlib.Path(folder, "parts")
    until = seqs("--cursor-file", str(parts), "--until=2026-11-22T18:31:02.2Z")
    assert until == [1, 2, 3, 4], until
    assert until + seqs("--cursor-file", str(parts)) == seqs()
    # What could not be shown comes again.
    unread = pathlib.Path(folder, "unread")
    ends = os.pipe()
    os.close(ends[0])
    done = subprocess.run([CTL, "-o", "json", "--cursor-file", unread], stdout=ends[1], check=False)
    os.close(ends[1])
    assert done.returncode == 0 and not unread.exists()


def renamed_log(boot_id, *names):
    """A run of the daemon whose host gets one name after the other, each for 40 lines and the
    last to the end."""
    lines = []
    for line in (HERE / "rules.jsonl").read_text("utf-8").splitlines():
        event = json.loads(line)
        host = names[min(len(lines) // 40, len(names) - 1)]
        lines.append(json.dumps(event | {"host": host, "boot_id": boot_id},
                                separators=(",", ":")))
        if event["event"] == "stop":
            return lines
    raise AssertionError("no stop")


def check_verify(groups):
    """Hosts are told apart by their boots, and one that is renamed is one."""
    logs = [renamed_log("a" * 32, "alpha", "beta", "alpha"),
            renamed_log("b" * 32, "gamma", "alpha", "delta")]
    mixed = [line for pair in zip(*logs) for line in pair]
    n = n_entries()
    with sender(groups, DAEMON_UID, map(fields_of, mixed)):
        wait_for_entries(n + len(mixed))
    done = subprocess.run([CTL, "verify", "-o", "json"], stdout=subprocess.PIPE, check=False)
    shown = done.stdout.decode()
    hosts = {host["host"]: host for host in map(json.loads, shown.splitlines()) if "host" in host}
    assert hosts.keys() == {"vm", "alpha", "delta"}, shown
    for name, names in {"alpha": ["alpha", "beta"], "delta": ["gamma", "alpha", "delta"]}.items():
        assert hosts[name]["verdict"] == "complete", hosts[name]
        assert hosts[name]["boots"][0]["hosts"] == names, hosts[name]
        assert hosts[name]["boots"][0]["runs"][0]["lines"] == len(logs[0]), hosts[name]


def main():
    run_journald.isolate()
    lines = (HERE / "story.jsonl").read_text("utf-8").splitlines()
    boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text("utf-8")
    boot_id = boot_id.strip().replace("-", "")
    lines = [line.replace(json.loads(line)["boot_id"], boot_id) for line in lines]
    # The whole line is in EXECSNOOP_JSON where MESSAGE is cut.
    long = fields_of(lines[2]) | {"MESSAGE": "cut", "EXECSNOOP_JSON": lines[2]}
    try:
        groups = make_groups()
    except OSError as error:
        print("skipped: no control group can be made:", error, file=sys.stderr)
        sys.exit(run_journald.EXIT_SKIP)
    try:
        with tempfile.TemporaryDirectory() as folder, run_journald.Journald():
            add_user(folder)
            forged = fields_of(lines[1]) | {"MESSAGE": lines[1].replace("/tmp", "/forged")}
            words = {"MESSAGE": "a word to people", "SYSLOG_IDENTIFIER": "execsnoopd"}
            first = [fields_of(lines[0]), fields_of(lines[1]), words, long,
                     *map(fields_of, lines[3:5])]
            with sender(groups, DAEMON_UID, first), sender([], 0, [forged]), \
                    sender(groups, 65534, [forged]):
                wait_for_entries(8)
                shown, said = run()
                assert "/forged" not in shown and "ls -l /tmp" in shown, shown
                assert "1 entry of the journal is not by the daemon's user" in said, said
                with subprocess.Popen([CTL, "-f", "-n", "1", "-o", "json"], text=True,
                                      stdout=subprocess.PIPE) as process:
                    assert json.loads(process.stdout.readline())["seq"] == 4
                    assert json.loads(process.stdout.readline())["seq"] == 5
                    with sender(groups, DAEMON_UID, [fields_of(lines[5])]):
                        assert json.loads(process.stdout.readline())["seq"] == 6
                    process.terminate()
                    assert process.wait(DEADLINE_SECONDS) == 0
            check_options(folder, boot_id)
            check_verify(groups)
    finally:
        for group in groups:
            group.rmdir()
            with contextlib.suppress(OSError):  # others are in it
                group.parent.rmdir()


main()
