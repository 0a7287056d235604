#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_deb.py SOURCE BUILD: the Debian package, and how it lives in a container.

lintian has no error and no warning, the build used all hardening flags, the version is that of the
project. Then lifecycle.py runs under systemd in a minimal Debian (systemd-nspawn), with the real
kernel below: install, storm, upgrade, remove, purge. BUILD has the programs for the storm.
"""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "vm"))
import image

EXIT_SKIP = 77
TOOLS = ("dpkg-buildpackage", "dh", "lintian", "blhc", "systemd-nspawn", "mmdebstrap")
LIFE_SECONDS = 600
# Passes for a program as long as it is only asked about the configuration.
BROKEN_PROGRAM = """#!/bin/sh
[ "$1" = --test-config ]
"""

UNIT = """[Unit]
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
StandardOutput=file:/package/output
StandardError=append:/package/output
ExecStart=/usr/bin/python3 -B /package/lifecycle.py /package
ExecStopPost=/bin/sh -c 'echo $EXIT_STATUS >/package/status'
TimeoutStartSec=180
"""


JOURNALD = """[Journal]
# Room for the storm.
Storage=persistent
SystemMaxUse=1G
"""
PROGRAMS = ("storm", "target")
CGROUP_MOUNTS = {"": ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"),
                 "name=systemd": ("/sys/fs/cgroup/systemd",)}


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout}"
    return done.stdout


def check_build(source, package):
    changes, = package.parent.glob("*.changes")
    run("lintian", "--allow-root", "--fail-on=error,warning", "--tag-display-limit=0", changes)
    run("blhc", "--bindnow", package.parent / "log")
    version = re.search(r"execsnoopd VERSION ([0-9.]+)",
                        (source / "CMakeLists.txt").read_text("utf-8"))[1]
    assert run("dpkg-deb", "--field", package, "Version").strip() == version


def check_binary(folder, package):
    """The purpose of the flags."""
    run("dpkg-deb", "--extract", package, folder / "x")
    binary = folder / "x/usr/sbin/execsnoopd"
    shown = run("readelf", "--wide", "--file-header", "--segments", "--dynamic", "--symbols",
                binary)
    for wanted in (r"Type: +DYN", "GNU_RELRO", r"FLAGS_1.*NOW.*PIE", "__stack_chk_fail",
                   r"_chk@GLIBC", r"GNU_STACK .* RW "):
        assert re.search(wanted, shown), f"{wanted} is not in the binary"
    preset, = (folder / "x").glob("**/system-preset/*execsnoopd.preset")
    assert "disable execsnoopd.service" in preset.read_text("ascii"), "it is not started"


def repack(package, target, version, edit):
    """The same as a later version, of which `edit` changes the files."""
    folder = target.with_suffix(".tree")
    run("dpkg-deb", "--raw-extract", package, folder)
    control = folder / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {version}",
                              control.read_text("utf-8")), encoding="utf-8")
    edit(folder)
    run("dpkg-deb", "--build", "--root-owner-group", folder, target)
    shutil.rmtree(folder)


def change_unit(folder):
    """As a build of a source with another Nice= would."""
    path, = folder.glob("**/execsnoopd.service")
    text = path.read_text("utf-8")
    text = text.replace("\nNice=-10\n", "\nNice=-9\n")
    path.write_text(re.sub(r"(?m)^(Environment=EXECSNOOPD_UNIT=).*", r"\1other", text), "utf-8")


def break_program(folder):
    (folder / "usr/sbin/execsnoopd").write_text(BROKEN_PROGRAM, "ascii")


def make_packages(package, folder):
    shutil.copy(package, folder / "old.deb")
    for version, name, edit in ((999, "new", lambda folder: None), (1000, "unit", change_unit),
                                (1001, "broken", break_program)):
        repack(package, folder / f"{name}.deb", version, edit)


def make_root(root):
    run("cp", "--archive", "--reflink=auto", image.root_folder(image.host_release()), root)
    # Documents are installed here.
    (root / "etc/dpkg/dpkg.cfg.d/99mmdebstrap").unlink(missing_ok=True)
    wanted = root / "etc/systemd/system/multi-user.target.wants"
    (root / "etc/systemd/system/lifecycle.service").write_text(UNIT, encoding="utf-8")
    wanted.mkdir(parents=True, exist_ok=True)
    journald = root / "etc/systemd/journald.conf.d"
    journald.mkdir(exist_ok=True)
    (journald / "test.conf").write_text(JOURNALD, encoding="utf-8")
    (wanted / "lifecycle.service").symlink_to("../lifecycle.service")


@contextlib.contextmanager
def own_cgroups(name):
    """Yields control groups of our own, in each hierarchy that systemd uses. nspawn puts a
    container below the group that it is in: two of them in one would be killed by each
    other's services."""
    folders = []
    for line in pathlib.Path("/proc/self/cgroup").read_text("utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        for mount in CGROUP_MOUNTS.get(controllers, ()):
            if os.path.exists(f"{mount}{path}/cgroup.procs"):
                folders.append(f"{mount}{path.rstrip('/')}/{name}")
                break
    try:
        for folder in folders:
            os.mkdir(folder)
        yield folders
    finally:
        for top in folders:
            for folder, _, _ in os.walk(top, topdown=False):
                os.rmdir(folder)


def enter(cgroups):
    for folder in cgroups:
        with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as file:
            file.write(str(os.getpid()))


def live(root, folder):
    """Boots it; returns when it is through."""
    tracing = pathlib.Path("/sys/kernel/tracing")
    if not os.path.ismount(tracing):
        run("mount", "-t", "tracefs", "tracefs", tracing)
    name = f"execsnoopd-test-{os.getpid()}"
    # Under PID 1 of its own and with what BPF needs; neither machined nor a unit of the host's.
    command = ["systemd-nspawn", "--register=no", "--keep-unit", f"--directory={root}",
               "--console=pipe", f"--machine={name}", "--capability=all",
               "--system-call-filter=bpf perf_event_open", f"--bind-ro={tracing}",
               f"--bind={folder}:/package", "--boot", "systemd.unit=multi-user.target"]
    with own_cgroups(name) as cgroups, subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, preexec_fn=lambda: enter(cgroups)) as container:
        try:
            console, _ = container.communicate(timeout=LIFE_SECONDS)
        except subprocess.TimeoutExpired:
            container.terminate()       # as a service manager would: it takes all down with it
            console, _ = container.communicate()
    output = (folder / "output").read_text("utf-8") if (folder / "output").exists() else console
    status = folder / "status"
    assert status.exists() and status.read_text("utf-8").strip() == "0", output
    return output


def main():
    source, programs = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if os.geteuid() != 0 or missing:
        print("skipped: needs root,", *missing)
        return EXIT_SKIP
    with tempfile.TemporaryDirectory(prefix="execsnoopd-deb-") as temporary:
        folder = pathlib.Path(temporary)
        package = image.package(programs)
        check_build(source, package)
        check_binary(folder, package)
        guest = folder / "guest"
        guest.mkdir()
        make_packages(package, guest)
        for script in HERE / "lifecycle.py", HERE.parent / "vm/execs.py":
            shutil.copy(script, guest)
        for name in PROGRAMS:
            shutil.copy(programs / "tests/kernel" / name, guest)
        try:
            make_root(folder / "root")
        except image.Missing as reason:
            print(f"skipped: {reason}")
            return EXIT_SKIP
        print(live(folder / "root", guest))
    return 0


sys.exit(main())
