# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Harness of the tests against the live kernel: the daemon, its stream, how to start programs.

Other programs are executed on this machine, too: a test picks its own events, by process_id, or by
PID and a moment before.

Nothing here sleeps for a while and hopes: the daemon tells by sd_notify() when it is ready and when
a reload is done, and by a `stats` event (SIGUSR2) that everything before is in the stream.

EXECSNOOPD         the daemon to test (default build/release/execsnoopd)
EXECSNOOPD_PROGS   folder of the programs to start (default tests/kernel/ beside the daemon)
EXECSNOOPD_SLOWNESS  how many times slower than usual this machine is, for one that is emulated
"""
import base64
import contextlib
import faulthandler
import fcntl
import glob
import io
import json
import os
import pathlib
import queue
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import checks
from calls import (AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, CLONE_NEWNS,   # noqa: F401
                   CLONE_NEWPID, CLONE_NEWUSER, MS_PRIVATE, MS_REC, SYS_EXECVE, SYS_EXECVEAT, call,
                   execve, execveat, libc, mount, private_mounts, vector)
from checks import nanoseconds  # noqa: F401

HERE = pathlib.Path(__file__).resolve().parent

DAEMON = os.path.abspath(os.environ.get("EXECSNOOPD", HERE / "../../build/release/execsnoopd"))
PROGS = os.path.abspath(os.environ.get("EXECSNOOPD_PROGS",
                                       os.path.join(os.path.dirname(DAEMON), "tests/kernel")))
CTL = os.path.join(os.path.dirname(DAEMON), "execsnoopctl")
TARGET = os.path.join(PROGS, "target")
STORM = os.path.join(PROGS, "storm")
DOORS = os.path.join(PROGS, "doors")

EXIT_SKIP = 77
NOBODY = 65534

SLOWNESS = int(os.environ.get("EXECSNOOPD_SLOWNESS", 1))
# How long anything may take before a test gives up: far more than needed, for ASan on a busy CPU.
DEADLINE = 100 * SLOWNESS
# A bit less than ctest waits: so that we see where.
HANGS_AFTER = 880 * SLOWNESS



def cannot_run():
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "this kernel has no BTF"
    return None


def main():
    reason = cannot_run()
    if reason:
        print(f"cannot run here: {reason}", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else EXIT_SKIP)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))       # and clean up
    faulthandler.dump_traceback_later(HANGS_AFTER)
    end = threading.Timer(HANGS_AFTER + 1, os.kill, (os.getpid(), signal.SIGTERM))
    end.daemon = True
    end.start()
    unittest.main(verbosity=2)


def need(condition, what):
    """Skips a test for what this kernel or architecture does not have at all."""
    if not condition:
        raise unittest.SkipTest(what)


def program_of_32_bits(name):
    """The path of a helper program. A machine's hypervisor may run no such programs, whatever its
    kernel is built for; the VMs do, where nothing may be skipped."""
    path = os.path.join(PROGS, name)
    need(os.path.exists(path), f"{name} is not built here")
    try:
        subprocess.run([os.path.join(PROGS, "target32")], check=False)
    except OSError as error:
        raise unittest.SkipTest(f"this kernel runs no 32-bit programs: {error}") from error
    return path


def rounds(number):
    """How often to try what can go well by chance."""
    return max(3, number // SLOWNESS)


def exact(event, key):
    """The exact bytes of a text, or of all texts of argv."""
    encoded = event.get(key + "_base64")
    text = event[key]
    if isinstance(text, list):
        if encoded is not None:
            return [base64.b64decode(e) for e in encoded]
        return [t.encode() for t in text]
    return base64.b64decode(encoded) if encoded is not None else text.encode()


def wait_until(condition, what, deadline=DEADLINE):
    """For what nobody announces: files."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"timeout: {what}")
        time.sleep(0.005)


def children_of(pid, name):
    """Those that live, by the first word of their arguments."""
    found = []
    for folder in os.listdir("/proc"):
        if not folder.isdigit():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{folder}/cmdline", "rb") as file:
                argv = file.read().split(b"\0")
            with open(f"/proc/{folder}/stat", encoding="utf-8") as file:
                state, ppid = file.read().rpartition(")")[2].split()[:2]
            if argv[0].decode() == name and int(ppid) == pid and state != "Z":
                found.append(int(folder))
    return found


def describe(pid):
    """Why a process has not done what was expected: where it waits, or that it got no CPU."""
    lines = []
    for task in sorted(glob.glob(f"/proc/{pid}/task/*")):
        with contextlib.suppress(OSError):      # it has just ended
            values = {}
            for name in ("comm", "stat", "wchan", "schedstat", "stack"):
                with open(f"{task}/{name}", encoding="utf-8", errors="replace") as file:
                    values[name] = file.read().strip()
            ran, waited = (int(n) / 1e9 for n in values["schedstat"].split()[:2])
            lines.append(f"{task} {values['comm']}: {values['stat'].rsplit(')')[1].split()[0]} in "
                         f"{values['wchan']}, ran {ran:.1f} s, waited for a CPU {waited:.1f} s\n"
                         f"{values['stack']}")
    return "\n".join(lines) or f"there is no process {pid}"


def await_exit(pid, what):
    """Like os.waitpid(), but not for ever; returns the status."""
    fd = os.pidfd_open(pid)
    try:
        if not select.select([fd], [], [], DEADLINE)[0]:
            raise AssertionError(f"{what} does not end:\n{describe(pid)}")
    finally:
        os.close(fd)
    return os.waitpid(pid, 0)[1]


class Background:
    """Runs a function in a thread; its exception is that of join()."""

    def __init__(self, function, *arguments):
        self.function = function
        self.arguments = arguments
        self.failure = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            self.function(*self.arguments)
        except Exception as failure:    # pylint: disable=broad-except
            self.failure = failure

    def join(self):
        self.thread.join(DEADLINE)
        if self.thread.is_alive():
            raise AssertionError(f"{self.function.__name__}() does not end:\n"
                                 + describe(os.getpid()))
        if self.failure:
            raise self.failure


class Lines:
    """Reads a pipe to its end in a thread of its own, as fast as it can, unless it is paused."""

    def __init__(self, fd):
        self.lines = []
        self.arrived = []
        self.changed = threading.Condition()
        self.running = threading.Event()
        self.running.set()
        self.thread = threading.Thread(target=self.read, args=(fd,), daemon=True)
        self.thread.start()

    def read(self, fd):
        rest = b""
        with open(fd, "rb", buffering=0) as pipe:
            while True:
                select.select([pipe], [], [])
                self.running.wait()
                data = pipe.read(1 << 20)
                now = time.monotonic()
                *whole, rest = (rest + data).split(b"\n")
                with self.changed:
                    self.lines += [line + b"\n" for line in whole]
                    self.arrived += [now] * len(whole)
                    if not data and rest:
                        self.lines.append(rest)         # for the validator to refuse
                    self.changed.notify_all()
                if not data:
                    return


class Notifications:
    """Takes what the daemon tells its manager, all the time: else it would wait for us."""

    def __init__(self, path):
        self.ready = queue.SimpleQueue()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            try:
                message = self.socket.recv(65536)
            except OSError:         # closed
                return
            if not message:
                return
            if b"READY=1" in message.split(b"\n"):
                self.ready.put(True)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def write_config(path, defaults, settings):
    """Settings over the defaults; a list has a section more than once: rules."""
    repeated = [(section, keys) for section, value in settings.items() if isinstance(value, list)
                for keys in value]
    for section, keys in settings.items():
        if isinstance(keys, dict):
            defaults.setdefault(section, {}).update(keys)
    with open(path, "w", encoding="utf-8") as file:
        for section, keys in [*defaults.items(), *repeated]:
            file.write(f"[{section}]\n" + "".join(f"{k}={v}\n" for k, v in keys.items()))


def read_lines(path):
    """As they are at one moment: of a file that grows, an iteration ends in half a line, goes on, and
    gives the other half as one of its own."""
    with open(path, "rb") as file:
        if str(path).endswith(".zst"):
            content = subprocess.run(["zstd", "-dcq"], stdin=file, stdout=subprocess.PIPE,
                                     check=True).stdout
        else:
            content = file.read()
    return io.BytesIO(content).readlines()


def whole_lines(path):
    return [line for line in read_lines(path) if line.endswith(b"\n")]


class Daemon:
    """The daemon with a configuration and a folder of its own.

    settings: {"Section": {"Key": "value"}, "Rule": [{"Key": "value"}, ...]}; sink: "stdout" or
    "file".
    """

    prefix = ()     # a command that runs the daemon
    program = DAEMON

    def __init__(self, settings=None, sink="stdout", options=(), paused=False, environment=None):
        self.folder = tempfile.mkdtemp(prefix="execsnoopd-test-")
        os.chmod(self.folder, 0o755)        # also for a daemon that is not root
        self.config = os.path.join(self.folder, "test.conf")
        self.dropins = self.config + ".d"
        self.path = os.path.join(self.folder, "exec.jsonl")
        self.sink = sink
        self.cache = []
        self.stopped = False
        os.mkdir(self.dropins)
        self.configure(settings or {})
        self.start(options, paused, environment)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if not self.stopped:
            if kind:
                self.kill()
            else:
                self.stop()
        shutil.rmtree(self.folder)

    def configure(self, settings):
        self.settings = settings
        # no exec of its own between those of the tests
        sections = {"Journal": {"Enabled": "no"}, "Stats": {"SelfTest": "0"},
                    # and no events of what others have started before
                    "Capture": {"Snapshot": "no"}}
        if self.sink == "file":
            sections["File"] = {"Enabled": "yes", "Path": self.path}
        write_config(self.config, sections, settings)

    def start(self, options, paused, environment):
        notify_path = os.path.join(self.folder, "notify")
        self.notify = Notifications(notify_path)
        command = [*self.prefix, self.program, f"--config={self.config}", *options]
        output = subprocess.DEVNULL
        if self.sink == "stdout":
            command.append("--stdout")
            reading, output = os.pipe()
        with open(os.path.join(self.folder, "stderr"), "wb") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                env={**os.environ, "NOTIFY_SOCKET": notify_path, **(environment or {})})
        if self.sink == "stdout":
            os.close(output)
            self.lines = Lines(reading)
            if paused:
                self.lines.running.clear()
        self.await_ready()

    def await_ready(self):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            try:
                self.notify.ready.get(timeout=0.2)
                return
            except queue.Empty:
                if self.process.poll() is not None:
                    break
        raise AssertionError(f"not ready, exit status {self.process.returncode}:\n"
                             + self.stderr())

    def stderr(self):
        with open(os.path.join(self.folder, "stderr"), encoding="utf-8") as file:
            return file.read()

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, settings=None):
        """Returns what the daemon said about it."""
        before = len(self.stderr())
        if settings is not None:
            self.configure(settings)
        self.signal(signal.SIGHUP)
        self.await_ready()
        return self.stderr()[before:]

    def files(self, path=None):
        """The file and those it was rotated to, compressed or not, the oldest first."""
        path = path or self.path
        old = {}
        for name in glob.glob(glob.escape(path) + ".*"):
            number = name[len(path) + 1:].removesuffix(".zst")
            # Of a file and its copy, it is the file that counts.
            if number.isdigit() and os.path.isfile(name) and name < old.get(int(number), "~"):
                old[int(number)] = name
        return [old[n] for n in sorted(old, reverse=True)] + (
            [path] if os.path.exists(path) else [])

    def raw_lines(self):
        if self.sink == "stdout":
            with self.lines.changed:
                return list(self.lines.lines)
        while True:
            try:
                return [line for path in self.files() for line in read_lines(path)]
            except FileNotFoundError:       # compressed or removed meanwhile
                pass

    def events(self):
        """All so far. Those of files are read again each time: rotation moves them."""
        raw = self.raw_lines()
        if self.sink != "stdout":
            return [json.loads(line) for line in raw if line.endswith(b"\n")]
        for line in raw[len(self.cache):]:
            self.cache.append(json.loads(line))
        return list(self.cache)

    def wait_for(self, condition, what):
        """The first event that fulfils the condition; of stdout only."""
        seen = 0
        end = time.monotonic() + DEADLINE
        while True:
            events = self.events()
            for event in events[seen:]:
                if condition(event):
                    return event
            seen = len(events)
            with self.lines.changed:
                if len(self.lines.lines) > seen:
                    continue
                if time.monotonic() > end or not self.lines.thread.is_alive():
                    raise AssertionError(f"no {what} in {seen} lines\n" + self.stderr())
                self.lines.changed.wait(1)

    def start_event(self):
        """READY=1 may come before it."""
        return self.wait_for(lambda e: e["event"] == "start", "start event")

    def arrival(self, event):
        """When the line came, CLOCK_MONOTONIC."""
        return self.lines.arrived[self.cache.index(event)]

    def sync(self):
        """All events so far, after everything that has happened until now is among them."""
        if self.sink == "stdout":
            seen = len(self.events())
            self.signal(signal.SIGUSR2)
            self.wait_for(lambda e: e["event"] == "stats" and e["seq"] > seen, "stats event")
            return self.events()
        now = timestamp()
        self.signal(signal.SIGUSR2)
        wait_until(lambda: any(e["event"] == "stats" and e["time"] >= now for e in self.events()),
                   "stats event in the file")
        return self.events()

    def of(self, pid, *kinds, since=""):
        """The events of a process of ours so far: all kinds, or those named. `since`: the moment of
        its start; later its PID may have become another's."""
        events = [e for e in self.sync() if e.get("pid") == pid and e["time"] >= since]
        return [e for e in events if (not kinds or e["event"] in kinds) and
                (not since or e["process_id"] == events[0]["process_id"])]

    def kill(self):
        self.stopped = True
        self.process.kill()
        self.process.wait()
        self.notify.close()
        if self.sink == "stdout":
            self.lines.running.set()

    def terminate(self):
        """SIGTERM, and its exit status."""
        self.signal(signal.SIGTERM)
        if self.sink == "stdout":
            self.lines.running.set()
        return self.process.wait(DEADLINE)

    def stop(self, complete=True, check_lines=checks.check_lines):
        """Ends it, and checks all that it has said. Returns all events; `complete`: none may be
        missing at the beginning."""
        status = self.process.poll()
        if status is None:
            status = self.terminate()
        self.stopped = True
        self.notify.close()
        if self.sink == "stdout":
            self.lines.thread.join(DEADLINE)
        errors = self.stderr()
        if status != 0 or "Sanitizer" in errors or "runtime error:" in errors:
            raise AssertionError(f"the daemon ended with {status}:\n" + errors)
        check_lines(self.raw_lines())
        events = self.events()
        checks.check_stream(events, complete)
        if complete:
            checks.check_ledger(events, self.sink)
        check_proof(self.raw_lines())
        return events


def check_proof(lines):
    """`execsnoopctl verify` finds nothing in a log that the log itself does not explain."""
    if not os.path.exists(CTL):
        return      # a VM has the daemon alone
    done = subprocess.run([CTL, "verify", "-"], input=b"".join(lines), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=DEADLINE, check=False)
    is_of_another_format = done.returncode == 3 and b"of the format" in done.stderr
    if done.returncode not in (0, 1) and not is_of_another_format:
        raise AssertionError(f"verify: {done.returncode}\n{done.stdout.decode()}"
                             f"{done.stderr.decode()}")


# Makes a daemon with settings, as a context manager. run_shared.py lends always the same one.
new_daemon = Daemon


def timestamp(ns=None):
    """Now, or that moment, as events have it."""
    seconds, fraction = divmod(time.time_ns() if ns is None else ns, 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction:09}Z"


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip().replace("-", "")


def stat_fields(pid):
    """/proc/PID/stat from the third field on: state is [0], ppid [1], starttime [19]."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(") ")[2].split()


def start_ticks(process_id):
    """The start of a process, from its process_id, in the unit of /proc/PID/stat."""
    return int(process_id.split("-")[1], 16) // (10**9 // os.sysconf("SC_CLK_TCK"))


class Child:
    """A process of ours that calls `function` first. What that raises is its exit status: 99.

    It lives on as the program that it executes; target lives until close().
    """

    def __init__(self, function):
        self.since = timestamp()
        reading, self.stdin = os.pipe()
        self.stdout, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 99
            try:
                os.close(self.stdin)
                os.close(self.stdout)
                os.dup2(reading, 0)
                os.dup2(writing, 1)
                function()
                status = 0
            finally:
                os._exit(status)
        os.close(reading)
        os.close(writing)

    def await_exec(self, path=None):
        """Until it runs the target, or what `path` is, and waits for its input: the file is the
        process's own a little before the exec is done."""
        wanted = os.stat(path or TARGET)

        def runs():
            try:
                found = os.stat(f"/proc/{self.pid}/exe")
            except OSError:
                return False
            return (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino) and \
                stat_fields(self.pid)[0] == "S"

        wait_until(runs, f"{self.pid} runs {path or TARGET}")

    def close(self):
        """Ends it, by ending its standard input; returns its status as of wait(2)."""
        os.close(self.stdin)
        _, status = os.waitpid(self.pid, 0)
        with open(self.stdout, "rb") as output:
            self.output = output.read()
        return status


CORE_PATTERN = "/proc/sys/kernel/core_pattern"


class CorePattern:
    """core_pattern for a while, of one test at a time; what it was comes back."""

    def __init__(self, pattern):
        self.pattern = pattern

    def __enter__(self):
        self.lock = open(os.path.join(tempfile.gettempdir(), "execsnoopd-test.lock"), "wb")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        with open(CORE_PATTERN, "r+", encoding="utf-8") as file:
            self.before = file.read()
            if "execsnoopd-test-" in self.before:       # of a test that was killed
                self.before = "core"
            file.seek(0)
            file.write(self.pattern)

    def __exit__(self, *_):
        with open(CORE_PATTERN, "w", encoding="utf-8") as file:
            file.write(self.before)
        self.lock.close()


class KernelTest(unittest.TestCase):
    """Tests that share one daemon, with `settings`; `self.folder` is theirs, readable by all."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="execsnoopd-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        os.chmod(cls.folder, 0o755)
        cls.daemon = cls.enterClassContext(new_daemon(cls.settings))

    def copy_target(self, name, mode=0o755, source=None):
        path = os.path.join(self.folder, name)
        shutil.copyfile(source or TARGET, path)
        os.chmod(path, mode)
        return path

    def write(self, name, content, mode=0o755):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def run_child(self, function, status=0):
        """Runs it to the end; all events of its process."""
        child = Child(function)
        self.assertEqual(child.close(), status, f"of child {child.pid}")
        self.output = child.output
        return self.daemon.of(child.pid, since=child.since)

    def exec_of(self, function, status=0):
        """The one exec of a child."""
        events = self.run_child(function, status)
        self.assertEqual([e["event"] for e in events], ["exec"], events)
        return events[0]

    def last_exec_of(self, function, n=2, status=0):
        """The last of `n` execs of a child, which all are of one process."""
        events = self.run_child(function, status)
        self.assertEqual([e["event"] for e in events], ["exec"] * n, events)
        self.assertEqual(len({e["process_id"] for e in events}), 1)
        return events[-1]

    def assert_facts(self, event, /, **facts):
        """None: absent."""
        for key, value in facts.items():
            with self.subTest(key=key):
                self.assertEqual(event.get(key), value)


def file_facts(path):
    """exe_file, as it has to be."""
    st = os.stat(path)
    return {
        "dev": f"{os.major(st.st_dev)}:{os.minor(st.st_dev)}",
        "ino": st.st_ino,
        "mode": f"{stat.S_IMODE(st.st_mode):04o}",
        "uid": st.st_uid,
        "gid": st.st_gid,
        "size": st.st_size,
        "mtime": timestamp(st.st_mtime_ns),
        "ctime": timestamp(st.st_ctime_ns),
        "nlink": st.st_nlink,
    }
