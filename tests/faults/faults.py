# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Harness of the tests of faults: a daemon that writes to a real journald and to a file, storms of
execs, and what has to be true of both streams in the end.

Each test program runs in a mount namespace with a /run of its own, and in a network namespace whose
datagram sockets queue as much as those that PID 1 makes.
"""
import collections
import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "kernel"), str(TESTS / "journal")]
import checks           # noqa: E402
import harness          # noqa: E402
import run_journald     # noqa: E402
from harness import STORM, TARGET, timestamp, wait_until  # noqa: E402

# Room for some 250 lines: the least that the daemon takes.
SMALL_BACKLOG = {"Queue": {"Backlog": "64K"}, "Capture": {"ArgvMax": "4K"}}

# For who must not lose what is not the matter, however busy the machine is.
LARGE_RING = "8M"

# So many fit into the small backlog, though nothing leaves it.
N_PIECE = 100

JOURNAL_SOCKET = "/run/systemd/journal/socket"
DATAGRAMS_QUEUED = 512

markers = (f"fault-{os.getpid()}-{i}" for i in itertools.count())


def main():
    """Runs the tests of the program, isolated; see harness.main()."""
    if harness.cannot_run() is None:
        if os.environ.get("EXECSNOOPD_TEST_NET") != "1":
            os.environ["EXECSNOOPD_TEST_NET"] = "1"
            os.execvp("unshare", ["unshare", "--net", "--", sys.executable, *sys.argv])
        run_journald.isolate()
        with open("/proc/sys/net/unix/max_dgram_qlen", "w", encoding="ascii") as file:
            file.write(str(DATAGRAMS_QUEUED))
    harness.main()


class Journald(run_journald.Journald):
    """`held`: its socket is somebody else's, as it is PID 1's: what is queued there survives it."""

    def __init__(self, held=True):
        self.held = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(JOURNAL_SOCKET)
        if held:
            self.held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.held.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            self.held.bind(JOURNAL_SOCKET)
            os.chmod(JOURNAL_SOCKET, 0o666)
        super().__init__()

    def start(self):
        if not self.held:
            super().start()
            return
        number = self.held.fileno()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(run_journald.NOTIFY_SOCKET)
            notify.settimeout(run_journald.START_SECONDS)
            self.process = subprocess.Popen(
                ["bash", "-c", f"exec 3<&{number}; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\"",
                 run_journald.JOURNALD], pass_fds=[number],
                env=dict(os.environ, NOTIFY_SOCKET=run_journald.NOTIFY_SOCKET))
            while b"READY=1" not in notify.recv(65536).split(b"\n"):
                pass
        os.unlink(run_journald.NOTIFY_SOCKET)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.resume()
            self.stop()
        if self.held:
            self.held.close()


class Daemon(harness.Daemon):
    """A daemon with a file and, unless it is told not to, the journal."""

    def __init__(self, settings=None, path=None, journal=True, folder=None, prefix=()):
        settings = {**(settings or {}), "Journal": {"Enabled": "yes" if journal else "no"}}
        settings["Capture"] = {"RingSize": LARGE_RING, **settings.get("Capture", {})}
        self.prefix = prefix
        self.parts = []         # files that were ours and that somebody has moved
        if path:
            settings["File"] = {**settings.get("File", {}), "Path": path}
        super().__init__(settings, sink="file")
        self.path = path or self.path

    def raw_lines(self):
        """Of the file, and of what it was before, in order."""
        lines = []
        for path in self.parts:
            lines += harness.read_lines(path)
        return lines + super().raw_lines()

    def pid(self):
        return self.process.pid

    def status(self, key):
        """A value of /proc/PID/status in bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) * 1024
        raise KeyError(key)

    def await_words(self, words, count=1):
        """Until the daemon has said that so often."""
        wait_until(lambda: self.stderr().count(words) >= count, f"{words!r} on stderr")

    def await_stats(self, condition, what):
        """Asks for stats until the last in the file fulfils the condition."""
        def last():
            self.signal(signal.SIGUSR2)
            stats = [e for e in self.events() if e["event"] == "stats"]
            return stats and condition(stats[-1])

        wait_until(last, what)

    def journal_raw(self, *matches):
        """The lines of this daemon's events in the journal, whole, as files have them."""
        run = subprocess.run(
            ["journalctl", "-D", run_journald.JOURNAL_FOLDER, "-t", "execsnoopd", "--no-pager",
             "--all", "-o", "json", "--output-fields=MESSAGE,EXECSNOOP_JSON,EXECSNOOP_SEQ",
             f"_PID={self.process.pid}", *matches], stdout=subprocess.PIPE, check=True)
        entries = map(json.loads, run.stdout.splitlines())
        return [(e.get("EXECSNOOP_JSON") or e["MESSAGE"]).encode() + b"\n" for e in entries
                if "EXECSNOOP_SEQ" in e]

    def sync_journal(self):
        """Until what has happened is in the journal, too."""
        now = timestamp()

        def told():
            self.signal(signal.SIGUSR2)     # each time: a full backlog refuses it
            return any(json.loads(line)["time"] >= now
                       for line in self.journal_raw("EXECSNOOP_EVENT=stats"))

        wait_until(told, "stats event in the journal")

    def paced_storm(self, n_pieces):
        """So many storms of N_PIECE execs, for the journal to keep up with; their markers."""
        markers_of_pieces = []
        for _ in range(n_pieces):
            markers_of_pieces.append(storm(N_PIECE))
            self.sync_journal()
        return markers_of_pieces

    def finish(self, journal=True, holes=0):
        """Stops it. What it wrote is whole, in order, complete or accounted for, in both streams;
        in the journal `holes` lines at most may be missing. Returns the events: file, journal."""
        events = self.stop()
        check_sums(events)
        if not journal:
            return events, []
        wait_until(lambda: self.journal_raw("EXECSNOOP_EVENT=stop"), "stop event in the journal")
        entries = [json.loads(line) for line in self.journal_raw()]
        missing = check_seq(entries)
        if missing > holes:
            raise AssertionError(f"{missing} lines of the journal are missing")
        if missing == 0:
            checks.check_ledger(entries, "journal")
            harness.check_proof(self.journal_raw())
        checks.check_stream(entries, complete=missing == 0)
        written = entries[-1]["sinks"]["journal"]["written"]
        if not 0 <= written - sum(e["event"] in checks.KERNEL_EVENTS for e in entries) <= missing:
            raise AssertionError(f"the journal has not the {written} events that were written")
        check_sums(entries)
        return events, entries


def check_seq(events):
    """Nothing twice, nothing out of order; returns how many are missing."""
    seqs = [e["seq"] for e in events]
    if seqs != sorted(set(seqs)):
        raise AssertionError("lines out of order, or twice")
    return (seqs[-1] - len(seqs)) if seqs else 0


def check_sums(events):
    """A reader can recompute what the daemon says is unaccounted."""
    for e in events:
        if e["event"] not in ("stats", "stop"):
            continue
        for name, sink in e["sinks"].items():
            rest = e["seen"] - e["filtered"] - e["lost"] - e["in_rings"] - e["queued"] - sum(
                sink[key] for key in ("before", "written", "lost", "backlog"))
            if rest != 0 or sink["unaccounted"] != 0:
                raise AssertionError(f"{name}: {rest} events are unaccounted for: {e}")


def lost(events, *places):
    """How many the `lost` events tell of."""
    return sum(e["count"] for e in events if e["event"] == "lost" and e["where"] in places)


def numbers(events, marker):
    """How often each exec of the storm is there, by its number."""
    return collections.Counter(int(e["argv"][2]) for e in events if e["event"] == "exec" and
                               len(e.get("argv", ())) == 3 and e["argv"][1] == marker)


def start_storm(count):
    marker = next(markers)
    return subprocess.Popen([STORM, str(count), marker, TARGET], stdin=subprocess.DEVNULL), marker


def storm(count):
    """Runs one to its end; its marker."""
    process, marker = start_storm(count)
    try:
        if process.wait(harness.DEADLINE) != 0:
            raise AssertionError("the storm failed")
    except subprocess.TimeoutExpired as timeout:
        process.kill()
        raise AssertionError("the storm does not end") from timeout
    return marker


def assert_all(events, marker, count):
    if numbers(events, marker) != collections.Counter(range(count)):
        raise AssertionError(f"not each of {count} execs once: {numbers(events, marker).total()}")


def assert_accounted(events, marker, count, *places):
    """None twice, and those that are missing are among the losses told."""
    found = numbers(events, marker)
    if found and max(found.values()) > 1:
        raise AssertionError("an exec is there twice")
    if not 0 < count - len(found) <= lost(events, *places):
        raise AssertionError(f"{len(found)} of {count} execs, {lost(events, *places)} lost")


def assert_whole(path):
    """At this very moment every line of the file is whole, but for one that is being written."""
    with open(path, "rb") as file:
        for line in file.read().split(b"\n")[:-1]:
            json.loads(line)


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="execsnoopd-test-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def small_disk(size):
    """A tmpfs of this size, which remount() can change."""
    with folder() as path:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
        try:
            yield path
        finally:
            subprocess.run(["umount", "--lazy", path], check=True)


def fill(disk, leave):
    """Takes all its room but so many bytes; see empty()."""
    with open(disk + "/filler", "wb") as file:
        st = os.statvfs(disk)
        while (size := st.f_bfree * st.f_frsize - leave) > 0:
            try:
                os.posix_fallocate(file.fileno(), 0, size)
                return
            except OSError:         # somebody else was faster
                st = os.statvfs(disk)


def empty(disk):
    os.unlink(disk + "/filler")


def remount(path, options):
    subprocess.run(["mount", "-o", f"remount,{options}", path], check=True)


def file_system(image, options=()):
    """An ext4 without a journal, so that nothing of it survives but what is in it."""
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", *options, image], check=True)
