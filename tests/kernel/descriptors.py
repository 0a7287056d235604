# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The open descriptors of a process that goes on meanwhile: some are closed while we look."""
import contextlib
import os


def descriptors_of(pid):
    """Of each its number and what the kernel says of it (proc(5), fdinfo)."""
    folder = f"/proc/{pid}/fdinfo"
    for fd in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError), \
                open(f"{folder}/{fd}", encoding="ascii") as file:
            yield int(fd), file.read()
