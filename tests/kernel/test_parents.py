#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Parents: which exec their program comes from, and what that was. Right or absent, and never
another's: each event is held against all others of its stream."""
import collections
import ctypes
import os
import signal
import subprocess
import time
import unittest

import harness
from harness import KernelTest, NOBODY, PROGS, TARGET, nanoseconds, new_daemon
from manager import Manager

FAMILY = os.path.join(PROGS, "family")
ADDR_NO_RANDOMIZE = 0x40000     # <sys/personality.h>

NO_LOSS = {"Capture": {"RingSize": "8M"}, "Queue": {"Size": "64M", "Backlog": "64M"}}

# In whose child a parent of its own executes, which came by the exec of FAMILY.
WAYS = ("fork", "subshell", "deep", "orphaned-shell", "subreaper", "vfork", "thread", "headless",
        "disguised")


def execs(events):
    return [e for e in events if e["event"] == "exec"]


def process_of(exec_id):
    return exec_id.rsplit("-", 1)[0]


def count_of(exec_id):
    return int(exec_id.rsplit("-", 1)[1], 16)


def family(*arguments, **options):
    """Runs it to the end."""
    return subprocess.run([FAMILY, *arguments], stdin=subprocess.DEVNULL, check=True, **options)


def is_beginning(parent_argv, argv, is_cut):
    return parent_argv == argv or (is_cut and parent_argv[:-1] == argv[:len(parent_argv) - 1])


def check_relations(events):
    """What every stream without losses has to say of itself. How many parents are known of it."""
    by_id, last = {}, {}
    for e in execs(events):
        assert e["exec_id"] not in by_id, f"twice: {e}"
        assert process_of(e["exec_id"]) == e["process_id"], e
        by_id[e["exec_id"]] = e
    known = 0
    for e in events:
        if e["event"] not in ("exec", "exec_failed", "exec_attempt"):
            continue
        name = e.get("parent_exec_id")
        if name and process_of(name) == e["parent_process_id"]:
            # Its last one before us; or one that goes on right now.
            assert count_of(name) >= last.get(e["parent_process_id"], 0), e
        parent = by_id.get(name)
        if "parent_argv" in e:
            assert parent, f"arguments of an exec that is not there: {e}"
            assert parent["time"] <= e["time"], (parent, e)
            assert is_beginning(e["parent_argv"], parent["argv"],
                                "parent_argv" in e.get("truncated", ())), (parent, e)
            known += 1
        if parent and "parent_exe" in e:
            assert e["parent_exe"] == parent["exe"], (parent, e)
        check_ancestors(e, by_id, parent)
        if e["event"] == "exec":
            last[e["process_id"]] = count_of(e["exec_id"])
    return known


def check_ancestors(event, by_id, parent):
    for ancestor in event.get("ancestors", ()):
        if "exe" in ancestor:
            assert any(e["pid"] == ancestor["pid"] and e["exe"] == ancestor["exe"]
                       for e in by_id.values()), event
    first = event.get("ancestors", [{}])[0]
    if parent and "exe" in first and parent["process_id"] == event["parent_process_id"]:
        assert first["exe"] == parent["exe"], event


class Parents(KernelTest):
    settings = NO_LOSS

    def family_of(self, way, *before, **options):
        """The exec of FAMILY, and that of what it has executed."""
        tag = f"{way}-{time.monotonic_ns()}"
        family(*before, way, TARGET, tag, **options)
        child = self.daemon.wait_for(
            lambda e: e["event"] == "exec" and e.get("argv") == [TARGET, tag], way)
        parent = [e for e in self.daemon.events()
                  if e["event"] == "exec" and e.get("argv", [""])[-1] == tag][-2]
        self.assertEqual(parent["exe"], os.path.realpath(FAMILY))
        return parent, child

    def test_parents_of_all_kinds(self):
        for way in WAYS:
            with self.subTest(way=way):
                parent, child = self.family_of(way)
                self.assert_facts(child, parent_exec_id=parent["exec_id"],
                                  parent_exe=os.path.realpath(FAMILY), parent_uid=0,
                                  parent_argv=parent["argv"], truncated=None)
                own = way in ("fork", "subreaper", "thread", "headless")
                self.assertEqual(child["parent_process_id"] == parent["process_id"], own)
                self.assertEqual(child["ancestors"][0].get("exe"), parent["exe"] if own else None)

    def test_who_has_executed_twice_is_what_it_is_now(self):
        parent, child = self.family_of("fork", "again", "/proc/self/exe")
        self.assert_facts(child, parent_exec_id=parent["exec_id"], parent_argv=parent["argv"])
        self.assertEqual(parent["argv"][0], "/proc/self/exe")
        first = next(e for e in self.daemon.events() if e.get("exec_id", "").startswith(
            parent["process_id"]))
        self.assertEqual(count_of(parent["exec_id"]), count_of(first["exec_id"]) + 1)

    def test_who_adopts_is_the_parent(self):
        for way in ("orphan", "sibling"):
            with self.subTest(way=way):
                parent, child = self.family_of(way)
                self.assertNotEqual(child.get("parent_exec_id"), parent["exec_id"])
                self.assertNotEqual(child.get("parent_argv"), parent["argv"])
                if way == "sibling":
                    os.waitpid(child["pid"], 0)
                if child["ppid"] != os.getpid():
                    continue
                # We were executed before the daemon was.
                self.assert_facts(child, parent_argv=None, parent_exe=os.readlink("/proc/self/exe"))
                self.assertEqual(process_of(child["parent_exec_id"]), child["parent_process_id"])

    def test_parent_is_somebody_else(self):
        def drop():
            os.setresuid(NOBODY, 0, 0)

        _, child = self.family_of("fork", preexec_fn=drop)
        self.assert_facts(child, parent_uid=NOBODY, uid=NOBODY)

    def test_arguments_are_cut_as_the_settings_say(self):
        tag = f"long-{time.monotonic_ns()}"
        family("fork", TARGET, tag, "x" * 2000)
        child = self.daemon.wait_for(
            lambda e: e["event"] == "exec" and e.get("argv", [])[:2] == [TARGET, tag], tag)
        self.assertEqual(child["truncated"], ["parent_argv"])
        self.assertEqual(sum(len(a) + 1 for a in child["parent_argv"]), 1024 + 1)   # and no NUL
        self.assertEqual(child["parent_argv"][:4], [FAMILY, "fork", TARGET, tag])

    def test_secret_of_a_parent_is_hidden(self):
        tag = f"secret-{time.monotonic_ns()}"
        family("fork", TARGET, tag, "--password=Hunter2")
        child = self.daemon.wait_for(
            lambda e: e["event"] == "exec" and e.get("argv", [])[:2] == [TARGET, tag], tag)
        self.assertEqual(child["parent_argv"][4], "--password=<redacted>")
        self.assertFalse([line for line in self.daemon.raw_lines() if b"Hunter2" in line])

    def test_leader_of_the_session(self):
        def lead_and_run(path):
            os.setsid()
            os.execv(path, [path, "fork", TARGET, "of-a-session"])

        events = self.run_child(lambda: lead_and_run(FAMILY))
        leader = events[0]
        self.assert_facts(leader, sid=leader["pid"])
        child = self.daemon.wait_for(
            lambda e: e["event"] == "exec" and e.get("argv") == [TARGET, "of-a-session"], "child")
        for e in (leader, child):
            self.assertEqual(e["session_leader"], {"pid": leader["pid"], "comm": "family",
                                                   "process_id": leader["process_id"]})

    def test_session_whose_leader_has_ended(self):
        def leave():
            os.setsid()
            if os.fork() == 0:
                while os.path.exists(f"/proc/{leader.value}"):
                    time.sleep(0.001)
                os.execv(TARGET, [TARGET, "left-alone"])
            os._exit(0)

        leader = ctypes.c_int()
        pid = os.fork()
        if pid == 0:
            leader.value = os.getpid()
            leave()
        os.waitpid(pid, 0)
        child = self.daemon.wait_for(
            lambda e: e["event"] == "exec" and e.get("argv") == [TARGET, "left-alone"], "child")
        self.assert_facts(child, sid=pid, session_leader=None)

    def test_programs_of_the_kernel_have_no_parent_that_was_executed(self):
        with harness.CorePattern(f"|{TARGET} %p"):
            pid = os.fork()
            if pid == 0:
                os.kill(os.getpid(), signal.SIGSEGV)
            os.waitpid(pid, 0)
            event = self.daemon.wait_for(
                lambda e: e["event"] == "exec" and e.get("argv") == [TARGET, str(pid)], "helper")
        self.assert_facts(event, parent_exec_id=None, parent_exe=None, parent_argv=None,
                          session_leader=None)


class Many(unittest.TestCase):
    """So many that addresses come again, at the same places."""

    def check(self, events, least):
        self.assertFalse([e for e in events if e["event"] == "lost"])
        self.assertGreaterEqual(check_relations(events), least)

    def run_many(self, rounds, preexec=None):
        ways = ("subshell", "fork", "deep", "vfork")
        for i in range(rounds):
            family(ways[i % len(ways)], TARGET, f"{i:08}", preexec_fn=preexec)

    def test_with_and_without_random_addresses(self):
        def personality():
            ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)

        rounds = harness.rounds(150)
        with new_daemon(NO_LOSS) as daemon:
            self.run_many(rounds)
            self.run_many(rounds, personality)
            events = daemon.stop()
        mine = [e for e in execs(events) if e["exe"] == TARGET]
        self.assertEqual(len(mine), 2 * rounds)
        for e in mine:
            self.assertEqual(e["parent_argv"][2:], e["argv"])
        self.check(events, 2 * rounds)

    def test_parents_that_execute_at_the_same_moment(self):
        rounds = harness.rounds(200)
        with new_daemon(NO_LOSS) as daemon:
            for _ in range(2):
                family("race", TARGET, str(rounds))
            events = daemon.stop()
        children = [e for e in execs(events) if e["exe"] == TARGET]
        self.assertEqual(len(children), 2 * rounds)
        self.check(events, 0)
        known = [e for e in children if "parent_argv" in e]
        print(f"{len(known)} of {len(children)} parents known")
        self.assertTrue(known)

    def test_failures_and_attempts(self):
        settings = {"Capture": {"FailedExecs": "yes", "FailedExecsIgnore": "", "Attempts": "yes"}}
        with new_daemon(settings) as daemon:
            for way in ("fork", "subshell"):
                subprocess.run([FAMILY, way, "/nowhere/at/all", way], check=False)
            events = daemon.stop()
        self.check(events, 4)
        mine = [e for e in events if e.get("filename") == "/nowhere/at/all"]
        self.assertEqual(collections.Counter(e["event"] for e in mine),
                         {"exec_failed": 2, "exec_attempt": 2})
        for e in mine:
            self.assertEqual(e["parent_argv"], [FAMILY, e["argv"][1], *e["argv"]])
            self.assertEqual(e["parent_exe"], os.path.realpath(FAMILY))
            self.assertNotIn("exec_id", e)


class Rules(unittest.TestCase):
    """Of parents whose own events are hidden."""

    def run_with(self, **keys):
        settings = {**NO_LOSS, "Rule": [{"Name": "family", "Exe": os.path.realpath(FAMILY),
                                         "Action": "drop"},
                                        {"Name": "mine", "Exe": TARGET, "Action": "drop", **keys}]}
        with new_daemon(settings) as daemon:
            family("subshell", TARGET, "of-a-subshell")
            family("fork", TARGET, "of-itself")
            os.waitpid(os.posix_spawn(TARGET, [TARGET, "ours"], {}), 0)
            events = daemon.stop()
        return {e["argv"][1]: e for e in execs(events) if e["exe"] == TARGET}, events

    def test_hidden_parents_are_known(self):
        mine, events = self.run_with(Argument="ours")
        self.assertEqual(set(mine), {"of-a-subshell", "of-itself"})
        self.assertEqual(mine["of-a-subshell"]["parent_argv"],
                         [FAMILY, "subshell", TARGET, "of-a-subshell"])
        self.assertFalse([e for e in execs(events) if e["exe"] == FAMILY])

    def test_by_the_parents_program(self):
        mine, _ = self.run_with(ParentExe=os.path.realpath(FAMILY))
        self.assertEqual(set(mine), {"ours"})
        mine, _ = self.run_with(ParentExe="!" + os.path.realpath(FAMILY))
        self.assertEqual(set(mine), {"of-a-subshell", "of-itself"})

    def test_by_the_parents_arguments(self):
        mine, _ = self.run_with(ParentCommandLine="*\\ subshell\\ *")
        self.assertEqual(set(mine), {"of-itself", "ours"})
        # Of "ours" they are not known: we were executed before the daemon.
        mine, _ = self.run_with(ParentCommandLine="!*subshell*")
        self.assertEqual(set(mine), {"of-a-subshell", "ours"})

    def test_by_an_ancestors_program(self):
        mine, _ = self.run_with(Ancestor=os.path.realpath(FAMILY))
        self.assertEqual(set(mine), {"ours"})


class Settings(unittest.TestCase):
    def test_without_parents(self):
        with new_daemon({"Capture": {"Parents": "no"}}) as daemon:
            family("subshell", TARGET, "without")
            daemon.sync()
            daemon.reload({"Capture": {"Parents": "yes", "ParentArgvMax": "64"}})
            family("subshell", TARGET, "with", "x" * 100)
            events = daemon.stop()
        without, with_them = (e for e in execs(events) if e["exe"] == TARGET)
        self.assertFalse([e for e in execs(events) if e["argv"][-1] == "without" and (
            "parent_argv" in e or "parent_exe" in e or "exe" in e["ancestors"][0])])
        self.assertEqual(with_them["truncated"], ["parent_argv"])
        self.assertEqual(with_them["parent_exe"], os.path.realpath(FAMILY))
        # Which exec it was is known all the same.
        self.assertIn(without["parent_exec_id"], [e["exec_id"] for e in execs(events)])


class Restart(unittest.TestCase):
    def wait_for(self, manager, tag):
        return harness.wait_until(
            lambda: next((e for e in manager.events() if e.get("argv", [""])[-1] == tag
                          and e["exe"] == TARGET), None), f"exec of {tag}")

    def begin(self, way, tag):
        return subprocess.Popen([FAMILY, "wait", way, TARGET, tag], stdin=subprocess.PIPE)

    def go_on(self, process):
        process.communicate(b"x")
        self.assertEqual(process.returncode, 0)

    def restarted(self, settings):
        """Children of parents from before and from in between, that by itself, and all events."""
        with Manager(settings) as manager:
            before = {way: self.begin(way, f"before-{way}") for way in ("fork", "subshell")}
            harness.wait_until(lambda: sum(e.get("argv", [""])[-1].startswith("before-")
                                           for e in execs(manager.events())) == 2, "both execs")
            manager.end()
            between = {way: self.begin(way, f"between-{way}") for way in ("fork", "subshell")}
            for _ in range(50):
                family("subshell", TARGET, "meanwhile")
            manager.start()
            family("subshell", TARGET, "after")
            after = self.wait_for(manager, "after")
            # On a busy machine it comes before the snapshot, which a child reads, is over.
            harness.wait_until(lambda: not harness.children_of(manager.pid, manager.daemon),
                               "snapshot")
            manager.sync()
            for process in (*before.values(), *between.values()):
                self.go_on(process)
            children = {tag: self.wait_for(manager, tag)
                        for when in ("before", "between")
                        for tag in (f"{when}-fork", f"{when}-subshell")}
            manager.end()
            events = manager.events()
        for tag, child in children.items():
            self.assertEqual(child["parent_exe"], os.path.realpath(FAMILY), tag)
        self.assertEqual(after["parent_argv"][1:], ["subshell", *after["argv"]])
        return children, events

    def test_parents_from_before_and_in_between(self):
        """Their exec is named, as the kernel side has gone on; what it was nobody remembers."""
        children, events = self.restarted({"Capture": {"Snapshot": "no"}})
        check_relations(events)
        known = {e["exec_id"]: e for e in execs(events)}
        for tag, child in children.items():
            self.assertNotIn("parent_argv", child, tag)
            parent = known.get(child["parent_exec_id"])
            if tag.startswith("before"):
                self.assertEqual(parent["argv"][-1], tag)
            else:
                self.assertIsNone(parent, tag)

    def test_parents_from_before_and_in_between_are_found(self):
        """And remembered, whoever has told of them."""
        children, events = self.restarted({"Capture": {"Snapshot": "yes"}})
        start = [e for e in events if e["event"] == "start"][-1]
        harness.need(not {"process", "process.argv"} & set(start.get("missing", ())),
                     "this kernel does not tell arguments of others")
        for tag, child in children.items():
            self.assertEqual(child["parent_argv"],
                             [FAMILY, "wait", tag.partition("-")[2], TARGET, tag])

    def test_time_goes_on(self):
        """Parents are told of in the order of time, whichever CPU they ran on."""
        with new_daemon(NO_LOSS) as daemon:
            family("race", TARGET, "50")
            events = daemon.stop()
        times = [nanoseconds(e["time"]) for e in events]
        self.assertEqual(times, sorted(times))


if __name__ == "__main__":
    harness.main()
