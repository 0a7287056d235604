#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_rendering.py EXECSNOOPCTL: a plot as a picture of pixels, by another program: what it shows
is there, in its colours and where its time is, and no two texts are in one place."""
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zlib

HERE = pathlib.Path(__file__).parent
CTL = sys.argv[1]
SVG = "{http://www.w3.org/2000/svg}"
EXIT_SKIP = 77
BOOT = "2fff7c11b2084133bd954df45c274c9b"
WHITE = (255, 255, 255)


class Picture:
    """A PNG of 8 bits, RGB with or without alpha."""

    def __init__(self, png):
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        at, data = 8, b""
        while at < len(png):
            size, name = struct.unpack(">I4s", png[at:at + 8])
            content = png[at + 8:at + 8 + size]
            if name == b"IHDR":
                self.width, self.height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB",
                                                                                         content)
                assert depth == 8 and colour in (2, 6) and not interlaced
                self.channels = 3 if colour == 2 else 4
            elif name == b"IDAT":
                data += content
            at += 12 + size
        self.rows = self.unfilter(zlib.decompress(data))

    def unfilter(self, data):
        rows, n, before = [], self.channels, bytes(self.width * self.channels)
        for y in range(self.height):
            begin = y * (self.width * n + 1)
            kind, row = data[begin], bytearray(data[begin + 1:begin + 1 + self.width * n])
            for i, value in enumerate(row if kind else b""):
                left, up, corner = (row[i - n], before[i], before[i - n]) if i >= n else (0,
                                                                                          before[i],
                                                                                          0)
                row[i] = (value + (left, up, (left + up) // 2,
                                   self.paeth(left, up, corner))[kind - 1]) & 255
            rows.append(bytes(row))
            before = row
        return rows

    @staticmethod
    def paeth(left, up, corner):
        guess = left + up - corner
        return min((left, up, corner), key=lambda value: abs(guess - value))

    def at(self, x, y):
        i = int(x) * self.channels
        return tuple(self.rows[int(y)][i:i + 3])

    def within(self, x, y, width, height):
        return [self.at(column, row) for row in range(int(y), int(y + height))
                for column in range(int(x), int(x + width))]


def plot(lines, *options):
    return subprocess.run([CTL, "plot", "-", "--utc", *options],
                          input="\n".join([*lines, ""]).encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def render(svg):
    return Picture(subprocess.run(["rsvg-convert", "--background-color=white"], input=svg,
                                  stdout=subprocess.PIPE,
                                  check=True).stdout)


def box(element):
    return tuple(float(element.get(key)) for key in ("x", "y", "width", "height"))


def with_title(root, begin):
    found = [element for element in root.iter()
             if (title := element.find(SVG + "title")) is not None and
             title.text.startswith(begin)]
    assert len(found) == 1, (begin, found)
    return found[0]


def is_red(pixel):
    return pixel[0] > 150 and pixel[1] < 120 and pixel[2] < 120


def check_story():
    svg = plot((HERE / "story.jsonl").read_text("utf-8").split("\n")[:-1], "-x")
    root, picture = ElementTree.fromstring(svg), render(svg)
    assert (picture.width, picture.height) == tuple(round(float(root.get(key)))
                                                    for key in ("width", "height"))
    # The title is at the left, and dark; what is beside the rows is white.
    assert any(sum(pixel) < 100 for pixel in picture.within(12, 4, 300, 16))
    assert picture.at(2, picture.height // 2) == WHITE
    # Bars have the colour of their unit in the legend.
    legend = {element.text.split(" (")[0]: float(element.get("y"))
              for element in root.iter(SVG + "text")
              if " (" in (element.text or "")}
    assert {"session-3.scope", "web.service"} <= legend.keys(), legend
    vi, memfd = with_title(root, "vi "), with_title(root, "memfd:x ")
    for element in (vi, memfd):
        x, y, width, height = box(element)
        colours = picture.within(x + width - 30, y + 3, 20, height - 6)
        assert len(set(colours)) == 1 and colours[0] != WHITE, set(colours)
    x, y, width, height = box(vi)
    blue = picture.at(x + width - 20, y + height / 2)
    assert blue != picture.at(box(memfd)[0] + box(memfd)[2] - 20, box(memfd)[1] + box(memfd)[3] / 2)
    assert picture.at(x + width + 5, y + height / 2) == WHITE and picture.at(x + width - 2,
                                                                             y + height / 2) == blue
    # A failed one has a red frame, and a red cross before it.
    x, y, width, height = box(memfd)
    assert is_red(picture.at(x + width / 2, y)) and not is_red(picture.at(x + width / 2,
                                                                          y + height / 2))
    assert any(is_red(pixel) for pixel in picture.within(x - 12, y, 10, height))
    # What has no end fades away.
    x, y, width, height = box([element for element in root.iter(SVG + "rect")
                               if element.get("class", "").startswith("o")][0])
    shades = [sum(picture.at(x + width * part, y + 2)) for part in (0.45, 0.65, 0.97)]
    assert shades == sorted(shades) and shades[-1] > shades[0] + 60, shades
    # Hatched, from top to bottom: red on light red.
    for element in root.iter(SVG + "rect"):
        if element.get("class") == "h":
            x, y, width, height = box(element)
            pixels = picture.within(x + 1, y + height - 20, width - 2, 18)
            assert 0.1 < sum(pixel[0] > pixel[1] + 60
                             for pixel in pixels) / len(pixels) < 0.7, element.attrib
            assert any(pixel[0] > 240 and pixel[1] > 200 for pixel in pixels)


def process(seq, pid, ms, took):
    common = {"boot_id": BOOT, "host": "vm", "pid": pid, "process_id": f"b-{pid}"}
    def moment(at):
        return f"2026-11-22T18:31:{at // 1000:02}.{at % 1000:03}Z"
    return [json.dumps({"event": "exec", "time": moment(ms), "seq": seq, "ppid": 9, "uid": 0,
                        "comm": "x",
                        "parent_comm": "sh", "argv": ["prog", str(pid)], "unit": "a.service",
                        "parent_process_id": "b-9", **common}),
            json.dumps({"event": "exit", "time": moment(ms + took), "seq": seq + 1, "exit_code": 0,
                        "duration_ns": took * 1000000, **common})]


RENDERED = 75


def check_texts_apart():
    """Labels of the time come again in a high picture, and are in no row; each is really drawn."""
    for n in (3, 49, 50, 51, RENDERED, 76, 140):
        lines = [line for i in range(n) for line in process(2 * i + 1, 100 + i, i * 20, 15)]
        svg = plot(lines)
        root = ElementTree.fromstring(svg)
        texts = list(root.iter(SVG + "text"))
        labels = sorted({float(text.get("y")) for text in texts
                         if re.match(r"\d\d:\d\d:\d\d", text.text or "")})
        rows = [float(text.get("y")) for text in texts if re.match("prog ", text.text or "")]
        assert len(rows) == n and len(labels) == max((n + 25) // 50, 1) + 1, (n, labels)
        assert all(abs(label - row) > 13 for label in labels for row in rows), (n, labels)
        if n != RENDERED:
            continue    # that takes its time
        picture = render(svg)
        for label in labels:
            x = min(float(text.get("x")) for text in texts if float(text.get("y")) == label)
            dark = [pixel for pixel in picture.within(x, label - 9, 60, 10) if sum(pixel) < 450]
            assert len(dark) > 50, label
        for element in root.iter(SVG + "rect"):
            title = element.find(SVG + "title")
            if title is not None and title.text.startswith("prog "):
                x, y, width, height = box(element)
                assert any(pixel != WHITE
                           for pixel in picture.within(x, y, max(width, 1), height)), title.text


if not shutil.which("rsvg-convert"):
    print("skipped: there is no rsvg-convert", file=sys.stderr)
    sys.exit(EXIT_SKIP)
check_story()
check_texts_apart()
