# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Logs as execsnoopd writes them, whatever happens to it: a model of its account, see ACCOUNTING in
execsnoopd-events(7). Events are those of the recordings in tests/golden.

A Host lives from boot to boot; the kernel counts while no daemon runs. Each sink has its own lines,
numbers, losses and account, which outlives a run.
"""
import dataclasses
import json
import pathlib
import random
import time

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
PLACES = ("ring", "recursion", "queue", "decode")   # before the sinks
KERNEL_EVENTS = ("exec", "exec_failed", "exec_attempt", "exit")
SINKS = ("journal", "file", "stdout")
HEAD = ("event", "time", "seq", "boot_id", "host")


def recorded():
    """Events of the recordings, without what is of each line."""
    found = []
    for path in sorted(GOLDEN.glob("*.jsonl")):
        for line in path.read_text("utf-8").rstrip("\n").split("\n"):
            event = json.loads(line)
            if event["event"] in KERNEL_EVENTS and len(line) < 4000:
                found.append((event["event"], {k: v for k, v in event.items() if k not in HEAD}))
    return found


RECORDED = recorded()


def stamp(ns):
    seconds, fraction = divmod(ns, 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction:09}Z"


@dataclasses.dataclass
class Account:
    """Of a sink, over the runs of a boot."""
    accounted: int = 0
    sending: int = 0    # of a line that is handed over: there or not
    uncertain: int = 0  # likewise, of earlier runs: to be reported
    is_open: bool = False


@dataclasses.dataclass
class Sink:
    """Of a sink in one run."""
    account: Account
    before: int = 0
    is_new: bool = False
    seq: int = 0
    written: int = 0
    lost: int = 0
    down: int = 0
    unreported: dict = dataclasses.field(default_factory=dict)   # where: [count, from, to]
    waiting: list = dataclasses.field(default_factory=list)      # (line, worth, kind)


class Host:
    def __init__(self, seed, name="vm", sinks=("file",), machine_id=None, rules=()):
        self.chance = random.Random(seed)
        self.name, self.machine_id, self.rules = name, machine_id, list(rules)
        self.places = list(sinks)
        self.logs = {place: [] for place in SINKS}
        self.clock = 1_795_372_000 * 10**9 + self.chance.randrange(10**12)
        self.offset = 0
        self.is_running = False
        self.boot()

    def boot(self):
        assert not self.is_running
        self.boot_id = f"{self.chance.getrandbits(128):032x}"
        self.seen = self.dropped = 0
        self.accounts = {place: Account() for place in SINKS}
        self.is_counted = False
        self.ended = 0
        self.clock += self.chance.randrange(10**10, 10**11)

    def now(self):
        """A clock that nobody sets; what happens takes some microseconds."""
        self.clock += self.chance.randrange(1000, 1_000_000)
        return self.clock

    def stamp(self, ns):
        """As that of the wall says by now."""
        return stamp(ns + self.offset)

    def step_clock(self, seconds):
        self.offset += seconds * 10**9

    # Lines
    def line(self, place, kind, members, worth=0, when=None):
        """For a sink; it waits there until it is delivered."""
        sink = self.sinks[place]
        sink.seq += 1
        head = {"event": kind, "time": self.stamp(when or self.now()), "seq": sink.seq,
                "boot_id": self.boot_id,
                "host": self.name}
        text = json.dumps(head | members, separators=(",", ":"), ensure_ascii=False)
        sink.waiting.append((text, worth, kind))

    def deliver(self, place, leave=0):
        sink = self.sinks[place]
        while len(sink.waiting) > leave:
            text, worth, kind = sink.waiting.pop(0)
            self.logs[place].append(text)
            sink.account.accounted += worth
            sink.written += kind in KERNEL_EVENTS
            if kind == "lost" and "uncertain" in json.loads(text):
                sink.account.uncertain = 0

    # What the kernel sees
    def execute(self, n=1, refused_by=()):
        """Events, of which rules hide some; a sink without room refuses them."""
        for _ in range(n):
            kind, members = self.chance.choice(RECORDED)
            self.seen += 1
            if not self.is_running:
                continue
            self.events_at = self.now()
            rule = self.chance.choice([None, None, *self.rules])
            if rule and rule["action"] == "drop":
                self.hide(rule)
            elif rule and (rule["name"], kind) in self.groups:
                self.groups[rule["name"], kind][0] += 1
                self.count_hidden(rule, "summarized")
            else:
                if rule:
                    self.groups[rule["name"], kind] = [0, self.events_at]
                self.write(kind, members, refused_by)

    def write(self, kind, members, refused_by):
        self.events += 1
        when = self.now()
        for place in self.sinks:
            if place in refused_by:
                self.sinks[place].lost += 1
                self.note_loss([place], place, 1)
            else:
                self.line(place, kind, members, 1, when)
                if len(self.sinks[place].waiting) > 40:
                    self.deliver(place, self.chance.randrange(5))

    def count_hidden(self, rule, how):
        counters = self.rule_counters.setdefault(rule["name"], {"dropped": 0, "summarized": 0})
        counters[how] += 1

    def hide(self, rule):
        self.count_hidden(rule, "dropped")
        self.dropped += 1
        for sink in self.sinks.values():
            sink.account.accounted += 1

    def summarize(self):
        """The interval is over."""
        for (name, kind), (count, since) in self.groups.items():
            if count == 0:
                continue
            when = self.now()
            for place in self.sinks:
                self.line(place, "summary",
                          {"of": kind, "count": count, "rule": name, "from": self.stamp(since),
                                             "to": self.stamp(when)}, count, when)
            self.told += count
        self.groups = {}

    def lose(self, where, n=1):
        """Before the sinks."""
        self.seen += n
        self.lost[where] += n
        self.note_loss(self.sinks, where, n)

    def note_loss(self, places, where, n, since=None, uncertain=0):
        for place in places:
            loss = self.sinks[place].unreported.setdefault(where, [0, since or self.now(), 0, 0])
            loss[0] += n
            loss[2] = self.now()
            loss[3] += uncertain

    def report(self):
        for place, sink in self.sinks.items():
            for where, (count, since, until, uncertain) in sorted(sink.unreported.items()):
                members = {"where": where, "count": count, "from": self.stamp(since),
                           "to": self.stamp(until)}
                if uncertain:
                    members["uncertain"] = uncertain
                self.line(place, "lost", members, count)
            sink.unreported = {}

    # The daemon
    def filtered_by(self):
        counts = {rule["name"]: 0 for rule in self.rules}
        removed = 0
        for name, counters in self.rule_counters.items():
            if name in counts:
                counts[name] = sum(counters.values())
            else:
                removed += sum(counters.values())
        if removed:
            counts["removed rules"] = removed
        if self.dropped_earlier:
            counts["earlier runs"] = self.dropped_earlier
        return counts

    def counters(self, in_rings=0, queued=0):
        filtered = self.filtered_by()
        sinks = {}
        for place, sink in self.sinks.items():
            backlog = sum(kind in KERNEL_EVENTS for _, _, kind in sink.waiting)
            known = sum(filtered.values()) + sum(self.lost.values()) + in_rings + queued + \
                sink.before + sink.written + sink.lost + backlog
            assert self.seen + in_rings + queued == known, (place, self.seen, known)
            sinks[place] = {"before": sink.before}
            if sink.is_new and sink.before > 0:
                sinks[place]["opened"] = True
            sinks[place] |= {"written": sink.written, "lost": sink.lost, "down": sink.down,
                             "backlog": backlog,
                             "lines": sink.seq - len(sink.waiting), "bytes": 0, "retries": 0,
                             "backlog_bytes": sum(len(text) + 1 for text, _, _ in sink.waiting),
                             "unaccounted": 0}
        return {"seen": self.seen + in_rings + queued, "filtered": sum(filtered.values()),
                "filtered_by": filtered,
                "lost": sum(self.lost.values()),
                "lost_by": self.lost | {"down": max([sink.down for sink in self.sinks.values()],
                                                    default=0)},
                "in_rings": in_rings, "queued": queued, "queue_bytes": 0, "wakeups": 1, "cut": 0,
                "redacted": self.redacted,
                "summing": sum(count for count, _ in self.groups.values()),
                "sinks": sinks, "unaccounted": 0}

    def open_sink(self, place):
        account = self.accounts[place]
        sink = self.sinks[place] = Sink(account)
        account.uncertain += account.sending
        account.sending = 0
        if account.is_open:
            sink.down = sink.lost = self.earlier - account.accounted
            assert sink.down >= 0
            sink.before = account.accounted - self.dropped_earlier
            if sink.down:
                self.note_loss([place], "down", sink.down, self.ended, account.uncertain)
        else:
            sink.is_new = True
            sink.before = self.earlier + self.events - self.dropped_earlier
            account.accounted = self.earlier + self.events + sum(self.lost.values()) + self.told + \
                sum(c["dropped"] for c in self.rule_counters.values())
            account.uncertain = 0
            account.is_open = True

    def start(self):
        assert not self.is_running
        self.is_running = True
        if not self.is_counted:
            self.seen = self.dropped = 0
            self.accounts = {place: Account() for place in SINKS}
        self.earlier, self.dropped_earlier = self.seen, self.dropped
        self.lost = dict.fromkeys(PLACES, 0)
        self.events = self.told = self.redacted = 0
        self.rule_counters, self.groups, self.sinks = {}, {}, {}
        for place, account in self.accounts.items():
            account.is_open = account.is_open and place in self.places
        for place in self.places:
            self.open_sink(place)
        members = {"version": "0.1.0", "kernel": "6.12.0"}
        if self.machine_id:
            members["machine_id"] = self.machine_id
        members |= {"boot_age_ns": 3_000_000_000, "down": "counted" if self.is_counted
                    else "unknown"}
        if self.is_counted:
            members["inherited"] = self.counters()
        for place in self.sinks:
            self.line(place, "start", members)
        self.start_members = {key: value for key, value in members.items() if key != "inherited"}
        self.is_counted = True

    def stats(self, in_rings=0, queued=0):
        """These are seen, and their events come behind."""
        self.report()
        for place in self.sinks:
            self.deliver(place, self.chance.randrange(8))
        for place in self.sinks:
            self.line(place, "stats", self.counters(in_rings, queued))
        self.execute(in_rings + queued)
        self.report()

    def end(self):
        self.is_running = False
        self.ended = self.now()

    def stop(self):
        self.summarize()
        self.report()
        for place in self.sinks:
            self.deliver(place)
        for place in self.sinks:
            self.line(place, "stop", self.counters())
            self.deliver(place)
        self.end()

    def kill(self):
        """What waits is gone, and reported by the next run; of one line nobody knows."""
        for place, sink in self.sinks.items():
            self.deliver(place, self.chance.randrange(10))
            if sink.waiting and self.chance.randrange(2):
                text, sink.account.sending, _ = sink.waiting[0]
                if self.chance.randrange(2):
                    self.logs[place].append(text)
        self.end()

    def crash(self):
        """The host has no power any more."""
        self.kill()
        self.is_counted = False

    def lose_store(self):
        """The service was stopped for good: nobody counts."""
        self.is_counted = False

    def reload(self, sinks=None, rules=None):
        """What is closed ends with its losses and counters; what is opened begins with a start."""
        sinks = list(sinks if sinks is not None else self.places)
        if rules is not None:
            self.summarize()
            self.rules = list(rules)
        for place in [place for place in self.sinks if place not in sinks]:
            self.report()
            self.deliver(place)
            self.line(place, "stats", self.counters())
            self.deliver(place)
            self.sinks.pop(place)
            self.accounts[place].is_open = False
        for place in [place for place in sinks if place not in self.sinks]:
            self.open_sink(place)
            self.line(place, "start", self.start_members)
        self.places = sinks

    def redact(self, n):
        self.redacted += n
