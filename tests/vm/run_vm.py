#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""run_vm.py [OPTIONS] [VM...]: boots a Debian kernel with systemd under qemu, and checks inside.

Each VM is a kernel and a scenario (guest.py says what is checked); without arguments all of them,
three at a time. All have the package installed in a Debian, 6.1 and 6.12 with the kernel of that
release. The build folder has to hold a build of the preset `release`, for the tests of
tests/kernel.

Exit status: 0, 1 if a check failed, 77 if this machine lacks what is needed (1 under CI, where a
skip would hide that nothing was tested).
"""
import argparse
import base64
import concurrent.futures
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import typing
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.append(str(HERE.parent / "kernel"))
import image
import run_shared

EXIT_SKIP = 77
BOOTS_AT_ONCE = 3
BOOT_SECONDS = 2700  # three at a time on a busy machine without KVM; an idle one takes 240

# 6.12 for clouds hangs in qemu's cmpxchg16b.
MAX, NO_CX16 = "max", "max,cx16=off"


class VM(typing.NamedTuple):
    kernel: str     # the release of Debian that has it
    userland: str   # and that of all else
    cpu: str        # for qemu
    scenario: str


VMS = {
    "5.10": VM("bullseye", "bookworm", MAX, "kernel"),
    "6.1": VM("bookworm", "bookworm", MAX, "release"),
    "6.12": VM("trixie", "trixie", NO_CX16, "release"),
    "newest": VM("sid", "trixie", NO_CX16, "world"),
    "lockdown": VM("bookworm", "bookworm", MAX, "lockdown"),
}

# By path in /etc/systemd. The guest has to be no part of the boot, which ends before it.
FILES = {"system/execsnoopd-guest.service": """[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=exec
ExecStart=/usr/bin/python3 -B /guest.py
StandardError=tty
TTYPath=/dev/console
RuntimeMaxSec=44min
[Install]
WantedBy=multi-user.target
""", "system/execsnoopd-early.service": """[Unit]
DefaultDependencies=no
After=execsnoopd.service
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/true early-boot
[Install]
WantedBy=sysinit.target
""", "system/systemd-remount-fs.service.d/slow.conf": """[Service]
# Whoever does not wait for it comes before it.
ExecStartPre=/bin/sleep 5
""", "system/execsnoopd.service.d/slow.conf": f"""[Service]
# To verify a program takes the kernel 0.2 s, but 10 s and more in here, minutes on a busy machine.
TimeoutStartSec={BOOT_SECONDS}
WatchdogSec={BOOT_SECONDS}
""", "journald.conf.d/test.conf": """[Journal]
# A hundredth of the default: whatever keeps this limit off keeps any off.
RateLimitBurst=100
# No line may go to make room: all are checked.
RuntimeMaxUse=300M
SystemMaxUse=300M
"""}


def qemu_command(name, initrd, console, port, only):
    vm = VMS[name]
    kernel = image.kernel(vm.kernel)
    # The kernel's check of its timer takes a busy machine for a broken one, and panics. What works
    # around the flaws of CPUs makes an emulated one slower still, by half in the verifier.
    parameters = ["console=ttyS0", "panic=-1", f"rdinit={image.INIT}", "quiet", "no_timer_check",
                  "mitigations=off", "init_on_alloc=0",
                  "systemd.unit=multi-user.target", "systemd.show_status=no",
                  f"execsnoopd.scenario={vm.scenario}"]
    if vm.scenario == "lockdown":
        parameters += ["lockdown=confidentiality"]
    if only:
        parameters += [f"execsnoopd.only={only}"]
    return ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-smp", "2", "-cpu", vm.cpu,
            "-m", "2048", "-nodefaults", "-display", "none", "-no-reboot",
            "-kernel", kernel / "vmlinuz", "-initrd", initrd, "-append", " ".join(parameters),
            "-serial", f"file:{console}", "-serial", f"file:{port}"]


def boot(name, initrd, folder, only):
    """The guest's messages, the console's last words, and how long it took."""
    console, port = folder / f"{name}.console", folder / f"{name}.port"
    whole = folder / f"{name}.cpio"
    with open(whole, "wb") as file:
        for part in (image.kernel(VMS[name].kernel) / "modules.cpio", initrd):
            file.write(part.read_bytes())
    begin = time.monotonic()
    try:
        subprocess.run(qemu_command(name, whole, console, port, only), stdin=subprocess.DEVNULL,
                       timeout=BOOT_SECONDS, check=True)
    except subprocess.TimeoutExpired:
        pass  # the missing "done" shows it
    whole.unlink()
    said = port.read_text("utf-8", "replace").splitlines()
    words = console.read_text("utf-8", "replace").replace("\r", "").splitlines()
    return said, words[-40:], time.monotonic() - begin


def check_lines(lines, *options):
    """Every event against the schema; the reason of the first that breaks it, or None."""
    if not importlib.util.find_spec("jsonschema"):
        return "the Python module jsonschema is missing"
    done = subprocess.run([sys.executable, "-B", HERE.parent / "validate.py", *options],
                          input=lines, stderr=subprocess.PIPE, check=False)
    return done.stderr.decode().strip() or None


def unpack(said, word):
    """The parts of one zlib stream, joined."""
    packed = "".join(line.removeprefix(word + " ") for line in said if line.startswith(word + " "))
    return zlib.decompress(base64.b64decode(packed)) if packed else b""


def check_events(said):
    """Those in the journal, whose lines are all that is shown, in the file, and of the kernel
    tests. Returns how many there are, and what is wrong with them."""
    journal, file, stream = (unpack(said, word) for word in ("journal", "file", "stream"))
    reasons = [check_lines(journal, "--max-line=4087") if journal else None,
               check_lines(file) if file else None,
               check_lines(stream) if stream else None]
    return (journal + file + stream).count(b"\n"), [reason for reason in reasons if reason]


def missing_tests(said):
    """Each test of tests/kernel that is for VMs has told its result; those that did not."""
    told = {line.removeprefix("not ").split()[1].rstrip(":") for line in said
            if line.startswith(("ok ", "not ok "))}
    return sorted({test.id() for test in run_shared.tests()} - told)


def judge(name, only, said, words, seconds):
    """Prints the report of a VM; true if all is well."""
    checks = [line for line in said if line.startswith(("ok ", "not ok ", "note "))]
    n_events, reasons = check_events(said)
    failed = [line for line in checks if line.startswith("not ok ")]
    if "done " not in said:
        failed.append("not ok: the check did not run to its end; the console's last words:\n"
                      + "\n".join(words))
    failed += [f"not ok: events by the schema: {reason}" for reason in reasons]
    if VMS[name].scenario != "lockdown" and not only:
        failed += [f"not ok {test}: did not run" for test in missing_tests(said)]
        if not any(line.startswith("stream ") for line in said):
            failed.append("not ok: no events of the kernel tests")
    print(f"== {name}: {n_events} events, {seconds:.0f} s")
    print("\n".join([line for line in checks if not line.startswith("not ok ")] + failed),
          flush=True)
    return not failed


def build_image(vm, build, folder):
    """Returns its path: one for each release."""
    release = image.userland(vm.userland)
    target = folder / f"{release}.cpio.zst"
    if not target.exists():
        image.build_image(release, build, FILES, target)
    return target


def run(names, build, keep, only):
    with tempfile.TemporaryDirectory(prefix="execsnoopd-vm-") as temporary:
        folder = pathlib.Path(keep or temporary).resolve()
        initrds = {name: build_image(VMS[name], build, folder) for name in names}
        for name in names:
            image.kernel(VMS[name].kernel)
        with concurrent.futures.ThreadPoolExecutor(BOOTS_AT_ONCE) as pool:
            boots = {pool.submit(boot, name, initrds[name], folder, only): name
                     for name in names}
            results = [judge(boots[done], only, *done.result())
                       for done in concurrent.futures.as_completed(boots)]
    return all(results)


def main():
    parser = argparse.ArgumentParser(description="Check the service in virtual machines.")
    parser.add_argument("vms", metavar="VM", nargs="*", help=f"of {', '.join(VMS)}; default: all")
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build/release",
                        help="folder of the build to test")
    parser.add_argument("--keep", metavar="FOLDER", help="keep image and output there")
    parser.add_argument("--only", metavar="CHECK,...",
                        help="instead of the whole scenario; one that "
                        "is named several times is run so often")
    args = parser.parse_args()
    if unknown := set(args.vms) - set(VMS):
        parser.error(f"no such VM: {', '.join(unknown)}")
    try:
        image.check_prerequisites()
        return 0 if run(args.vms or list(VMS), args.build, args.keep, args.only) else 1
    except image.Failed as reason:
        print(reason, file=sys.stderr)
        return 1
    except image.Missing as reason:
        print(f"skipped: {reason}", file=sys.stderr)
        return 1 if os.environ.get("CI") else EXIT_SKIP


if __name__ == "__main__":
    sys.exit(main())
