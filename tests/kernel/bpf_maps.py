# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The BPF maps of a daemon, as somebody from outside reaches them: with bpftool."""
import json
import re
import subprocess

from descriptors import descriptors_of


def bpftool(*command):
    return json.loads(subprocess.run(["bpftool", "-j", *command], check=True,
                                     stdout=subprocess.PIPE).stdout or b"null")


def map_of(pid, name):
    """The id of the map that the process holds."""
    for _, text in descriptors_of(pid):
        found = re.search(r"^map_id:\s*(\d+)$", text, re.M)
        if found and bpftool("map", "show", "id", found[1])["name"] == name:
            return found[1]
    raise AssertionError(f"no map '{name}'")
