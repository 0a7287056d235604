#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The end of processes: how, after how long, once for each that was seen to exec, never else."""
import os
import resource
import signal
import subprocess

import harness
from harness import Child, CorePattern, DOORS, KernelTest, STORM, TARGET

N_STORM = 2000
N_TOGETHER = harness.rounds(20)
SYS_EXIT = {"x86_64": 60, "aarch64": 93}[os.uname().machine]


class Exits(KernelTest):
    settings = {"Capture": {"Exits": "yes"}}

    def life(self, function):
        """exec and exit of a child that executes something else once."""
        child = Child(function)
        status = child.close()
        self.output = child.output
        events = self.daemon.of(child.pid, since=child.since)
        self.assertEqual([e["event"] for e in events], ["exec", "exit"], events)
        start, end = events
        self.assertEqual(start["process_id"], end["process_id"])
        self.assertEqual(end["duration_ns"],
                         harness.nanoseconds(end["time"]) - harness.nanoseconds(start["time"]))
        return start, end, status

    def shell(self, script, **facts):
        _, end, status = self.life(lambda: os.execv("/bin/sh", ["sh", "-c", script]))
        self.assert_facts(end, comm="sh", uid=0, **facts)
        return status

    def test_exit_codes(self):
        for code in (0, 1, 2, 126, 127, 128, 255):
            with self.subTest(code=code):
                self.shell(f"exit {code}", exit_code=code, signal=None, signal_name=None,
                           core_dumped=None)

    def test_signals(self):
        for number in (signal.SIGHUP, signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1,
                       signal.SIGALRM):
            with self.subTest(signal=number.name):
                self.shell(f"kill -{number} $$", signal=number, signal_name=number.name,
                           exit_code=None, core_dumped=None)

    def test_realtime_signal_has_no_name(self):
        number = signal.SIGRTMIN + 3
        self.shell(f"kill -{number} $$", signal=number, signal_name=None)

    def test_core_dump(self):
        def start():
            os.chdir(self.folder)
            unlimited = resource.getrlimit(resource.RLIMIT_CORE)[1]
            resource.setrlimit(resource.RLIMIT_CORE, (unlimited, unlimited))
            os.execv("/bin/sh", ["sh", "-c", "kill -SEGV $$"])

        with CorePattern("core"):
            _, end, status = self.life(start)
        harness.need(os.WCOREDUMP(status), "no core dumps here")
        self.assert_facts(end, signal=signal.SIGSEGV, signal_name="SIGSEGV", core_dumped=True)

    def test_same_signal_without_core_dump(self):
        def start():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.execv("/bin/sh", ["sh", "-c", "kill -SEGV $$"])

        with CorePattern("core"):
            _, end, _ = self.life(start)
        self.assert_facts(end, signal=signal.SIGSEGV, core_dumped=None)

    def test_user_is_the_one_at_the_end(self):
        def start():
            os.execvp("setpriv", ["setpriv", "--reuid=4712", "--clear-groups", path])

        path = self.copy_target("as-user")
        events = self.run_child(start)
        self.assertEqual([e["event"] for e in events], ["exec", "exec", "exit"])
        self.assert_facts(events[-1], uid=4712, comm="as-user", exit_code=0)

    def test_duration_counts_from_the_last_exec(self):
        events = self.run_child(lambda: os.execv("/bin/sh", ["sh", "-c", f"exec {TARGET}"]))
        self.assertEqual([e["event"] for e in events], ["exec", "exec", "exit"])
        times = [harness.nanoseconds(e["time"]) for e in events]
        self.assertEqual(events[2]["duration_ns"], times[2] - times[1])

    def test_process_that_never_executed_has_no_end(self):
        events = self.run_child(lambda: None)
        self.assertEqual(events, [])

    def test_fork_of_a_program_has_no_end_of_its_own(self):
        start, _, _ = self.life(lambda: os.execv("/bin/sh", ["sh", "-c", "(:) & wait"]))
        ends = [e for e in self.daemon.sync() if e["event"] == "exit" and e["comm"] == "sh" and
                e["time"] > start["time"]]
        self.assertEqual([e["pid"] for e in ends].count(start["pid"]), 1)
        executed = {e["process_id"] for e in self.daemon.sync() if e["event"] == "exec"}
        self.assertLessEqual({e["process_id"] for e in ends}, executed)

    def test_threads_that_outlive_their_leader(self):
        child = Child(lambda: os.execv(DOORS, [DOORS, "outlive", "x"]))
        # the leader is a zombie while its thread lives
        harness.wait_until(lambda: harness.stat_fields(child.pid)[0] == "Z", "leader has ended")
        self.assertEqual([e["event"] for e in self.daemon.of(child.pid, since=child.since)],
                         ["exec"])
        before = harness.timestamp()
        self.assertEqual(os.waitstatus_to_exitcode(child.close()), 23)
        events = self.daemon.of(child.pid, "exit", since=child.since)
        self.assertEqual(len(events), 1)
        self.assert_facts(events[0], exit_code=23, signal=None)
        self.assertGreater(events[0]["time"], before)

    def test_threads_that_end_together_make_one_end(self):
        for _ in range(N_TOGETHER):
            _, end, _ = self.life(lambda: os.execv(DOORS, [DOORS, "end_together", "x"]))
            self.assert_facts(end, exit_code=0)

    def test_exec_by_a_thread_is_not_the_end_of_the_leader(self):
        events = self.run_child(lambda: os.execv(DOORS, [DOORS, "thread", TARGET]))
        self.assertEqual([e["event"] for e in events], ["exec", "exec", "exit"], events)

    def test_killed_by_another_while_threads_run(self):
        child = Child(lambda: os.execv(DOORS, [DOORS, "outlive", "x"]))
        harness.wait_until(lambda: harness.stat_fields(child.pid)[0] == "Z", "leader has ended")
        os.kill(child.pid, signal.SIGKILL)
        child.close()
        end, = self.daemon.of(child.pid, "exit", since=child.since)
        self.assert_facts(end, signal=signal.SIGKILL)

    def test_storm_has_one_end_for_each_start(self):
        marker = f"exits-{os.getpid()}"
        subprocess.run([STORM, str(N_STORM), marker, TARGET], stdin=subprocess.DEVNULL, check=True)
        events = self.daemon.sync()
        started = [e["process_id"] for e in events
                   if e["event"] == "exec" and e.get("argv", [])[1:2] == [marker]]
        ended = [e["process_id"] for e in events if e["event"] == "exit"]
        self.assertEqual(len(set(started)), N_STORM)
        self.assertEqual(len(ended), len(set(ended)))
        self.assertLessEqual(set(started), set(ended))

    def test_no_end_of_what_was_not_seen_to_start(self):
        # started before the daemon
        child = Child(lambda: os.execve(TARGET, [TARGET], {}))
        child.await_exec()
        with harness.Daemon(self.settings) as daemon:
            child.close()
            self.assertEqual(daemon.of(child.pid, since=child.since), [])

    def test_switched_on_and_off_while_it_runs(self):
        def kinds():
            child = Child(lambda: os.execve(TARGET, [TARGET], {}))
            child.close()
            return [e["event"] for e in daemon.of(child.pid, since=child.since)]

        with harness.new_daemon() as daemon:
            self.assertEqual(kinds(), ["exec"])
            daemon.reload({"Capture": {"Exits": "yes"}})
            self.assertEqual(kinds(), ["exec", "exit"])
            child = Child(lambda: os.execve(TARGET, [TARGET], {}))
            child.await_exec()
            daemon.reload({"Capture": {"Exits": "no"}})
            child.close()
            self.assertEqual(kinds(), ["exec"])
            daemon.reload({"Capture": {"Exits": "yes"}})
            self.assertEqual(kinds(), ["exec", "exit"])
            events = daemon.of(child.pid, since=child.since)
            self.assertEqual([e["event"] for e in events], ["exec"], events)

    def test_exit_of_a_thread_that_is_the_only_one(self):
        # exit(2), not exit_group(2), of a process with one thread
        _, end, _ = self.life(lambda: os.execv("/usr/bin/python3", [
            "python3", "-S", "-c", f"import ctypes; ctypes.CDLL(None).syscall({SYS_EXIT}, 5)"]))
        self.assert_facts(end, exit_code=5)


if __name__ == "__main__":
    harness.main()
