# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Streams of a fleet of hosts as shippers would deliver them, with planted faults.

A stream is what a daemon writes to its file: numbers, times, counters that add up. What goes wrong
behind it is planted in what is delivered, and noted: (host, kind, first number, how many).
"""
import datetime
import hashlib
import json
import random

NOW = datetime.datetime(2026, 11, 27, 12, 0, 0)
LINE_SECONDS = 4
STATS_EVERY = 15
RUN_LINES = (18, 32)        # one is chosen between them
PROGRAMS = ("/usr/bin/ls", "/usr/bin/cat", "/usr/bin/git", "/usr/bin/cc", "/usr/sbin/cron",
            "/usr/bin/find", "/usr/bin/rsync", "/usr/bin/ssh")


class Host:
    """Of one boot: its runs, each a list of events."""

    def __init__(self, number, chance):
        self.name = f"host{number:04}"
        self.chance = chance
        self.boot_id = hashlib.md5(self.name.encode()).hexdigest()
        self.told = self.seen = 0       # events, by lines and lost events, so far
        self.n_processes = 0
        self.runs = []
        self.expected = []

    def stamp(self, moment):
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.chance.randrange(10**9):09}Z"

    def event(self, run, moment, kind, **facts):
        event = {"event": kind, "time": self.stamp(moment), "seq": len(run) + 1,
                 "boot_id": self.boot_id, "host": self.name, **facts}
        run.append(event)
        return event

    def exec(self, run, moment):
        self.n_processes += 1
        name = f"{self.boot_id[:12]}-{self.n_processes:x}-{self.n_processes + 100:x}"
        exe = self.chance.choice(PROGRAMS)
        self.event(run, moment, "exec", pid=self.n_processes + 100, ppid=1, uid=1000, user="ann",
                   comm=exe.rpartition("/")[2], exe=exe, filename=exe, argv=[exe, name],
                   cwd="/home/ann", process_id=name, exec_id=name + "-1", retval=0)
        self.seen += 1

    def counters(self, run, moment, kind, before, lost):
        written = sum(event["event"] == "exec" for event in run)
        self.event(run, moment, kind, seen=self.seen, filtered=0, lost=lost, in_rings=0, queued=0,
                   sinks={"file": {"before": before, "written": written, "lost": 0, "down": 0,
                                   "backlog": 0, "lines": len(run), "backlog_bytes": 0,
                                   "unaccounted": 0}}, unaccounted=0)

    def live(self, end, loses=0, stops=True):
        """One more run, whose last line is at `end`; it may lose events, and report that."""
        n_lines = self.chance.randint(*RUN_LINES)
        before, run = self.told, []
        moment = end - datetime.timedelta(seconds=LINE_SECONDS * n_lines)
        self.event(run, moment, "start", version="0.1.0", kernel="6.1.0", boot_age_ns=1,
                   down="counted" if self.runs else "unknown", settings={})
        while len(run) < n_lines - 1:
            moment += datetime.timedelta(seconds=LINE_SECONDS)
            if loses and len(run) == 5:
                self.seen += loses
                self.event(run, moment, "lost", where="ring", count=loses)
                self.expected.append((self.name, "lost", 6, loses))
            elif len(run) % STATS_EVERY == STATS_EVERY - 1:
                self.counters(run, moment, "stats", before, loses)
            else:
                self.exec(run, moment)
        last = end - datetime.timedelta(seconds=1)
        self.counters(run, last, "stop" if stops else "stats", before, loses)
        self.told += sum(event["event"] == "exec" for event in run) + loses
        self.runs.append(run)
        return run

    def expect(self, kind, number, count):
        self.expected.append((self.name, kind, number, count))


def hole(host):
    """Lines are lost on the way."""
    run = host.runs[-1]
    size = host.chance.randint(1, 3)
    first = host.chance.randrange(2, len(run) - size - 1)
    host.expect("hole", first + 1, size)
    del run[first:first + size]


def twice(host):
    run = host.runs[-1]
    for event in host.chance.sample(run, 3):
        host.expect("duplicate", event["seq"], 1)
        run.append(dict(event))


def no_start(host):
    """The second run's start is lost: its numbers are those of the first."""
    first, second = host.runs
    host.expect("start", 2, min(len(first), len(second)) - 1)
    del second[0]


def renumbered(host):
    """A line is gone, and numbers hide it; the counters do not."""
    run = host.runs[-1]
    del run[host.chance.randrange(1, 6)]
    for number, event in enumerate(run, 1):
        event["seq"] = number
        if event["event"] in ("stats", "stop"):
            host.expect("count", number, 1)


def no_tail(host):
    """The last lines of a run are lost, which the next one's counters know."""
    run = host.runs[0]
    gone = run[-4:]
    del run[-4:]
    host.expect("no_stop", len(run), 0)
    host.expect("tail", 0, sum(event["event"] == "exec" for event in gone))


def no_beginning(host):
    """What is here begins in the middle."""
    del host.runs[0][:5]
    host.expect("begins", 1, 5)


def wrong_sum(host):
    event = host.runs[-1][-1]
    event["unaccounted"] = 7
    host.expect("unaccounted", event["seq"], 7)


FAULTS = (hole, twice, no_start, renumbered, no_tail, no_beginning, wrong_sum)


class Fleet:
    """first: what comes in time; second: what is late, and only late."""

    def __init__(self, n_hosts, seed):
        self.chance = random.Random(seed)
        self.first, self.second = [], []
        self.expected, self.pending = [], []
        self.names = []
        for number in range(n_hosts):
            self.add(number)
        self.chance.shuffle(self.first)
        self.chance.shuffle(self.second)

    def add(self, number):
        host = Host(number, random.Random(f"{self.chance.random()}"))
        self.names.append(host.name)
        if number % 100 == 50:
            host.expect("silent", 0, 0)         # in the inventory, and never heard of
            self.expected += host.expected
            return
        minutes = 90 if number % 100 == 51 else self.chance.choice((0, 1, 2))
        end = NOW - datetime.timedelta(minutes=minutes)
        host.live(end - datetime.timedelta(minutes=30), loses=9 if number % 20 == 7 else 0)
        host.live(end, stops=False)
        if minutes == 90:
            host.expect("silent", 0, 0)
        if number % 5 == 0 and number % 100 not in (50, 51):
            FAULTS[number // 5 % len(FAULTS)](host)
        elif number % 5 == 1 and minutes != 90:
            self.delay(host)
        self.first += [event for run in host.runs for event in run]
        self.expected += host.expected

    def delay(self, host):
        """Some lines take another way, and come when the others are there already."""
        run = host.runs[-1]
        start = self.chance.randrange(3, len(run) - 4)
        late = run[start:start + 3]
        del run[start:start + 3]
        self.second += late
        self.pending.append((host.name, "hole", late[0]["seq"], 3))

    @staticmethod
    def text(events):
        return "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events)
