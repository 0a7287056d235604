#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_page.py SOURCE: the tables of execsnoopd-shapes(7), line by line: each native key is there,
and what changes in the other shape when it changes is where the page says. That the shapes here are
those of the encoder is shown by check_shape.py."""
import copy
import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True
import check_shape

SOURCE = pathlib.Path(sys.argv[1])
PAGE = SOURCE / "packaging/man/execsnoopd-shapes.7"
SIBLING = "_base64"
ID = "0123456789ab-1-1"

EXEC = {
    "event": "exec_failed", "time": "2026-11-22T17:30:00.123456789Z", "seq": 7, "boot_id": "00ab",
    "host": "box", "pid": 10, "tid": 11, "ppid": 12, "sid": 13, "pgid": 94,
    "session_leader": {"pid": 13, "comm": "sh", "process_id": ID}, "uid": 20, "gid": 21, "euid": 22,
    "egid": 23, "suid": 24, "sgid": 25, "user": "ann", "euser": "root", "group": "staff",
    "loginuid": 26, "session": 3, "comm": "ls", "parent_comm": "sh", "parent_uid": 27,
    "parent_exe": "/bin/sh", "parent_argv": ["sh"], "filename": "ls", "exe": "/bin/ls",
    "argv": ["ls", "-l"], "argc": 2, "argv_truncated": True, "argv_bytes": 6, "cwd": "/",
    "tty": "pts/0", "stdin": {"type": "tty"}, "stdout": {"type": "tty"}, "stderr": {"type": "tty"},
    "interactive": True, "cgroup": "/", "unit": "a.service", "slice": "a.slice",
    "user_unit": "b.service", "container_id": "c0ffee", "ns_pid": 2,
    "namespaces": {"pid": 4026531836}, "caps": {"effective": "0x3", "permitted": "0x0"},
    "exe_file": {"dev": "8:1", "ino": 1, "mode": "0755", "uid": 0, "gid": 0, "size": 2,
                 "mtime": "2026-11-22T17:30:00.123456789Z", "nlink": 0, "sha256": "00"},
    "flags": ["setuid"], "env": {"A": "b"},
    "process_id": ID, "exec_id": ID + "-1", "parent_process_id": ID, "parent_exec_id": ID + "-1",
    "ancestors": [{"pid": 12, "comm": "sh"}], "retval": -2, "error": "ENOENT", "tags": ["noise"],
    "redacted": [1], "truncated": ["env"],
}
EXIT = {
    **{key: EXEC[key] for key in ("time", "seq", "boot_id", "host", "pid", "uid", "comm",
                                  "process_id")},
    "event": "exit", "exit_code": 0, "signal": 9, "signal_name": "SIGKILL", "core_dumped": True,
    "duration_ns": 12,
}
ONLY_OF_PROCESS = {"source"}


def others(value):
    """The same with one thing changed, in each way there is."""
    if isinstance(value, dict):
        for key, child in value.items():
            for other in others(child):
                yield {**value, key: other}
    elif isinstance(value, list):
        yield [*value, copy.deepcopy(value[-1])]
    elif isinstance(value, bool):
        yield None
    elif isinstance(value, int):
        yield value + 1
    elif value.startswith("0x"):
        yield "0x1"
    elif value[-1] in "5Z":                 # an octal number, or a time
        yield value.replace("755", "754").replace("T17", "T18")
    else:
        yield value + "x"


def changes(a, b, path=""):
    """Where two values differ; of lists, which list."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in a.keys() | b.keys():
            yield from changes(a.get(key), b.get(key), f"{path}.{key}")
    elif a != b:
        yield path.strip(".")


def changed_by(shape, native, key):
    before, paths = shape(native, "00"), set()
    for other in others(native[key]):
        event = {k: v for k, v in {**native, key: other}.items() if v is not None}
        paths |= set(changes(before, shape(event, "00")))
    return paths


def changed_by_kind(shape):
    """Of a failure and an attempt, which otherwise are alike."""
    events = [{**EXEC, "event": kind} for kind in ("exec_failed", "exec_attempt")]
    for event in events:
        del event["retval"], event["error"]
    return set(changes(*(shape(event, "00") for event in events)))


def tables(text):
    """{section: {native key: paths}}"""
    found = {}
    for title, section in re.findall(r"\n\.SS Where keys are in (\w+)\n(.*?)(?=\n\.S[SH])", text,
                                     re.S):
        rows = re.findall(r"\.TP\n\.B (\w+)\n(.+)", section)
        assert len(rows) == len(dict(rows)), title
        found[title.lower()] = {key: paths.replace("\\-", "-").split(", ") for key, paths in rows}
    return found


def is_below(path, parent):
    return path == parent or path.startswith(parent + ".")


def check(name, rows, keys, rest):
    """Problems, in words."""
    shape = check_shape.SHAPES[name].shape
    for key in sorted(keys):
        native = EXEC if key in EXEC else EXIT
        found = changed_by(shape, native, key) if key != "event" else \
            changed_by_kind(shape)
        said = rows.get(key, [f"{rest}.{key}"])
        for path in sorted(found):
            if not any(is_below(path, parent) for parent in said):
                yield f"{name}: {key} is also in {path}"
        for parent in said:
            if not any(is_below(path, parent) for path in found):
                yield f"{name}: {key} is not in {parent}"
    for key in sorted(rows.keys() - keys):
        yield f"{name}: there is no {key}"


def main():
    definitions = json.loads((SOURCE / "config/event.schema.json").read_text("utf-8"))["$defs"]
    keys = {key for kind in ("exec", "exit") for key in definitions[kind]["properties"]
            if not key.endswith(SIBLING)} - ONLY_OF_PROCESS
    assert keys == set(EXEC) | set(EXIT), keys ^ (set(EXEC) | set(EXIT))
    found = tables(PAGE.read_text("utf-8"))
    assert found.keys() == check_shape.SHAPES.keys(), found.keys()
    problems = [problem for name, rows in found.items()
                for problem in check(name, rows, keys, check_shape.SHAPES[name].REST)]
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
