#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_systemd_files.py SOURCE_FOLDER: what systemd's own tools say of the files in systemd/.

The unit verifies and keeps its exposure level; the other files parse; the catalog explains every
MESSAGE_ID of core/base/message_id.h, and refers only to fields that such a message has.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

EXPOSURE_MAX = 1.5
EXIT_SKIP = 77

# Fields beside MESSAGE, by kind of event; the daemon's own words have MESSAGE alone.
PROCESS = {"EXECSNOOP_" + name for name in ("PID", "UID", "COMM")}
PROGRAM = PROCESS | {"EXECSNOOP_" + name for name in ("PPID", "LOGINUID", "EXE", "CGROUP")}
FIELDS = {"EXEC": PROGRAM | {"EXECSNOOP_RETVAL"}, "EXEC_FAILED": PROGRAM | {"EXECSNOOP_RETVAL"},
          "EXEC_ATTEMPT": PROGRAM, "PROCESS": PROGRAM, "EXIT": PROCESS}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    assert done.returncode == 0 and "ignoring" not in done.stdout, (command, done.stdout)
    return done.stdout


def check_unit(source, folder):
    unit = os.path.join(folder, "execsnoopd.service")
    with open(unit, "w", encoding="utf-8") as file:
        template = read(source, "systemd", "execsnoopd.service.in")
        file.write(template.replace("@EXECSNOOPD_PATH@", "/bin/true"))
    assert run("systemd-analyze", "verify", "--man=no", unit) == ""
    report = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    level = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", report)[1])
    assert level <= EXPOSURE_MAX, report
    return level


def check_root_files(source, root):
    """Users and folders, made in a root of their own."""
    os.makedirs(os.path.join(root, "etc"))
    for kind, tool in (("sysusers", "systemd-sysusers"), ("tmpfiles", "systemd-tmpfiles")):
        folder = os.path.join(root, f"usr/lib/{kind}.d")
        os.makedirs(folder)
        shutil.copy(os.path.join(source, f"systemd/execsnoopd.{kind}"),
                    os.path.join(folder, "execsnoopd.conf"))
        options = ("--create",) if kind == "tmpfiles" else ()
        run(tool, f"--root={root}", *options, "execsnoopd.conf")
    assert "\nexecsnoopd:" in "\n" + read(root, "etc/passwd")
    assert os.stat(os.path.join(root, "var/log/execsnoopd")).st_mode & 0o7777 == 0o750


def check_catalog(source, root):
    ids = dict(re.findall(r'#define MESSAGE_ID_(\w+) "([0-9a-f]{32})"\n',
                          read(source, "core", "base", "message_id.h")))
    assert len(ids) == read(source, "core", "base", "message_id.h").count("#define")
    assert len(set(ids.values())) == len(ids)
    text = read(source, "systemd", "execsnoopd.catalog")
    entries = dict(re.findall(r"^-- ([0-9a-f]{32})\n(.*?)(?=^-- |\Z)", text, re.M | re.S))
    assert sorted(entries) == sorted(ids.values())
    for name, message_id in ids.items():
        entry = entries[message_id]
        for header in ("Subject", "Defined-By", "Support"):
            assert re.search(f"^{header}: .", entry, re.M), (name, header)
        assert len(entry.split("\n\n", 1)[1].strip()) > 0, name
        assert set(re.findall("@([A-Z_]+)@", entry)) <= FIELDS.get(name, set()) | {"MESSAGE"}, name

    folder = os.path.join(root, "usr/lib/systemd/catalog")
    os.makedirs(folder)
    os.makedirs(os.path.join(root, "var/lib/systemd/catalog"))
    shutil.copy(os.path.join(source, "systemd/execsnoopd.catalog"), folder)
    run("journalctl", f"--root={root}", "--update-catalog")
    listed = run("journalctl", f"--root={root}", "--no-pager", "--list-catalog")
    assert sorted(line.split()[0] for line in listed.splitlines()) == sorted(ids.values())


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    if os.geteuid() != 0 or not shutil.which("systemd-analyze"):
        print("skipped: needs root and systemd's tools", file=sys.stderr)
        return EXIT_SKIP
    with tempfile.TemporaryDirectory() as folder:
        level = check_unit(sys.argv[1], folder)
        root = os.path.join(folder, "root")
        check_root_files(sys.argv[1], root)
        check_catalog(sys.argv[1], root)
    print(f"exposure level {level}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
