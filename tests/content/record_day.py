#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""record_day.py EXECSNOOPD FOLDER: an ordinary day, lived and logged: tests/data/ordinary_day*.

No test: run it by hand, as root, on a Debian 12 that may be thrown away. It installs and removes
packages, builds with configure and make and with CMake as a user, logs that user in by ssh and by
su, and lets cron do what it does daily. Only what this program has started is written, with other
names for host, boot and what has started it.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "kernel"))
import harness
import detection

USER = "ann"
HOME = pathlib.Path("/home") / USER
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root", "TERM": "xterm",
               "DEBIAN_FRONTEND": "noninteractive"}
SSH_PORT = 2222
DEADLINE_SECONDS = 200
PACKAGES = ("openssh-server", "cron", "rsync", "vim-tiny", "cowsay")
COMMANDS = """cd src/hello
ls -l
git log --oneline | head -n 3
grep -rn main . | sort | tail -n 2
python3 -c 'print(sum(range(10)))'
vi -es -c q hello.c
tar -czf /home/ann/hello.tar.gz .
make clean && make
exit
"""
CRONTAB = """SHELL=/bin/sh
* * * * * root cd / && run-parts --report /etc/cron.hourly
* * * * * root test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
* * * * * ann /usr/bin/rsync -a /home/ann/src/ /home/ann/backup/
"""
HELLO = {
    "hello.c": '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n',
    "configure.ac": "AC_INIT([hello], [1.0])\nAC_PROG_CC\nAC_PROG_INSTALL\n"
                    "AC_CHECK_HEADERS([stdio.h])\nAC_CHECK_FUNCS([getpid])\n"
                    "AC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
    "Makefile.in": "hello: hello.c\n\t@CC@ @CFLAGS@ -o $@ hello.c\nclean:\n\trm -f hello\n",
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.18)\nproject(hello C)\n"
                      "add_executable(hello hello.c)\n",
}


def run(*command, **options):
    return subprocess.run(command, env=ENVIRONMENT, check=True, stdin=subprocess.DEVNULL,
                          **options)


def as_user(script):
    run("su", "-l", USER, "-c", script)


def prepare():
    """What the day brings is not there yet; and apt's daily work does not wait for its time."""
    run("apt-get", "purge", "-y", *PACKAGES)
    pathlib.Path("/etc/apt/apt.conf.d/99ordinary").write_text(
        'APT::Periodic::RandomSleep "0";\n', "utf-8")
    if not HOME.exists():
        run("useradd", "-m", "-s", "/bin/bash", USER)
    folder = HOME / "src/hello"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in HELLO.items():
        (folder / name).write_text(text, "utf-8")
    shutil.rmtree(HOME / "src/core", ignore_errors=True)
    shutil.copytree(HERE.parent.parent / "core", HOME / "src/core")
    run("chown", "-R", USER, HOME)


def install():
    run("apt-get", "update")
    run("apt-get", "install", "-y", *PACKAGES)
    run("apt-get", "install", "-y", "--reinstall", "man-db")
    run("apt-get", "purge", "-y", "cowsay")


def build():
    as_user("cd src/hello && git init -q && git config user.email ann@vm && git config user.name"
            " ann && git add . && git commit -qm 'A greeting' && autoreconf -i && ./configure"
            " && make")
    as_user("cd src/hello && cmake -S . -B build && cmake --build build && build/hello")
    as_user("cd src/core && for f in base/*.c; do gcc -std=gnu17 -D_GNU_SOURCE -O2 -I. -c $f"
            " -o ${f%.c}.o || exit 1; done && ar rcs libbase.a base/*.o")


def wait_for(what, condition):
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.5)


def log_in():
    """By ssh, with a key and a terminal, and commands as a person types them; and by su."""
    keys = HOME / ".ssh"
    keys.mkdir(exist_ok=True)
    (keys / "id_ed25519").unlink(missing_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / "id_ed25519")
    shutil.copy(keys / "id_ed25519.pub", keys / "authorized_keys")
    run("chown", "-R", USER, keys)
    os.makedirs("/run/sshd", exist_ok=True)
    server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-p", str(SSH_PORT), "-o",
                               "ListenAddress=127.0.0.1"], env=ENVIRONMENT)
    command = ["ssh", "-tt", "-o", "StrictHostKeyChecking=no", "-p", str(SSH_PORT),
               f"{USER}@127.0.0.1"]
    wait_for("ssh", lambda: subprocess.run(
        ["su", "-l", USER, "-c", " ".join(command)], input=COMMANDS, text=True, env=ENVIRONMENT,
        check=False).returncode == 0)
    run("su", "-l", USER, "-c", "sh -c 'cd src && ls && wc -l hello/*.c'")
    server.terminate()
    server.wait()


def let_cron_work():
    table, done = pathlib.Path("/etc/cron.d/ordinary"), HOME / "backup/hello/hello.c"
    table.write_text(CRONTAB, "utf-8")
    shutil.rmtree(HOME / "backup", ignore_errors=True)
    daemon = subprocess.Popen(["/usr/sbin/cron", "-f"], env=ENVIRONMENT)
    wait_for("cron", done.exists)
    table.unlink()
    wait_for("cron's jobs", lambda: not harness.children_of(daemon.pid, "/usr/sbin/CRON"))
    daemon.send_signal(signal.SIGTERM)
    daemon.wait()


def live():
    """In a child, which it ends."""
    status = 1
    try:
        os.setsid()
        os.chdir("/root")
        for part in (install, build, log_in, let_cron_work):
            part()
        status = 0
    except Exception:   # pylint: disable=broad-except
        traceback.print_exc()
    finally:
        os._exit(status)


def descendants(events, pid):
    """Of the process of that PID that have executed something, in the order of the log."""
    known, found = set(), []
    for event in events:
        if event["event"] != "exec":
            continue
        if event["ppid"] == pid or event.get("parent_process_id") in known or \
                any(parent["pid"] == pid for parent in event.get("ancestors", [])):
            known.add(event["process_id"])
            found.append(event)
    return found


def redact(events, shape, pid):
    """Nothing of this machine but what the day's programs have done."""
    fields = detection.FIELDS[shape]
    pids = {detection.pid_of(event, shape) for event in events}
    for seq, event in enumerate(events, 2):
        value_of, set_value = detection.sigma_eval.value_of, detection.sigma_eval.set_value
        set_value(event, fields["seq"], seq)
        own = detection.own_of(event, shape)
        kept = [parent for parent in own.get("ancestors", []) if parent["pid"] in pids]
        own["ancestors"] = kept + [{"pid": 1, "comm": "systemd"}]
        if value_of(event, fields["ppid"]) == pid:
            set_value(event, fields["parent_comm"], "systemd")
            set_value(event, fields["parent_exe"], "/usr/lib/systemd/systemd")


def main():
    harness.Daemon.program = os.path.abspath(sys.argv[1])
    prepare()
    settings = {"Capture": {"RingSize": "8M"}}
    with harness.Daemon(settings) as native, \
            harness.Daemon({**settings, "File": {"Format": "ecs"}}, sink="file") as ecs:
        pid = os.fork()
        if pid == 0:
            live()
        assert os.waitpid(pid, 0)[1] == 0
        assert ecs.terminate() == 0
        found = {"native": descendants(native.stop(), pid)}
        names = {event["exec_id"] for event in found["native"]}
        found["ecs"] = [event for event in ecs.events() if detection.is_exec(event, "ecs")
                        and event["execsnoopd"]["exec_id"] in names]
        ecs.stopped = True
    assert len(found["ecs"]) == len(found["native"])
    for shape, events in found.items():
        redact(events, shape, pid)
        assert not re.search(r"https?://(?!localhost|127\.)", str(events)), "names of servers"
        name = detection.log_name("ordinary_day", shape)
        detection.record(events, shape, f"{sys.argv[2]}/{name}")
        print(len(events), "execs in", name)


if __name__ == "__main__":
    main()
