#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""lifecycle.py OLD.deb NEW.deb: the life of the package, as root on a Debian that runs systemd.

Installed, the service is there and off. Enabled it runs, and an upgrade restarts it; stopped and
disabled, an upgrade leaves it alone. Removed, it has stopped, and configuration and logs stay.
Purged, nothing is left but the locked user. Prints what it has done; exits with 0 if all is well.
"""
import hashlib
import os
import pwd
import stat
import subprocess
import sys

SERVICE = "execsnoopd.service"
LOGS = "/var/log/execsnoopd"
DROP_IN = "/etc/execsnoopd.conf.d/50-local.conf"

# What changes by itself: other file systems, and the books of dpkg, systemd and this test.
NOT_COMPARED = ("/proc", "/sys", "/dev", "/run", "/tmp", "/package", "/var/log/journal",
                "/var/log/dpkg.log", "/var/lib/dpkg", "/var/lib/systemd/catalog/database",
                "/etc/.pwd.lock", "/var/tmp", "/root/.cache")
ACCOUNTS = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")


def describe(path):
    """All that a package could change: type, permissions, owner, content."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    elif path in ACCOUNTS:
        with open(path, encoding="utf-8") as file:
            content = [line for line in file if not line.startswith("execsnoopd:")]
    elif stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
    else:
        content = None
    return stat.filemode(status.st_mode), status.st_uid, status.st_gid, content


def snapshot():
    found = {}
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders
                      if os.path.join(folder, name) not in NOT_COMPARED]
        for name in folders + files:
            path = os.path.join(folder, name)
            if path in NOT_COMPARED or path.removesuffix("-") in ACCOUNTS and path[-1] == "-":
                continue
            found[path] = describe(path)
    return found


def run(*command):
    print("+", *command, flush=True)
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL,
                   env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))


def said(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False).stdout.strip()


def state():
    return said("systemctl", "is-enabled", SERVICE), said("systemctl", "is-active", SERVICE)


def main_pid():
    return int(said("systemctl", "show", "--property=MainPID", "--value", SERVICE))


def running_pid():
    assert state() == ("enabled", "active"), said("systemctl", "status", SERVICE)
    return main_pid()


def catalog():
    return said("journalctl", "--list-catalog").count("execsnoopd")


def check_installed(package):
    run("dpkg", "--install", package)
    assert state() == ("disabled", "inactive"), state()
    user = pwd.getpwnam("execsnoopd")
    assert user.pw_shell.endswith("nologin") and 0 < user.pw_uid < 1000, user
    logs = os.stat(LOGS)
    assert (stat.filemode(logs.st_mode), logs.st_uid) == ("drwxr-x---", user.pw_uid), logs
    assert catalog() > 5, "the catalog does not know our messages"
    assert said("dpkg-query", "--show", "--showformat=${Conffiles}", "execsnoopd").startswith(
        "/etc/execsnoopd.conf ")
    assert os.path.isdir("/etc/execsnoopd.conf.d")
    run("dpkg", "--verify", "execsnoopd")
    run("execsnoopd", "--test-config")


def check_upgrades(package):
    run("dpkg", "--install", package)
    assert state() == ("disabled", "inactive"), state()

    with open(DROP_IN, "w", encoding="utf-8") as file:
        file.write("[File]\nEnabled=yes\n")
    run("systemctl", "enable", "--now", SERVICE)
    before = running_pid()
    run("dpkg", "--install", package)
    assert running_pid() not in (0, before), "the upgrade has not restarted the service"
    assert os.path.exists(DROP_IN)

    # Disabled, and started by hand: an upgrade restarts that, too, and does not enable it.
    run("systemctl", "disable", SERVICE)
    before = main_pid()
    run("dpkg", "--install", package)
    assert state() == ("disabled", "active") and main_pid() != before, state()


def check_removed():
    run("systemctl", "enable", SERVICE)
    run("dpkg", "--remove", "execsnoopd")
    assert said("systemctl", "is-active", SERVICE) == "inactive"
    assert not os.path.exists("/usr/sbin/execsnoopd")
    assert os.path.exists("/etc/execsnoopd.conf") and os.path.exists(DROP_IN)
    with open(LOGS + "/exec.jsonl", encoding="utf-8") as file:
        assert '"event":"stop"' in file.readlines()[-1], "it was not stopped in good order"
    assert catalog() == 0


def check_purged(before):
    run("dpkg", "--purge", "execsnoopd")
    assert not [name for name in os.listdir("/var/lib/dpkg/info") if name.startswith("execsnoopd")]
    after = snapshot()
    differences = [(path, before.get(path), after.get(path)) for path in sorted(before | after)
                   if before.get(path) != after.get(path)]
    assert not differences, differences
    assert "!" in said("getent", "shadow", "execsnoopd").split(":")[1], "the user is not locked"


def main():
    old, new = sys.argv[1:]
    before = snapshot()
    check_installed(old)
    check_upgrades(new)
    check_removed()
    check_purged(before)
    print(f"all is well; {len(before)} files compared")


main()
