#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_log.py EXECSNOOPCTL: `log`, `tree`, `top` and `stats` as they are run, on a log with a bit
of everything.

golden/* is what it shows of story.jsonl; with GOLDEN_UPDATE=1 they are written anew, to be looked
at.
"""
import csv
import gzip
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
STORY = HERE / "story.jsonl"
RECORDINGS = HERE.parent / "golden"
CTL = sys.argv[1]
ENVIRONMENT = {"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C.UTF-8"} | {
    key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")}
DEADLINE_SECONDS = 120


def run(*options, stdin=None, code=0):
    done = subprocess.run([CTL, *options], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=ENVIRONMENT, check=False,
                          timeout=DEADLINE_SECONDS)
    assert done.returncode == code, (options, done.returncode, done.stderr)
    return done.stdout.decode(), done.stderr.decode()


def log(*options, file=STORY):
    return run(f"--file={file}", *options)


def rows(text):
    """Rows of events: neither the titles nor what is about the log."""
    return [line for line in text.splitlines()[1:] if not line.startswith("-- ")]


def story_line(kind):
    """The first line of that kind."""
    lines = STORY.read_text("utf-8").splitlines()
    return next(line for line in lines if f'"event":"{kind}"' in line)


def test_golden():
    cases = {
        "short": ("--failed",), "plain": (), "wide": ("-o", "wide", "-x"),
        "csv": ("-o", "csv", "-x"),
        "verbose": ("-o", "verbose", "-n", "2"), "seconds": ("-t", "-q"),
        "colours": ("-x", "--color=always"), "tree": ("--tree-of=1002",),
        "unit": ("--unit=web",), "last": ("-n", "3"),
        "family": ("tree", "-x", "--color=always"), "family_of": ("tree", "--tree-of=1002"),
        "family_root": ("tree", "-u", "root", "--unit=session-3.scope"),
        "top": ("top",), "top_user": ("top", "--by=user", "-n", "1", "-x", "--color=always"),
        "top_json": ("top", "-o", "json", "--unit=session-*"), "stats": ("stats",),
    }
    for name, options in cases.items():
        shown = log(*options)[0]
        path = HERE / "golden" / name
        if os.environ.get("GOLDEN_UPDATE"):
            path.write_text(shown, "utf-8", newline="")
        assert shown == path.read_bytes().decode(), f"{name}:\n{shown}"


def test_live_is_the_same_but_for_ends():
    """From a pipe rows are shown at once, and ends have rows of their own."""
    shown, _ = run("-", "-x", stdin=STORY.read_bytes())
    assert re.search(r"18:31:02 +1001 +990 +ann +sh +sh -c", shown), shown
    assert re.search(r"18:31:02 +1001 +1000 +sh +3 +250ms sh -c", shown), shown
    assert "(ended 3, 250ms) sh -c" in run("-", stdin=STORY.read_bytes())[0]
    assert len(rows(shown)) == len(rows(log("-x")[0])) + 6


def test_json_is_the_log():
    for recording in sorted(RECORDINGS.glob("*.jsonl")):
        lines = recording.read_bytes().decode()
        shown, said = log("-o", "json", "-x", file=recording)
        assert shown == lines, recording
        assert said == "", said


def test_arguments_can_be_pasted():
    """A shell makes of each row's arguments what the kernel had."""
    for recording in sorted(RECORDINGS.glob("*.jsonl")):
        for line in recording.read_text("utf-8").rstrip("\n").split("\n"):
            event = json.loads(line)
            if event["event"] != "exec" or "argv" not in event or event.get("argv_truncated") or \
                    "argv_base64" in event or event["argc"] > 100:
                continue
            shown, _ = run("-", stdin=line.encode() + b"\n")
            words = rows(shown)[0][50:]
            argv = subprocess.run(["bash", "-c", f"printf '%s\\0' {words}"], check=True,
                                  stdout=subprocess.PIPE).stdout.split(b"\0")[:-1]
            assert [part.decode() for part in argv] == event["argv"], (words, event["argv"])


def test_csv_is_read_by_others():
    shown, _ = log("-o", "csv", "-x")
    table = list(csv.DictReader(io.StringIO(shown, newline="")))
    events = [json.loads(line) for line in STORY.read_text("utf-8").splitlines()]
    assert [row["event"] for row in table] == [event["event"] for event in events]
    for row, event in zip(table, events):
        assert int(row["seq"]) == event["seq"] and row["time"] == event["time"]
        if event["event"] == "birth":
            continue    # of a later version: no more is known of it
        assert row["pid"] == str(event.get("pid", "")), row
        assert row["uid"] == str(event.get("uid", ""))
        assert row["exit_code"] == str(event.get("exit_code", ""))
        assert row["count"] == str(event.get("count", ""))


def test_choice():
    """Each option, by the PIDs of the rows that are left."""
    cases = {
        ("-u", "0"): "1002 1003", ("--user=1000",): "1000 1001 1006 1006 1007 1008",
        ("-n", "mem"): "1005", ("--name=d",): "1002 1003 1005", ("-l", "two words"): "1001",
        ("-P", "1002"): "1003", ("--unit=web.service",): "1005", ("--container=4f*",): "1008",
        ("--login=1000",): "1000 1001 1002 1003 1006 1006 1007 1008",
        ("-m", "Flags=setuid memfd"): "1002 1005", ("-m", "Flags=any", "-m", "User=33"): "1005",
        ("-m", "Event=exec_failed"): "1004", ("-m", "Error=ENOENT"): "1004",
        ("-x", "-u", "1000", "-n", "bash"): "1004", ("--tree-of=1002",): "1002 1003",
        ("-S", "2026-11-22 18:31:03", "-U", "2026-11-22 18:31:05"): "1002 1003 1005",
        ("--since=2026-11-22", "--until=2026-11-22T18:31:01.5Z"): "1000",
        ("-b", "2fff7c11b2084133bd954df45c274c9b", "-n", "1"): "1008",
        ("-b", "0", "-n", "1"): "1008",
        ("--boot=1", "-n1"): "1008", ("-b", "0123456789abcdef0123456789abcdef"): "",
        ("-n", "2"): "1007 1008", ("-n", "0"): "", ("--lines=all", "-u", "33"): "1005",
        ("-m", "Comm=nobody"): "",
    }
    for options, expected in cases.items():
        shown, _ = log(*options)
        pids = [row.split()[1] for row in rows(shown) if "more, rule" not in row]
        assert " ".join(pids) == expected, (options, shown)


def test_the_log_itself_is_told_whatever_is_chosen():
    notes = [line for line in log("-x")[0].splitlines() if line.startswith("-- ")]
    chosen = [line for line in log("-m", "Comm=nobody")[0].splitlines() if line.startswith("-- ")]
    assert chosen == notes
    assert any("LOST: 12 events" in line for line in notes)
    assert any("3 lines are missing here: seq 15 to 17" in line for line in notes)
    shown, said = log("-o", "json", "-m", "Comm=nobody")
    kinds = [json.loads(line)["event"] for line in shown.splitlines()]
    assert kinds == ["start", "lost", "stop", "start", "lost", "stop"], kinds
    assert "3 lines are missing" in said and "1 time seq goes back" in said, said


def test_hostile_lines_are_counted():
    good = STORY.read_bytes().splitlines()[1]
    lines = [b"Nov 22 18:31:07 vm sshd[1]: hello", b'{"event":"exec"}', b'{"a":1}', good[:-9],
             b"\xff\xfe", b"", good.replace(b'"pid":1000', b'"pid":99999999999999'),
             b'{"x":"' + b"y" * (20 << 20) + b'"}', good.replace(b"ls", b"\xff"),
             b'{"x":' * 10000, good, good[:-20]]
    shown, said = run("-", stdin=b"\n".join(lines))
    assert len(rows(shown)) == 2, shown
    assert "5 lines are no JSON" in said or "6 lines are no JSON" in said, said
    for words in ("2 lines are not of execsnoopd", "1 value is not as execsnoopd writes it",
                  "1 line has no end", "1 line is longer than 16 MiB"):
        assert words in said, (words, said)


def test_lines_of_another_format_are_named():
    """And not taken for somebody else's, whose they are not."""
    for name in ("ecs", "ocsf"):
        file = HERE.parent / f"golden/{name}/commands.jsonl"
        n = file.read_bytes().count(b"\n")
        for verb, code in (("log", 0), ("stats", 0), ("tree", 0), ("top", 0), ("verify", 3)):
            said = run(verb, f"--file={file}", code=code)[1].splitlines()
            assert f"execsnoopctl: {n} lines are of the format {name}, which is not " \
                "read here: the journal has the native one, and so has a file with " \
                "Format=native" in said, (verb, said)
            assert len(said) == (2 if verb in ("stats", "verify") else 1), (verb, said)


def test_the_name_of_a_signal_is_text():
    lines = [small_exec(pid=5, process_id="a-1", argv=["p"]),
             small_exec(event="exit", seq=3, pid=5, process_id="a-1", signal=9,
                        signal_name="\x1b[2J\x1b[31m", duration_ns=5)]
    text = "\n".join(lines + [""]).encode()
    shown = run("-", stdin=text)[0]
    assert "(ended \\x1b[2J\\x1b[31m, " in shown, shown
    for options in ((), ("-o", "wide"), ("tree",), ("-o", "csv"), ("-o", "verbose"), ("plot",)):
        assert "\x1b" not in run(*options, "-", stdin=text)[0], options


def test_mistakes_are_said():
    cases = {("frobnicate",): "expected log", ("--since=soon",): "expected '2026",
             ("-o", "xml"): "expected short, wide", ("-m", "Colour=red"): "Colour",
             ("-u", "no-such-user"): "is not a user", ("-P", "x"): "expected a number",
             ("--tree-of=x",): "expected a PID or a process_id",
             ("--color=maybe",): "expected auto",
             ("--lines=few",): "expected a number", ("--file=x", "-D", "y"): "expected it without",
             ("--file=x", "--cursor-file=y"): "expected the journal",
             ("--nothing",): "unrecognized",
             ("-", "-b", "-1"): "expected the ID of a boot",
             ("--tree-of=1", "-n", "5"): "expected it without --tree-of",
             ("-", "-n", "5"):
                 "standard input has no end to begin at, expected --file or the journal",
             ("tree", "-", "--lines=5"): "standard input has no end",
             ("--boot=xyz",): "expected an ID of 32 digits",
             ("--boot=" + "0" * 31,): "expected an ID",
             ("--boot=99999999999999999999",): "expected an ID",
             (f"--file={STORY}", "-b", "xyz"): "verb: 'xyz' is not understood",
             ("top", "--by=size"): "expected exe, unit",
             ("top", "-o", "csv"): "expected short or json",
             ("tree", "-f"): "expected a log that has an end",
             ("tree", "-o", "csv"): "short or wide",
             ("stats", "-f"): "expected a log that has an end",
             ("stats", "-u", "0"): "expected all of it", ("log", "log"): "expected -"}
    for options, words in cases.items():
        said = run(*options, code=64)[1]
        assert words in said, (options, said)
    for options, words in {("--file=/nowhere/log",): "No such file",
                           ("--file=/tmp",): "No such file",
                           (f"--file={STORY}", "-b", "7"): "--boot=7: ",
                           (f"--file={STORY}", "-b", "-1"): "tells of 1 boot\n"}.items():
        said = run(*options, code=66, stdin=b"")[1]
        assert words in said, (options, said)
    boot = json.loads(STORY.read_text("utf-8").splitlines()[0])["boot_id"]
    uuid = "-".join((boot[:8], boot[8:12], boot[12:16], boot[16:20], boot[20:]))
    for option in (["-b", boot], ["-b", uuid], [f"--boot={uuid}"], ["-b", "1"], ["-b", "+1"],
                   ["-b", "0"], ["-b", "all"]):
        assert log(*option)[0] == log()[0], option
    assert run("--help")[0].startswith("execsnoopctl [VERB]")
    assert run("-V")[0].startswith("execsnoopctl ")


def small_exec(**members):
    """A line of ours with little in it."""
    return json.dumps({"event": "exec", "time": "2026-11-22T18:31:01.000000000Z", "seq": 2,
                       "boot_id": "2fff7c11b2084133bd954df45c274c9b", "host": "vm", **members},
                      separators=(",", ":"))


def test_tree_of_a_deep_family():
    """Each process by the one before: what there is no room for is said, and memory has its
    bound."""
    lines = []
    for pid in range(2, 20000):
        lines.append(small_exec(pid=pid, ppid=pid - 1, process_id=f"b-{pid}",
                                argv=["x", "y" * 1000], parent_process_id=f"b-{pid - 1}",
                                parent_comm="x"))
    shown, said = run("tree", "-", stdin="\n".join(lines + [""]).encode())
    n_shown = sum("x yy" in row for row in shown.splitlines())
    left_out = int(re.search(r"(\d+) execs are not shown: the log has more", said)[1])
    assert n_shown + left_out == len(lines) and n_shown > 15000, (n_shown, left_out)
    assert max(len(row) for row in shown.splitlines()) < 1200


def test_a_host_that_is_renamed():
    """It is one boot still: nothing is missing, and parents are those that they were."""
    lines = [line.replace('"host":"vm"', f'"host":"{"abba"[i % 4]}"')
             for i, line in enumerate(STORY.read_text("utf-8").splitlines())]
    stdin = "\n".join([*lines, ""]).encode()
    assert re.findall("missing|goes back|doubled", run("-", stdin=stdin)[0]) == \
        re.findall("missing|goes back|doubled", run("-", stdin=STORY.read_bytes())[0])
    assert run("-", "-o", "json", stdin=stdin)[1] == \
        run("-", "-o", "json", stdin=STORY.read_bytes())[1]
    shown, before = (run("tree", "-", stdin=log)[0] for log in (stdin, STORY.read_bytes()))
    assert re.sub("host [ab],", "host vm,", shown) == before, shown


def counters_of(shown):
    """{host: (events, rate)} of what `stats` shows."""
    found = {}
    for part in shown.split("host ")[1:]:
        rate = re.search(r"([\d.]+) a second since", part)
        seen = int(re.search(r"(\d+)  events? seen", part)[1])
        found[part.split(",")[0]] = (seen, rate and rate[1])
    return found


def test_stats_tell_what_was_deleted():
    stop = json.loads(story_line("stop"))
    start = STORY.read_text("utf-8").splitlines()[0]
    for n_files in (0, 7):
        stop["sinks"]["file"] |= {"deleted_files": n_files, "deleted_bytes": 1234567,
                                  "deleted_to": "2026-11-22T18:31:23.000000000Z"}
        text = f"{start}\n{json.dumps(stop, separators=(',', ':'))}\n"
        shown, _ = run("stats", "-", stdin=text.encode())
        assert ("7  older files deleted, 1234567 bytes\n" in shown) == (n_files > 0), shown
        assert ("deleted" in shown) == (n_files > 0), shown


def test_stats_are_the_newest():
    """Of each host; the rate since those before, if they are of the same run."""
    stop = story_line("stop")
    start = STORY.read_text("utf-8").splitlines()[0]

    def counters(seq, second, seen, host="vm", boot_id=json.loads(stop)["boot_id"]):
        event = json.loads(stop) | {"event": "stats", "seq": seq, "seen": seen, "host": host,
                                    "boot_id": boot_id,
                                    "time": f"2026-11-22T18:40:{second:02}.000000000Z"}
        return json.dumps(event | {"rules": {"a\x1b[1mb": {"matched": 7, "spared": 1}},
                                   "filtered_by": {"a\x1b[1mb": 60}}, separators=(",", ":"))
    lines = [start, counters(2, 0, 50), counters(3, 10, 75), counters(2, 11, 9, "other", "0" * 32)]
    shown, _ = run("stats", "-", stdin="\n".join(lines + [""]).encode())
    assert counters_of(shown) == {"vm": (75, "2.5"), "other": (9, None)}, shown
    assert "60 a\\x1b[1mb" in shown and re.search(r"a\\x1b\[1mb +7 +0 +0 +1\n", shown), shown
    renamed = [*lines, counters(4, 20, 95, "later")]
    shown, _ = run("stats", "-", stdin="\n".join([*renamed, ""]).encode())
    assert counters_of(shown) == {"later": (95, "2.0"), "other": (9, None)}, shown
    # Of another boot, in which it had that name from its start on.
    machine = start.replace('"version"', f'"machine_id":"{"a" * 32}","version"')
    other = [line.replace(json.loads(stop)["boot_id"], "1" * 32) for line in
             (machine.replace('"host":"vm"', '"host":"later"'), counters(2, 40, 7, "later"))]
    shown, _ = run("stats", "-", stdin="\n".join([machine, *lines[1:], *other, ""]).encode())
    assert counters_of(shown) == {"later": (7, None), "other": (9, None)}, shown
    lines += [start, counters(2, 20, 80)]
    shown, _ = run("stats", "-", stdin="\n".join(lines + [""]).encode())
    assert counters_of(shown)["vm"] == (80, None)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "log")
        path.write_text("\n".join([*lines[:4], STORY.read_text("utf-8")]), "utf-8")
        assert counters_of(log("stats", file=path)[0]) == {"vm": (104, None)}
        assert counters_of(log("stats", "-S", "2020-01-01", file=path)[0]).keys() == {"vm", "other"}
        assert json.loads(log("stats", "-o", "json", file=path)[0])["seen"] == 104
    assert "has no counters" in run("stats", "-", stdin=start.encode() + b"\n")[1]


def test_top_of_many_names():
    """What comes up often stays when there is no room for all that come up once."""
    names = [f"/x/{i % 3}" if i % 2 else f"/y/{i}" for i in range(30000)]
    text = "".join(small_exec(exe=name) + "\n" for name in names)
    shown = json.loads(run("top", "-", "-o", "json", "-n", "3", "--by=exe", stdin=text.encode())[0])
    often = [{"name": f"/x/{i}", "count": 5000} for i in range(3)]
    assert shown == {"execs": 30000, "exe": often}, shown
    assert "are not told apart" in run("top", "-", "--by=exe", stdin=text.encode())[0]


def read_until(process, wanted):
    """Lines until one has that text."""
    seen = []
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        line = process.stdout.readline()
        assert line, seen
        seen.append(line)
        if wanted in line:
            return seen
    raise AssertionError(seen)


def test_follow():
    """Over two rotations, as the daemon makes them; each row is there at once."""
    lines = STORY.read_text("utf-8").splitlines(keepends=True)
    execs = [line for line in lines if '"event":"exec",' in line]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "log")
        path.write_text("".join(lines[:3]), "utf-8")
        with subprocess.Popen([CTL, f"--file={path}", "-f"], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
            read_until(process, "ls -l /tmp")
            for number, line in enumerate(execs[1:4]):
                with path.open("a", encoding="utf-8") as file:
                    file.write(line[:50])
                    file.flush()
                    file.write(line[50:])
                read_until(process, json.loads(line)["argv"][0])
                if number == 1:
                    path.rename(f"{path}.1")
                    path.write_text("", "utf-8")
            process.terminate()     # what it has said is said, and it ends well
            assert process.wait(DEADLINE_SECONDS) == 0, process.stderr.read()


def test_a_signal_ends_it_before_it_has_caught_up():
    line = STORY.read_bytes().splitlines(keepends=True)[1]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "log")
        path.write_bytes(line * 20000)
        command = [CTL, f"--file={path}", "-f", "-n", "all", "-o", "json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
            n = len(process.stdout.read(100000))
            process.send_signal(signal.SIGINT)
            n += len(process.stdout.read())
            assert process.wait(DEADLINE_SECONDS) == 0 and n < 20000 * len(line) // 2, n


def test_signals_of_the_unpacker():
    """It has none of those that are waited for, nor is its end lost where children are ignored."""
    line = STORY.read_bytes().splitlines(keepends=True)[1]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "log")
        path.write_bytes(line)
        pathlib.Path(f"{path}.1.gz").write_bytes(gzip.compress(line))
        script = pathlib.Path(folder, "gzip")
        script.write_text("#!/bin/sh\n"
                          f"grep -E 'SigBlk|SigIgn' /proc/self/status >'{folder}/signals'\n"
                          f"PATH='{os.environ['PATH']}' exec gzip \"$@\"\n", "utf-8")
        script.chmod(0o755)
        command = [CTL, f"--file={path}", "-o", "json"]
        environment = ENVIRONMENT | {"PATH": f"{folder}:{os.environ['PATH']}"}
        with subprocess.Popen([*command, "-f", "-n", "all"], stdout=subprocess.PIPE,
                              env=environment) as process:
            assert process.stdout.read(2 * len(line)) == 2 * line
            process.terminate()
            assert process.wait(DEADLINE_SECONDS) == 0
        status = pathlib.Path(folder, "signals").read_text("utf-8")
        masks = [int(row.split()[1], 16) for row in status.splitlines()]
        wanted = sum(1 << (number - 1)
                     for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE))
        assert len(masks) == 2 and not any(mask & wanted for mask in masks), masks
        done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, check=True,
                              preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        assert done.stdout == 2 * line


def test_compressed_siblings():
    """Read like others; of a damaged one what can be read, and `verify` does not call that
    complete."""
    lines = (HERE / "lossy.jsonl").read_text("utf-8").splitlines(keepends=True)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "log")
        path.write_text("".join(lines[20:]), "utf-8")
        oldest = pathlib.Path(f"{path}.2")
        oldest.write_text("".join(lines[:9]), "utf-8")
        subprocess.run(["zstd", "-q", "--rm", oldest], check=True)
        packed = gzip.compress("".join(lines[9:20]).encode())
        pathlib.Path(f"{path}.1.gz").write_bytes(packed)
        shown, said = log("-o", "json", file=path)
        assert shown == "".join(lines) and said == "", said
        assert log("-o", "json", "-n", "60", file=path)[0] == \
            log("-o", "json", "-n", "60", file=HERE / "lossy.jsonl")[0]
        assert run("verify", f"--file={path}", code=1)[1] == ""
        for tmpdir in ("/proc", "/nonexistent"):
            done = subprocess.run([CTL, f"--file={path}", "-o", "json"],
                                  env=ENVIRONMENT | {"TMPDIR": tmpdir},
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
            assert done.stdout.decode() == "".join(lines[20:]), done
            words = f"2 older files are compressed, and in {tmpdir} no file"
            assert words.encode() in done.stderr, done.stderr
        # One of them by its whole name is that alone.
        assert run(f"--file={path}.2.zst", "-o", "json")[0] == "".join(lines[:9])
        assert run(f"--file={path}.1.gz", "-o", "json", "-n", "2")[0] == "".join(lines[18:20])
        pathlib.Path(f"{path}.1.gz").write_bytes(packed[:-4])
        assert "its end can't be read" in run("verify", f"--file={path}", code=2)[1]


def rotate(path, oldest):
    """As the daemon does it with Compress=zstd. Returns the number of the oldest file."""
    for number in range(oldest, 0, -1):
        for suffix in ("", ".zst"):
            if os.path.exists(f"{path}.{number}{suffix}"):
                os.rename(f"{path}.{number}{suffix}", f"{path}.{number + 1}{suffix}")
    path.rename(f"{path}.1")
    path.touch()
    if oldest > 0:
        copy = path.with_name(f".{path.name}.zst.tmp")
        subprocess.run(["zstd", "-qf", f"{path}.2", "-o", copy], check=True)
        copy.rename(f"{path}.2.zst")
        os.unlink(f"{path}.2")
    return oldest + 1


def test_files_that_are_compressed_while_they_are_read():
    """Followed and as a whole, again and again: no line twice, and none is missing."""
    line = story_line("exec") + "\n"
    lines = [re.sub(r'"seq":\d+', f'"seq":{i}', line, count=1) for i in range(1, 301)]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "log")
        path.touch()
        command = [CTL, f"--file={path}", "-o", "json"]
        with subprocess.Popen([*command, "-f", "-n", "all"], stdout=subprocess.PIPE, text=True,
                              env=ENVIRONMENT) as follower:
            written, oldest = 0, 0
            while written < len(lines):
                there = written
                with tempfile.TemporaryFile("w+", encoding="utf-8") as shown, \
                        subprocess.Popen(command, stdout=shown, env=ENVIRONMENT) as whole:
                    while whole.poll() is None and written < there + 100:
                        with path.open("a", encoding="utf-8") as file:
                            file.write("".join(lines[written:written + 5]))
                        written += 5
                        oldest = rotate(path, oldest)
                    assert whole.wait(DEADLINE_SECONDS) == 0
                    shown.seek(0)
                    found = shown.readlines()
                    assert found == lines[:len(found)] and there <= len(found), (there, found)
            for expected in lines:
                assert follower.stdout.readline() == expected
            follower.terminate()


def test_a_reader_that_leaves():
    with subprocess.Popen(f"yes '{STORY.read_text('utf-8').splitlines()[1]}' | head -20000 | "
                          f"'{CTL}' - | head -3", shell=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=ENVIRONMENT, text=True) as process:
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert len(out.splitlines()) == 3 and err == "", err


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            print(name, flush=True)
            test()


main()
