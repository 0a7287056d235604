#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_lnav.py: the format for lnav, in a real lnav without a terminal.

It takes the format without a complaint and our log by it: each line is one, with its level, its
numbers and its arguments; SQL finds them; and each key of the schema is known, so that a new one
does not become a line of its own in the view.
"""
import csv
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import page

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
FORMAT = SOURCE / "content/lnav/execsnoopd.json"
LOGS = ("ctl/story.jsonl", "golden/commands.jsonl", "golden/snapshot.jsonl", "golden/loss.jsonl")
# With a column of such a name lnav 0.11 makes no table.
RESERVED = {"group", "from", "to", "where"}
SHOWN = (
    '2026-11-22T18:31:01.000 exec       1000 ann      ls              ["ls","-l","/tmp"]',
    "2026-11-22T18:31:02.250 exit       1001          sh               3",
    '2026-11-22T18:31:04.000 exec_failed    1004 ann      bash            ["nowhere"]   ENOENT',
    "2026-11-22T18:31:15.000 exit       1005          memfd:x           SIGKILL",
    "  where: ring",
)
LEVELS = {"start": "notice", "stop": "notice", "exec": "info", "exit": "info", "lost": "warning",
          "exec_failed": "error", "summary": "stats", "process": "debug", "stats": "stats"}
EXIT_SKIP = 77


def lnav(folder, log, *commands):
    options = [option for command in commands for option in ("-c", command)]
    done = subprocess.run(["lnav", "-n", *options, log], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, check=False,
                          env={**os.environ, "HOME": folder, "TERM": "dumb",
                               "XDG_CONFIG_HOME": folder})
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout


def ask(folder, log, sql):
    text = lnav(folder, log, ";" + sql, ":write-csv-to -")
    return list(csv.DictReader(io.StringIO(text)))


def check_keys():
    schema = json.loads((SOURCE / "config/event.schema.json").read_text("utf-8"))
    keys = set()
    for choice in schema["oneOf"]:
        keys |= set(schema["$defs"][choice["$ref"].rpartition("/")[2]]["properties"])
    known = set(json.loads(FORMAT.read_text("utf-8"))["execsnoopd_log"]["value"]) | {"time"}
    assert known | RESERVED == keys, known ^ (keys - RESERVED)


def check_log(folder, path):
    with open(path, encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    rows = ask(folder, path, "SELECT seq, event, argv, log_level, log_time FROM execsnoopd_log")
    assert len(rows) == len(events), (path, len(rows), len(events))
    for row, event in zip(rows, events):
        assert (int(row["seq"]), row["event"]) == (event["seq"], event["event"]), (row, event)
        assert row["log_level"] == LEVELS.get(event["event"], row["log_level"]), row
        assert row["log_time"].replace(" ", "T") == event["time"][:23], (row, event)
        if "argv" in event:
            assert json.loads(row["argv"]) == event["argv"], (row, event)


def main():
    check_keys()
    if not shutil.which("lnav"):
        print("skipped: lnav is not here; the keys are well", file=sys.stderr)
        return EXIT_SKIP
    with tempfile.TemporaryDirectory() as folder:
        log = f"{folder}/exec.jsonl"
        shutil.copy(HERE.parent / LOGS[0], log)
        install, show = page.commands("lnav", "$", folder)
        environment = {**os.environ, "HOME": folder, "TERM": "dumb", "XDG_CONFIG_HOME": folder}
        page.run(install, env=environment)
        assert "exec " in page.run(
            show.replace("lnav ", "lnav -n ", 1), env=environment)
        for name in LOGS:
            shutil.copy(HERE.parent / name, log)
            check_log(folder, log)
        shutil.copy(HERE.parent / LOGS[0], log)
        shown = lnav(folder, log).splitlines()
        for line in SHOWN:
            assert any(found.rstrip() == line for found in shown), (line, shown)
        where = ask(folder, log, "SELECT jget(log_raw_text, '/where') AS place FROM execsnoopd_log"
                    " WHERE event = 'lost'")
        assert [row["place"] for row in where] == ["ring", "down"], where
    return 0


sys.exit(main())
