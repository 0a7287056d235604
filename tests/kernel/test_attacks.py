#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Detection that works: Sigma's rules on attacks that are really executed, and really logged.

tests/content/attacks.yml has the command lines. Each program in them is the same one, which does
nothing, by the name and at the place that it should have: in a root of its own, a tmpfs, in
namespaces of mounts and of an empty network. Once in each format: the rules
are asked by the pipelines that are shipped.

With RECORD=FOLDER the events are written there, compressed, with other names for host and boot:
attacks.jsonl.zst and attacks_ecs.jsonl.zst of tests/data, for a test without a kernel.
"""
import json
import os
import pathlib
import sys
import tempfile
import traceback
import unittest

import harness
from calls import CLONE_NEWNS, MS_PRIVATE, MS_REC, call, mount
from harness import Daemon

CONTENT = harness.HERE.parent / "content"
sys.path.insert(0, str(CONTENT))
import detection    # pylint: disable=wrong-import-position

ACTOR = os.path.join(harness.PROGS, "actor")
CLONE_NEWNET = 0x40000000
MNT_DETACH = 2
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}[os.uname().machine]
FIRST_FD = 3


class Stage:
    """A root with nothing but actors; to be built by a process that stays in it."""

    def __init__(self, script, root):
        self.script = script
        self.root = root
        call("unshare", CLONE_NEWNS | CLONE_NEWNET)
        call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        mount("tmpfs", self.root)
        for folder in ("usr/bin", "usr/sbin", "root", "old"):
            os.makedirs(f"{self.root}/{folder}")
        os.symlink("usr/bin", f"{self.root}/bin")
        os.mkdir(f"{self.root}/proc")
        self.actor = pathlib.Path(ACTOR).read_bytes()
        for attack in script.attacks:
            self.equip(attack)
        mount("proc", f"{self.root}/proc")
        os.chdir(self.root)
        call("syscall", SYS_PIVOT_ROOT, b".", b"old")
        call("umount2", b"old", MNT_DETACH)

    def put(self, path):
        """An actor there, and behind links as Debian's alternatives have them."""
        link = self.script.links.get(path)
        place = self.root + path
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if link and not os.path.lexists(place):
            os.symlink(link, place)
        if link:
            self.put(os.path.join(os.path.dirname(path), link))
        elif not os.path.lexists(place):
            pathlib.Path(place).write_bytes(self.actor)
            os.chmod(place, 0o755)

    def equip(self, attack):
        os.makedirs(self.root + attack.cwd, exist_ok=True)
        for path in (attack.file, attack.parent_file):
            if path and not path.startswith("/bin/"):
                self.put(os.path.join(attack.cwd, path))
            elif path:
                self.put("/usr" + path)

    def play(self, attack):
        """Returns the PID of the attack's process, which has ended."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                self.become(attack, writing)
            finally:
                os._exit(99)
        os.close(writing)
        _, status = os.waitpid(pid, 0)
        with open(reading, "rb") as pipe:
            of_child = pipe.read()
        assert status == 0, (attack, status)
        return int(of_child) if attack.parent_file else pid

    @staticmethod
    def become(attack, writing):
        os.dup2(writing, FIRST_FD)
        os.chdir(attack.cwd)
        if attack.loginuid is not None:
            pathlib.Path("/proc/self/loginuid").write_bytes(b"%d" % attack.loginuid)
        if attack.parent_file:
            child = "\x1f".join([attack.file, *attack.argv])
            os.execve(attack.parent_file, attack.parent_argv, {"CHILD": child})
        os.execve(attack.file, attack.argv, {})


def play_all(script):
    """All attacks, one behind the other; [(attack, pid)]."""
    root = tempfile.mkdtemp(prefix="execsnoopd-test-")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            stage = Stage(script, root)
            pids = [stage.play(attack) for attack in script.attacks]
            os.write(writing, json.dumps(pids).encode())
            status = 0
        except Exception:   # pylint: disable=broad-except
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read()
    status = os.waitpid(pid, 0)[1]
    os.rmdir(root)
    assert status == 0
    return list(zip(script.attacks, json.loads(said)))


def of_pids(events, shape, played):
    """[(attack, the event of its exec)]: the last of the PID, which is an actor's alone."""
    found = {}
    for event in events:
        if detection.is_exec(event, shape):
            found[detection.pid_of(event, shape)] = event
    return [(attack, found[pid]) for attack, pid in played]


class Attacks(unittest.TestCase):
    def test_each_attack_is_found_by_the_rule_for_it(self):
        script = detection.Script()
        for shape in detection.PIPELINES:
            settings = {"Capture": {"RingSize": "8M"}, "File": {"Format": shape}}
            with self.subTest(shape=shape), Daemon(settings, sink="file") as daemon:
                played = play_all(script)
                self.assertEqual(daemon.terminate(), 0)
                logged = of_pids(daemon.events(), shape, played)
                daemon.stopped = True
                if os.environ.get("RECORD") and shape in detection.RECORDED:
                    for _, event in logged:
                        detection.own_of(event, shape).pop("ancestors")
                    name = detection.log_name("attacks", shape)
                    detection.record([event for _, event in logged], shape,
                                     f"{os.environ['RECORD']}/{name}")
                print(detection.check(shape, logged), file=sys.stderr)


if __name__ == "__main__":
    harness.main()
