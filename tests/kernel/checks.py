# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""True of every stream of events, whatever the test: each line by tests/validate.py,
order, and the ledger."""
import calendar
import collections
import pathlib
import sys
import time

KERNEL_EVENTS = ("exec", "exec_failed", "exec_attempt", "exit")
BEFORE_SINKS = ("ring", "recursion", "queue", "decode")
SINKS = ("journal", "file", "stdout")


def nanoseconds(text):
    """Since the epoch, of an event's time."""
    whole, fraction = text.removesuffix("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(fraction)


def check_lines(lines, check_seq=True):
    # here: a VM has neither the module jsonschema nor the time
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
    import validate  # pylint: disable=import-outside-toplevel
    validator = validate.Validator(validate.SCHEMA, check_seq=check_seq, max_line=0)
    for number, line in enumerate(lines, 1):
        try:
            validator.line(line)
        except validate.Bad as e:
            raise AssertionError(f"line {number}: {e}\n{line[:2000]!r}") from e


def check_stream(events, complete):
    """`start` first, `stop` last, and time goes on."""
    kinds = [e["event"] for e in events]
    if complete and (kinds[0] != "start" or events[0]["seq"] != 1 or kinds.count("start") != 1):
        raise AssertionError(f"not one start event at the beginning: {events[0]}")
    if kinds[-1] != "stop" or kinds.count("stop") != 1:
        raise AssertionError(f"not one stop event at the end: {events[-1]}")
    for before, after in zip(events, events[1:]):
        if after["time"] < before["time"]:
            raise AssertionError(f"time goes backwards:\n{before}\n{after}")
        if after["event"] == "lost" and not after["from"] <= after["to"] <= after["time"]:
            raise AssertionError(f"times do not fit together: {after}")
    # A stats event for which there was no room is not where these expect it.
    if complete and not any(sink["lost"] for sink in events[-1]["sinks"].values()):
        check_pace(events)
        check_stats(events)


def check_pace(events):
    """A cause is told of once a second at most; what stats and stop count, is told before them."""
    told = {}
    counted = {e["time"] for e in events if e["event"] in ("stats", "stop")}
    for e in events:
        if e["event"] != "lost" or e["time"] in counted:
            continue
        now = nanoseconds(e["time"])
        if now - told.get(e["where"], 0) < 10**9:
            raise AssertionError(f"told again within a second: {e}")
        told[e["where"]] = now


def check_stats(events):
    """Losses that a stats event counts were reported before it, or went on after it."""
    told, waiting = collections.Counter(), {}
    for e in events:
        if e["event"] == "lost":
            since = waiting.pop(e["where"], None)
            if since and e["to"] <= since["time"]:
                raise AssertionError(f"told only after it was counted:\n{since}\n{e}")
            told[e["where"]] += e["count"]
        elif e["event"] == "stats":
            waiting |= {where: e for where in BEFORE_SINKS if told[where] != e["lost_by"][where]}


def check_ledger(events, sink):
    """seen = filtered + lost + written + lost by the sink, and the stream says just the same."""
    stop = events[-1]
    of_sink = stop["sinks"][sink]
    written = sum(e["event"] in KERNEL_EVENTS for e in events)
    told = collections.Counter()
    for e in events:
        if e["event"] == "lost":
            told[e["where"]] += e["count"]

    found = {
        "unaccounted": stop["unaccounted"],
        "queued": stop["queued"],
        "backlog": of_sink["backlog"],
        "seen": stop["seen"],
        "written": of_sink["written"],
        "lost by the sink": of_sink["lost"],
        "lost": stop["lost"],
    }
    expected = {
        "unaccounted": 0,
        "queued": 0,
        "backlog": 0,
        "seen": stop["filtered"] + stop["lost"] + written + of_sink["lost"],
        "written": written,
        "lost by the sink": told[sink],
        "lost": sum(n for where, n in told.items() if where not in SINKS),
    }
    if found != expected:
        raise AssertionError(f"the ledger does not add up:\n{found}, expected\n{expected}\n{stop}")
    for name, program in stop["programs"].items():
        parts = sum(program[key] for key in ("sent", "filtered", "lost_ring_full", "lost_no_ring",
                                             "lost_other"))
        if program["seen"] != parts:
            raise AssertionError(f"program {name} does not add up: {program}")
