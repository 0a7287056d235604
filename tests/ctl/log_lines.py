# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""What is done to the lines of a log, and what `verify` says of them."""
import collections
import itertools
import json
import re
import subprocess


def verify(ctl, lines, *options, end="\n"):
    """The exit code, and both outputs."""
    text = "\n".join(lines) + (end if lines else "")
    done = subprocess.run([ctl, "verify", "-", "--utc", *options],
                          input=text.encode("utf-8", "surrogateescape"), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, check=False)
    assert done.returncode in range(4) and b"runtime error" not in done.stderr, done
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def kind(line):
    return json.loads(line)["event"]


def places(lines, wanted):
    """Where the lines of that kind are."""
    return [i for i, line in enumerate(lines) if kind(line) == wanted]


def runs(lines):
    """The lines of each run."""
    found = []
    for line in lines:
        if kind(line) == "start":
            found.append([])
        found[-1].append(line)
    return found


def join(parts):
    return [line for part in parts for line in part]


def mixed(*logs):
    """As a collector has it that appends what comes, of each log in its order."""
    return [line for group in itertools.zip_longest(*logs) for line in group if line is not None]


def without(lines, i, n=1):
    return lines[:i] + lines[i + n:]


def swapped(lines, i, k):
    out = list(lines)
    out[i], out[k] = out[k], out[i]
    return out


def edit(line, change):
    event = json.loads(line)
    change(event)
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def edited(lines, i, change):
    return [*lines[:i], edit(lines[i], change), *lines[i + 1:]]


def set_in(path, value):
    """A change of one value, by its path; `value` may be a function of what it is."""
    def change(event):
        *folders, key = path.split("/")
        for folder in folders:
            event = event[folder]
        event[key] = value(event[key]) if callable(value) else value
    return change


def more(n):
    return lambda value: value + n


def add(path, n):
    return set_in(path, more(n))


def renumber(lines):
    """As if nothing had been there: the numbers of each run without a hole."""
    out, seqs = [], collections.Counter()
    for line in lines:
        event = json.loads(line)
        seqs[event["boot_id"]] = 1 if event["event"] == "start" else seqs[event["boot_id"]] + 1
        out.append(re.sub(r'"seq":\d+', f'"seq":{seqs[event["boot_id"]]}', line, count=1))
    return out
