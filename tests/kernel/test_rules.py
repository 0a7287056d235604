#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Rules, summaries and redaction against the live kernel: what is hidden is hidden from every sink,
counted by what hid it, and adds up, over reloads, restarts and kills."""
import contextlib
import os
import shutil
import signal
import unittest

import harness
from harness import TARGET, new_daemon
from manager import Manager

NO_LOSS = {"Capture": {"RingSize": "8M"}, "Queue": {"Size": "64M", "Backlog": "64M"}}
PROGRAM = f"ruled-by-test-{os.getpid()}"
SECRET = "correct-horse-battery"
KINDS = ("exec", "exec_failed", "exec_attempt", "exit")


def execute(count, *arguments):
    for _ in range(count):
        os.waitpid(os.posix_spawn(TARGET, [PROGRAM, *arguments], {}), 0)


def mine(events, kind="exec"):
    return [e for e in events if e["event"] == kind and e.get("argv", [""])[0] == PROGRAM]


def rule(name, action, **keys):
    return {"Name": name, **keys, "Action": action}


def account(events):
    """The sums of lines, losses, summaries and the last counters beside what the kernel has
    seen."""
    last = [e for e in events if e["event"] in ("stats", "stop")][-1]
    lines = sum(e["event"] in KINDS for e in events)
    lost = sum(e["count"] for e in events if e["event"] == "lost")
    summed = sum(e["count"] for e in events if e["event"] == "summary")
    return lines + lost + summed, last


class Rules(unittest.TestCase):
    def assert_adds_up(self, events):
        told, last = account(events)
        by = last["filtered_by"]
        self.assertEqual(sum(by.values()), last["filtered"])
        summarized = sum(r["summarized"] for r in last.get("rules", {}).values())
        self.assertEqual(told + last["filtered"] - summarized, last["seen"])
        self.assertEqual(last["unaccounted"], 0)

    def test_dropped_is_counted_by_its_rule(self):
        settings = {**NO_LOSS, "Rule": [rule("mine", "drop", Argument="go*"),
                                        rule("never", "drop", Exe="/nowhere/*")]}
        with new_daemon(settings) as daemon:
            execute(20, "go-away")
            execute(3, "stay")
            events = daemon.stop()
        self.assertEqual([e["argv"][1] for e in mine(events)], ["stay"] * 3)
        self.assertEqual(events[-1]["filtered_by"], {"mine": 20, "never": 0})
        self.assertEqual([r["name"] for r in events[0]["rules"]], ["mine", "never"])
        self.assert_adds_up(events)

    def test_tags_are_added_and_the_next_rule_decides(self):
        settings = {**NO_LOSS, "Rule": [{"Name": "a", "Argument": "one", "Tag": "first"},
                                        {"Name": "b", "Argument": "one two", "Tag": "second"},
                                        rule("c", "drop", Argument="two")]}
        with new_daemon(settings) as daemon:
            execute(1, "one")
            execute(1, "two")
            events = daemon.stop()
        self.assertEqual([e["tags"] for e in mine(events)], [["first", "second"]])

    def test_exits_follow_their_exec(self):
        settings = {"Capture": {"RingSize": "8M", "Exits": "yes"}, "Queue": NO_LOSS["Queue"],
                    "Rule": [rule("mine", "drop", Argument="go")]}
        with new_daemon(settings) as daemon:
            execute(5, "go")
            execute(2, "stay")
            events = daemon.stop()
        ids = {e["process_id"] for e in mine(events)}
        ends = [e for e in events if e["event"] == "exit" and e["process_id"] in ids]
        self.assertEqual(len(ends), 2)
        self.assertEqual(events[-1]["rules"]["mine"]["dropped"], 10)
        self.assert_adds_up(events)

    def test_a_flag_protects_from_a_rule_that_does_not_name_it(self):
        """A program without a name is what nobody may hide by accident."""
        def deleted(folder):
            path = os.path.join(folder, "gone")
            with open(TARGET, "rb") as source, open(path, "wb") as copy:
                copy.write(source.read())
            os.chmod(path, 0o755)
            fd = os.open(path, os.O_RDONLY)
            os.unlink(path)
            os.execve(fd, [PROGRAM, "unlinked"], {})

        for flags, stays in ((None, True), ("deleted", False)):
            keys = {"Argument": "unlinked", **({"Flags": flags} if flags else {})}
            with new_daemon({**NO_LOSS, "Rule": [rule("mine", "drop", **keys)]}) as daemon:
                harness.Child(lambda: deleted(daemon.folder)).close()
                events = daemon.stop()
            self.assertEqual(bool(mine(events)), stays, flags)
            self.assertEqual(events[-1]["rules"]["mine"]["spared"], int(stays))

    def test_a_storm_becomes_a_handful_of_lines_and_hides_no_rare_exec(self):
        count = 1_000
        settings = {**NO_LOSS, "Rule": [
            rule("storm", "summarize", Comm="target", SummaryInterval="1h")]}
        with new_daemon(settings) as daemon:
            for number in range(2):
                execute(count, "equal")
                execute(1, f"rare{number}")
            events = daemon.stop()
        self.assertEqual([e["argv"][1] for e in mine(events) if "rare" in e["argv"][1]],
                         ["rare0", "rare1"])
        self.assertEqual(len([e for e in mine(events) if e["argv"][1] == "equal"]), 1)
        summary, = mine(events, "summary")
        self.assertEqual((summary["count"], summary["rule"], summary["of"]),
                         (2 * count - 1, "storm", "exec"))
        self.assertLess(summary["from"], summary["to"])
        self.assert_adds_up(events)

    def test_a_summary_comes_when_its_interval_is_over_though_nothing_happens(self):
        settings = {**NO_LOSS, "Rule": [rule("s", "summarize", Argument="x",
                                             SummaryInterval="1s")]}
        with new_daemon(settings) as daemon:
            execute(4, "x")
            found = daemon.wait_for(lambda e: e["event"] == "summary", "summary")
            daemon.stop()
        self.assertEqual(found["count"], 3)

    def test_other_rules_take_on_the_account(self):
        first = {**NO_LOSS, "Rule": [rule("keepname", "drop", Argument="a"),
                                     rule("sum", "summarize", Argument="b",
                                          SummaryInterval="1h")]}
        second = {**NO_LOSS, "Rule": [rule("new", "drop", Argument="b"),
                                      rule("keepname", "drop", Argument="c")]}
        with new_daemon(first) as daemon:
            execute(3, "a")
            execute(4, "b")
            daemon.sync()
            daemon.reload(second)
            execute(5, "a")
            execute(6, "b")
            execute(7, "c")
            events = daemon.stop()
        by = events[-1]["filtered_by"]
        self.assertEqual(by, {"new": 6, "keepname": 3 + 7, "removed rules": 3})
        summary, = mine(events, "summary")
        self.assertEqual(summary["count"], 3)
        self.assertNotIn("rule", summary)
        told, last = account(events)
        self.assertEqual(told + last["filtered"] - 3, last["seen"])

    def test_bad_rules_change_nothing(self):
        settings = {**NO_LOSS, "Rule": [rule("mine", "drop", Argument="go")]}
        with new_daemon(settings) as daemon:
            bad = rule("x", "drop", User="no-such-user-at-all")
            said = daemon.reload({**NO_LOSS, "Rule": [bad]})
            self.assertRegex(said, r"test.conf:\d+: User: .*no-such-user-at-all")
            execute(2, "go")
            daemon.configure(settings)
            events = daemon.stop()
        self.assertEqual(mine(events), [])

    def test_secrets_reach_no_output(self):
        settings = {**NO_LOSS, "Capture": {"RingSize": "8M", "Environment": "MY_TOKEN PLAIN"}}
        with new_daemon(settings) as daemon:
            os.waitpid(os.posix_spawn(TARGET, [PROGRAM, f"--password={SECRET}", "plain", "--token",
                                               SECRET, "last"],
                                      {"MY_TOKEN": SECRET, "PLAIN": "seen"}), 0)
            events = daemon.stop()
            raw = b"".join(daemon.raw_lines())
        event, = mine(events)
        self.assertNotIn(SECRET.encode(), raw)
        self.assertEqual(event["argv"], [PROGRAM, "--password=<redacted>", "plain", "--token",
                                         "<redacted>", "last"])
        self.assertEqual(event["redacted"], [1, 4])
        self.assertEqual(event["argc"], 6)
        self.assertEqual(event["env"], {"MY_TOKEN": "<redacted>", "PLAIN": "seen"})
        self.assertEqual(events[-1]["redacted"], 3)

    def test_modes_of_redaction(self):
        for mode, expected in (("clear", ["--name=value", "word"]),
                               ("names", ["--name=<redacted>", "<redacted>"]),
                               ("none", ["<redacted>", "<redacted>"])):
            with self.subTest(mode=mode), \
                    new_daemon({**NO_LOSS, "Redact": {"Arguments": mode}}) as daemon:
                execute(1, "--name=value", "word")
                events = daemon.stop()
                self.assertEqual(mine(events)[0]["argv"], [PROGRAM, *expected])

    def test_killed_and_restarted_nothing_that_was_dropped_is_taken_for_lost(self):
        settings = {**NO_LOSS, "Rule": [rule("mine", "drop", Argument="go")]}
        with Manager(settings) as manager:
            execute(30, "go")
            execute(2, "stay")
            manager.sync()
            execute(10, "go")
            harness.wait_until(lambda: self.dropped(manager) >= 40, "40 dropped")
            manager.restart(signal.SIGKILL)
            execute(5, "go")
            manager.sync()
            manager.end()
            events = manager.events()
        told, last = account(events)
        self.assertEqual(last["filtered_by"], {"mine": 5, "earlier runs": 40})
        self.assertEqual(told + last["filtered"], last["seen"])
        self.assertEqual(last["unaccounted"], 0)

    def dropped(self, manager):
        return [e for e in manager.sync() if e["event"] == "stats"][-1]["filtered"]

    def test_killed_what_was_in_no_summary_yet_is_reported_as_lost(self):
        settings = {**NO_LOSS, "Rule": [rule("sum", "summarize", Argument="x",
                                             SummaryInterval="1h")]}
        with Manager(settings) as manager:
            execute(11, "x")
            manager.sync()
            manager.restart(signal.SIGKILL)
            manager.sync()
            manager.end()
            events = manager.events()
        told, last = account(events)
        self.assertEqual(len(mine(events)), 1)
        self.assertGreaterEqual(sum(e["count"] for e in events if e["event"] == "lost" and
                                    e["where"] == "down"), 10)
        self.assertEqual(told + last["filtered"], last["seen"])
        self.assertEqual(last["unaccounted"], 0)

    def test_upgraded_in_place_what_is_being_summed_up_is_told_first(self):
        settings = {**NO_LOSS, "Rule": [rule("sum", "summarize", Argument="x",
                                             SummaryInterval="1h")]}
        manager = Manager(settings)
        with contextlib.closing(manager):
            copy = os.path.join(manager.folder, "execsnoopd")
            shutil.copy(manager.daemon, copy)
            manager.start(copy)
            execute(11, "x")
            manager.sync()
            shutil.copy(manager.daemon, copy + ".new")
            os.rename(copy + ".new", copy)
            manager.reload()
            execute(3, "x")
            manager.end()
            events = manager.events()
        told, last = account(events)
        self.assertEqual([e["down"] for e in events if e["event"] == "start"],
                         ["unknown", "counted"])
        self.assertEqual([e["count"] for e in mine(events, "summary")], [10, 2])
        self.assertEqual(sum(e["count"] for e in events if e["event"] == "lost"), 0)
        self.assertEqual(told, last["seen"])

    def test_restarted_in_order_a_summary_is_told_before_the_end(self):
        settings = {**NO_LOSS, "Rule": [rule("sum", "summarize", Argument="x",
                                             SummaryInterval="1h")]}
        with Manager(settings) as manager:
            execute(11, "x")
            manager.restart()
            execute(3, "x")
            manager.end()
            events = manager.events()
        told, last = account(events)
        self.assertEqual([e["count"] for e in mine(events, "summary")], [10, 2])
        self.assertEqual(told, last["seen"])
        self.assertEqual(last["unaccounted"], 0)


if __name__ == "__main__":
    harness.main()
