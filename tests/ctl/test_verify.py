#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_verify.py EXECSNOOPCTL: the verb `verify` on honest logs, and on such as somebody has
changed.

rules.jsonl and lossy.jsonl are logs of a daemon that was stopped, killed and reloaded, with rules,
summaries and a ring that was too small; of events there is only what verify looks at.
"""
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import log_lines            # noqa: E402
from log_lines import (edit, edited, join, kind, mixed, more, places, renumber, runs, set_in,
                       swapped, without)       # noqa: E402

HERE = pathlib.Path(__file__).parent
CTL = sys.argv[1]
verify = functools.partial(log_lines.verify, CTL)
COMPLETE, EXPLAINED, UNEXPLAINED, NOT_OURS = range(4)
BOOT, OTHER_BOOT = "2fff7c11b2084133bd954df45c274c9b", "0123456789abcdef0123456789abcdef"


def read(name):
    return (HERE / f"{name}.jsonl").read_text("utf-8").splitlines()


def verify_file(path, *options):
    return subprocess.run([CTL, "verify", f"--file={path}", *options], stdout=subprocess.PIPE,
                          check=False)


def other(lines, host):
    """The log of another host, which has a boot of its own."""
    text = "\n".join(lines).replace('"host":"vm"', f'"host":"{host}"')
    return text.replace(BOOT, host.encode().hex().rjust(32, "0")).split("\n")


def rebooted(lines):
    """The next day's log."""
    text = "\n".join(lines).replace(BOOT, OTHER_BOOT)
    return text.replace("2026-11-26", "2026-11-27").split("\n")


def renamed(lines, *changes):
    """The host gets these names, each from a line on."""
    out = list(lines)
    for begin, name in changes:
        out[begin:] = [re.sub('"host":"[^"]*"', f'"host":"{name}"', line, count=1)
                       for line in out[begin:]]
    return out


def with_machine(lines, machine_id):
    change = set_in("machine_id", machine_id)
    return [edit(line, change) if kind(line) == "start" else line for line in lines]


def changed(lines, wanted, path, value, number=0):
    return edited(lines, places(lines, wanted)[number], set_in(path, value))


def check_honest():
    rules, lossy = read("rules"), read("lossy")
    first = runs(rules)[0]
    logs = {
        "rules": (rules, EXPLAINED), "lossy": (lossy, EXPLAINED), "first run": (first, COMPLETE),
        "without its end": (first[:-1], COMPLETE), "until some line": (first[:77], COMPLETE),
        "two hosts": (first + other(first, host="b"), COMPLETE),
        "two hosts, mixed": (mixed(rules, other(rules, host="b")), EXPLAINED),
        "two boots": (first + rebooted(first), COMPLETE),
        "two boots, mixed": (mixed(first, rebooted(first)), COMPLETE),
        "a boot that crashed": (first[:50] + rebooted(first), EXPLAINED),
        "renamed": (renamed(rules, (40, "b"), (300, "vm")), EXPLAINED),
        "renamed before its second start":
            (renamed(first, (30, "b")) + renamed(rebooted(first), (0, "b")), COMPLETE),
        "two hosts, one renamed to the other's name, mixed":
            (mixed(renamed(first, (30, "b")), other(renamed(first, (90, "c")), host="b")),
             COMPLETE),
        "two hosts of one name":
            (with_machine(first, "a" * 32) + with_machine(rebooted(first), "b" * 32), COMPLETE),
        "two hosts of one name, mixed, rotated away":
            (mixed(rules[30:], rebooted(rules[60:])), EXPLAINED),
        "rotated away": (rules[30:], EXPLAINED),
        "rotated away, a run": (join(runs(rules)[1:]), EXPLAINED),
        "lines of others": (["{}", '{"message":"hello"}'] + first, COMPLETE),
    }
    for cut in range(1, len(lossy), 7):
        logs[f"lossy until {cut}"] = (lossy[:cut], None)
        logs[f"lossy from {cut}"] = (lossy[cut:], None)
    for cut in range(100, len(rules), 61):
        logs[f"rules until {cut}"] = (rules[:cut], None)
    assert len(logs) >= 37, len(logs)
    for name, (lines, expected) in logs.items():
        code, shown, said = verify(lines)
        assert code in (COMPLETE, EXPLAINED) and expected in (None, code), (name, code, shown, said)
        assert "!" not in shown and "NOT AS" not in shown, (name, shown)
    shown = verify(rules)[1]
    for words in ("hidden by shells: 177", "hidden by summed: 66", "42 events lost: down",
                  "58 in summaries", "run 5", "stopped"):
        assert words in shown, (words, shown)
    assert "101 events lost: ring" in verify(lossy)[1]
    assert "nobody has counted" in verify(lossy)[1]
    assert "without a stop" in verify(logs["a boot that crashed"][0])[1]
    assert "begins here, with line 31" in verify(rules[30:])[1]


def add_journal(event):
    event["sinks"]["journal"] = dict(event["sinks"]["file"])


def make_up_journal(event):
    """As if it had been opened just before these counters: the lines contradict nothing of it."""
    sink = dict(event["sinks"]["file"])
    sink["before"] += sink["written"] + sink["backlog"]
    sink |= {"written": 0, "backlog": 0, "lines": event["seq"] - 1}
    event["sinks"]["journal"] = sink


def faults():
    """What somebody might do to a log, and the words by which it is found out."""
    log = read("rules")
    lossy = read("lossy")
    parts = runs(log)
    stop, lost = places(log, "stop")[0], places(log, "lost")[0]
    ring = places(lossy, "lost")[0]
    summary = places(log, "summary")[0]
    first = parts[0]
    yield "a line removed", without(log, 40), "line 41 is missing"
    yield "lines removed", without(log, 40, 5), "lines 41 to 45 are missing"
    yield "the line before a stop", without(log, stop - 1), "is missing"
    yield "a stats event", without(log, places(log, "stats")[0]), "is missing"
    # The last line of a run that was killed.
    yield "a loss", without(log, lost), "earlier runs have"
    yield "a summary", without(log, summary), "is missing"
    yield "a start", without(log, places(log, "start")[1]), "come again"
    yield "a start and what is before", without(log, stop, 2), "come again"
    yield "a run", join(parts[:2] + parts[3:]), "earlier runs have"
    yield "the end of a run that was killed", \
        join([parts[0], parts[1][:-3], *parts[2:]]), "earlier runs have"
    yield "removed and renumbered", renumber(without(log, 40)), "events were written since"
    yield "one of each, renumbered", \
        renumber(without(without(log, 200), 40)), "events were written since"
    yield "a loss, renumbered", renumber(without(lossy, ring)), "are reported"
    yield "a summary, renumbered", renumber(without(log, summary)), "lines were written"
    yield "stats, renumbered", renumber(without(log, places(log, "stats")[0])), "lines were written"
    yield "an event added", renumber(log[:40] + log[39:]), "events were written since"
    yield "a line doubled", log[:41] + log[40:], "line 41 comes again"
    yield "lines doubled", log[:45] + log[40:], "lines 41 to 45 come again"
    yield "a start doubled", log[:1] + log, "line 1 comes again"
    yield "a stop doubled", log[:stop + 1] + log[stop:], "comes again"
    yield "a run doubled", first[:-1] + first, "come again"
    yield "a run doubled behind another", parts[0] + parts[1] + parts[0], "lines 1 to"
    yield "a run doubled at the end", log + parts[0], f"lines 1 to {len(first)} come again"
    yield "all of it twice", log + log, f"lines 1 to {len(first)} come again"
    yield "all of it twice, of another", lossy + lossy, "come again"
    yield "two swapped", swapped(log, 40, 41), "line 41 comes behind later ones"
    yield "two far away swapped", swapped(log, 40, 90), "behind later ones"
    yield "backwards", log[:1] + log[1:50][::-1] + log[50:], "behind later ones"
    yield "seen", changed(log, "stop", "seen", more(1)), "the sum is wrong by 1"
    yield "written", changed(log, "stop", "sinks/file/written", more(-2)), \
        "events were written since"
    yield "backlog", changed(log, "stop", "sinks/file/backlog", more(3)), "the sum is wrong by -3"
    yield "lines", changed(log, "stop", "sinks/file/lines", more(-1)), "lines were written"
    yield "before", changed(log, "stop", "sinks/file/before", more(5), 1), "the sum is wrong by -5"
    yield "filtered", changed(log, "stop", "filtered", more(9)), "filtered is"
    yield "a rule's", changed(log, "stop", "filtered_by/shells", more(-9)), "filtered is"
    yield "lost", changed(lossy, "stop", "lost", 0), "lost is 0, and its parts are 101"
    yield "lost by place", changed(lossy, "stop", "lost_by/ring", 7), \
        "lost is 101, and its parts are 7"
    yield "a loss made smaller", changed(lossy, "lost", "count", 1), \
        "101 events were lost, and 1 are reported"
    yield "a loss made larger", changed(lossy, "lost", "count", more(1)), \
        "101 events were lost, and 102 are"
    yield "a summary's count", changed(log, "summary", "count", more(1)), "earlier runs have"
    yield "unaccounted", changed(log, "stop", "sinks/file/unaccounted", 3), \
        "3 events are unaccounted for"
    yield "counters that go back", changed(log, "stats", "seen", 100000), \
        "seen went back from 100000"
    yield "inherited", changed(log, "start", "inherited/seen", 1, 1), "seen went back"
    yield "a loss that is not over", \
        changed(lossy, "lost", "to", "2026-11-26T21:25:10.270000000Z"), \
        "the loss that line 35 reports was from 2026-11-26 21:25:10.230 to 2026-11-26 21:25:10.270"
    yield "a loss that ends before it begins", \
        changed(lossy, "lost", "to", "2026-11-26T21:25:10.220Z"), \
        "which is backwards or not over by then"
    yield "a line cut", log[:40] + [log[40][:50]] + log[41:], "line 41 is missing"
    yield "a line spoiled", log[:40] + ["\udcff" + log[40][1:]] + log[41:], "line 41 is missing"
    spoiled = re.sub(r'"pid":\d+', '"pid":99999999999', log[40])
    yield "a number out of range", log[:40] + [spoiled] + log[41:], ""
    yield "two runs glued", first[:-30] + parts[2][20:], "come again"
    yield "two boots glued", first[:-30] + rebooted(first[20:]), \
        "lines 1 to 20 of this run are missing"
    tampered = join([renumber(without(first, 40)), *parts[1:]])
    begin = len(tampered) - len(parts[-1])
    yield "removed, another sink later", tampered[:begin] + [
        edit(line, add_journal) if kind(line) in ("stats", "stop") else line
        for line in tampered[begin:]], "events were written since"
    tampered = renumber(without(first, 40))
    yield "removed, a sink made up", \
        tampered[:-1] + [edit(tampered[-1], make_up_journal)], "events were written since"
    yield "a host among others", \
        mixed(without(first, 60), other(first, host="b")), "line 61 is missing"
    yield "a renamed host", renamed(without(log, 60), (40, "b"), (300, "vm")), "line 61 is missing"
    yield "a line of another host", \
        first[:60] + other(first[60:61], host="b") + first[61:], "line 61 is missing"


def check_faults():
    found = list(faults())
    assert len(found) >= 40, len(found)
    missed = []
    for name, lines, words in found:
        code, shown, said = verify(lines)
        if code != UNEXPLAINED or words not in shown or (words and "!" not in shown):
            missed.append((name, words, code, shown, said))
    for name, words, code, shown, said in missed:
        print(f"--- {name}: {code}, no {words!r} in\n{shown}{said}")
    assert not missed, [name for name, *_ in missed]
    code, shown, said = verify(read("rules"), end="\n" + read("rules")[5][:40])
    assert code == UNEXPLAINED and "has no end" in said
    assert shown.endswith("the log itself: NOT AS IT WAS WRITTEN\n"
                          "  ! lines without an end: 1\n"), shown
    shown = verify(runs(read("rules"))[0] + ["garbage"])[1]
    assert "host vm: complete" in shown and "  ! lines that are no JSON: 1\n" in shown, shown


def check_json():
    code, shown, _ = verify(read("rules") + other(runs(read("rules"))[0], host="b"), "-o", "json")
    hosts = [json.loads(line) for line in shown.splitlines()]
    assert code == EXPLAINED and [h["host"] for h in hosts] == ["vm", "b"]
    assert [h["verdict"] for h in hosts] == ["explained", "complete"]
    assert hosts[0]["log_of"] == "file" and hosts[0]["boots"][0]["boot_id"] == BOOT
    listed = hosts[0]["boots"][0]["runs"]
    assert [run["lines"] for run in listed] == [len(part) for part in runs(read("rules"))]
    assert [run.get("stopped", False) for run in listed] == [True, False, False, False, True]
    assert listed[1]["lost"] == {"down": 42}
    assert {f["kind"] for f in hosts[0]["findings"]} == {"lost"}
    assert hosts[0]["hidden_by"] == {"summed": 66, "shells": 177}
    code, shown, _ = verify(runs(read("rules"))[0] + ["garbage"], "-o", "json")
    host, log = (json.loads(line) for line in shown.splitlines())
    assert code == UNEXPLAINED and host["verdict"] == "complete"
    assert {key: value for key, value in log["log"].items() if value} == \
        {"verdict": "unexplained", "no_json": 1}
    code, shown, _ = verify(swapped(read("rules"), 40, 41), "-o", "json")
    wrong = [f for f in json.loads(shown)["findings"] if f.get("unexplained")]
    assert code == UNEXPLAINED and [f["kind"] for f in wrong] == ["out_of_order"], wrong
    assert wrong[0]["run"] == 1 and wrong[0]["text"] == "line 41 comes behind later ones"


def hosts_of(lines):
    return [json.loads(line) for line in verify(lines, "-o", "json")[1].splitlines()]


def check_hosts():
    """A boot is of one host, whatever that is called; which boots are of one, the machine ID says,
    or the name."""
    rules, first = read("rules"), runs(read("rules"))[0]
    host, = hosts_of(renamed(rules, (40, "b"), (300, "c"), (400, "vm"), (500, "c")))
    assert host["host"] == "c" and host["boots"][0]["hosts"] == ["vm", "b", "c"], host
    assert [run["lines"] for run in host["boots"][0]["runs"]] == [len(part) for part in runs(rules)]
    shown = verify(renamed(rules, (40, "b"), (300, "vm")))[1]
    assert shown.startswith("host vm: incomplete"), shown
    assert f"\n  boot {BOOT}, also called b\n" in shown, shown
    assert shown.count("host ") == 1 and "hidden by shells: 177" in shown, shown
    # Its name changed with its boot, which the machine ID sees through; and two that have the same.
    machines = with_machine(first, "a" * 32) + \
        renamed(with_machine(rebooted(first), "a" * 32), (0, "b"))
    host, = hosts_of(machines)
    assert host["host"] == "b" and host["machine_id"] == "a" * 32 and len(host["boots"]) == 2, host
    two = hosts_of(with_machine(first, "a" * 32) + with_machine(rebooted(first), "b" * 32))
    assert [(host["host"], host["machine_id"]) for host in two] == \
        [("vm", "a" * 32), ("vm", "b" * 32)], two
    # The begin of a boot is missing: of a host that was there before that is a fault.
    for head in (first, with_machine(first, "a" * 32)):
        host = hosts_of(head + rebooted(first[20:]))[0]
        assert "no_start" in [f["kind"] for f in host["findings"]]
    two = hosts_of(mixed(first, rebooted(first[20:])))
    assert [[f["kind"] for f in host["findings"]] for host in two] == [[], ["begins_later"]], two
    names = [(20 + i, f"name-{i}") for i in range(40)]
    shown = verify(renamed(first, *names))[1]
    assert "also called vm, name-0, " in shown and " and more\n" in shown, shown


def check_rules():
    """By their whole names, as they were in the configuration, over all runs and boots."""
    names = ["x" * 255 + "a", "x" * 255 + "b", "caf\u00e9 \"quoted\"\n"]

    def rename(event):
        if "filtered_by" in event:
            counts = event["filtered_by"]
            event["filtered_by"] = {names[0]: counts.pop("shells", 0),
                                    names[1]: counts.pop("summed", 0), names[2]: 0} | counts
    log = [edit(line, rename) for line in read("rules")]
    host, = hosts_of(log + rebooted(log))
    assert host["hidden_by"] == {names[0]: 2 * 177, names[1]: 2 * 66, names[2]: 0}, host
    shown = verify(log)[1]
    assert f"hidden by {names[1]}: 66\n" in shown and "quoted" not in shown, shown
    many = [edit(line, lambda event: "filtered_by" in event and event["filtered_by"].update(
        {f"rule {i}": 0 for i in range(5000)})) for line in runs(read("rules"))[0]]
    assert hosts_of(many)[0]["hidden_by_is_cut"] is True
    assert "more rules than are kept apart" in verify(many)[1]


def check_files():
    """What was read is said, the oldest first; and a key of which the log has nothing is not
    there."""
    log = read("rules")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "log\n.jsonl")
        for suffix, lines in {".10": log[:100], ".2": log[100:300], "": log[300:]}.items():
            text = "".join(line + "\n" for line in lines)
            pathlib.Path(f"{path}{suffix}").write_text(text, "utf-8")
        subprocess.run(["gzip", f"{path}.10"], check=True)
        names = [f"{path}.10.gz", f"{path}.2", str(path)]
        done = verify_file(path, "-o", "json")
        host, read_from = map(json.loads, done.stdout.splitlines())
        assert done.returncode == EXPLAINED and read_from["log"]["files"] == names, read_from
        assert read_from["log"]["verdict"] == "complete" and host["verdict"] == "explained"
        shown = verify_file(path).stdout.decode()
        assert shown.endswith("read from " + ", ".join(names).replace("\n", "\\x0a") + "\n"), shown
    run_without, run_with = (hosts_of(lines)[0]["boots"][0]["runs"][0]
                             for lines in (log[:50], log[:381]))
    assert "redacted" not in run_without and run_with["redacted"] == 0
    assert "stopped" not in run_without and run_with["stopped"] is True


def at_second(line, i):
    return edit(line, set_in("time", f"2026-11-26T12:{i // 60:02}:{i % 60:02}.000000000Z"))


def check_others():
    assert verify(["hello"])[0] == NOT_OURS
    assert verify(['{"a":1}'])[0] == NOT_OURS
    code, _, said = verify([], end="")
    assert code == NOT_OURS and "has no line of execsnoopd" in said
    clock = changed(read("rules"), "exec", "time", "2026-11-26T20:00:00.000000000Z", 9)
    code, shown, _ = verify(clock)
    assert code == EXPLAINED and "the clock was set back by 85min before line 13" in shown, shown
    # A clock that was set back: of the lines between two times none is missing.
    first = runs(read("rules"))[0]
    half = len(first) // 2
    stepped = [at_second(line, i) for i, line in enumerate(first[:half])]
    stepped += [at_second(line, i) for i, line in enumerate(first[half:], half - 60)]
    for option in ("--since=2026-11-26 12:03:00", "--until=2026-11-26 12:02:40"):
        code, shown, _ = verify(stepped, option)
        assert code in (COMPLETE, EXPLAINED) and "!" not in shown, (option, shown)
        shown = subprocess.run([CTL, "-", "--utc", option], input="\n".join(stepped + [""]),
                               text=True, stdout=subprocess.PIPE, check=True).stdout
        assert "missing" not in shown, option
    code, _, said = verify(read("rules"), "--since=2040-01-01")
    assert code == NOT_OURS and "has no line of execsnoopd in that time" in said, said
    start = read("rules")[0]
    code, _, said = verify([start.replace(BOOT, f"{i:032x}") for i in range(10050)])
    assert code == UNEXPLAINED and "50 lines of more hosts or runs" in said, said
    for options in (("-u", "0"), ("-n", "5"), ("-f",), ("-o", "csv"), ("-m", "Comm=x")):
        done = subprocess.run([CTL, "verify", f"--file={HERE / 'rules.jsonl'}", *options],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 64 and b"verify" in done.stderr, (options, done)
    recordings = sorted((HERE.parent / "golden").glob("*.jsonl"))
    for recording in recordings:
        done = verify_file(recording)
        assert done.returncode == (EXPLAINED if recording.stem == "loss" else COMPLETE), recording


check_honest()
check_faults()
check_json()
check_hosts()
check_rules()
check_files()
check_others()
