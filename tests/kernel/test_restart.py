#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The run after this one: what happened while nobody was reading is counted, to the exec."""
import collections
import contextlib
import fcntl
import itertools
import json
import mmap
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

import harness
from descriptors import descriptors_of
from harness import TARGET
from manager import Manager, stop_programs

PROGRAM = f"counted-by-test-restart-{os.getpid()}"    # others may run the same test

BEFORE = 32         # in struct exec_control: before[]; running[] is at 0
ACCOUNT_OF_FILE = 200   # in struct handover_page

TRIAL_SECONDS = 60      # after which one that hangs ends by itself; see trial.c

# For a machine that is busy with something else, too.
NO_LOSS = {"Capture": {"RingSize": "8M"}}


def execute(count):
    for _ in range(count):
        os.waitpid(os.posix_spawn(TARGET, [PROGRAM], {}), 0)


def lost(events, where=None):
    return sum(e["count"] for e in events if e["event"] == "lost" and where in (None, e["where"]))


def is_kernels(event):
    return event["event"] in ("exec", "exec_failed", "exec_attempt", "exit")


def put_other_object(daemon, path):
    """In the place of `path`: other license texts in the two ELF objects inside make them
    others."""
    with open(daemon, "rb") as file:
        program = bytearray(file.read())
    assert program.count(b"Dual BSD/GPL\0") == 2
    program = program.replace(b"Dual BSD/GPL\0", b"GPL".ljust(13, b"\0"))
    with open(path + ".new", "wb") as file:
        file.write(program)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)


def put_image(path, content):
    """In the place of `path`, as a package does it."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(content)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)


# A daemon without the permission to load its programs.
POWERLESS = "setpriv --bounding-set=-all --inh-caps=-all "


@contextlib.contextmanager
def two_generations(manager):
    """Starts its daemon and replaces it, but the older programs stay attached. Yields the map that
    begins with the number of the generation at work; the daemon, which would put it right, stands
    still meanwhile."""
    copy = os.path.join(manager.folder, "execsnoopd")
    shutil.copy(manager.daemon, copy)
    manager.start(copy)
    link = os.dup(manager.store["link-exec-1"])
    put_other_object(manager.daemon, copy)
    manager.reload()
    with mmap.mmap(manager.store["map-control"], mmap.PAGESIZE) as control:
        os.kill(manager.pid, signal.SIGSTOP)
        before = control[:BEFORE + 4]
        control[BEFORE:BEFORE + 4] = (1).to_bytes(4, "little")
        yield control
        control[:BEFORE + 4] = before
        os.kill(manager.pid, signal.SIGCONT)
    os.close(link)


def take_back(manager, worth, size):
    """Of the file's account: so many events, which the last so many bytes of it stand for."""
    with mmap.mmap(manager.store["page"], 0) as page:
        generation = struct.unpack_from("<Q", page, ACCOUNT_OF_FILE + 8)[0]
        at = ACCOUNT_OF_FILE + 16 + 48 * (generation % 2)
        told, sending, uncertain, dev, ino, end = struct.unpack_from("<6Q", page, at)
        assert end == os.stat(manager.path).st_size
        struct.pack_into("<6Q", page, at, told - worth, sending, uncertain, dev, ino, end - size)


class Ledger(unittest.TestCase):
    """All lines and losses of all runs, together."""

    def check_ledger(self, events):
        """All lines and losses of all runs together are what the kernel has seen."""
        last = [e for e in events if e["event"] in ("stats", "stop")][-1]
        told = sum(1 for e in events if is_kernels(e)) + lost(events)
        self.assertFalse([e for e in events if e.get("unaccounted", 0) != 0])
        self.assertEqual(told, last["seen"] - last["filtered"])

    def check_sequence(self, events):
        expected = 1
        for event in events:
            if event["event"] == "start":
                expected = 1
            self.assertEqual(event["seq"], expected)
            expected += 1

    def check(self, events, made):
        mine = sum(1 for e in events if e["event"] == "exec" and e.get("argv") == [PROGRAM])
        self.assertLessEqual(mine, made)
        self.assertGreaterEqual(mine + lost(events), made)
        self.check_ledger(events)
        self.check_sequence(events)
        return mine


class Restart(Ledger):
    def test_orderly_restart(self):
        with Manager() as manager:
            execute(10)
            manager.end()
            execute(50)
            manager.start()
            execute(10)
            manager.end()
            events = manager.events()
        self.assertEqual(self.check(events, 70), 20)
        self.assertGreaterEqual(lost(events, "down"), 50)
        starts = [e for e in events if e["event"] == "start"]
        self.assertEqual([e["down"] for e in starts], ["unknown", "counted"])
        self.assertNotIn("inherited", starts[0])
        inherited = starts[1]["inherited"]
        self.assertGreaterEqual(inherited["seen"], 60)
        self.assertEqual(inherited["sinks"]["file"]["down"], lost(events, "down"))
        down = next(e for e in events if e["event"] == "lost")
        self.assertLess(down["from"], down["to"])
        self.assertLessEqual(down["to"], down["time"])

    def test_killed_at_random_moments_in_a_storm(self):
        seed = int(os.environ.get("EXECSNOOPD_SEED", random.randrange(1 << 32)))
        print(f"seed {seed}")
        dice = random.Random(seed)
        made = 0
        with Manager() as manager:
            for _ in range(8):
                thread = harness.Background(execute, 600)
                made += 600
                for _ in range(2):
                    time.sleep(dice.uniform(0, 0.15))
                    manager.restart(signal.SIGKILL)
                thread.join()
            manager.sync()
            manager.end()
            self.check(manager.events(), made)

    def test_killed_between_writing_and_accounting(self):
        """Lines that the page does not know of are found in the file, and not told as lost."""
        with Manager() as manager:
            execute(10)
            manager.sync()
            manager.end(signal.SIGKILL)
            with open(manager.path, "rb") as file:
                lines = file.readlines()[-5:]
            events = [json.loads(line) for line in lines]
            worth = sum(is_kernels(e) for e in events) + lost(events)
            self.assertGreater(worth, 0)
            take_back(manager, worth, sum(map(len, lines)))
            manager.start()
            manager.sync()
            manager.end()
            self.check(manager.events(), 10)

    def test_killed_with_a_full_ring(self):
        with Manager({"Capture": {"RingSize": "16K"}}) as manager:
            os.kill(manager.pid, signal.SIGSTOP)
            execute(200)
            manager.restart(signal.SIGKILL)
            manager.sync()
            manager.end()
            events = manager.events()
        self.check(events, 200)
        self.assertGreaterEqual(lost(events, "down"), 200)

    def test_all_kinds_of_events(self):
        settings = {"Capture": {"Exits": "yes", "FailedExecs": "yes", "FailedExecsIgnore": "",
                                "Attempts": "yes"}}
        with Manager(settings) as manager:
            for number in (signal.SIGKILL, signal.SIGTERM):
                execute(20)
                manager.end(number)
                execute(20)
                manager.start()
            execute(20)
            manager.sync()
            manager.end()
            events = manager.events()
        self.check_ledger(events)
        self.assertGreaterEqual(lost(events, "down"), 2 * 20 * 3)

    def test_other_settings_after_the_restart(self):
        with Manager({"Capture": {"Exits": "yes"}}) as manager:
            manager.end()
            manager.configure({"Capture": {"FailedExecs": "yes"}})
            execute(10)
            manager.start()
            execute(10)
            manager.sync()
            self.assertFalse([n for n in manager.store if n.startswith("link-exit")])
            self.assertTrue([n for n in manager.store if n.startswith("link-failed")])
            manager.end()
            self.check(manager.events(), 20)

    def test_sink_that_was_not_there_before_is_told_nothing(self):
        with Manager({"File": {"Enabled": "no"}}) as manager:
            execute(10)
            manager.end()
            execute(10)
            manager.configure({})
            manager.start()
            execute(10)
            manager.sync()
            manager.end()
            events = manager.events()
        self.assertEqual(lost(events), 0)
        self.assertEqual(sum(1 for e in events if e.get("argv") == [PROGRAM]), 10)
        self.assertEqual(events[-1]["unaccounted"], 0)

    def test_sink_that_comes_and_goes(self):
        with Manager() as manager:
            execute(5)
            manager.configure({"File": {"Enabled": "no"}})
            manager.restart()
            execute(10)
            manager.configure({})
            manager.restart(signal.SIGKILL)
            execute(5)
            manager.sync()
            manager.end()
            events = manager.events()
        self.assertEqual(sum(1 for e in events if e.get("argv") == [PROGRAM]), 10)
        self.assertEqual(events[-1]["unaccounted"], 0)

    def test_store_that_was_lost(self):
        with Manager() as manager:
            execute(5)
            manager.end()
            manager.drop_store()
            execute(5)
            manager.start()
            execute(5)
            manager.sync()
            manager.end()
            events = manager.events()
        self.assertEqual([e["down"] for e in events if e["event"] == "start"],
                         ["unknown", "unknown"])
        self.assertEqual(lost(events), 0)
        self.assertEqual(events[-1]["unaccounted"], 0)

    def test_store_that_lost_the_programs(self):
        with Manager() as manager:
            manager.end()
            for name in [n for n in manager.store if n.startswith("link-")]:
                os.close(manager.store.pop(name))
            manager.start()
            execute(5)
            manager.sync()
            manager.end()
            events = manager.events()
        self.assertEqual([e["down"] for e in events if e["event"] == "start"],
                         ["unknown", "unknown"])
        self.assertEqual(sum(1 for e in events if e.get("argv") == [PROGRAM]), 5)

    def test_store_that_lost_one_program_of_several(self):
        with Manager({"Capture": {"Exits": "yes"}}) as manager:
            manager.end()
            for name in [n for n in manager.store if n.startswith("link-exit-")]:
                os.close(manager.store.pop(name))
            manager.start()
            manager.end()
            self.assertEqual([e["down"] for e in manager.events() if e["event"] == "start"],
                             ["unknown", "unknown"])

    def test_killed_between_storing_and_running(self):
        """The programs in the store never ran then; they must not begin beside those loaded
        next."""
        with Manager() as manager:
            os.kill(manager.pid, signal.SIGSTOP)    # it would put it right
            stop_programs(manager.pid)
            manager.restart(signal.SIGKILL)
            names = set(manager.store)
            execute(20)
            manager.sync()
            manager.restart()
            self.assertEqual(set(manager.store), names)
            manager.end()
            events = manager.events()
        self.assertEqual([e["down"] for e in events if e["event"] == "start"],
                         ["unknown", "unknown", "counted"])
        self.assertEqual(self.check(events, 20), 20)

    def test_store_with_something_of_somebody_else(self):
        with Manager() as manager:
            manager.end()
            with open("/dev/null", "rb") as null:
                manager.store = {"x" * 100: os.dup(null.fileno()), "y": os.dup(null.fileno()),
                                 **manager.store}
            execute(5)
            manager.start()
            self.assertFalse({"x" * 100, "y"} & set(manager.store))
            manager.end()
            events = manager.events()
        self.assertEqual([e["down"] for e in events if e["event"] == "start"],
                         ["unknown", "counted"])
        self.assertGreaterEqual(lost(events, "down"), 5)

    def test_store_full_of_strange_things(self):
        with Manager() as manager:
            manager.end()
            with open("/dev/null", "rb") as null:
                for name in list(manager.store):
                    os.dup2(null.fileno(), manager.store[name])
                manager.store["something-else"] = os.dup(null.fileno())
            manager.start()
            execute(5)
            manager.sync()
            self.assertNotIn("something-else", manager.store)
            manager.restart()       # with what is stored now
            manager.end()
            events = manager.events()
        self.assertEqual(sum(1 for e in events if e.get("argv") == [PROGRAM]), 5)
        self.assertEqual(events[-1]["unaccounted"], 0)
        self.assertEqual([e["down"] for e in events if e["event"] == "start"],
                         ["unknown", "unknown", "counted"])

    def test_nothing_runs_after_the_stop(self):
        with Manager() as manager:
            path = f"/proc/self/fdinfo/{manager.store['prog-exec-1']}"
            with open(path, encoding="ascii") as file:
                number = int(re.search(r"^prog_id:\s*(\d+)$", file.read(), re.M)[1])
            self.assertIn(number, self.programs())
            manager.end()
            self.assertIn(number, self.programs())
            manager.drop_store()
            harness.wait_until(lambda: number not in self.programs(), "end of the program")

    def upgrade_in_a_storm(self, manager, replace):
        """Twice in a row; returns all events, of which none is missing."""
        copy = os.path.join(manager.folder, "execsnoopd")
        shutil.copy(manager.daemon, copy)
        manager.start(copy)
        pid = manager.pid
        end, count = threading.Event(), itertools.count()

        def storm():
            while not end.is_set():
                execute(1)
                next(count)
        thread = harness.Background(storm)
        for _ in range(2):
            time.sleep(0.2)
            replace(copy)
            manager.reload()
        end.set()
        thread.join()
        manager.sync()
        self.assertEqual(manager.pid, pid)
        os.kill(pid, 0)
        manager.end()
        events, made = manager.events(), next(count)
        self.assertEqual([e for e in events if e["event"] == "lost"], [])
        self.assertEqual(self.check(events, made), made)
        return events

    def test_upgrade_misses_nothing(self):
        def replace(copy):
            shutil.copy(manager.daemon, copy + ".new")
            os.rename(copy + ".new", copy)
        manager = Manager(NO_LOSS)
        with contextlib.closing(manager):
            events = self.upgrade_in_a_storm(manager, replace)
        starts = [e for e in events if e["event"] == "start"]
        self.assertEqual([e["down"] for e in starts], ["unknown", "counted", "counted"])

    def test_upgrade_to_another_object_misses_nothing(self):
        def replace(copy):
            put_other_object(manager.daemon, copy)
        manager = Manager({"Capture": {**NO_LOSS["Capture"], "Exits": "yes"}})
        with contextlib.closing(manager):
            events = self.upgrade_in_a_storm(manager, replace)
            self.assertEqual({n for n in manager.store if n.startswith("link-")},
                             {"link-exec-2", "link-exit-2"})
        begun = {e["process_id"] for e in events if e.get("argv") == [PROGRAM]}
        ended = [e["process_id"] for e in events if e["event"] == "exit"]
        self.assertEqual(len(ended), len(set(ended)))
        self.assertEqual(begun - set(ended), set())

    def test_upgrade_keeps_the_lock_on_the_file(self):
        """Not for a moment could another daemon take it."""
        manager = Manager(NO_LOSS)
        with contextlib.closing(manager):
            copy = os.path.join(manager.folder, "execsnoopd")
            shutil.copy(manager.daemon, copy)
            manager.start(copy)
            folder, name = os.path.split(manager.path)
            taken = []
            end = threading.Event()

            def rival():
                with open(f"{folder}/.{name}.lock", "r+b") as lock:
                    while not end.is_set():
                        with contextlib.suppress(BlockingIOError):
                            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                            taken.append(True)
                            return
            thread = harness.Background(rival)
            for image in (manager.daemon, manager.daemon, "#!/bin/sh\nexit 78\n"):
                if image == manager.daemon:
                    shutil.copy(image, copy + ".new")
                    os.rename(copy + ".new", copy)
                else:
                    put_image(copy, image)
                manager.reload()
            end.set()
            thread.join()
            manager.end()
            events = manager.events()
        self.assertEqual(taken, [])
        self.assertEqual([e["event"] for e in events].count("start"), 3)

    def check_that_it_goes_on(self, *images):
        """As it is, whatever is put in its place."""
        contents = list(images)

        def replace(copy):
            put_image(copy, contents.pop(0))
        manager = Manager(NO_LOSS)
        with contextlib.closing(manager):
            events = self.upgrade_in_a_storm(manager, replace)
        self.assertEqual(sum(1 for e in events if e["event"] == "start"), 1)

    def test_upgrade_to_what_cannot_run_goes_on(self):
        self.check_that_it_goes_on("no program", "#!/bin/sh\nkill -SEGV $$\n")

    def test_upgrade_to_what_refuses_to_run_goes_on(self):
        self.check_that_it_goes_on("#!/bin/sh\nexit 78\n", "#!/bin/sh\nexit 0\n")

    def test_upgrade_to_what_cannot_load_its_programs_goes_on(self):
        script = f"#!/bin/sh\nexec {POWERLESS} {harness.DAEMON} \"$@\"\n"
        self.check_that_it_goes_on(script, script)

    def test_upgrade_to_what_was_not_tried_goes_on(self):
        """An administrator who replaces it during its trial will ask again."""
        script = f"#!/bin/sh\ncp $0 $0.other; mv $0.other $0; exec {harness.DAEMON} \"$@\"\n"
        self.check_that_it_goes_on(script, script)

    def test_upgrade_that_cannot_be_executed_goes_on(self):
        """It was tried, and only then broken."""
        script = f"#!/bin/sh\n{{ echo nothing > $0; exec {harness.DAEMON} \"$@\"; }}\n"
        self.check_that_it_goes_on(script, script)

    def test_upgrade_after_one_that_failed_misses_nothing(self):
        broken = f"#!/bin/sh\n{{ echo nothing > $0; exec {harness.DAEMON} \"$@\"; }}\n"
        images = [lambda copy: put_image(copy, broken),
                  lambda copy: put_other_object(harness.DAEMON, copy)]

        def replace(copy):
            if len(images) == 1:    # the first has failed
                self.assertEqual(self.inherited_fds(manager.pid), [])
            images.pop(0)(copy)
        manager = Manager(NO_LOSS)
        with contextlib.closing(manager):
            events = self.upgrade_in_a_storm(manager, replace)
        self.assertEqual([e["down"] for e in events if e["event"] == "start"],
                         ["unknown", "counted"])

    def inherited_fds(self, pid):
        """The descriptors of programs that it executes, but for the first three."""
        flags = {fd: int(re.search(r"^flags:\s*(\d+)$", text, re.M)[1], 8)
                 for fd, text in descriptors_of(pid)}
        return [fd for fd in flags if fd > 2 and not flags[fd] & os.O_CLOEXEC]

    def test_upgrade_that_fails_is_restarted(self):
        """A binary that ran a moment ago is not called hopeless for its exit code."""
        manager = Manager()
        with contextlib.closing(manager):
            copy = os.path.join(manager.folder, "execsnoopd")
            shutil.copy(manager.daemon, copy)
            manager.start(copy)
            put_other_object(manager.daemon, copy + ".other")   # it needs programs of its own
            put_image(copy, "#!/bin/sh\n"
                      f"case \"$*\" in *--test-config*) exec {manager.daemon} \"$@\" ;; esac\n"
                      f"exec {POWERLESS} {copy}.other \"$@\"\n")
            os.kill(manager.pid, signal.SIGHUP)
            status = harness.await_exit(manager.pid, "the image that fails")
            manager.pid = 0
            self.assertEqual(os.waitstatus_to_exitcode(status), 1)
            execute(10)
            manager.start()
            manager.end()
            events = manager.events()
        self.assertEqual(self.check(events, 10), 0)
        self.assertEqual([e["down"] for e in events if e["event"] == "start"],
                         ["unknown", "counted"])

    def test_reload_during_a_trial(self):
        """Ends once both have; settings are the last ones."""
        manager = Manager()
        with contextlib.closing(manager):
            copy = os.path.join(manager.folder, "execsnoopd")
            shutil.copy(manager.daemon, copy)
            manager.start(copy)
            put_other_object(manager.daemon, copy)
            os.kill(manager.pid, signal.SIGHUP)
            manager.wait_for("RELOADING", "reload")
            manager.configure({"Capture": {"ArgvMax": "8K"}})
            manager.reload()
            execute(5)
            manager.sync()
            manager.end()
            events = manager.events()
        self.assertEqual(self.check(events, 5), 5)
        self.assertEqual([e["settings"]["Capture"]["ArgvMax"] for e in events
                          if e["event"] == "start"], ["64K", "8K"])

    def test_trial_that_hangs_is_ended_by_the_next(self):
        manager = Manager()
        with contextlib.closing(manager):
            copy = os.path.join(manager.folder, "execsnoopd")
            shutil.copy(manager.daemon, copy)
            manager.start(copy)
            put_image(copy, "#!/bin/sh\nexec sleep 1000\n")
            ended = []
            for _ in range(5):
                os.kill(manager.pid, signal.SIGHUP)
                manager.wait_for("RELOADING", "reload")
                ended += harness.wait_until(
                    lambda: [p for p in harness.children_of(manager.pid, "sleep")
                             if p not in ended], "trial")
                harness.wait_until(
                    lambda: harness.children_of(manager.pid, "sleep") == ended[-1:],
                    "end of the trials before", TRIAL_SECONDS / 2)
            put_other_object(manager.daemon, copy)
            manager.reload()
            self.assertEqual(harness.children_of(manager.pid, "sleep"), [])
            execute(5)
            manager.sync()
            manager.end()
            events = manager.events()
        self.assertEqual(self.check(events, 5), 5)

    def test_manager_that_does_not_read(self):
        """A PID 1 that has crashed: events are logged on, and pings come when it reads again."""
        manager = Manager()
        with contextlib.closing(manager), \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full:
            manager.environment = {"WATCHDOG_USEC": "1000000"}
            manager.start()
            manager.wait_for("WATCHDOG", "ping")
            manager.hears.clear()
            full.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    full.sendto(b"X=1", manager.address)
            for _ in range(3):      # longer than it takes to the next ping
                execute(10)
                time.sleep(0.3)
                manager.sync()
            manager.hears.set()
            manager.wait_for("X", "what had filled the queue")
            manager.wait_for("WATCHDOG", "ping")
            manager.end()
            events = manager.events()
        self.assertEqual(self.check(events, 30), 30)

    def test_replaced_in_the_middle_of_an_event(self):
        """Two generations are attached and replace one another all the time: the younger does not
        do again what the older has begun."""
        manager = Manager(NO_LOSS)
        with contextlib.closing(manager):
            with two_generations(manager) as control:
                storm = subprocess.Popen([harness.STORM, "4000", PROGRAM, TARGET])
                while storm.poll() is None:
                    for generation in (1, 2) * 100:
                        control[:4] = generation.to_bytes(4, "little")
                        time.sleep(0)
            manager.sync()
            manager.end()
            seen = [e["argv"][2] for e in manager.events()
                    if e["event"] == "exec" and e.get("argv", [])[:2] == [TARGET, PROGRAM]]
        self.assertGreater(len(seen), 2000)     # the older does not wait for the younger
        self.assertEqual(len(seen), len(set(seen)))

    def test_one_generation_handles_each_event(self):
        """Of two that are attached, on every CPU, from the first event after a change on."""
        manager = Manager(NO_LOSS)
        with contextlib.closing(manager):
            with two_generations(manager) as control:
                for i, generation in enumerate((1, 2, 1, 2)):
                    control[:4] = generation.to_bytes(4, "little")
                    subprocess.run([harness.STORM, "20", f"{PROGRAM}-{i}", TARGET], check=True)
            manager.sync()
            manager.end()
            seen = collections.Counter(tuple(e["argv"][1:]) for e in manager.events()
                                       if e["event"] == "exec" and len(e.get("argv", ())) == 3)
        for i in range(4):
            self.assertEqual([seen[f"{PROGRAM}-{i}", str(n)] for n in range(20)], [1] * 20)

    def test_upgrade_waits_for_good_settings(self):
        def replace(copy):
            with open(manager.config, "a", encoding="utf-8") as file:
                file.write("[Capture]\nRingSize=some\n")
            shutil.copy(manager.daemon, copy + ".new")
            os.rename(copy + ".new", copy)
        manager = Manager(NO_LOSS)
        with contextlib.closing(manager):
            events = self.upgrade_in_a_storm(manager, replace)
        self.assertEqual(sum(1 for e in events if e["event"] == "start"), 1)

    def test_upgrade_to_other_defaults_misses_nothing(self):
        """A script stands for a daemon that reads the same settings otherwise."""
        def replace(copy):
            put_image(copy, "#!/bin/sh\n"
                      f"exec {manager.daemon} \"$@\" --config={manager.config}.other\n")
        manager = Manager({"Capture": {"RingSize": "16M"}})
        with contextlib.closing(manager):
            shutil.copy(manager.config, manager.config + ".other")
            manager.configure(NO_LOSS)
            events = self.upgrade_in_a_storm(manager, replace)
        self.assertEqual([e["settings"]["Capture"]["RingSize"] for e in events
                          if e["event"] == "start"], ["8M", "16M"])

    def test_order_outlives_an_upgrade_that_fails(self):
        manager = Manager({"Capture": {"MaxLatency": "1s"}})
        with contextlib.closing(manager):
            copy = os.path.join(manager.folder, "execsnoopd")
            shutil.copy(manager.daemon, copy)
            manager.start(copy)
            put_image(copy, f"#!/bin/sh\n{{ echo nothing > $0; exec {manager.daemon} \"$@\"; }}\n")
            manager.reload()
            subprocess.run([harness.STORM, "1000", PROGRAM, TARGET], check=True)
            manager.sync()
            manager.end()
            times = [e["time"] for e in manager.events()
                     if e["event"] == "exec" and e.get("argv", [])[:2] == [TARGET, PROGRAM]]
        self.assertEqual(len(times), 1000)
        self.assertEqual(times, sorted(times))

    def programs(self):
        shown = subprocess.run(["bpftool", "prog", "show", "-j"], check=True,
                               stdout=subprocess.PIPE).stdout
        return {p["id"] for p in json.loads(shown)}


if __name__ == "__main__":
    harness.main()
