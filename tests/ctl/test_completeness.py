#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_completeness.py EXECSNOOPCTL: `verify` finds no fault in an honest log, and each that
somebody has made.

Honest are the recordings of tests/golden and tests/ctl, and what a model of the daemon writes
(honest.py): with losses, restarts, kills, reloads, rules, summaries, clocks that step, of several
boots, hosts and sinks. A fault is something that is done to one of these; what no arithmetic can
find is done, too, and is in the manual.
"""
import functools
import itertools
import json
import os
import pathlib
import random
import re
import sys

sys.dont_write_bytecode = True
import honest               # noqa: E402
import log_lines            # noqa: E402
from honest import Host     # noqa: E402
from log_lines import (add, edited, join, kind, mixed, places, renumber, runs, swapped,
                       without)        # noqa: E402

HERE = pathlib.Path(__file__).parent
CTL = sys.argv[1]
verify = functools.partial(log_lines.verify, CTL)
COMPLETE, EXPLAINED, UNEXPLAINED = range(3)
RULES = [{"name": "noise", "action": "drop"}, {"name": "checks", "action": "summarize"}]

# The search for leaks, at the end of each of hundreds of runs, is half of what they cost; that
# nothing leaks is shown by test_verify.py.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"


# Honest logs

def a_run(host, n=60):
    host.start()
    host.execute(n)
    host.stats()
    host.execute(n // 2)
    host.stop()


def quiet(host):
    a_run(host)
    return COMPLETE


def no_stats(host):
    host.start()
    host.execute(50)
    host.stop()
    return COMPLETE


def nothing_happens(host):
    host.start()
    host.stats()
    host.stop()
    return COMPLETE


def still_running(host):
    host.start()
    host.execute(30)
    host.stats(in_rings=2, queued=3)
    host.execute(7)
    for place in host.sinks:
        host.deliver(place)
    return COMPLETE


def on_the_way(host):
    host.start()
    for i in range(6):
        host.execute(20)
        host.stats(in_rings=i, queued=2 * i)
    host.stop()
    return COMPLETE


def losses(host):
    host.start()
    for where in honest.PLACES:
        host.execute(20)
        host.lose(where, 7)
        host.stats()
    host.execute(5)
    host.lose("ring", 3)
    host.report()
    host.lose("ring", 2)
    host.stop()
    return EXPLAINED


def refused(host):
    """A sink has no room for a while; the others have."""
    host.start()
    host.execute(20)
    host.execute(15, refused_by=host.places[-1:])
    host.stats()
    host.execute(20)
    host.execute(5, refused_by=host.places[-1:])
    host.stop()
    return None


def restarts(host):
    for n in (0, 12, 0, 5):
        a_run(host, 30)
        host.execute(n)
    a_run(host, 30)
    return EXPLAINED


def restarts_without_a_gap(host):
    for _ in range(4):
        a_run(host, 20)
    return COMPLETE


def killed(host):
    for i in range(6):
        host.start()
        host.execute(30 + i)
        if i % 2:
            host.stats(queued=i)
        host.execute(11)
        host.kill()
        host.execute(3 * i)
    a_run(host)
    return EXPLAINED


def killed_before_any_counters(host):
    a_run(host)
    for _ in range(4):
        host.start()
        host.execute(25)
        host.kill()
    a_run(host)
    return None


def killed_at_once(host):
    for _ in range(3):
        host.start()
        host.kill()
    a_run(host)
    return None


def killed_with_losses(host):
    for _ in range(4):
        host.start()
        host.execute(20)
        host.lose("queue", 9)
        host.execute(3, refused_by=host.places[:1])
        if host.chance.randrange(2):
            host.report()
        host.execute(15)
        host.kill()
        host.execute(2)
    a_run(host)
    return EXPLAINED


def summaries(host):
    host.start()
    for _ in range(5):
        host.execute(40)
        host.stats()
        host.summarize()
    host.stop()
    return COMPLETE


def killed_between_summaries(host):
    for _ in range(5):
        host.start()
        host.execute(40)
        host.stats()
        host.summarize()
        host.execute(10)
        host.kill()
        host.execute(2)
    a_run(host)
    return EXPLAINED


def reloads(host):
    host.start()
    host.execute(30)
    host.stats()
    host.reload(rules=[*host.rules, {"name": "more", "action": "drop"}])
    host.execute(30)
    host.stats()
    host.reload(rules=host.rules[-1:])
    host.execute(30)
    host.stats()
    host.stop()
    a_run(host)
    return COMPLETE


def sinks_come_and_go(host):
    """By reloads: each opens with a start."""
    places = list(host.places)
    host.start()
    host.execute(20)
    for _ in range(2):
        host.reload(sinks=places[1:] or ["journal"])
        host.execute(10)
        host.lose("ring", 2)
        host.stats()
        host.reload(sinks=places)
        host.execute(15)
        host.stats()
    host.stop()
    a_run(host)
    return EXPLAINED


def sink_that_rests_for_a_run(host):
    places = list(host.places)
    a_run(host)
    host.places = ["stdout"]
    a_run(host)
    host.execute(3)
    host.places = places
    a_run(host)
    a_run(host)
    return EXPLAINED


def opened_by_a_reload_and_killed(host):
    places = list(host.places)
    host.places = ["stdout"]
    host.start()
    host.execute(30)
    host.reload(sinks=places)
    host.execute(10)
    host.kill()
    host.execute(4)
    a_run(host)
    return EXPLAINED


def stopped_for_good(host):
    a_run(host)
    host.lose_store()
    host.execute(50)
    a_run(host)
    return EXPLAINED


def boots(host):
    for _ in range(3):
        a_run(host, 20)
        a_run(host, 10)
        host.boot()
    a_run(host)
    return COMPLETE


def crashes(host):
    for _ in range(3):
        a_run(host, 20)
        host.start()
        host.execute(20)
        host.crash()
        host.boot()
    a_run(host)
    return EXPLAINED


def clock_steps(host):
    host.start()
    for seconds in (-3600, 7200, -86400, 5):
        host.execute(20)
        host.step_clock(seconds)
        host.execute(20)
        host.stats()
    host.stop()
    host.step_clock(-500)
    a_run(host)
    return COMPLETE


def renamed(host):
    host.name = "localhost"
    host.start()
    for name in ("web1", "web1.example.org", "localhost"):
        host.execute(20)
        host.name = name
        host.execute(20)
        host.stats()
    host.kill()
    host.name = "web2"
    host.execute(3)
    a_run(host)
    host.boot()
    a_run(host)
    return EXPLAINED


def secrets(host):
    host.start()
    for n in (0, 3, 9):
        host.redact(n)
        host.execute(20)
        host.stats()
    host.stop()
    return COMPLETE


def all_at_once(host):
    """Whatever may happen, in any order."""
    host.start()
    for _ in range(60):
        what = host.chance.choice(["execute", "execute", "execute", "stats", "lose", "refuse",
                                   "summarize", "restart", "kill", "reload", "clock", "report",
                                   "redact"])
        if what == "execute":
            host.execute(host.chance.randrange(40))
        elif what == "stats":
            host.stats(host.chance.randrange(3), host.chance.randrange(5))
        elif what == "lose":
            host.lose(host.chance.choice(honest.PLACES), host.chance.randrange(1, 20))
        elif what == "refuse":
            host.execute(host.chance.randrange(9), refused_by=host.chance.sample(host.places, 1))
        elif what == "summarize":
            host.summarize()
        elif what in ("restart", "kill"):
            host.stop() if what == "restart" else host.kill()
            host.execute(host.chance.choice([0, 0, 5]))
            host.start()
        elif what == "reload":
            host.reload(rules=host.chance.sample(RULES, host.chance.randrange(3)))
        elif what == "clock":
            host.step_clock(host.chance.randrange(-50, 100))
        elif what == "report":
            host.report()
        else:
            host.redact(1)
    host.stop()
    return None


STORIES = [quiet, no_stats, nothing_happens, still_running, on_the_way, losses, refused, restarts,
           restarts_without_a_gap, killed, killed_before_any_counters, killed_at_once,
           killed_with_losses, summaries, killed_between_summaries, reloads, sinks_come_and_go,
           sink_that_rests_for_a_run, opened_by_a_reload_and_killed, stopped_for_good, boots,
           crashes, clock_steps, renamed,
           secrets]


def hosts():
    """Each story with and without rules, with one sink or with two, which tell it differently."""
    for number, (story, rules) in enumerate(itertools.product(STORIES, ([], RULES))):
        host = Host(number, sinks=("file", "journal") if number % 4 > 1 else ("file",), rules=rules,
                    machine_id=f"{number:032x}" if number % 3 else None)
        yield f"{story.__name__}, {len(rules)} rules", host, story(host)
    for seed in range(12):
        host = Host(1000 + seed, sinks=honest.SINKS[:1 + seed % 3], rules=RULES[:seed % 3],
                    machine_id="a" * 32)
        yield f"all at once, {seed}", host, all_at_once(host)


def recorded_logs():
    for path in sorted([*honest.GOLDEN.glob("*.jsonl"), *HERE.glob("*.jsonl")]):
        if path.stem != "story":     # which has faults
            yield path.stem, path.read_text("utf-8").rstrip("\n").split("\n")


def honest_logs():
    """(name, lines, the verdict if one is expected)"""
    logs = []
    for name, host, verdict in hosts():
        for place in host.logs:
            if host.logs[place]:
                logs.append((f"{name}, {place}", host.logs[place],
                             verdict if place == "file" else None))
    yield from logs
    yield from ((name, lines, None) for name, lines in recorded_logs())
    chance = random.Random(1)
    for name, lines, _ in logs[::3]:
        cut = chance.randrange(1, len(lines) + 1)
        yield f"{name}, from line {cut}", lines[cut - 1:], None
        yield f"{name}, until line {cut}", lines[:cut], None
    fleet = [lines for name, lines, _ in logs if name.endswith("file")][::7]
    yield "hosts behind one another", sum(fleet, []), None
    yield "hosts mixed", mixed(*fleet), None
    yield "two sinks of one host apart", logs[4][1], None
    yield "hosts mixed, rotated away", mixed(*(lines[len(lines) // 3:] for lines in fleet)), None


def check_honest():
    n, bad = 0, []
    for name, lines, expected in honest_logs():
        n += 1
        code, shown, said = verify(lines)
        if code not in (COMPLETE, EXPLAINED) or "!" in shown or said or \
                expected not in (None, code):
            bad.append((name, expected, code, shown, said))
    for name, expected, code, shown, said in bad:
        print(f"--- {name}: {code}, expected {expected}\n{shown}{said}")
    assert not bad, f"{len(bad)} of {n}: {[name for name, *_ in bad]}"
    assert n >= 45, n
    print(f"{n} honest logs")



# Faults: what is done to a log, and the words by which it is found

def rich(seed):
    """A log with a bit of everything: runs 1 and 2 stop, 3 is killed, 4 stops."""
    host = Host(seed, rules=RULES, machine_id=f"{seed:032x}")
    host.start()
    for _ in range(3):
        host.execute(40)
        host.stats()
    host.lose("ring", 5)
    host.lose("queue", 4)
    host.execute(20)
    host.stats()
    host.summarize()
    host.execute(20)
    host.stop()
    host.execute(6)
    a_run(host)
    host.start()
    host.execute(60)
    host.stats()
    host.execute(60)
    host.kill()
    host.execute(9)
    a_run(host)
    return host.logs["file"]


def of_another_boot(lines):
    return [re.sub(r'"boot_id":"[0-9a-f]+"', f'"boot_id":"{"e" * 32}"', line, count=1)
            for line in lines]


def events_between(lines, first="stats", number=0):
    """Where events are that stand behind counters and before others."""
    begin = places(lines, first)[number] + 1
    end = begin
    while kind(lines[end]) in honest.KERNEL_EVENTS:
        end += 1
    assert end - begin >= 3, (begin, end)
    return begin, end


def faults(seed):
    log = rich(seed)
    other = rich(seed + 500)
    chance = random.Random(seed)
    parts = runs(log)
    begin, end = events_between(log)
    at = chance.randrange(begin, end - 2)
    stop, stats, lost, summary = (places(log, name)
                                  for name in ("stop", "stats", "lost", "summary"))
    starts = places(log, "start")
    killed = starts[2], starts[3]
    in_killed = [i for i in stats if killed[0] < i < killed[1]]
    missing = r"lines? \d+ (to \d+ are|is) missing"
    again, behind = r"come(s)? again", r"come(s)? behind later ones"
    reports = r"were lost, and \d+ are reported"
    since, earlier = "events were written since those before", "earlier runs have"
    # Lines removed
    yield "an event", without(log, at), missing
    yield "several events", without(log, at, 2), missing
    yield "every second event", [
        line for i, line in enumerate(log) if not begin <= i < end or i % 2], missing
    yield "stats", without(log, stats[1]), missing
    yield "a loss", without(log, lost[0]), missing
    yield "a summary", without(log, summary[0]), missing
    yield "the begin of the second run", without(log, starts[1], 3), again
    yield "the begin of the second run, and the end of the first", without(log, stop[0], 5), again
    yield "a start", without(log, starts[1]), again
    yield "the line before a stop", without(log, stop[0] - 1), missing
    yield "a whole run", join(parts[:1] + parts[2:]), earlier
    yield "the run that was killed", join(parts[:2] + parts[3:]), earlier
    yield "the end of the run that was killed", without(log, killed[1] - 3, 3), earlier
    yield "a stop and what is before", without(log, stop[1] - 4, 5), earlier
    yield "all but starts and stops", [
        line for line in log if kind(line) in ("start", "stop")], missing
    yield "all events", [line for line in log if kind(line) not in honest.KERNEL_EVENTS], missing
    # And numbers made to fit
    yield "an event, renumbered", renumber(without(log, at)), since
    yield "an event at the begin, renumbered", renumber(without(log, 1)), since
    last = max(i for i in range(stop[0]) if kind(log[i]) in honest.KERNEL_EVENTS)
    yield "an event at the end, renumbered", renumber(without(log, last)), since
    yield "stats, renumbered", renumber(
        without(log, stats[1])), "lines were written, and it is number"
    yield "a loss, renumbered", renumber(without(log, lost[0])), reports
    yield "a summary, renumbered", renumber(without(log, summary[0])), "lines were written"
    yield "an event for three, renumbered", renumber(
        log[:at] + log[begin - 3:begin - 2] + log[at + 3:]), since
    yield "the killed run's events, renumbered", renumber(
        without(log, in_killed[0] + 1, 3)), earlier
    yield "a loss made up, renumbered", renumber(log[:at] + [log[lost[0]]] + log[at:]), reports
    yield "events added, renumbered", renumber(log[:at] + log[begin:begin + 2] + log[at:]), since
    # Doubled
    yield "a line twice", log[:at + 1] + log[at:], again
    yield "lines twice", log[:at + 3] + log[at:], again
    yield "a start twice", log[:1] + log, again
    yield "a stop twice", log[:stop[0] + 1] + log[stop[0]:], again
    yield "a run twice", join([parts[0], parts[1], parts[1], *parts[2:]]), again
    yield "the first run once more at the end", log + parts[0], again
    yield "all of it twice", log + log, again
    # In another order
    yield "two swapped", swapped(log, at, at + 1), behind
    yield "far ones swapped", swapped(log, begin, end - 1), behind
    yield "lines backwards", log[:begin] + log[begin:end][::-1] + log[end:], behind
    yield "stats before what they count", swapped(log, stats[1], stats[1] - 3), behind
    yield "runs swapped", join([parts[1], parts[0], *parts[2:]]), "."
    # Counters
    yield "seen", edited(log, stop[0], add("seen", 1)), "the sum is wrong by 1"
    yield "filtered", edited(log, stop[0], add("filtered", 2)), "filtered is"
    yield "a rule's", edited(log, stop[0], add("filtered_by/noise", -1)), "filtered is"
    yield "lost", edited(log, stop[0], add("lost", -9)), "lost is"
    yield "lost by place", edited(log, stop[0], add("lost_by/ring", 1)), "lost is"
    yield "before", edited(log, stop[1], add("sinks/file/before", -3)), "the sum is wrong"
    yield "written", edited(log, stop[0], add("sinks/file/written", -1)), since
    yield "backlog", edited(log, stats[1], add("sinks/file/backlog", 1)), "the sum is wrong"
    yield "lines", edited(log, stop[0], add("sinks/file/lines", 2)), "lines were written"
    yield "lost of the sink", edited(log, stop[0], add("sinks/file/lost", 1)), "the sum is wrong"
    yield "queued", edited(log, stats[1], add("queued", 1)), "the sum is wrong"
    yield "in_rings", edited(log, stats[1], add("in_rings", 4)), "the sum is wrong"
    yield "unaccounted", edited(
        log, stop[0], add("sinks/file/unaccounted", 2)), "2 events are unaccounted for"
    yield "what a start has inherited", edited(
        log, starts[1], add("inherited/seen", -200)), "seen went back"
    yield "counters of another moment", log[:stats[1]] + [log[stats[0]]] + log[stats[1] + 1:], again
    # Losses and summaries
    yield "a loss made less", edited(log, lost[0], add("count", -1)), reports
    yield "a loss made more", edited(log, lost[0], add("count", 1)), reports
    yield "a loss of another place", edited(
        log, lost[0], lambda event: event.update({"where": "journal"})), reports
    yield "a loss that is not over", edited(
        log, lost[0], lambda event: event.update({"to": "2030-01-01T00:00:00Z"})), \
        "not over by then"
    yield "a summary made less", edited(log, summary[0], add("count", -1)), earlier
    # Cut, spoiled
    yield "a line without its end", [*log[:at], log[at][:40], *log[at + 1:]], missing
    yield "a line that is no text", [*log[:at], log[at][:-1] + "\x01}", *log[at + 1:]], missing
    yield "a number that is none", edited(
        log, at, lambda event: event.update({"pid": -1})), \
        "values that execsnoopd does not write: 1"
    # Glued
    yield "two runs as one", parts[0][:-20] + parts[3][10:], again
    yield "two boots as one", parts[0][:-10] + of_another_boot(parts[1][5:]), "its start among them"
    yield "a host among others", mixed(without(log, at), other), missing
    yield "a line of another host in its place", [*log[:at], other[at], *log[at + 1:]], missing
    boot_id = json.loads(log[0])["boot_id"]
    yield "the end of another's", parts[0][:-5] + [
        re.sub(r'"boot_id":"[0-9a-f]+"', f'"boot_id":"{boot_id}"', line, count=1)
        for line in other[-4:]], "."


def check_faults():
    names, missed = set(), []
    for seed in range(4):
        for name, lines, words in faults(seed):
            names.add(name)
            code, shown, said = verify(lines)
            found = [row for row in shown.splitlines() if "!" in row and re.search(words, row)]
            if code != UNEXPLAINED or not found:
                missed.append((f"{name}, {seed}", words, code, shown, said))
    for name, words, code, shown, said in missed:
        print(f"--- {name}: {code}, no {words!r} in\n{shown}{said}")
    assert not missed, f"{len(missed)}: {sorted({name for name, *_ in missed})}"
    assert len(names) >= 45, len(names)
    print(f"{len(names)} kinds of faults")


# What can't be found

def forged(seed):
    """By whoever changes all numbers, or where there are none."""
    log = rich(seed)
    parts = runs(log)
    begin, _ = events_between(log)
    yield "the end cut off", log[:-7]
    yield "a boot taken out", log + of_another_boot(parts[0])
    yield "the begin cut off, as if it had been rotated away", log[10:]
    yield "a line that says something else", edited(
        log, begin, lambda event: event.update({"exe": "/usr/bin/true"}))
    alone = parts[0][:places(parts[0], "stats")[-1] + 9]
    yield "an event behind the last counters, renumbered", renumber(without(alone, len(alone) - 3))

    def adjust(event):
        """One event less in all counters behind it."""
        event["seen"] -= 1
        event["sinks"]["file"]["written"] -= 1
        event["sinks"]["file"]["lines"] -= 1
    one = renumber(without(parts[0], 1))
    for i in places(one, "stats") + places(one, "stop"):
        one = edited(one, i, adjust)
    yield "an event removed and all numbers changed", one


def check_forged():
    for seed in range(3):
        for name, lines in forged(seed):
            code, shown, _ = verify(lines)
            assert code in (COMPLETE, EXPLAINED) and "!" not in shown, (name, seed, shown)
    manual = (HERE.parent.parent / "packaging/man/execsnoopctl.1").read_text("utf-8")
    for words in ("changes all numbers behind it", "says something else than it did",
                  "cut off since",
                  "or a whole boot"):
        assert words in manual.replace("\n", " "), words


check_honest()
check_faults()
check_forged()
