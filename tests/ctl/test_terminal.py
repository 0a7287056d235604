#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_terminal.py EXECSNOOPCTL: what a terminal gets: columns that fit, colours, a pager; and
never what a process has chosen as a command to it."""
import fcntl
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import unicodedata

STORY = pathlib.Path(__file__).parent / "story.jsonl"
CTL = sys.argv[1]
SGR = re.compile(r"\x1b\[[0-9;]*m")
SANITIZERS = {key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")}


def show(*options, columns=80, code=0, **environment):
    """What it writes to a terminal of that width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [CTL, f"--file={STORY}", *options], stdin=slave, stdout=slave, stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "TZ": "UTC", "TERM": "xterm", "PAGER": "cat"} | SANITIZERS
        | environment)
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:     # its other end is closed
            break
        if not part:
            break
        shown += part
    os.close(master)
    said = process.stderr.read()
    assert process.wait(60) == code, said
    return shown.decode().replace("\r\n", "\n")


def follow_top():
    """It is drawn anew, with the rate, until it is stopped; then the sums stay."""
    exec_line = STORY.read_text("utf-8").splitlines()[1]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as log:
        log.write(exec_line + "\n")
        log.flush()
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        process = subprocess.Popen([CTL, "top", "-f", f"--file={log.name}"], stdout=slave,
                                   env={"PATH": os.environ["PATH"], "TERM": "xterm"} | SANITIZERS)
        os.close(slave)
        shown = read_until(master, b"A SECOND")
        assert "\x1b[H\x1b[J" in shown and "0 execs" in shown, shown
        log.write(exec_line + "\n")
        log.flush()
        read_until(master, b"100%")
        process.terminate()
        assert "SHARE EXE" in SGR.sub("", read_until(master, None)).replace("A SECOND ", "")
        assert process.wait(60) == 0


def read_until(master, wanted):
    """What comes until that text is there; None: to the end."""
    shown = b""
    while wanted is None or wanted not in shown:
        try:
            part = os.read(master, 65536)
        except OSError:
            part = b""
        if not part:
            assert wanted is None, shown
            break
        shown += part
    return shown.decode()


def width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def is_note(line):
    return line.startswith("-- ")


def main():
    for columns in (80, 90, 100, 120, 150, 190, 250):
        lines = SGR.sub("", show(columns=columns, NO_COLOR="1")).splitlines()
        for line in lines:
            assert "\x1b" not in line
            assert is_note(line) or width(line) <= columns, (columns, line)
        assert lines[0].split()[:5] == ["TIME", "PID", "PPID", "USER", "COMM"]
        for title, least in (("STATUS", 0), ("UNIT", 120), ("TTY", 130), ("PARENT", 150),
                             ("FLAGS", 170), ("HOST", 210)):
            assert (title in lines[0].split()) == (columns >= least), (columns, title)
        assert lines[0].split()[-1] == "ARGS"

    assert "notes with blanks.txt" in show("--full")
    assert "…" in show(columns=80)
    assert "…" not in show("--full", columns=80) and "…" not in show("-o", "wide", columns=80)

    coloured = show()
    assert "\x1b[1;37;41m-- LOST: 12" in coloured
    assert "\x1b[1;33mroot\x1b[0m" in coloured          # root, by a person
    assert "\x1b[1;35mmemfd:x\x1b[0m" in coloured
    assert "\x1b[31m" in show("-x")
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in show(**environment)
    assert "\x1b" not in show("--color=never")
    assert "\x1b[" in show("--color=always", NO_COLOR="1")

    for options in (("tree", "-x"), ("top",), ("stats",)):
        for columns in (80, 200):
            plain = show(*options, columns=columns, NO_COLOR="1")
            assert SGR.sub("", show(*options, columns=columns)) == plain
            for line in plain.splitlines():     # what was lost is told in full
                assert width(line) <= columns or is_note(line) or "lost" in line, (options, line)

    for form in ("short", "wide", "verbose", "json", "csv", "tree", "tree wide", "top", "top json",
                 "stats", "stats json"):
        verb, _, output = form.rpartition(" ")
        options = (form,) if form in ("tree", "top", "stats") else (*verb.split(), "-o", output)
        rest = SGR.sub("", show(*options, *(() if "stats" in form else ("-x",))))
        for character in rest:
            assert character in "\n\r" or not unicodedata.category(character).startswith("C"), \
                (form, character)

    follow_top()
    assert show("plot", code=64) == ""      # that would be pages of XML

    with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as script:
        script.write("#!/bin/sh\necho PAGED $LESSSECURE; exec cat\n")
    os.chmod(script.name, 0o755)
    try:
        paged = show(SYSTEMD_PAGER=script.name)
        assert paged.startswith("PAGED 1\n") and "…" not in paged, paged
        assert not show("--no-pager", SYSTEMD_PAGER=script.name).startswith("PAGED")
    finally:
        os.unlink(script.name)


main()
