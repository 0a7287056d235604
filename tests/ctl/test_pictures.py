#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_pictures.py EXECSNOOPCTL: the pictures of the README are what the program shows today.

docs/pictures/*.svg are made of what a terminal gets, and of a plot; with GOLDEN_UPDATE=1 they are
written anew, to be looked at.
"""
import fcntl
import html
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import termios

HERE = pathlib.Path(__file__).parent
STORY = HERE / "story.jsonl"
PICTURES = HERE.parent.parent / "docs" / "pictures"
CTL = sys.argv[1]
SANITIZERS = {key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")}
UNTIL = "--until=2026-11-22 18:31:16.5"     # behind that the story is about faults of the log

COLUMNS, ROW, SIZE = 96, 19, 14
COLUMN = SIZE * 0.602   # of the usual fonts with one width
STYLES = {"31": "fill:#ff7b72", "36": "fill:#76e3ea", "2": "fill:#8b949e",
          "1;33": "fill:#f2cc60;font-weight:bold",
          "1;35": "fill:#d2a8ff;font-weight:bold", "1;37;41": "fill:#fff;font-weight:bold"}


def terminal(*options):
    """What a terminal gets, with its colours."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "PAGER": "cat"} | SANITIZERS
    with subprocess.Popen([CTL, *options, f"--file={STORY}", "--utc", UNTIL], stdout=slave,
                          stderr=subprocess.DEVNULL, env=environment):
        os.close(slave)
        shown = b""
        while True:
            try:
                shown += os.read(master, 65536)
            except OSError:     # its other end is closed
                break
    os.close(master)
    return shown.decode().replace("\r\n", "\n").rstrip("\n").split("\n")


def span(text, colour):
    style = f' style="{STYLES[colour]}"' if colour else ""
    return f"<tspan{style}>{html.escape(text, quote=False)}</tspan>" if text else ""


def draw(command, lines):
    """A window with the command and what came of it."""
    height = ROW * (len(lines) + 3)
    out = ['<?xml version="1.0" encoding="UTF-8"?>',
           '<svg xmlns="http://www.w3.org/2000/svg" '
           f'width="{COLUMN * (COLUMNS + 3):.0f}" height="{height}" '
           'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" '
           f'font-size="{SIZE}" fill="#e6edf3">',
           '<rect width="100%" height="100%" rx="8" fill="#0d1117"/>']
    for number, line in enumerate([f"$ {command}", *lines]):
        y = ROW * (number + 2)
        colour = ""
        spans = []
        if "\x1b[1;37;41m" in line:
            width = len(re.sub(r"\x1b\[[0-9;]*m", "", line)) * COLUMN
            out.append(f'<rect x="{COLUMN:.1f}" y="{y - SIZE}" width="{width:.0f}" '
                       f'height="{ROW}" fill="#a40e26"/>')
        for part in re.split(r"(\x1b\[[0-9;]*m)", line):
            if part.startswith("\x1b"):
                colour = part[2:-1].removeprefix("0")
            else:
                spans.append(span(part, colour))
        out.append(f'<text x="{COLUMN:.1f}" y="{y}" xml:space="preserve">{"".join(spans)}</text>')
    return "\n".join([*out, "</svg>", ""])


def plot():
    return subprocess.run([CTL, "plot", f"--file={STORY}", "--utc", "--failed", UNTIL], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def main():
    pictures = {"log": draw("execsnoopctl --failed", terminal("--failed")),
                "tree": draw("execsnoopctl tree --failed", terminal("tree", "--failed")),
                "plot": plot()}
    for name, picture in pictures.items():
        path = PICTURES / f"{name}.svg"
        if os.environ.get("GOLDEN_UPDATE"):
            path.write_text(picture, "utf-8")
        assert path.read_text("utf-8") == picture, \
            f"{path} is not what the program shows: GOLDEN_UPDATE=1"
    readme = (HERE.parent.parent / "README.md").read_text("utf-8")
    assert set(re.findall(r"\(docs/pictures/(\w+)\.svg\)", readme)) == set(pictures)


main()
