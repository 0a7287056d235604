#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The daemon tests itself, and notices that it no longer sees."""
import contextlib
import os
import signal
import time
import unittest

import harness
from harness import TARGET
from manager import Manager, run_programs, stop_programs

CANARY = ["execsnoopd-canary", "--version"]


class SelfTest(unittest.TestCase):
    def canaries(self, manager):
        return [e for e in manager.events() if e["event"] == "exec" and e.get("argv") == CANARY]

    def wait_for_canaries(self, manager, count):
        harness.wait_until(lambda: len(self.canaries(manager)) >= count, "canaries")

    def test_at_the_start_and_at_its_interval(self):
        with Manager({"Stats": {"SelfTest": "1s"}}) as manager:
            self.wait_for_canaries(manager, 3)
            manager.end()
            events = manager.events()
        self.assertFalse([e for e in events if e.get("where") == "blind"])
        canary = next(e for e in events if e.get("argv") == CANARY)
        self.assertEqual(canary["parent_comm"], "execsnoopd")
        self.assertEqual(events[-1]["unaccounted"], 0)

    def test_in_a_pid_namespace(self):
        manager = Manager({"Stats": {"SelfTest": "1s"}})
        with contextlib.closing(manager):
            script = os.path.join(manager.folder, "script")
            with open(script, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\n"
                           f"exec unshare --pid --fork --kill-child {manager.daemon} \"$@\"\n")
            os.chmod(script, 0o755)
            manager.start(script)
            self.wait_for_canaries(manager, 3)
            self.assertFalse([e for e in manager.events() if e.get("where") == "blind"])

    def test_reload_changes_the_interval(self):
        with Manager({"Stats": {"SelfTest": "0"}}) as manager:
            manager.sync()
            self.assertEqual(self.canaries(manager), [])
            manager.configure({"Stats": {"SelfTest": "1s"}})
            manager.reload()
            self.wait_for_canaries(manager, 2)
            manager.configure({"Stats": {"SelfTest": "0"}})
            manager.reload()
            manager.end()

    def test_blind_daemon_says_so_and_is_restarted_from_scratch(self):
        with Manager({"Stats": {"SelfTest": "1s"}}) as manager:
            self.wait_for_canaries(manager, 3)      # the third is sent when the second was seen
            first = self.canaries(manager)[0]
            stop_programs(manager.pid)
            os.waitpid(os.posix_spawn(TARGET, ["unseen"], {}), 0)
            harness.wait_until(lambda: any(m.get("WATCHDOG") == "trigger"
                                           for m in manager.messages), "failed watchdog")
            self.assertEqual(manager.store, {})
            blind = [e for e in manager.events() if e["event"] == "lost"]
            self.assertEqual([(e["where"], e["count"]) for e in blind], [("blind", 1)])
            self.assertLess(first["time"], blind[0]["from"])    # others were seen since
            self.assertLess(blind[0]["from"], blind[0]["to"])
            manager.restart(signal.SIGABRT)
            os.waitpid(os.posix_spawn(TARGET, ["seen"], {}), 0)
            manager.sync()
            manager.end()
            events = manager.events()
        self.assertFalse([e for e in events if e.get("argv") == ["unseen"]])
        self.assertTrue([e for e in events if e.get("argv") == ["seen"]])
        self.assertEqual([e["down"] for e in events if e["event"] == "start"],
                         ["unknown", "unknown"])
        self.assertEqual(events[-1]["unaccounted"], 0)

    def test_loss_may_have_been_the_canary(self):
        """It does not come, but something else was lost since it was sent: that proves nothing."""
        with Manager({"Stats": {"SelfTest": "1s"}, "Capture": {"RingSize": "16K"}}) as manager:
            self.wait_for_canaries(manager, 1)
            stop_programs(manager.pid)
            time.sleep(3)       # by now one has been sent, and nobody can tell
            run_programs(manager.pid, 1)
            os.kill(manager.pid, signal.SIGSTOP)
            for _ in range(200):
                os.waitpid(os.posix_spawn(TARGET, ["x"], {}), 0)
            os.kill(manager.pid, signal.SIGCONT)
            count = len(self.canaries(manager))
            self.wait_for_canaries(manager, count + 2)
            manager.end()
            lost = [e["where"] for e in manager.events() if e["event"] == "lost"]
        self.assertTrue(lost)
        self.assertNotIn("blind", lost)

    def test_loss_is_not_blindness(self):
        """In a storm that a stopped daemon cannot follow, the canary may be among the lost."""
        with Manager({"Stats": {"SelfTest": "1s"}, "Capture": {"RingSize": "16K"}}) as manager:
            self.wait_for_canaries(manager, 1)
            for _ in range(3):
                os.kill(manager.pid, signal.SIGSTOP)
                for _ in range(200):
                    os.waitpid(os.posix_spawn(TARGET, ["x"], {}), 0)
                os.kill(manager.pid, signal.SIGCONT)
                manager.sync()
            count = len(self.canaries(manager))
            self.wait_for_canaries(manager, count + 2)
            manager.end()
            self.assertFalse([e for e in manager.events() if e.get("where") == "blind"])


if __name__ == "__main__":
    harness.main()
