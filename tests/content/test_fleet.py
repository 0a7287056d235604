#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_fleet.py BUILD [HOSTS]: a fleet of 1,000 hosts in DuckDB and ClickHouse.

Lines come in any order, some twice, some late, some never; daemons lose events and say so; hosts
are silent, or have never been heard of. While lines are late, the views show what is planted and
the holes that the late ones leave; when those have come, what is planted and nothing else, host by
host. Then ClickHouse merges: what came twice is there once. SEED= repeats a run.
"""
import collections
import os
import pathlib
import random
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import engines
import fleet

EXIT_SKIP = 77
UNANSWERED = {"clickhouse": ("count", "tail")}
CONCERNS_ALL = ("hole", "beheaded", "start", "unaccounted", "count", "tail")
NO_FAULT = ("duplicate", "stopped")


def found(engine):
    rows = engine.rows("SELECT host, kind, from_seq, n FROM findings")
    return sorted((row["host"], row["kind"], 0 if row["kind"] == "silent" else
                   int(row["from_seq"] or 0), 0 if row["kind"] == "silent" else int(row["n"] or 0))
                  for row in rows)


def answered(engine, findings):
    return sorted(finding for finding in findings
                  if finding[1] not in UNANSWERED.get(engine.name, ()))


def same(engine, what, wanted):
    got = found(engine)
    more = collections.Counter(got) - collections.Counter(wanted)
    less = collections.Counter(wanted) - collections.Counter(got)
    assert not more and not less, (engine.name, what, "found:", more, "not found:", less)


def verdicts(findings, names):
    kinds = collections.defaultdict(set)
    for host, kind, *_ in findings:
        kinds[host].add(kind)
    return {name: "unexplained" if kinds[name] & set(CONCERNS_ALL) else
            "explained" if kinds[name] - set(NO_FAULT) else "complete" for name in names}


def check(engine, model, folder):
    path = pathlib.Path(folder) / "exec.jsonl"
    began = time.monotonic()
    engine.set_clock(fleet.NOW.isoformat())
    engine.run("INSERT INTO inventory VALUES " + ", ".join(f"('{name}')" for name in model.names))
    path.write_text(model.text(model.first), "utf-8")
    engine.load(path)
    same(engine, "while lines are late", answered(engine, model.expected + model.pending))
    path.write_text(model.text(model.second), "utf-8")
    engine.load(path)
    wanted = answered(engine, model.expected)
    same(engine, "when all have come", wanted)
    rows = {row["host"]: row for row in engine.rows("SELECT * FROM completeness")}
    assert {host: row["verdict"] for host, row in rows.items()} == verdicts(wanted, model.names)
    n_lines = sum(int(row["n_lines"]) for row in rows.values())
    n_twice = sum(n for _, kind, _, n in wanted if kind == "duplicate")
    assert n_lines == len(model.first) + len(model.second) - n_twice, (n_lines, n_twice)
    print(f"{engine.name}: {len(model.names)} hosts, {n_lines} lines, {len(wanted)} findings, "
          f"{time.monotonic() - began:.1f} s")
    if engine.name == "clickhouse":
        engine.run("SYSTEM START MERGES; OPTIMIZE TABLE events FINAL")
        left = engine.rows("SELECT count() AS n FROM events")[0]["n"]
        assert int(left) == n_lines, (left, n_lines)


def main():
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"seed {seed}")
    model = fleet.Fleet(int(sys.argv[2]) if len(sys.argv) > 2 else 1000, seed)
    kinds = collections.Counter(kind for _, kind, *_ in model.expected)
    assert len(kinds) == 10 and len(model.pending) > 0, kinds
    print("planted:", *(f"{count} {kind}" for kind, count in kinds.most_common()))
    with tempfile.TemporaryDirectory() as folder, \
            engines.opened(sys.argv[1], ("duckdb", "clickhouse")) as (opened, missing):
        for engine in opened:
            check(engine, model, folder)
    if missing:
        print("not checked:", *missing, file=sys.stderr)
        return EXIT_SKIP
    return 0


sys.exit(main())
