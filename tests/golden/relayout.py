#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Bring recordings and seeds to the layout that bpf/exec_record.h has now.

Usage: relayout.py REVISION         whose exec_record.h and recorder.h they are made by

A recording is of one version and is refused by all others. But what those of this folder hold is
still true when a record gets a new fact, and so is what hours of fuzzing have found: so each member
is moved to its new place, by its name. What is new is zero, and its bit in `present` not set: a
fact that could not be had. Golden lines must not change by this.

A seed can be anything: moved is what is long enough for a record. Versions, sizes and frames are
put right where they were, and left wrong where they were not.
"""
import pathlib
import re
import struct
import subprocess
import sys

import layout

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SEEDS = HERE.parent / "fuzz/seeds"

RECORDER = "core/flow/recorder.h"
MAGIC = b"EXECREC\n"                # as there
FRAME = struct.Struct("II")
FRAME_RECORD = 1


class Header:
    """Of a recording. New members are behind those that there were."""

    def __init__(self, recorder, record_version):
        self.size = int(re.search(r"struct recording_header, (\d+)\)", recorder)[1])
        version = int(re.search(r"RECORDING_VERSION \((\d+)u << 16", recorder)[1])
        self.version = version << 16 | record_version


class Mover:
    def __init__(self, old, new, old_header, new_header):
        self.old, self.new = old, new
        self.old_header, self.new_header = old_header, new_header

    def cut(self, data):
        """A bit for each field."""
        bits, = struct.unpack("I", data)
        return struct.pack("I", sum(
            1 << i for i, name in enumerate(self.new.fields)
            if name in self.old.fields and bits >> self.old.fields.index(name) & 1))

    def lengths(self, record):
        start, size = self.old.members["len"]
        return dict(zip(self.old.fields, struct.unpack_from(f"{size // 4}I", record, start)))

    def ancestors(self, data):
        """Each with what is new at its end."""
        size = self.old.ancestor_size
        if len(data) % size:
            return data
        return b"".join(data[i:i + size].ljust(self.new.ancestor_size, b"\0")
                        for i in range(0, len(data), size))

    def variable_part(self, lengths, data):
        """And its lengths; whatever it is, if they are wrong."""
        if sum(lengths.values()) > len(data):
            return lengths, data
        fields = {}
        for name in self.old.fields:
            fields[name], data = data[:lengths[name]], data[lengths[name]:]
        fields["FIELD_ANCESTORS"] = self.ancestors(fields["FIELD_ANCESTORS"])
        return ({name: len(field) for name, field in fields.items()},
                b"".join(fields.get(name, b"") for name in self.new.fields) + data)

    def fixed_part(self, record, lengths):
        result = bytearray(self.new.size)
        for name, (offset, size) in self.new.members.items():
            if name in self.old.members:
                start, old_size = self.old.members[name]
                size = min(size, old_size)
                result[offset:offset + size] = record[start:start + size]
        offset, size = self.new.members["cut"]
        result[offset:offset + size] = self.cut(bytes(result[offset:offset + size]))
        struct.pack_into(f"{len(self.new.fields)}I", result, self.new.members["len"][0],
                         *(lengths.get(name, 0) for name in self.new.fields))
        return result

    def record(self, data):
        """One of any kind, or what fuzzing has made of one."""
        if len(data) < layout.HEAD.size:
            return data
        size, version, kind = layout.HEAD.unpack_from(data)[:3]
        if version == self.old.version:
            version = self.new.version
        if len(data) >= self.old.size and kind != self.new.kind_chunk:
            lengths, rest = self.variable_part(self.lengths(data), data[self.old.size:])
            more = len(data)
            data = self.fixed_part(data, lengths) + rest
            more = len(data) - more
            if size >= self.old.size:
                size = (size + more) & 0xffffffff
        return struct.pack("IH", size, version) + data[6:]

    def seed_of_journal(self, data):
        return data[:1] + self.record(data[1:])

    def recording(self, data):
        result = b""
        if data.startswith(MAGIC) and len(data) >= 12:
            version, = struct.unpack_from("I", data, len(MAGIC))
            if version == self.old_header.version:
                version = self.new_header.version
            result = MAGIC + struct.pack("I", version) + data[12:self.old_header.size]
            if len(data) >= self.old_header.size:
                result = result.ljust(self.new_header.size, b"\0")
            data = data[self.old_header.size:]
        while len(data) >= FRAME.size:
            kind, size = FRAME.unpack_from(data)
            payload = data[FRAME.size:FRAME.size + size]
            rest = data[FRAME.size + size:]
            padding, data = rest[:-size % 8], rest[-size % 8:]
            is_whole = len(padding) == -size % 8
            if kind == FRAME_RECORD:
                moved = self.record(payload)
                size += len(moved) - len(payload)
                payload = moved
                if is_whole:
                    padding = padding.ljust(7, b"\0")[:-size % 8]
            result += FRAME.pack(kind, size) + payload + padding
        return result + data


def main():
    if len(sys.argv) != 2:
        sys.exit("Usage: relayout.py REVISION")
    old_record, old_recorder = (
        subprocess.run(["git", "show", f"{sys.argv[1]}:{path}"], check=True, cwd=ROOT, text=True,
                       capture_output=True).stdout for path in (layout.HEADER, RECORDER))
    old = layout.Layout(old_record)
    new = layout.Layout((ROOT / layout.HEADER).read_text("utf-8"))
    mover = Mover(old, new, Header(old_recorder, old.version),
                  Header((ROOT / RECORDER).read_text("utf-8"), new.version))
    for files, move in ((HERE.glob("*.rec"), mover.recording),
                        (SEEDS.glob("replay/*"), mover.recording),
                        (SEEDS.glob("event/*"), mover.record),
                        (SEEDS.glob("journal/*"), mover.seed_of_journal)):
        for path in files:
            path.write_bytes(move(path.read_bytes()))


if __name__ == "__main__":
    main()
