# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Namespaces as /proc has them."""
import os

KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")

# The kernel's own number for it.
INITIAL_PID = 0xeffffffc


def is_first_process(pid):
    """That of the host; and we may see it."""
    try:
        return pid == 1 and of(pid).get("pid") == INITIAL_PID
    except OSError:
        return False


def of(pid):
    """{kind: inode number}, of the kinds that this kernel has."""
    return {kind: os.stat(f"/proc/{pid}/ns/{kind}").st_ino
            for kind in KINDS if os.path.exists(f"/proc/{pid}/ns/{kind}")}


def shown_of(pid, start):
    """What an exec event has to say about it, behind that start event; None: no key."""
    usual = start.get("namespaces", {})
    return {kind: number for kind, number in of(pid).items() if number != usual.get(kind)} or None
