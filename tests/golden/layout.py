# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Where things are in a record, asked of the compiler: bpf/exec_record.h of any version."""
import os
import re
import struct
import subprocess
import tempfile

HEADER = "bpf/exec_record.h"

# struct exec_record_head, which no version has changed.
HEAD = struct.Struct("IHBBIIQQII")
VERSION_OFFSET = 4

PROGRAM = """#include <stddef.h>
#include <stdio.h>
#include "exec_record.h"
#define PUT(member) printf("%%s %%zu %%zu\\n", #member, offsetof(struct exec_record, member), \\
                           sizeof(((struct exec_record *)0)->member))
int main(void)
{
        printf("%%d %%zu %%d %%d %%zu\\n", EXEC_RECORD_VERSION, sizeof(struct exec_record),
               RECORD_EXIT, RECORD_CHUNK, sizeof(struct exec_ancestor));
%s
        return 0;
}
"""


def members_of(header, structure):
    body = re.search(r"^struct %s \{\n(.*?)^\};" % structure, header, re.M | re.S)
    body = re.sub(r"/\*.*?\*/", "", body[1], flags=re.S)
    return re.findall(r"(\w+)(?:\[\w+\])?;", body)


def fields_of(header):
    """The names of the variable part, in their order."""
    body = re.search(r"^enum exec_field \{\n(.*?)_FIELD_MAX", header, re.M | re.S)
    return re.findall(r"(FIELD_\w+),", re.sub(r"/\*.*?\*/", "", body[1], flags=re.S))


def paths_of(header):
    """The members of struct exec_record, each of its facts, and each of those of the file."""
    for name in members_of(header, "exec_record"):
        if name != "facts":
            yield name
            continue
        for fact in members_of(header, "exec_facts"):
            if fact == "exe_file":
                yield from ("facts.exe_file." + of_file
                            for of_file in members_of(header, "exec_file"))
            else:
                yield "facts." + fact


class Layout:
    """version, size of a record's fixed part and of an ancestor, the kinds that have another one,
    the names of its fields, and its members: {name: (offset, size)}, where a fact is called the
    same wherever it is."""

    def __init__(self, header):
        puts = "\n".join(f"        PUT({path});" for path in paths_of(header))
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "exec_record.h"), "w", encoding="utf-8") as file:
                file.write(header)
            program = os.path.join(folder, "program")
            subprocess.run(["cc", "-xc", "-", "-o", program, f"-I{folder}"], check=True, text=True,
                           input=PROGRAM % puts)
            lines = subprocess.run([program], check=True, text=True,
                                   capture_output=True).stdout.split("\n")
        (self.version, self.size, self.kind_exit, self.kind_chunk,
         self.ancestor_size) = map(int, lines[0].split())
        self.fields = fields_of(header)
        self.members = {}
        for line in filter(None, lines[1:]):
            path, offset, size = line.split()
            self.members[path.removeprefix("facts.")] = int(offset), int(size)
