#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""fleet_numbers.py BUILD [--write]: the numbers of docs/fleet.md, measured and computed.

Measured is a recorded ordinary day, as 20 hosts would have it: bytes of a line, compressed, and in
each engine. The page may be off by a fifth: versions differ. All else follows from the measured
ones that the page has, and has to be just that. --write puts both into the page.
"""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import detection
import engines

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "shapes"))
import check_shape      # pylint: disable=wrong-import-position

PAGE = HERE.parent.parent / "docs/fleet.md"
DAY = HERE.parent / "data/ordinary_day.jsonl.zst"
N_HOSTS = 20
TOLERANCE = 0.2
EXIT_SKIP = 77
SECONDS = 86400
FLEETS, RATES = (1, 1000, 100_000), (1, 10)
RETENTION_DAYS = 90
MIB = 1 << 20
FILE_BYTES, N_FILES = 64 * MIB, 10      # MaxSize=, MaxFiles=
KEYS = ("line", "zstd", "ecs", "ecs zstd", "ocsf", "ocsf zstd", "SQLite", "SQLite indexes",
        "DuckDB", "ClickHouse", "ClickHouse index")


def make_log(folder):
    """The day of one host, and then of others: at other times, in other processes and boots."""
    text = subprocess.run(["zstd", "-dcq", DAY], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    n_lines = text.count("\n")
    path = f"{folder}/exec.jsonl"
    with open(path, "w", encoding="utf-8") as file:
        for number in range(N_HOSTS):
            file.write(other_host(text, number) if number else text)
    return path, n_lines * N_HOSTS


def other_host(text, number):
    boot_id = hashlib.md5(str(number).encode()).hexdigest()
    text = text.replace(detection.BOOT_ID, boot_id) \
        .replace(detection.BOOT_ID[:12], boot_id[:12]).replace('"host":"vm"', f'"host":"h{number}"')
    shift = 1_000_003 * number
    text = re.sub(r'("time":"[^"]*T\d\d:)\d\d:\d\d\.(\d{9})', lambda found: (
        f"{found[1]}{number:02}:{number * 2:02}."
        f"{(int(found[2]) * 7919 + shift) % 10**9:09}"), text)
    return re.sub(r'("(?:pid|tid|ppid|ino)":)(\d+)',
                  lambda found: f"{found[1]}{int(found[2]) + number * 311}", text)


def write_as(shape, path, ret):
    """The same in another format, as its encoder has to make it."""
    with open(path, encoding="utf-8") as lines, open(ret, "w", encoding="utf-8") as file:
        for line in lines:
            event = shape.shape(json.loads(line), detection.MACHINE_ID)
            file.write(json.dumps(event, separators=(",", ":"), ensure_ascii=False) + "\n")
    return ret


def size_of_zstd(path):
    done = subprocess.run(["zstd", "-3", "-cq", path], check=True, stdout=subprocess.PIPE)
    return len(done.stdout)


def size_in(engine, path):
    """Bytes on disk, and those of indexes among them."""
    engine.load(path)
    if engine.name == "sqlite":
        whole = os.path.getsize(engine.path)
        engine.run("DROP INDEX events_by_number; DROP INDEX events_by_process;"
                   "DROP INDEX events_by_parent; VACUUM")
        return whole, whole - os.path.getsize(engine.path)
    if engine.name == "duckdb":
        engine.run("CHECKPOINT")
        return os.path.getsize(engine.database), 0
    engine.run("SYSTEM START MERGES; OPTIMIZE TABLE events FINAL")
    row, = engine.rows("SELECT sum(bytes_on_disk) AS whole, sum(primary_key_bytes_in_memory) AS key"
                       " FROM system.parts WHERE active AND table = 'events'")
    return int(row["whole"]), int(row["key"])


def measure(build):
    """{key: bytes per line}, and why some are missing."""
    with tempfile.TemporaryDirectory() as folder:
        path, n_lines = make_log(folder)
        found = {"line": os.path.getsize(path), "zstd": size_of_zstd(path)}
        for name, shape in check_shape.SHAPES.items():
            as_shape = write_as(shape, path, f"{folder}/{name}.jsonl")
            found |= {name: os.path.getsize(as_shape), f"{name} zstd": size_of_zstd(as_shape)}
        engines.DuckDB.database = f"{folder}/log.duckdb"
        with engines.opened(build) as (opened, missing):
            for engine in opened:
                name = type(engine).__name__
                found[name], found[f"{name} indexes"] = size_in(engine, path)
    found["ClickHouse index"] = found.pop("ClickHouse indexes", 0)
    found.pop("DuckDB indexes", None)
    return {key: value / n_lines for key, value in found.items()}, missing


def rounded(value, digits=2):
    """Two digits, as people read them: 1.3, 13, 130."""
    text = f"{float(f'{value:.{digits - 1}e}'):,.10f}".rstrip("0").rstrip(".")
    return text


def sized(value, unit="B"):
    for prefix in ("", "K", "M", "G", "T", "P"):
        if value < 999.5 or prefix == "P":
            return f"{rounded(value)} {prefix}{unit}"
        value /= 1000
    return None


def lasting(seconds):
    for unit, length in (("days", SECONDS), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{rounded(seconds / length)} {unit}"
    return f"{rounded(seconds)} seconds"


def measured_rows(measured):
    names = {"line": "a line of the file", "zstd": "that, compressed by `zstd -3`",
             "ecs": "likewise with `Format=ecs`", "ecs zstd": "compressed",
             "ocsf": "likewise with `Format=ocsf`", "ocsf zstd": "compressed",
             "SQLite": "SQLite, with `line` and its indexes", "SQLite indexes": "of which indexes",
             "DuckDB": "DuckDB", "ClickHouse": "ClickHouse 18.16, LZ4, merged",
             "ClickHouse index": "its primary key, in memory"}
    return ["| per exec | bytes |", "|---|---|"] + [
        f"| {names[key]} | {rounded(measured[key], 3)} |" for key in KEYS]


def fleet_rows(measured):
    rows = ["| hosts | execs a second, each | lines a day | network, plain | network, zstd "
            "| files a day | compressed | ClickHouse a day | in 90 days |",
            "|---|---|---|---|---|---|---|---|---|"]
    for hosts in FLEETS:
        for rate in RATES:
            a_second = hosts * rate
            a_day = a_second * SECONDS
            rows.append("| " + " | ".join((
                f"{hosts:,}", str(rate), sized(a_day, "").strip(),
                sized(a_second * measured["line"] * 8, "bit/s"),
                sized(a_second * measured["zstd"] * 8, "bit/s"), sized(a_day * measured["line"]),
                sized(a_day * measured["zstd"]), sized(a_day * measured["ClickHouse"]),
                sized(a_day * measured["ClickHouse"] * RETENTION_DAYS))) + " |")
    return rows


def waiting_rows(measured):
    rows = ["| execs a second | one file lasts | all files last |", "|---|---|---|"]
    for rate in (1, 10, 100, 1000):
        one = FILE_BYTES / measured["line"] / rate
        rows.append(f"| {rate:,} | {lasting(one)} | {lasting(one * N_FILES)} |")
    return rows


TABLES = {"measured": measured_rows, "fleet": fleet_rows, "waiting": waiting_rows}


def tables_of(page):
    """{name: rows}, as they are marked in the page."""
    return {name: rows.strip().split("\n") for name, rows in re.findall(
        r"<!-- table: (\w+) -->\n((?:\|.*\n)+)", page)}


def read_measured(rows):
    values = [float(row.split("|")[2].replace(",", "")) for row in rows[2:]]
    return dict(zip(KEYS, values))


def write(measured):
    rounded_ones = read_measured(measured_rows(measured))
    page = PAGE.read_text("utf-8")
    for name, rows in TABLES.items():
        page = re.sub(rf"(<!-- table: {name} -->\n)(?:\|.*\n)*",
                      lambda found: found[1] + "\n".join(rows(rounded_ones)) + "\n", page)
    PAGE.write_text(page, "utf-8")


def check(measured):
    tables = tables_of(PAGE.read_text("utf-8"))
    assert tables.keys() == TABLES.keys(), tables.keys()
    shown = read_measured(tables["measured"])
    for key, value in measured.items():
        assert abs(value / shown[key] - 1) < TOLERANCE, (key, value, shown[key])
    for name, rows in TABLES.items():
        assert tables[name] == rows(shown), (name, rows(shown), tables[name])


def main():
    measured, missing = measure(sys.argv[1])
    print(json.dumps({key: round(value, 1) for key, value in measured.items()}))
    if "--write" in sys.argv:
        write(measured)
    check(measured)
    if missing:
        print("not measured:", *missing, file=sys.stderr)
        return EXIT_SKIP
    return 0


sys.exit(main())
