#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_sql.py BUILD EXECSNOOPCTL EXECSNOOPD: content/sql in DuckDB, SQLite and ClickHouse.

On logs of real daemons, honest ones and with planted faults: each fault is found as what it is, and
nothing else; all engines say the same, and their verdict is that of `execsnoopctl verify`. A log in
ECS or OCSF makes the same table. Then the views for people, on a recorded day: trees of processes,
programs seen for the first time.
"""
import collections
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import detection
import engines
import page

HERE = pathlib.Path(__file__).resolve().parent
LOGS = HERE.parent / "ctl"
CTL, DAEMON = sys.argv[2], os.path.abspath(sys.argv[3])
RECORDINGS = ("commands", "descriptors", "failures", "places", "loss", "snapshot")
EXIT_SKIP = 77
OTHER_BOOT = "0123456789abcdef0123456789abcdef"
NOW = "2026-11-26T21:26:00"     # within minutes of all these logs
VERDICTS = ("complete", "explained", "unexplained")
# What Sigma's rules have filters on, which are negated.
TEXTS = ("Image", "CommandLine", "ParentImage", "ParentCommandLine", "CurrentDirectory", "User")
UNANSWERED = {"clickhouse": ("count", "tail")}  # see the file


def read(name):
    return (LOGS / f"{name}.jsonl").read_text("utf-8").splitlines()


def kind(line):
    return json.loads(line)["event"]


def of_host(lines, host, boot=None):
    text = "\n".join(lines).replace('"host":"vm"', f'"host":"{host}"')
    return (text.replace(detection.BOOT_ID, boot) if boot else text).split("\n")


def renumbered(lines):
    """As if what was taken out had never been there."""
    seq, out = 0, []
    for line in lines:
        seq = 1 if kind(line) == "start" else seq + 1
        out.append(re.sub(r'"seq":\d+', f'"seq":{seq}', line, count=1))
    return out


def places(lines, wanted):
    return [i for i, line in enumerate(lines) if kind(line) == wanted]


def without(lines, *gone):
    return [line for i, line in enumerate(lines) if i not in gone]


def honest(name):
    """What the log says of itself: losses, and runs without an end."""
    found, events = [], [json.loads(line) for line in read(name)]
    for before, event in zip(events, events[1:]):
        if event["event"] == "lost":
            found.append(("lost", event["seq"], event["count"]))
        if event["event"] == "start" and before["event"] != "stop":
            found.append(("no_stop", before["seq"], 0))
    return found


def replaced(findings, changes):
    """None: it is gone."""
    assert set(changes) <= set(findings), (findings, changes)
    return [found for found in (changes.get(f, f) for f in findings) if found]


def cases():
    """(name, lines, findings of the host "vm", verdict of execsnoopctl verify if it is another)"""
    rules, lossy = read("rules"), read("lossy")
    of_rules, of_lossy = honest("rules"), honest("lossy")
    starts, execs = places(rules, "start"), places(rules, "exec")
    stop = places(rules, "stop")[0]
    first = rules[:starts[1]]
    yield "honest", rules, of_rules
    yield "lossy", lossy, of_lossy
    yield "complete", first, []
    yield "from the middle on", first[30:], [("begins", 1, 30)]
    yield "no line of others", ["{}", '{"message":"hello","seq":3}', *first], []
    i = execs[20]
    seq = json.loads(rules[i])["seq"]
    yield "a hole", without(rules, i), of_rules + [("hole", seq, 1)]
    yield "a hole of three", without(rules, i, i + 1, i + 2), of_rules + [("hole", seq, 3)]
    yield "twice", rules[:i + 2] + rules[i:], of_rules + [("duplicate", seq, 1),
                                                         ("duplicate", seq + 1, 1)], "unexplained"
    yield "thrice", first + first[:5] * 2, [("duplicate", n, 2) for n in range(1, 6)], "unexplained"
    yield "renumbered", renumbered(without(first, i)), \
        [("count", json.loads(first[k])["seq"] - 1, 1)
         for k in [*places(first, "stats"), stop] if k > i]
    lost = places(rules, "lost")[0]
    yield "a loss that nobody told", renumbered(without(rules, lost)), \
        replaced(of_rules, {("lost", 10, 42): None, ("no_stop", 10, 0): ("no_stop", 9, 0)}) \
        + [("tail", 0, 42)]
    yield "the last lines of a run", without(rules, stop - 3, stop - 2, stop - 1, stop), \
        of_rules + [("no_stop", 377, 0), ("tail", 0, 1 + 2 * 29)]
    yield "the start of a run", without(rules, starts[2]), \
        replaced(of_rules, {("no_stop", 10, 0): None}) + [("start", 2, 9)]
    tail = places(lossy, "start")[2] - 3
    yield "a tail that nobody saw", without(lossy, tail, tail + 1, tail + 2), \
        replaced(of_lossy, {("no_stop", 10, 0): ("no_stop", 7, 0)}) + [("tail", 0, 2)], \
        "explained"     # by a start without `inherited`, the tool does not look


def as_rows(engine):
    rows = engine.rows("SELECT * FROM findings")
    return sorted((row["host"], row["kind"], int(row["from_seq"] or 0), int(row["n"] or 0))
                  for row in rows if row["kind"] not in ("stopped", "silent"))


def verdicts(engine):
    return {row["host"]: row["verdict"] for row in engine.rows("SELECT * FROM completeness")}


def load(engine, path, lines):
    pathlib.Path(path).write_text("".join(line + "\n" for line in lines), "utf-8")
    engine.forget()
    engine.load(path)


def verify(lines):
    done = subprocess.run([CTL, "verify", "-", "--utc"], input="\n".join(lines) + "\n", text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode in range(3), done
    return VERDICTS[done.returncode]


def check_case(engine, path, name, lines, expected, verdict=None):
    shuffled = lines[:]
    random.Random(name).shuffle(shuffled)
    load(engine, path, shuffled)
    found, unanswered = as_rows(engine), UNANSWERED.get(engine.name, ())
    wanted = sorted(("vm", *finding) for finding in expected if finding[0] not in unanswered)
    assert found == wanted, (engine.name, name, found, wanted)
    said = verdicts(engine).get("vm", "complete")
    if not any(finding[0] in unanswered for finding in expected):
        by_tool = verify(lines)
        assert by_tool == (verdict or said), (engine.name, name, said, by_tool, found)


def check_faults(opened, path):
    count = 0
    for case in cases():
        for engine in opened:
            check_case(engine, path, *case)
        count += 1
    assert count >= 13


def check_fleet(engine, path):
    """Each host by itself, in whatever order; silent ones, and those that never came."""
    rules = read("rules")
    first = rules[:places(rules, "start")[1]]
    lines = first + of_host(without(first, 9), "b", OTHER_BOOT) + of_host(first[:-1], "c", "c" * 32)
    random.Random(1).shuffle(lines)
    load(engine, path, lines)
    engine.run("INSERT INTO inventory VALUES ('vm'), ('b'), ('never')")
    engine.set_clock("2026-11-26T21:40:00")
    rows = {row["host"]: row for row in engine.rows("SELECT * FROM completeness")}
    engine.set_clock(NOW)
    assert {host: (row["verdict"], row["is_silent"], row["n_missing"]) for host, row in
            rows.items()} == {"vm": ("complete", "0", "0"), "b": ("unexplained", "0", "1"),
                              "c": ("explained", "1", "0"), "never": ("explained", "1", "0")}, rows
    assert rows["vm"]["n_lines"] == str(len(first)), rows
    late = engine.rows("SELECT * FROM late")
    assert sum(int(row["n_lines"]) for row in late) == len(lines), (engine.name, late)


def family(execs, root):
    """{process_id: depth}, by hand."""
    depth, grown = {root: 0}, True
    while grown:
        grown = False
        for event in execs:
            parent = depth.get(event.get("parent_process_id"))
            if parent is not None and event["process_id"] not in depth:
                depth[event["process_id"]] = parent + 1
                grown = True
    return depth


def check_day(engine, path, events):
    engine.forget()
    engine.load(path)
    execs = [event for event in events if event["event"] == "exec"]
    found = {row["exe"]: row for row in engine.rows("SELECT * FROM first_seen")}
    assert set(found) == {event["exe"] for event in execs if "exe" in event}
    counts = collections.Counter(event.get("exe") for event in execs)
    for exe, row in found.items():
        first = min((event for event in execs if event.get("exe") == exe), key=lambda e: e["time"])
        assert (row["first_time"], row["first_command"], row["first_exec_id"], row["execs"]) == (
            first["time"], " ".join(first["argv"]), first["exec_id"], str(counts[exe])), row

    root = max(execs, key=lambda event: len(family(execs, event["process_id"])))["process_id"]
    depths = family(execs, root)
    limit = 8 if engine.name == "clickhouse" else 1000
    wanted = sorted((event["exec_id"], str(depths[event["process_id"]])) for event in execs
                    if depths.get(event["process_id"], limit + 1) <= limit)
    assert len(wanted) > 20 and max(depths.values()) >= 4, (len(wanted), depths)
    tree = engine.tree(root)
    assert sorted((row["exec_id"], row["depth"]) for row in tree) == wanted, engine.name
    assert tree[0]["process_id"] == root and int(tree[0]["depth"]) == 0
    pipeline, _, _ = detection.load("native")
    for field in ("exe", *sum((pipeline.mapping[name] for name in TEXTS), [])):
        assert engine.rows(f"SELECT count(*) AS n FROM execs WHERE NOT ({field} LIKE '%no such%')"
                           )[0]["n"] == str(len(execs)), (engine.name, field)
    rows = engine.rows("SELECT filename_absolute, command_line FROM execs")
    made = [detection.sigma_eval.with_joined(event) for event in execs]
    assert sorted((row["filename_absolute"], row["command_line"]) for row in rows) == sorted(
        (event.get("filename_absolute", ""), event.get("command_line", "")) for event in made)


def check_page(opened, folder):
    """What docs/content.md shows, on the log that the page has the process of."""
    (pathlib.Path(folder) / "exec.jsonl").write_text("\n".join(read("story")) + "\n", "utf-8")
    for engine in opened:
        engine.forget()
        if engine.name == "duckdb":
            answers = [engine.rows(command) for command in page.commands("SQL", "D", folder)]
            assert answers[1] and answers[2] and answers[3][0]["command_line"] == "ls -l /tmp"
    for command in page.commands("SQL", "$", folder):
        program = command.split()[0]
        names = [engine.name for engine in opened]
        if program == "sqlite3" and "sqlite" in names:
            shown = page.run(command, cwd=folder)
            assert "SELECT" not in command or shown == "0|1000|ann|ls -l /tmp\n", shown
        if program == "clickhouse-client" and "clickhouse" in names:
            port = opened[names.index("clickhouse")].port
            page.run(command.replace(program, f"{program} --port={port}"))
    for engine in opened:
        found = engine.rows("SELECT count(*) AS n FROM events")
        assert engine.name == "sqlite" or found[0]["n"] == "24", (engine.name, found)


# What the shapes have in common, as columns; machine_id is in each line of the others.
SAME = ("event, time, seq, boot_id, host, version, down, pid, ppid, uid, euid, user, "
        "loginuid, parent_comm, parent_exe, parent_argv, filename, exe, argv, cwd, unit, "
        "container_id, flags, process_id, exec_id, parent_process_id, parent_exec_id, exit_code, "
        "signal_name, duration_ns, where, count, uncertain, seen, filtered, lost, in_rings, "
        "queued, unaccounted")


def replayed(name, shape):
    return subprocess.run(
        [DAEMON, "--config=/dev/null", "--stdout", f"--format={shape}",
         f"--replay={HERE.parent}/golden/{name}.rec"], check=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True).stdout


def check_shapes(engine, path):
    """A recording in another format fills the same table as in the native one."""
    columns = ", ".join(f'"{name.strip()}"' for name in SAME.split(","))
    for name in RECORDINGS:
        found = []
        for shape, macro in (("native", "read_log"), ("ecs", "read_ecs"), ("ocsf", "read_ocsf")):
            pathlib.Path(path).write_text(replayed(name, shape), "utf-8")
            engine.forget()
            engine.run(f"INSERT INTO events BY NAME SELECT * FROM {macro}('{path}')")
            found.append(engine.rows(f"SELECT {columns} FROM events ORDER BY time, seq"))
        assert len(found[0]) > 1 and len({len(rows) for rows in found}) == 1, name
        for native, *others in zip(*found):
            for other in others:
                assert native == other, (name, [(key, native[key], other[key]) for key in native
                                                if native[key] != other[key]])


def check_rotated(engine, folder, path):
    """A log as `Compress=zstd` leaves it: one pattern names all of its files."""
    with open(path, "rb") as file:
        lines = file.readlines()
    log = f"{folder}/rotated.jsonl"
    third = len(lines) // 3
    for suffix, part in ((".2", lines[:third]), (".1", lines[third:2 * third]),
                         ("", lines[2 * third:])):
        with open(log + suffix, "wb") as file:
            file.writelines(part)
    subprocess.run(["zstd", "-q", "--rm", log + ".2"], check=True)
    found = []
    for files in (path, log + "*"):
        engine.forget()
        engine.load(files)
        found.append(engine.rows("SELECT * EXCLUDE (received) FROM events ORDER BY time, seq"))
    assert len(found[0]) == len(lines) and found[0] == found[1]


def main():
    day = HERE.parent / "data/ordinary_day.jsonl.zst"
    with tempfile.TemporaryDirectory() as folder, engines.opened(sys.argv[1]) as (opened, missing):
        path = f"{folder}/exec.jsonl"
        for engine in opened:
            engine.set_clock(NOW)
            check_fleet(engine, path)
        check_faults(opened, path)
        check_page(opened, folder)
        for engine in opened:
            if engine.name == "duckdb":
                check_shapes(engine, path)
        subprocess.run(["zstd", "-dqf", day, "-o", path], check=True)
        with open(path, encoding="utf-8") as file:
            events = [json.loads(line) for line in file]
        for engine in opened:
            check_day(engine, path, events)
            if engine.name == "duckdb":
                check_rotated(engine, folder, path)
        print("checked in:", *(engine.name for engine in opened))
    if missing:
        print("not checked:", *missing, file=sys.stderr)
        return EXIT_SKIP
    return 0


sys.exit(main())
