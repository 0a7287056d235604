#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Check every line of a log in the native format against the contract.

Usage: validate.py [OPTIONS] [FILE...]     (no FILE, or "-": standard input)

Each line has to be one JSON object, with a newline, in UTF-8, without raw control characters (C0,
DEL, C1) and NUL, valid by config/event.schema.json; its keys unique and in the order of the schema,
the ones of nested objects too; every *_base64 has to decode to what its sibling shows. `seq` has to
count without a hole from the first line of each FILE on; a `start` event may begin anew.

Exit status: 0, or 1 with FILE:LINE: reason for the first line that fails, or 2 for wrong usage.
"""

import argparse
import base64
import binascii
import json
import os
import re
import sys

import jsonschema

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../config/event.schema.json")

RAW_CONTROL = re.compile(rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]")
ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
ANNOTATIONS = ("description", "title")


class Bad(Exception):
    """The line breaks the contract; the message says how."""


def resolve(node, root):
    """The schema with every $ref replaced by its target: resolving them again and again for each
    line is what makes jsonschema slow. What stands beside a $ref refines it."""
    if isinstance(node, list):
        return [resolve(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = root
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
        return resolve(node, root)
    return {k: v if k in ("enum", "const") else resolve(v, root)
            for k, v in node.items()
            if not (k in ANNOTATIONS and isinstance(v, str))}


def check_order(schema, value):
    if isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict) and items.get("type") == "object":
            for item in value:
                check_order(items, item)
        return
    properties = schema.get("properties")
    if not properties or not isinstance(value, dict):
        return
    expected = iter(properties)
    for key in value:
        if key not in expected:     # also steps `expected` beyond `key`
            raise Bad(f"key {key!r} is out of order")
    for key, child in value.items():
        if isinstance(child, (dict, list)):
            check_order(properties[key], child)


def check_exact(text, encoded, key):
    """Whether `text` is what the encoded bytes look like; returns whether they are not UTF-8."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error as e:
        raise Bad(f"{key}: {e}") from e
    if data.decode("utf-8", "replace").replace("\0", "\ufffd") != text:
        raise Bad(f"{key} is not the exact form of its sibling")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return b"\0" in data


def check_base64(value):
    if isinstance(value, list):
        for item in value:
            check_base64(item)
    if not isinstance(value, dict):
        return
    for key, encoded in value.items():
        if key != "env":            # its keys are not ours
            check_base64(encoded)
        if not key.endswith("_base64"):
            continue
        text = value.get(key.removesuffix("_base64"))
        if isinstance(encoded, str):
            pairs = [(text, encoded)]
        elif isinstance(encoded, list):
            pairs = list(zip(text, encoded))
        else:
            pairs = [(text.get(name), encoded[name]) for name in encoded]
        if not isinstance(encoded, str) and len(text) != len(encoded):
            raise Bad(f"{key} has another length than its sibling")
        # a list: every pair has to be looked at
        if not any([check_exact(t, e, key) for t, e in pairs]):
            raise Bad(f"{key} is there without need")


def unique(pairs):
    obj = dict(pairs)
    if len(obj) != len(pairs):
        names = [name for name, _ in pairs]
        raise Bad(f"key {next(n for n in names if names.count(n) > 1)!r} is there twice")
    return obj


class Validator:
    def __init__(self, path, check_seq, max_line):
        with open(path, encoding="utf-8") as f:
            root = json.load(f)
        jsonschema.Draft202012Validator.check_schema(root)
        self.check_seq = check_seq
        self.max_line = max_line
        self.next_seq = None
        self.decoder = json.JSONDecoder(object_pairs_hook=unique)
        self.by_event = {}
        for branch in root["oneOf"]:
            schema = resolve(branch, root)
            event = schema["properties"]["event"]
            for name in event.get("enum") or [event["const"]]:
                self.by_event[name] = (schema, jsonschema.Draft202012Validator(schema))

    def begin_file(self):
        self.next_seq = None

    def parse(self, line):
        if not line.endswith(b"\n"):
            raise Bad("no newline at the end")
        line = line[:-1]
        if self.max_line and len(line) > self.max_line:
            raise Bad(f"{len(line)} bytes, more than {self.max_line}")
        found = RAW_CONTROL.search(line)
        if found:
            raise Bad(f"raw control character {found.group()!r} in column {found.start() + 1}")
        if ESCAPED_NUL.search(line):
            raise Bad("NUL")
        try:
            return self.decoder.decode(line.decode("utf-8"))
        except ValueError as e:     # UnicodeDecodeError is one
            raise Bad(str(e)) from e

    def sequence(self, event):
        seq = event["seq"]
        if self.next_seq not in (None, seq) and not (event["event"] == "start" and seq == 1):
            raise Bad(f"seq is {seq}, expected {self.next_seq}")
        self.next_seq = seq + 1

    def event(self, event):
        name = event.get("event") if isinstance(event, dict) else None
        if not isinstance(name, str) or name not in self.by_event:
            raise Bad(f"not an event: {name!r}")
        schema, validator = self.by_event[name]
        error = next(validator.iter_errors(event), None)
        if error:
            where = "".join(f".{step}" for step in error.absolute_path)
            raise Bad(f"{name}{where}: {error.message}")
        check_order(schema, event)

    def line(self, line):
        event = self.parse(line)
        self.event(event)
        if b"_base64" in line:
            check_base64(event)
        if self.check_seq:
            self.sequence(event)


def main():
    parser = argparse.ArgumentParser(description="Check logs against the event schema.")
    parser.add_argument("files", metavar="FILE", nargs="*", default=["-"])
    parser.add_argument("--schema", default=SCHEMA, help="instead of config/event.schema.json")
    parser.add_argument("--no-seq", action="store_true",
                        help="lines may be missing, or come from several streams")
    parser.add_argument("--max-line", type=int, default=0, metavar="BYTES",
                        help="longest line, without its newline")
    parser.add_argument("--min-lines", type=int, default=1, metavar="N",
                        help="how many lines there have to be in all (default 1)")
    args = parser.parse_args()

    validator = Validator(args.schema, not args.no_seq, args.max_line)
    total = 0
    for name in args.files:
        validator.begin_file()
        with sys.stdin.buffer if name == "-" else open(name, "rb") as f:
            for number, line in enumerate(f, 1):
                total += 1
                try:
                    validator.line(line)
                except Bad as e:
                    print(f"{name}:{number}: {e}", file=sys.stderr)
                    return 1
    if total < args.min_lines:
        print(f"{total} lines, expected at least {args.min_lines}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
