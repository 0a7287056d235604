#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_daemon.py EXECSNOOPD: the whole way, from execve to `journalctl -o json`.

Against the live kernel and a real journald. Every event has a MESSAGE that is shown, without --all,
as a string that parses; what had to be cut is marked and whole in EXECSNOOP_JSON; fields say what
MESSAGE says. journald is restarted on the way: nothing is missing, nothing is there twice.
"""
import json
import os
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


def check_entry(entry):
    nulls = [k for k, v in entry.items() if v is None and k != "EXECSNOOP_JSON"]
    assert not nulls, "not shown: %s" % nulls
    assert all(isinstance(v, (str, type(None))) for v in entry.values()), entry
    if "EXECSNOOP_EVENT" not in entry:
        return None # the daemon's own words
    message = json.loads(entry["MESSAGE"])
    for field, key in FIELDS.items():
        if key in message:
            assert entry["EXECSNOOP_" + field] == str(message[key]), (field, entry)
    return message


def validate(lines):
    subprocess.run([sys.executable, TESTS + "/validate.py", "-"], check=True,
                   input="".join(line + "\n" for line in lines).encode())


def n_ours():
    return sum((json.loads(e["MESSAGE"]).get("argv") or [""])[0] == MARKER
               for e in journal("EXECSNOOP_EVENT=exec"))


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


def main():
    run_journald.isolate()
    with tempfile.TemporaryDirectory() as folder:
        config = folder + "/test.conf"
        with open(config, "w", encoding="utf-8") as file:
            file.write("[Journal]\nEnabled=yes\n[Capture]\nExits=yes\nArgvMax=1M\n")
        with run_journald.Journald() as journald:
            run_daemon(sys.argv[1], config, journald)
            messages = [m for m in map(check_entry, journal()) if m]
            whole = {int(e["EXECSNOOP_SEQ"]): e.get("EXECSNOOP_JSON") or e["MESSAGE"]
                     for e in journal("--all") if "EXECSNOOP_SEQ" in e}

    seqs = [m["seq"] for m in messages]
    assert seqs == list(range(1, len(seqs) + 1)), "a hole, or something twice"
    assert messages[0]["event"] == "start" and messages[-1]["event"] == "stop"
    validate(whole[seq] for seq in seqs)
    validate(json.dumps(m, ensure_ascii=True, separators=(",", ":")) for m in messages)

    ours = [json.loads(whole[m["seq"]]) for m in messages
            if m["event"] == "exec" and (m.get("argv") or [""])[0] == MARKER]
    assert [exact_argv(m) for m in ours] == 3 * expected_argv()
    cut = [m for m in messages if m.get("argv_truncated") and
           (m.get("argv") or [""])[0] == MARKER]
    assert len(cut) >= 3 * 3 and all(m["argc"] > 0 and m["argv_bytes"] > 4000 for m in cut)
    stop = messages[-1]
    journal_sink = stop["sinks"]["journal"]
    assert stop["seen"] == stop["filtered"] + stop["lost"] + journal_sink["written"], stop
    assert journal_sink["lost"] == 0 and stop["unaccounted"] == 0, stop
    print("%d events, %d of them cut for MESSAGE and whole in EXECSNOOP_JSON"
          % (len(messages), len(cut)))


main()
