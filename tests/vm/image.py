# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Kernels and a root file system for test VMs, from the mirror that this machine's apt uses.

What takes long is made once and kept in ${XDG_CACHE_HOME:-/var/cache}/execsnoopd-tests: a kernel
per Debian release, an unpacked root file system per release, each by a name that changes with what
is in it. Delete the folder to begin anew, and to get what is the newest kernel today. Only the
image with the build under test in it is made every time.

The root file system is Debian's own, with systemd as PID 1, and goes to the VM as an initramfs: no
disk, no driver, no boot loader. The few modules that the checks need go before it in an archive of
their own, since they are the kernel's: /modules/NAME.ko.
"""
import contextlib
import fcntl
import hashlib
import lzma
import os
import pathlib
import shutil
import subprocess

PACKAGES = ["systemd", "systemd-sysv", "dbus", "udev", "python3", "libbpf1", "libgcrypt20",
            "libzstd1"]
# None of them depends on another.
MODULES = ["binfmt_misc", "overlay"]
TOOLS = {"apt-get": "apt", "chroot": "coreutils", "cmake": "cmake", "cpio": "cpio",
         "dpkg-deb": "dpkg", "mmdebstrap": "mmdebstrap", "qemu-system-x86_64": "qemu-system-x86",
         "zstd": "zstd"}

# Documentation and translations are a third of the image, and every byte is unpacked in the VM.
LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/i18n/*",
            "/usr/share/zoneinfo/*", "/usr/lib/x86_64-linux-gnu/gconv/*", "/usr/lib/udev/hwdb.d/*"]
# As on Debian with its disks: read-only until systemd remounts it by fstab.
INIT = "/sbin/init-read-only"
INIT_SCRIPT = "#!/bin/sh\nmount -o remount,ro / && exec /sbin/init\n"
FSTAB = "none / auto rw 0 0\n"
# Left by the build of the root file system itself.
NOT_PACKED = ["./var/lib/apt", "./var/cache/apt", "./usr/share/perl", "./usr/lib/udev/hwdb.bin"]


HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
TEST_PROGRAMS = ["caller32", "doors", "family", "storm", "target", "target32"]
INSIDE = ["execs.py", "guest.py", "inside.py", "package_checks.py", "world_checks.py"]
RELEASES = ["bookworm", "trixie"]  # in order: those that the package is for


class Missing(Exception):
    """A prerequisite that this machine lacks: the reason for a skip."""


class Failed(Exception):
    """A command that has to succeed did not."""


def cache_folder():
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME", "/var/cache")) / "execsnoopd-tests"


def check_prerequisites():
    if os.geteuid() != 0:
        raise Missing("needs root")
    missing = [f"{tool} (package {package})" for tool, package in TOOLS.items()
               if not shutil.which(tool)]
    if missing:
        raise Missing("needs " + ", ".join(missing))


def run(*command, **options):
    """Output only if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))} failed:\n{done.stdout}")
    return done.stdout


def download(*command, **options):
    """A machine without a mirror lacks a prerequisite."""
    try:
        return run(*command, **options)
    except Failed as error:
        raise Missing(str(error)) from error


@contextlib.contextmanager
def locked(name):
    """Tests run side by side: whoever comes first makes it, the others wait."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def host_release():
    with open("/etc/os-release", encoding="utf-8") as file:
        fields = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    if fields.get("ID") != "debian":
        raise Missing("needs Debian, to take the same for the VM")
    return fields["VERSION_CODENAME"]


def mirror():
    """Where this machine gets its own release from."""
    targets = run("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)",
                  "Created-By: Packages")
    for target in targets.splitlines():
        release, component, uri = target.split()
        if release in (host_release(), "stable", "oldstable") and component == "main":
            return uri
    raise Missing("apt knows no mirror of Debian")


def source_line(release):
    """Signed by any key that Debian has ever used: old releases have old ones."""
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    return f"deb [signed-by={keyring}] {mirror()} {release} main\n"


def apt_options(folder, release):
    """An apt of its own beside the machine's, whose proxy and other settings it shares."""
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(source_line(release), encoding="utf-8")
    (folder / "status").touch()
    settings = {"Dir::Etc::SourceList": folder / "sources.list", "Dir::Etc::SourceParts": "-",
                "Dir::Etc::Preferences": "-", "Dir::Etc::PreferencesParts": "-",
                "Dir::State::Status": folder / "status", "Dir::State::Lists": folder / "lists",
                "Dir::Cache": folder, "APT::Sandbox::User": "root",
                "APT::Architecture": "amd64", "Acquire::Languages": "none"}
    return [f"-o{name}={value}" for name, value in settings.items()]


def cache_name(kind, release, *contents):
    digest = hashlib.sha256("\n".join(contents).encode()).hexdigest()
    return f"{kind}-{release}-{digest[:8]}"


def depends(options, package, prefix):
    lines = run("apt-cache", *options, "depends", package).splitlines()
    names = [line.split()[-1] for line in lines if "Depends:" in line]
    return [name for name in names if name.startswith(prefix)]


def copy_module(folder, name, target):
    path, = folder.glob(f"**/{name}.ko*")
    data = path.read_bytes()
    if path.suffix == ".xz":
        data = lzma.decompress(data)
    (target / f"{name}.ko").write_bytes(data)


def download_kernel(release, target):
    """Leaves vmlinuz and modules.cpio in the folder `target`."""
    folder = target / "apt"
    options = apt_options(folder, release)
    download("apt-get", *options, "update")
    image = depends(options, "linux-image-cloud-amd64", "linux-image-")[0]
    # Since 7.1 the kernel itself and its modules are in packages of their own.
    packages = [name for prefix in ("linux-binary-", "linux-modules-")
                for name in depends(options, image, prefix)] or [image]
    download("apt-get", *options, "download", *packages, cwd=folder)
    for package in folder.glob("*.deb"):
        run("dpkg-deb", "--extract", package, folder / "unpacked")
    shutil.copy(next((folder / "unpacked").glob("**/vmlinuz*")), target / "vmlinuz")
    modules = target / "root/modules"
    modules.mkdir(parents=True)
    for name in MODULES:
        copy_module(folder / "unpacked", name, modules)
    run("sh", "-ec", "find modules | cpio --create --format=newc --quiet > ../modules.cpio",
        cwd=target / "root")
    shutil.rmtree(target / "root")
    shutil.rmtree(folder)


def kernel(release):
    """Folder with the kernel for clouds of a Debian release, and an archive of its MODULES."""
    name = cache_name("kernel", release, *MODULES)
    with locked(name) as cache:
        path = cache / name
        if not path.exists():
            fresh = cache / f"{name}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            download_kernel(release, fresh)
            fresh.rename(path)
        return path


def download_settings():
    """The machine's settings for downloads, proxies above all, as a file for mmdebstrap."""
    dump = run("apt-config", "dump", "--no-empty")
    wanted = ("Acquire::Check", "Acquire::http", "Acquire::Retries")
    return [f"--aptopt={line}" for line in dump.splitlines() if line.startswith(wanted)]


def root_folder(release):
    """Path of the unpacked root file system of a Debian release."""
    name = cache_name("rootfs", release, *PACKAGES, *LEFT_OUT)
    with locked(name) as cache:
        path = cache / name
        if path.exists():
            return path
        fresh = cache / f"{name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        download("mmdebstrap", "--mode=root", "--variant=minbase", "--architectures=amd64",
                 "--include=" + ",".join(PACKAGES), *download_settings(),
                 *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
                 release, fresh, source_line(release))
        (fresh / "etc/machine-id").write_text("", encoding="utf-8")
        fresh.rename(path)
        return path


def run_inside(root, *command):
    """With /proc, as maintainer scripts expect it, but in a mount namespace of its own."""
    return run("unshare", "--mount", "--propagation=private", "sh", "-ec",
               'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"', root, *command)


def tree_digest():
    """Of all that the package is built from, and a little more."""
    digest = hashlib.sha256()
    for path in sorted(SOURCE.rglob("*")):
        top = path.relative_to(SOURCE).parts[0]
        if top in ("build", ".git", "tests") or not path.is_file():
            continue
        digest.update(f"{path} {path.stat().st_mode}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def package(build):
    """The Debian package of this tree, built once, beside its .changes and the log of its build;
    its tests are run elsewhere."""
    folder = build / "tests/vm/package"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = folder / tree_digest()
        if not path.exists():
            for old in folder.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            log = run(SOURCE / "packaging/build_deb.sh", path.with_suffix(".new"),
                      env=dict(os.environ, DEB_BUILD_OPTIONS="nocheck",
                               DEB_BUILD_PROFILES="nocheck"))
            (path.with_suffix(".new") / "log").write_text(log, encoding="utf-8")
            path.with_suffix(".new").rename(path)
        return next(path.glob("execsnoopd_*.deb"))


def userland(release):
    """The release itself, or that of the host: the package needs the libraries that it was built
    with, or later ones."""
    host = host_release()
    if host not in RELEASES:
        raise Missing(f"a package that is built on {host} is not for {release}")
    return max(host, release, key=RELEASES.index)


def install_package(deb, root):
    """By dpkg, which has to find all that it depends on; and then, as the administrator would."""
    shutil.copy(deb, root / "package.deb")
    run_inside(root, "dpkg", "--install", "/package.deb")
    unit = "execsnoopd.service"
    if run_inside(root, "sh", "-c", f"systemctl is-enabled {unit} || true").strip() != "disabled":
        raise Failed("the package enables the service by itself")
    run("systemctl", f"--root={root}", "enable", unit)


def add_tests(root, build):
    """The tests against the live kernel, and the programs that they start."""
    target = root / "tests/kernel"
    shutil.copytree(HERE.parent / "kernel", target, ignore=shutil.ignore_patterns("progs"))
    for name in TEST_PROGRAMS:
        shutil.copy(build / "tests/kernel" / name, target)


def add_guest(root, files):
    """The check inside, as a service that powers off when it ends, however it ends. `files`: text
    by path in /etc/systemd."""
    for name in INSIDE:
        shutil.copy(HERE / name, root)
    (root / INIT[1:]).write_text(INIT_SCRIPT, encoding="utf-8")
    (root / INIT[1:]).chmod(0o755)
    (root / "etc/fstab").write_text(FSTAB, encoding="utf-8")
    for name, text in files.items():
        path = root / "etc/systemd" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if path.suffix == ".service":
            run_inside(root, "systemctl", "enable", path.name)
    # Nobody logs in, and the clock needs no server.
    run_inside(root, "systemctl", "mask", "getty.target", "systemd-timesyncd.service",
               "systemd-networkd.service", "apt-daily.timer", "apt-daily-upgrade.timer",
               "systemd-hwdb-update.service")


def pack(root, target):
    """The root file system as an initramfs."""
    excluded = " ".join(f"-path {path} -prune -o" for path in NOT_PACKED)
    run("sh", "-ec", f"find . {excluded} -print0 | cpio --null --create --format=newc --quiet |"
        f" zstd -q -f -T0 -3 -o {target}", cwd=root)


def build_image(release, build, files, target):
    """An initramfs of a release of Debian, at `target`, with the package of this tree."""
    root = target.with_suffix(".root")
    try:
        run("cp", "--archive", "--reflink=auto", root_folder(release), root)
        install_package(package(build), root)
        add_tests(root, build)
        add_guest(root, files)
        pack(root, target)
    finally:
        shutil.rmtree(root, ignore_errors=True)
