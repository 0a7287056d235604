#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""What `start` says of the host once, so that no other event has to."""
import os
import unittest

import harness
import namespaces
from calls import CLONE_NEWNS, CLONE_NEWUTS
from harness import Child, KernelTest, TARGET

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


if __name__ == "__main__":
    harness.main()
