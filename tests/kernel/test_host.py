#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""What `start` says of the host once, so that no other event has to."""
import os
import subprocess
import unittest

import harness
import namespaces
from calls import CLONE_NEWNS, CLONE_NEWUTS
from harness import Child, Daemon, KernelTest, TARGET

HAS_MACHINE_ID = os.path.exists("/etc/machine-id")


class Host(KernelTest):
    @unittest.skipUnless(HAS_MACHINE_ID, "this host has none")
    def test_machine_id(self):
        with open("/etc/machine-id", encoding="ascii") as file:
            self.assertEqual(self.daemon.start_event()["machine_id"], file.read().strip())

    @unittest.skipUnless(namespaces.is_first_process(1), "/proc has another PID 1, or hides it")
    def test_namespaces_are_those_of_pid_1(self):
        self.assertEqual(self.daemon.start_event()["namespaces"], namespaces.of(1))

    def test_exec_has_only_namespaces_that_differ(self):
        def start():
            harness.call("unshare", CLONE_NEWNS | CLONE_NEWUTS)
            os.execve(TARGET, [TARGET], {})

        usual = Child(lambda: os.execve(TARGET, [TARGET], {}))
        other = Child(start)
        for child in (usual, other):
            child.await_exec()
        shown = [namespaces.shown_of(child.pid, self.daemon.start_event())
                 for child in (usual, other)]
        events = []
        for child in (usual, other):
            child.close()
            events += self.daemon.of(child.pid, "exec", since=child.since)
        self.assertEqual([event.get("namespaces") for event in events], shown)
        self.assertLessEqual({"mnt", "uts"}, set(shown[1]))
        self.assertLess(len(shown[0] or ()), len(shown[1]))


class InUtsNamespace(Daemon):
    """With a name of the host that we may change."""

    prefix = ("unshare", "--uts")

    def set_name(self, name):
        subprocess.run(["nsenter", f"--target={self.process.pid}", "--uts", "python3", "-c",
                        "import socket, sys; socket.sethostname(sys.argv[1])", name], check=True)


class Name(unittest.TestCase):
    def host_of_an_exec(self, daemon):
        child = Child(lambda: os.execve(TARGET, [TARGET], {}))
        child.close()
        return daemon.of(child.pid, "exec", since=child.since)[0]["host"]

    def test_name_that_changes(self):
        with InUtsNamespace({"Stats": {"Interval": "1d"}}) as daemon:
            self.assertEqual(self.host_of_an_exec(daemon), os.uname().nodename)
            for name in "first.example", 'with"quote', "x" * 64, "y":
                daemon.set_name(name)
                harness.wait_until(lambda: self.host_of_an_exec(daemon) == name, name)
            self.assertIn("The name of the host is 'y' now", daemon.stderr())
            self.assertEqual(daemon.stop()[-1]["host"], "y")
            self.assertEqual(daemon.stderr().count("The name of the host is"), 4)


if __name__ == "__main__":
    harness.main()
