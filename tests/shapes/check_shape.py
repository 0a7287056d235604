#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""check_shape.py [--no-seq] [--native=FILE [--machine-id=ID]] SHAPE [FILE]: lines of another shape
than the native one (no FILE: standard input).

Each has to be one JSON object in UTF-8 with unique keys, a newline and no raw control characters,
valid by the published schema, with nothing that this does not know outside of our own names; and
`seq` has to count without a hole. With --native, each has to be exactly what the table of
execsnoopd-shapes(7) makes of the line of that file with the same number, but for counters of how
lines were delivered.

Exit status: 0, or 1 with FILE:LINE: reason for the first line that fails.
"""

import argparse
import json
import sys

import ecs
import ocsf
import validate
from common import Bad, read_lines

SHAPES = {"ecs": ecs, "ocsf": ocsf}


# Counters of how lines were delivered: those of another shape have another size.
DELIVERY = ("bytes", "backlog_bytes", "retries", "deleted_files", "deleted_bytes", "deleted_to")


def without_delivery(event):
    if not isinstance(event, dict):
        return event
    return {k: without_delivery(v) for k, v in event.items() if k not in DELIVERY}


def difference(expected, found, path=""):
    """Where the first difference is, and what."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in [*expected, *found]:
            if expected.get(key) != found.get(key) or (key in expected) != (key in found):
                return difference(expected.get(key), found.get(key), f"{path}.{key}")
    return f"{path.strip('.')}: expected {json.dumps(expected)}, found {json.dumps(found)}"


def compare(module, expected, found):
    expected, found = [without_delivery(module.sort_marks(e)) for e in (expected, found)]
    if expected != found:
        raise Bad(difference(expected, found))


def check_lines(shape, lines, native, machine_id, check_seq=True):
    """Raises Bad, which then says which line; or returns how many there are."""
    module = SHAPES[shape]
    parser = validate.Validator(validate.SCHEMA, False, 0)
    validator, expected_seq = module.Validator(), None
    for number, line in enumerate(lines, 1):
        try:
            event = parser.parse(line)
            validator.line(event)
            if number == 1 and not machine_id:
                machine_id = module.machine_id_of(event)
            if native and number <= len(native):
                compare(module, module.shape(native[number - 1], machine_id), event)
            told = module.told(event)
            is_anew = told["event"] == "start" and told["seq"] == 1
            if check_seq and expected_seq not in (None, told["seq"]) and not is_anew:
                raise Bad(f"seq is {told['seq']}, expected {expected_seq}")
            expected_seq = told["seq"] + 1
        except Bad as e:
            raise Bad(f"{number}: {e}") from e
    if native and len(native) != len(lines):
        raise Bad(f"{len(lines)} lines of {len(native)}")
    return len(lines)


def main():
    parser = argparse.ArgumentParser(description="Check lines of another shape.")
    parser.add_argument("--no-seq", action="store_true", help="lines may be missing")
    parser.add_argument("--native", metavar="FILE", help="the same events as native lines")
    parser.add_argument("--machine-id", metavar="ID",
                        help="of the host of these lines (default: as the first one has it)")
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("file", nargs="?", default="-")
    args = parser.parse_args()
    native = read_lines(args.native) if args.native else None
    with sys.stdin.buffer if args.file == "-" else open(args.file, "rb") as f:
        lines = f.readlines()
    try:
        if not lines:
            raise Bad("no lines")
        check_lines(args.shape, lines, native, args.machine_id, not args.no_seq)
    except Bad as e:
        print(f"{args.file}:{e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
