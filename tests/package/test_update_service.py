#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_update_service.py SCRIPT: what packages call after an upgrade does not fail over a service
that goes on running, as beside a unit that is masked: systemd then refuses a reload and a restart.
The service manager is one of our own, which refuses all; lifecycle.py has the real one."""
import os
import pathlib
import subprocess
import sys
import tempfile

SCRIPT = pathlib.Path(sys.argv[1])
SYSTEMCTL = """#!/bin/sh
case "$*" in
*--property=ActiveState*) echo active ;;
*--property=MainPID*) echo "$MAIN_PID" ;;
*--property=LoadState*) echo "$LOADED" ;;
*--property=FragmentPath*) echo /dev/null ;;
show*) ;;
*) echo "$*" >>"$CALLS"; exit 1 ;;
esac
"""


def update(folder, pid, loaded):
    """The exit code, what it said, and what it wanted done, all of which is refused."""
    calls = folder / "calls"
    calls.write_text("", "ascii")
    text = SCRIPT.read_text("ascii")
    for path in ("/run/systemd/system", "/usr/sbin/policy-rc.d"):
        assert path in text, path
    text = text.replace("/run/systemd/system", str(folder))
    (folder / "script").write_text(text.replace("/usr/sbin/policy-rc.d", "/none"), "ascii")
    environment = dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}", CALLS=str(calls),
                       LOADED=loaded, MAIN_PID=str(pid))
    done = subprocess.run(["sh", folder / "script"], env=environment, stderr=subprocess.PIPE,
                          text=True, check=False)
    return done.returncode, done.stderr, calls.read_text("ascii").splitlines()


def check(folder, pid):
    for loaded in ("masked", "not-found"):
        code, said, calls = update(folder, pid, loaded)
        assert code == 0 and not calls, (loaded, code, said, calls)
        assert f"goes on until it is stopped, because the unit is {loaded} now" in said, said
    code, said, calls = update(folder, pid, "loaded")
    assert code != 0 and calls == ["restart execsnoopd.service"], (code, said, calls)


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "systemctl").write_text(SYSTEMCTL, "ascii")
        (folder / "systemctl").chmod(0o755)
        # Of another unit file: no reload would do.
        with subprocess.Popen(["sleep", "infinity"], env={"EXECSNOOPD_UNIT": "other",
                                                          "PATH": os.environ["PATH"]}) as service:
            try:
                check(folder, service.pid)
            finally:
                service.kill()


main()
