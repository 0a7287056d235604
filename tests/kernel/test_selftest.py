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
from manager import Control, Manager

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
            with Control(manager.pid).insist(Control.RUNNING, bytes(4)):
                harness.wait_until(lambda: any(m.get("WATCHDOG") == "trigger"
                                               for m in manager.messages), "failed watchdog")
            self.assertEqual(manager.store, {})
            blind = [e for e in manager.events() if e["event"] == "lost"]
            self.assertEqual({e["where"] for e in blind}, {"blind"})
            for e in blind:
                self.assertLess(first["time"], e["from"])    # others were seen since
                self.assertLess(e["from"], e["to"])
            manager.restart(signal.SIGABRT)
            os.waitpid(os.posix_spawn(TARGET, ["seen"], {}), 0)
            manager.sync()
            manager.end()
            events = manager.events()
        self.assertTrue([e for e in events if e.get("argv") == ["seen"]])
        self.assertEqual([e["down"] for e in events if e["event"] == "start"],
                         ["unknown", "unknown"])
        self.assertEqual(events[-1]["unaccounted"], 0)

    def test_loss_may_have_been_the_canary(self):
        """It does not come, but something else was lost since it was sent: that proves nothing."""
        with Manager({"Stats": {"SelfTest": "1s"}, "Capture": {"RingSize": "16K"}}) as manager:
            self.wait_for_canaries(manager, 1)
            with Control(manager.pid).insist(Control.RUNNING, bytes(4)):
                time.sleep(3)       # by now one has been sent, and nobody can tell
            os.kill(manager.pid, signal.SIGSTOP)
            for _ in range(200):
                os.waitpid(os.posix_spawn(TARGET, ["x"], {}), 0)
            os.kill(manager.pid, signal.SIGCONT)
            count = len(self.canaries(manager))
            self.wait_for_canaries(manager, count + 2)
            self.assertFalse([m for m in manager.heard if m.get("WATCHDOG") == "trigger"])
            manager.end()
            lost = {e["where"] for e in manager.events() if e["event"] == "lost"}
        self.assertIn("ring", lost)

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


class Guard(unittest.TestCase):
    """What somebody changes in the page that controls the programs is told, and put right."""
    SETTINGS = {"Stats": {"SelfTest": "0"},
                "Capture": {"Exits": "yes", "FailedExecs": "yes", "FailedExecsIgnore": "",
                            "RingSize": "8M"}}

    @contextlib.contextmanager
    def daemon(self):
        """A second after its start, when what programs let pass is counted."""
        with Manager(self.SETTINGS) as manager:
            time.sleep(1.1)
            manager.sync()
            yield manager
            self.assertFalse([m for m in manager.heard if m.get("WATCHDOG") == "trigger"])
            manager.end()
            self.assertEqual(manager.events()[-1]["unaccounted"], 0)

    def blind(self, manager):
        def found():
            return [e for e in manager.events() if e.get("where") == "blind"]
        harness.wait_until(found, "event about what was not seen")
        return found()

    def run_target(self, name):
        pid = os.posix_spawn(TARGET, [name], {})
        os.waitpid(pid, 0)
        return pid

    def of(self, manager, pid):
        return [e["event"] for e in manager.sync() if e.get("pid") == pid]

    def check_program(self, program):
        with self.daemon() as manager:
            begin = harness.timestamp()
            control = Control(manager.pid)
            before = control.change(4 * program, bytes(4))
            event, = self.blind(manager)
            self.assertLess(event["from"], event["to"])
            self.assertLess(begin, event["to"])
            self.assertEqual(control.read()[:64], before[:64])
            pid = self.run_target("seen")
            self.assertEqual(self.of(manager, pid), ["exec", "exit"])
            with contextlib.suppress(FileNotFoundError):
                os.posix_spawn("/there/is/none", ["x"], {})
            failed = [e for e in manager.sync()
                      if e["event"] == "exec_failed" and e["filename"] == "/there/is/none"]
            self.assertEqual(len(failed), 1)

    def test_each_program_is_started_again(self):
        for program in range(3):    # EXEC, EXIT, FAILED
            with self.subTest(program=program):
                self.check_program(program)

    def test_what_was_not_seen_is_counted_though_all_was_put_back(self):
        with self.daemon() as manager:
            os.kill(manager.pid, signal.SIGSTOP)    # so that it sees nothing of it
            control = Control(manager.pid)
            before = control.change(Control.RUNNING, bytes(4))
            unseen = {self.run_target("unseen") for _ in range(20)}
            control.write(before)
            os.kill(manager.pid, signal.SIGCONT)
            event, = self.blind(manager)
            self.assertGreaterEqual(event["count"], len(unseen) + 1)    # and bpftool itself
            seen = self.run_target("seen")
            events = manager.sync()
        self.assertFalse([e for e in events if e["event"] == "exec" and e["pid"] in unseen])
        self.assertTrue([e for e in events if e["event"] == "exec" and e["pid"] == seen])

    def test_settings_are_put_right(self):
        for offset, content in ((Control.ARGV_MAX, bytes(8)), (Control.BEFORE, b"\1\0\0\0"),
                                (Control.IGNORE_ERRNOS, b"\xff" * 64)):
            with self.subTest(offset=offset), self.daemon() as manager:
                control = Control(manager.pid)
                before = control.change(offset, content)
                self.blind(manager)
                after = control.read()
                self.assertEqual(after[:64] + after[68:], before[:64] + before[68:])

    def test_changes_by_the_daemon_itself_are_none(self):
        with self.daemon() as manager:
            for exits in ("no", "yes", "no"):
                manager.configure({**self.SETTINGS, "Capture": {"Exits": exits}})
                manager.reload()
                for _ in range(50):
                    self.run_target("x")
                time.sleep(1.1)
                manager.sync()
            self.assertFalse([e for e in manager.events() if e.get("where") == "blind"])


if __name__ == "__main__":
    harness.main()
