#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_daemon.py EXECSNOOPD: the whole way, from execve to `journalctl -o json`.

Against the live kernel and a real journald. Every event has a MESSAGE that is shown, without --all,
as a string that parses; what had to be cut is marked and whole in EXECSNOOP_JSON; fields say what
MESSAGE says. journald is restarted on the way: nothing is missing, nothing is there twice. The same
with Message=text: MESSAGE is then for people, and the event always in EXECSNOOP_JSON.
"""
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import run_journald

DEADLINE_SECONDS = 60
MARKER = "journal-%d" % os.getpid()
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ARGUMENTS = [
    ["plain"],
    ["newline\n", "tab\t", "esc\x1b[31m", "del\x7f", 'quote"', "back\\slash", ""],
    ["c1 \u0085\u009b", "separator \u2028", "noncharacter \ufffe\ufdd0\U0001ffff"],
    [b"invalid \xff\xfe\xc3"],
    ["many"] + ["argument-%d" % i for i in range(3000)],
    ["large", "x" * 120000],
    ["long path", "/very" * 900],
]
FIELDS = {"EVENT": "event", "SEQ": "seq", "PID": "pid", "PPID": "ppid", "UID": "uid",
          "COMM": "comm", "EXE": "exe", "CGROUP": "cgroup", "RETVAL": "retval"}


def journal(*options):
    run = subprocess.run(["journalctl", "-D", run_journald.JOURNAL_FOLDER, "-t", "execsnoopd",
                          "--no-pager", "-o", "json", *options],
                         stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def wait_for(what, condition):
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("timeout: " + what)
        time.sleep(0.05)


def has_event(kind):
    return lambda: bool(journal("EXECSNOOP_EVENT=" + kind))


def run_programs():
    for arguments in ARGUMENTS:
        subprocess.run([MARKER, *arguments], executable="/bin/true", check=True)


def expected_argv():
    return [[os.fsencode(a) for a in [MARKER, *arguments]] for arguments in ARGUMENTS]


def exact_argv(event):
    if "argv_base64" in event:
        import base64
        return [base64.b64decode(a) for a in event["argv_base64"]]
    return [a.encode() for a in event["argv"]]


def check_shown(entry):
    nulls = [k for k, v in entry.items() if v is None and k != "EXECSNOOP_JSON"]
    assert not nulls, "not shown: %s" % nulls
    assert all(isinstance(v, (str, type(None))) for v in entry.values()), entry


def check_fields(entry, event):
    for field, key in FIELDS.items():
        if key in event:
            assert entry["EXECSNOOP_" + field] == str(event[key]), (field, entry)


def events_of(entries):
    """Those that have one: the others are the daemon's own words."""
    return [entry for entry in entries if "EXECSNOOP_EVENT" in entry]


def whole_of(entry):
    return entry.get("EXECSNOOP_JSON") or entry["MESSAGE"]


def validate(lines):
    subprocess.run([sys.executable, TESTS + "/validate.py", "-"], check=True,
                   input="".join(line + "\n" for line in lines).encode())


def is_ours(event):
    return event["event"] == "exec" and (event.get("argv") or [""])[0] == MARKER


def n_ours():
    return sum(is_ours(json.loads(whole_of(e))) for e in journal("--all", "EXECSNOOP_EVENT=exec"))


def run_daemon(program, config, journald):
    daemon = subprocess.Popen([program, "--config=" + config])
    try:
        wait_for("start", has_event("start"))
        run_programs()
        # Here nobody keeps journald's socket, and what is in it when it stops is gone.
        wait_for("the first execs", lambda: n_ours() >= len(ARGUMENTS))
        journald.stop()
        run_programs()
        journald.start()
        run_programs()
        # The last message is there: then so is everything before it.
        wait_for("the last exec", lambda: n_ours() >= 3 * len(ARGUMENTS))
    finally:
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(DEADLINE_SECONDS) == 0
    wait_for("stop", has_event("stop"))


def run(program, message, journald):
    """The entries as they are shown, and whole."""
    with tempfile.TemporaryDirectory() as folder:
        config = folder + "/test.conf"
        pathlib.Path(config).write_text(f"[Journal]\nEnabled=yes\nMessage={message}\n"
                                        "[Capture]\nExits=yes\nArgvMax=1M\n", "utf-8")
        run_daemon(program, config, journald)
    shown = journal()
    for entry in shown:
        check_shown(entry)
    return events_of(shown), [whole_of(e) for e in events_of(journal("--all"))]


def check_whole(whole):
    events = [json.loads(line) for line in whole]
    seqs = [e["seq"] for e in events]
    assert seqs == list(range(1, len(seqs) + 1)), "a hole, or something twice"
    assert events[0]["event"] == "start" and events[-1]["event"] == "stop"
    validate(whole)
    assert [exact_argv(e) for e in events if is_ours(e)] == 3 * expected_argv()
    stop = events[-1]
    journal_sink = stop["sinks"]["journal"]
    assert stop["seen"] == stop["filtered"] + stop["lost"] + journal_sink["written"], stop
    assert journal_sink["lost"] == 0 and stop["unaccounted"] == 0, stop
    return events


def check_json(shown, events):
    messages = [json.loads(entry["MESSAGE"]) for entry in shown]
    for entry, message in zip(shown, messages, strict=True):
        check_fields(entry, message)
    assert [m["seq"] for m in messages] == [e["seq"] for e in events]
    validate(json.dumps(m, ensure_ascii=True, separators=(",", ":")) for m in messages)
    cut = [m for m in messages if m.get("argv_truncated") and is_ours(m)]
    assert len(cut) >= 3 * 3 and all(m["argc"] > 0 and m["argv_bytes"] > 4000 for m in cut)
    print(f"{len(events)} events, {len(cut)} of them cut for MESSAGE and whole in EXECSNOOP_JSON")


def check_text(shown, events):
    """One line each, harmless; the arguments of ours can be pasted into a shell."""
    plain = shlex.join([MARKER, "plain"])
    for entry, event in zip(shown, events, strict=True):
        text = entry["MESSAGE"]
        check_fields(entry, event)
        assert text.isprintable() and len(text.encode()) <= 4087, text
        assert not text.startswith("{"), text
        assert not is_ours(event) or MARKER in text, text
    of_plain = [s["MESSAGE"] for s, e in zip(shown, events, strict=True)
                if is_ours(e) and e["argv"][1:] == ["plain"]]
    assert len(of_plain) == 3 and all(f": {plain}" in t for t in of_plain), of_plain
    assert all(f"({os.getuid()})" in t and " < python3" in t for t in of_plain), of_plain
    first, last = shown[0]["MESSAGE"], shown[-1]["MESSAGE"]
    assert first.startswith("execsnoopd ") and " begins to log, " in first, first
    assert last.endswith("; all accounted for"), last
    print(f"{len(events)} events as text, such as: {of_plain[0]}")


def main():
    run_journald.isolate()
    for message, check in ("json", check_json), ("text", check_text):
        with run_journald.Journald() as journald:
            shown, whole = run(sys.argv[1], message, journald)
            check(shown, check_whole(whole))
        for journal_of_one in pathlib.Path(run_journald.JOURNAL_FOLDER).iterdir():
            shutil.rmtree(journal_of_one)


main()
