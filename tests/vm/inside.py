# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Harness of the checks inside a VM: the port to the host, the journal, systemd, programs to start.

Nothing here sleeps and hopes: what is waited for is a line in the journal.
"""
import base64
import json
import os
import re
import select
import subprocess
import termios
import time
import tty
import zlib

UNIT = "execsnoopd.service"
PORT = "/dev/ttyS1"
TIMEOUT_SECONDS = 600  # for what takes a second on an idle machine, or ten if programs are loaded
DROP_IN = "/etc/execsnoopd.conf.d/test.conf"
NOBODY = 65534
KERNEL_TESTS = "/tests/kernel"
ON_CPU_1, N_BURST = {1}, 100
PART_SIZE = 3000


class Port:
    def __init__(self):
        self.file = open(PORT, "wb", buffering=0)
        tty.setraw(self.file, termios.TCSANOW)

    def say(self, word, text=""):
        data = f"{word} {text}\n".encode("utf-8", "backslashreplace")
        while data:
            data = data[self.file.write(data):]

    def say_packed(self, word, text):
        """In parts of one zlib stream: the port is slow."""
        encoded = base64.b64encode(zlib.compress(text.encode())).decode()
        for i in range(0, len(encoded), PART_SIZE):
            self.say(word, encoded[i:i + PART_SIZE])


class Journal:
    """Follows the unit in the journal from the beginning of the boot on."""

    def __init__(self):
        self.words = []     # the daemon's own, and systemd's about it
        self.events = []
        self.lines = []
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

    def read_all(self):
        """All that is there by now."""
        while self.read_some(0):
            pass

    def take(self, entry):
        text = entry["MESSAGE"]
        assert isinstance(text, str), f"MESSAGE is shown as {text!r:.80}"
        if "EXECSNOOP_EVENT" not in entry:
            self.words.append(text)
            return
        event = json.loads(text)
        assert event["event"] == entry["EXECSNOOP_EVENT"], text
        self.events.append(event)
        self.lines.append(text + "\n")

    def count(self, kind):
        return sum(1 for event in self.events if event["event"] == kind)

    def wait(self, what, matches, count=1, since=0):
        """`count` events for which `matches(event)`, whether they have come or are to come, but for
        the first `since` of all."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        seen, found = since, []
        while True:
            found += [event for event in self.events[seen:] if matches(event)]
            seen = len(self.events)
            if len(found) >= count:
                return found
            assert self.read_some(deadline), f"{len(found)} of {count} in the journal: {what}"

    def wait_message(self, pattern, since=0):
        """The first of the daemon's own words, or systemd's, that match; but for the first `since`
        of all."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        seen = since
        while True:
            for text in self.words[seen:]:
                if re.search(pattern, text):
                    return text
            seen = len(self.words)
            assert self.read_some(deadline), f"no message like {pattern!r}"

    def wait_stats(self):
        """A `stats` event that was asked for now: what happened before is before it."""
        self.read_all()
        earlier, now = len(self.events), time.time_ns() // 1000
        run("systemctl", "kill", "--kill-whom=main", "-s", "USR2", UNIT)
        return self.wait("stats", lambda event: event["event"] == "stats"
                         and usec_of(event) >= now, since=earlier)[-1]


    def wait_accounted(self, mark, count, since=0):
        """Until each of `count` execs with that mark is logged or counted as lost, in the events
        from `since` on; returns how many of either. That a `stats` event has come is not enough: a
        loss is known when no program was at work in the moment of the comparison."""
        self.wait_stats()
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            logged = sum(1 for event in self.events[since:] if has_argument(mark)(event))
            lost = lost_sum(self.events[since:])
            if logged + lost >= count:
                assert logged <= count, f"{logged} of {count} execs: {mark}"
                return logged, lost
            assert self.read_some(deadline), f"{logged} logged, {lost} lost of {count}: {mark}"


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


def is_a(kind):
    return lambda event: event["event"] == kind


def has_argument(mark, kind="exec"):
    return lambda event: event["event"] == kind and mark in event.get("argv", ())


def expect(event, **facts):
    wrong = {key: (event.get(key), value) for key, value in facts.items()
             if event.get(key) != value}
    assert not wrong, f"is and should be: {wrong} in {event}"


def write_drop_in(text):
    os.makedirs(os.path.dirname(DROP_IN), exist_ok=True)
    with open(DROP_IN, "w", encoding="ascii") as file:
        file.write(text)


def reload_with(text):
    write_drop_in(text)
    return run("systemctl", "reload", UNIT)


def reload_and_wait(journal, text):
    """Until it is done; the service manager does not wait for that."""
    journal.read_all()
    earlier = len(journal.words)
    done = reload_with(text)
    assert done.returncode == 0, done.stdout
    journal.wait_message("Reloaded the configuration", since=earlier)


def burst(mark):
    """Execs on CPU 1, of a program that costs as little as can be."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, ON_CPU_1)
    for _ in range(N_BURST):
        assert finish(os.posix_spawn(f"{KERNEL_TESTS}/target", ["target", mark], {})) == 0
    os.sched_setaffinity(0, everywhere)


def lost_sum(events, *where):
    """`where`: empty for all."""
    return sum(event["count"] for event in events
               if event["event"] == "lost" and (not where or event["where"] in where))
