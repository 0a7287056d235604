#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_output.py EXECSNOOPCTL: an output that can't be written, or that nobody reads any more."""
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
CTL = sys.argv[1]
STORY, RULES = HERE / "story.jsonl", HERE / "rules.jsonl"
OUTPUT_FAILS = 74
VERBS = [("log",), ("log", "-o", "json"), ("log", "-o", "csv"), ("log", "-o", "verbose"), ("tree",),
         ("plot",),
         ("top",), ("top", "-o", "json"), ("stats",), ("verify",), ("verify", "-o", "json"),
         ("--help",), ("--version",)]


def run(options, file=RULES, **how):
    return subprocess.run([CTL, *options, f"--file={file}"], stderr=subprocess.PIPE, timeout=120,
                          check=False, **how)


def verdict_of(options):
    return run(options, stdout=subprocess.DEVNULL).returncode


def check_full_disk():
    with open("/dev/full", "wb") as full:
        for options in VERBS:
            done = run(options, stdout=full)
            assert done.returncode == OUTPUT_FAILS, (options, done)
            words = "cannot write standard output: No space left on device\n"
            assert done.stderr.decode().count(words) == 1, done


def check_closed():
    """A file that is opened in its place gets nothing of it."""
    before = RULES.read_bytes()
    for options in VERBS:
        done = run(options, preexec_fn=lambda: os.close(1))
        assert done.returncode == OUTPUT_FAILS, (options, done)
        assert b"cannot write standard output: Bad file descriptor" in done.stderr, done
    with tempfile.TemporaryDirectory() as folder:
        packed = pathlib.Path(folder, "log.1.zst")
        packed.write_bytes(subprocess.run(["zstd", "-c", "-q"], input=before,
                                          stdout=subprocess.PIPE, check=True).stdout)
        done = run(("log",), file=pathlib.Path(folder, "log"), preexec_fn=lambda: os.close(1))
        assert done.returncode == OUTPUT_FAILS, done
    assert RULES.read_bytes() == before


def check_reader_that_leaves():
    """As of head(1), or a pager: that is no fault, and the verdict stays what it is."""
    for options in VERBS:
        ends = os.pipe()
        os.close(ends[0])
        done = run(options, stdout=ends[1])
        os.close(ends[1])
        assert done.returncode == verdict_of(options), (options, done)
        assert b"cannot write" not in done.stderr, done
    assert verdict_of(("verify",)) == 1 and verdict_of(("log",)) == 0


check_full_disk()
check_closed()
check_reader_that_leaves()
