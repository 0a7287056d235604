# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The commands that docs/content.md shows, to be run as they stand but for where files are."""
import pathlib
import re
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
INSTALLED, LOGS = "/usr/share/execsnoopd", "/var/log/execsnoopd"
BLOCK = re.compile(r"^```console\n([\s\S]*?)^```$", re.M)


def commands(title, prompt, logs):
    """Below that title, with that prompt: a list of texts, continued lines joined."""
    text = (SOURCE / "docs/content.md").read_text("utf-8")
    section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
    found = []
    for block in BLOCK.findall(section):
        for part in re.split(r"(?m)^(?=[$D] )", block):
            if part.startswith(prompt + " "):
                found.append(part[2:].strip().replace(INSTALLED, str(SOURCE / "content"))
                             .replace(LOGS, str(logs)))
    assert found, (title, prompt)
    return found


def run(command, **options):
    done = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True, check=False, **options)
    assert done.returncode == 0 and "error" not in done.stderr.lower(), (command, done)
    return done.stdout
