#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_plot.py EXECSNOOPCTL: the picture is XML whatever the arguments contain, everything is where
its time is, and all of it is there, for 10 to 5,000 processes."""
import json
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

STORY = pathlib.Path(__file__).parent / "story.jsonl"
CTL = sys.argv[1]
SVG = "{http://www.w3.org/2000/svg}"
BOOT = "2fff7c11b2084133bd954df45c274c9b"
ENVIRONMENT = {"PATH": os.environ["PATH"], "TZ": "UTC", "LC_ALL": "C.UTF-8"} | {
    key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")}
LEFT, WIDTH = 12, 1400


def run(lines, *options, code=0):
    done = subprocess.run([CTL, "plot", "-", *options], input="\n".join([*lines, ""]).encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
                          check=False, timeout=120)
    assert done.returncode == code, (options, done.returncode, done.stderr)
    return done.stdout.decode(), done.stderr.decode()


def time_of(ms):
    return f"2026-11-22T18:{31 + ms // 60000:02}:{ms // 1000 % 60:02}.{ms % 1000:03}000000Z"


def event(kind, seq, ms, **members):
    return json.dumps({"event": kind, "time": time_of(ms), "seq": seq, "boot_id": BOOT,
                       "host": "vm", **members}, separators=(",", ":"))


def process(seq, pid, ms, argv=None, **members):
    return event("exec", seq, ms, **{
        "pid": pid, "ppid": 9, "uid": 0, "user": "ann", "comm": "x", "parent_comm": "sh",
        "argv": argv or ["prog", str(pid)], "unit": f"u{pid % 3}.service", "session": pid % 2,
        "process_id": f"b-{pid}", "parent_process_id": "b-9", **members})


def ending(seq, pid, ms, took, **members):
    return event("exit", seq, ms, pid=pid, process_id=f"b-{pid}", duration_ns=took * 1000000,
                 **(members or {"exit_code": 0}))


def draw(lines, *options):
    """The picture's elements that have a tooltip, {tooltip: element}, and all of it."""
    text, _ = run(lines, *options)
    root = ElementTree.fromstring(text)
    assert root.tag == SVG + "svg"
    width, height = (float(root.get(key)) for key in ("width", "height"))
    tooltips = {}
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in {
            "svg", "style", "defs", "pattern", "linearGradient", "stop", "rect", "line", "path",
            "text", "title"}, element.tag
        for key, value in element.attrib.items():
            assert not key.startswith("on") and "href" not in key and "script" not in value, key
        if element.tag == SVG + "rect" and "x" in element.attrib:
            x, y, w, h = (float(element.get(key)) for key in ("x", "y", "width", "height"))
            assert x >= 0 and y >= 0 and w > 0 and h > 0, element.attrib
            assert x + w <= width + 20 and y + h <= height, element.attrib
        title = element.find(SVG + "title")
        if title is not None:
            assert title.text not in tooltips, title.text
            tooltips[title.text] = element
    return tooltips, root


def bar(tooltips, command):
    found = [element for text, element in tooltips.items() if text.split("\n")[0] == command]
    assert len(found) == 1, (command, len(found), list(tooltips)[:5])
    return found[0]


def number(element, key):
    return float(element.get(key))


def test_bars_are_where_their_time_is():
    """Execs at each second, each as long as its number; so wide as the times say."""
    for n in (10, 500, 5000):
        step = 100 if n > 1000 else 1000
        lines = []
        for i in range(n):
            lines.append(process(len(lines) + 1, 100 + i, i * step))
            lines.append(ending(len(lines) + 1, 100 + i, i * step + step // 2, step // 2))
        tooltips, root = draw(lines, "--utc")
        bars = [bar(tooltips, f"prog {100 + i}") for i in range(n)] if n < 1000 else \
            [element for text, element in tooltips.items() if text.startswith("prog ")]
        assert len(bars) == n == len(tooltips)
        xs = [number(element, "x") for element in bars]
        ys = [number(element, "y") for element in bars]
        assert xs == sorted(xs) and ys == sorted(set(ys)), n
        scale = (xs[-1] - xs[0]) / ((n - 1) * step)
        assert WIDTH * 0.95 < xs[-1] - xs[0] + scale * step < WIDTH * 1.05, n
        for element in bars:
            assert abs(number(element, "width") - max(scale * step / 2, 1)) < 0.2, element.attrib
        labels = [element.text for element in root.iter(SVG + "text")
                  if element.get("class", "")[0] == "l"]
        assert sum(label.startswith("prog ") for label in labels) == n
        assert number(root, "height") < 32767


def test_any_arguments():
    hostile = ["<script>alert(1)</script>", "]]>", "&amp;&#0;", "\"'", "a\nb\x1b[31m\x7f\x01",
               "\u202eevil", "\ufffe\uffff\ufdd0", "é€\U0001f600", "\u0085\u009b",
               "<!-- -- -->", "x" * 5000]
    lines = [process(i + 1, 100 + i, i, [text, text], unit=f"{text}.service"[:200], user=text[:20])
             for i, text in enumerate(hostile)]
    lines += [process(12, 150, 20, argv_base64=["/////w==", "AAEC/w=="]),
              process(13, 151, 21, argv=["last"])]
    lines = [line.replace('"host":"vm"', f'"host":"{"é" * 80}"') for line in lines]
    for by in ("parent", "unit", "session"):
        text, _ = run(lines, f"--by={by}")
        tooltips, _ = draw(lines, f"--by={by}")
        assert any(title.startswith("'<script>alert(1)</script>' ") for title in tooltips), tooltips
        assert any("$'a\\nb\\x1b[31m\\x7f\\x01'" in title for title in tooltips)
        assert any(title.startswith("last\n") for title in tooltips) and len(tooltips) == len(lines)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufdd0\ufffe\uffff]", text)


def test_ends():
    """Of a log with ends: an open one goes on; of one without: that is not known."""
    open_line = process(1, 100, 0, ["open"])
    lines = [open_line, process(2, 101, 1000, ["bad"]), ending(3, 101, 3000, 2000, exit_code=2),
             process(4, 102, 4000, ["killed"]),
             ending(5, 102, 5000, 1000, signal=9, signal_name="SIGKILL"),
             process(6, 103, 6000, ["first"]), process(7, 103, 7000, ["second"]),
             ending(8, 103, 9000, 2000),
             event("exec_failed", 9, 9500, pid=104, ppid=103, argv=["none"], error="ENOENT",
                   process_id="b-104", parent_process_id="b-103")]
    tooltips, root = draw(lines, "--failed")
    for command, words in {"open": "no end is logged", "bad": "took 2.0s, status 2",
                           "first": "took 1.0s, then", "killed": "status SIGKILL",
                           "second": "status 0", "none": "not executed: ENOENT"}.items():
        texts = [text for text in tooltips if text.startswith(command)]
        assert [words in text for text in texts] == [True], (command, tooltips)
    assert bar(tooltips, "open").get("class").startswith("o")
    open_bar = bar(tooltips, "open")
    assert number(open_bar, "x") + number(open_bar, "width") > LEFT + WIDTH - 1
    assert {name for name in ("open", "bad", "killed", "first", "second")
            if " b" in bar(tooltips, name).get("class")} == {"bad", "killed"}
    assert len([element for element in root.iter(SVG + "path") if element.get("class") == "x"]) == 3
    assert len(draw(lines)[0]) == 5
    tooltips, _ = draw([open_line, process(2, 101, 1000), process(3, 102, 2000)])
    assert number(bar(tooltips, "open"), "width") < WIDTH / 10


def test_what_is_missing_is_hatched():
    lines = [process(1, 100, 0), ending(2, 100, 10000, 10000),
             event("lost", 3, 10000, where="ring", count=12,
                   **{"from": time_of(2000), "to": time_of(4000)}),
             process(7, 101, 10500), ending(8, 101, 20000, 9500)]
    tooltips, root = draw(lines, "--utc")
    hatched = {text: element for text, element in tooltips.items() if element.get("class") == "h"}
    lost = next(element for text, element in hatched.items()
                if "LOST: 12 events, ring (no room" in text)
    hole = next(element for text, element in hatched.items()
                if "3 lines of the log are missing here" in text)
    assert len(hatched) == 2
    begin, end = bar(tooltips, "prog 100"), bar(tooltips, "prog 101")
    second = number(begin, "width") / 10
    assert abs(number(lost, "x") - number(begin, "x") - 2 * second) < 0.3
    assert abs(number(lost, "width") - 2 * second) < 0.3
    assert abs(number(hole, "x") + number(hole, "width") - number(end, "x")) < 0.3
    assert number(lost, "y") + number(lost, "height") >= number(end, "y") + number(end, "height")
    many = [event("lost", i + 2, i, where="queue", count=1) for i in range(2500)]
    tooltips, _ = draw([process(1, 100, 0), *many, process(2502, 101, 2600)])
    assert "LOST: 1501 events" in "".join(tooltips)     # the last has all that is too much


def test_rows_by_unit_and_session():
    lines = [process(i + 1, 100 + i, i * 10) for i in range(9)]
    for by, names in {"unit": ["u0.service", "u1.service", "u2.service"],
                      "session": ["session 0", "session 1"]}.items():
        tooltips, root = draw(lines, f"--by={by}")
        titles = [(number(element, "y"), element.text) for element in root.iter(SVG + "text")
                  if element.get("class") == "l r"]
        assert [text for _, text in sorted(titles)] == names
        for y, name in titles:
            below = sorted((number(element, "y"), text) for text, element in tooltips.items()
                           if number(element, "y") > y)
            pid = int(re.match(r"prog (\d+)", below[0][1])[1])
            assert name in (f"u{pid % 3}.service", f"session {pid % 2}"), (name, pid)
    legend = "".join(element.text for element in draw(lines)[1].iter(SVG + "text"))
    assert "u0.service (3)" in legend and "no end is logged" in legend


def test_limits_are_said():
    shown, said = run([process(i + 1, 100 + i, i) for i in range(7000)])
    drawn = shown.count("<title>")
    assert drawn >= 5000 and f"{7000 - drawn} execs are not shown: the log has more" in said, said
    assert "nothing to draw" in run([process(1, 100, 0)], "-u", "12345", code=1)[1]
    assert run([], code=1)[0] == ""
    for options, words in {("-o", "json"): "expected none: it is an SVG",
                           ("-f",): "a log that has an end",
                           ("--by=exe",): "expected parent, unit or session"}.items():
        assert words in run([], *options, code=64)[1]


def test_story():
    tooltips, _ = draw(STORY.read_text("utf-8").splitlines(), "-x", "--utc")
    texts = "\n".join(tooltips)
    for words in ("mysql -u root '-p<redacted>' shop", "summed up: 59 more",
                  "no daemon was running", "nowhere",
                  "memfd:x $'\\x1b[31mred' 'é€' $'a\\nb'\n"
                  "PID 1005, user www-data, unit web.service\n"
                  "2026-11-22 18:31:05.000, took 10.0s, status SIGKILL"):
        assert words in texts, (words, texts)


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            print(name, flush=True)
            test()


main()
