#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""run_logrotate.py SOURCE: logrotate takes the example, rotates, and tells the daemon as root.

In a mount namespace of our own, where the user of the example is "nobody" and systemctl only writes
down what it was asked for, and by whom.
"""
import os
import pathlib
import pwd
import shutil
import subprocess
import sys

EXIT_SKIP = 77
FOLDER = pathlib.Path("/var/log/execsnoopd")
USER = "nobody"
# As if the service was stopped.
SYSTEMCTL = "#!/bin/sh\necho \"$(id -u) $*\" >>/run/asked\nexit 1\n"
EXPECTED = "0 kill --kill-whom=main --signal=USR1 execsnoopd.service\n"


def main():
    if os.geteuid() != 0 or not shutil.which("logrotate", path="/usr/sbin"):
        print("skipped: needs root and logrotate")
        return EXIT_SKIP
    if len(sys.argv) == 2:
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable,
                              "-B", *sys.argv, "isolated"])
    for place in ("/run", "/var/log"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", place], check=True)
    user = pwd.getpwnam(USER)
    FOLDER.mkdir(mode=0o750)
    log = FOLDER / "exec.jsonl"
    log.write_text("{}\n", encoding="utf-8")
    for path in (FOLDER, log):
        os.chown(path, user.pw_uid, user.pw_gid)

    tools = pathlib.Path("/run/tools")
    tools.mkdir()
    (tools / "systemctl").write_text(SYSTEMCTL, encoding="utf-8")
    (tools / "systemctl").chmod(0o755)
    example = pathlib.Path(sys.argv[1], "packaging/logrotate/execsnoopd").read_text("utf-8")
    assert "su execsnoopd execsnoopd\n" in example
    config = pathlib.Path("/run/logrotate.conf")
    config.write_text(example.replace("su execsnoopd execsnoopd", f"su {USER} nogroup"),
                      encoding="utf-8")
    done = subprocess.run(["/usr/sbin/logrotate", "--force", "--state=/run/state", config],
                          env=dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}"), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0 and not done.stdout, done
    assert [path.name for path in FOLDER.iterdir()] == ["exec.jsonl.1"], list(FOLDER.iterdir())
    asked = pathlib.Path("/run/asked").read_text("utf-8")
    assert asked == EXPECTED, asked
    return 0


sys.exit(main())
