#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""ExeHash=sha256: each file that is executed has the hash that sha256sum says, or a reason.

The hasher is stopped (SIGSTOP) where a file has to change between its exec and its hash.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import harness
from harness import TARGET, new_daemon, wait_until
from manager import Manager
from test_capabilities import DAC_READ_SEARCH, Unprivileged

SETTINGS = {"Capture": {"ExeHash": "sha256", "RingSize": "4M"}}
NAME = "execsnoopd-hasher"
KEY = ("dev", "ino", "size", "mtime", "ctime")
SCHED_IDLE = 5
TICK = 0.02         # of the kernel's clock for files, at least
HUGE = 2 << 30      # more than is read


def sha256sum(path):
    return subprocess.run(["sha256sum", path], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.split()[0]


def execute(path, *command):
    """Waits for its end."""
    command = [*command, path]
    os.waitpid(os.posix_spawnp(command[0], command, os.environ), 0)


def key_of(event):
    return tuple(event["exe_file"][key] for key in KEY)


def hasher_of(pid):
    """The one that there is."""
    wait_until(lambda: harness.children_of(pid, NAME), "hasher")
    [hasher] = harness.children_of(pid, NAME)
    return hasher


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def counters(daemon):
    """The last `stats`: events may come behind it."""
    return [e for e in daemon.sync() if e["event"] == "stats"][-1]


def wait_for_file(daemon, path, after=0):
    return daemon.wait_for(lambda e: e["event"] == "file" and e.get("exe") == path
                           and e["seq"] > after, f"file event of {path}")


class Hash(harness.KernelTest):
    settings = SETTINGS

    def setUp(self):
        self.execute_new("warm")        # so that there is a hasher
        self.hasher = hasher_of(self.daemon.process.pid)

    def program(self, name):
        """A new one, of a content of its own."""
        path = self.copy_target(f"{name}-{self.id().rpartition('.')[2]}")
        with open(path, "ab") as file:
            file.write(path.encode())
        return path

    def execute_new(self, name):
        path = self.program(name)
        execute(path)
        return path, self.file_event(path)

    def file_event(self, path, after=0):
        return wait_for_file(self.daemon, path, after)

    def last_exec(self, path):
        return [e for e in self.daemon.sync() if e["event"] == "exec" and e.get("exe") == path][-1]

    def check_reason(self, event, reason, error=None):
        self.assertEqual((event.get("reason"), event.get("error"), event.get("sha256")),
                         (reason, error, None))

    def test_new_file_has_its_hash_once_and_then_in_execs(self):
        path, event = self.execute_new("new")
        self.assertEqual(event["sha256"], sha256sum(path))
        self.assertEqual(event["exe_file"], harness.file_facts(path))
        self.assertNotIn("sha256", self.last_exec(path)["exe_file"])
        execute(path)
        known = self.last_exec(path)
        self.assertEqual(known["exe_file"], {**event["exe_file"], "sha256": event["sha256"]})
        self.assertEqual(key_of(known), key_of(event))
        self.assertEqual(sum(e["event"] == "file" and e.get("exe") == path
                             for e in self.daemon.sync()), 1)

    def test_event_comes_behind_its_exec(self):
        path, event = self.execute_new("order")
        events = self.daemon.events()
        self.assertLess(events.index(self.last_exec(path)), events.index(event))

    def test_hard_link_is_the_same_file(self):
        path = self.program("one")
        os.link(path, path + "-two")
        execute(path)
        event = self.file_event(path)
        execute(path + "-two")
        self.assertEqual(self.last_exec(path + "-two")["exe_file"]["sha256"], event["sha256"])

    def test_changed_file_is_another(self):
        path, first = self.execute_new("changed")
        before = os.stat(path)
        with open(path, "r+b") as file:     # of the same size, and with the same mtime
            file.seek(-1, os.SEEK_END)
            file.write(b"X")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        execute(path)
        self.assertNotIn("sha256", self.last_exec(path)["exe_file"])
        second = self.file_event(path, first["seq"])
        self.assertEqual(second["exe_file"]["mtime"], first["exe_file"]["mtime"])
        self.assertNotEqual(second["sha256"], first["sha256"])
        self.assertEqual(second["sha256"], sha256sum(path))

    def test_replaced_before_it_was_read(self):
        path, other = self.program("replaced"), self.program("other")
        with stopped(self.hasher):
            execute(path)
            self.daemon.sync()
            os.rename(other, path)
        self.check_reason(self.file_event(path), "other_file")

    def test_changed_before_it_was_read(self):
        path = self.program("touched")
        with stopped(self.hasher):
            execute(path)
            self.daemon.sync()
            time.sleep(TICK)
            os.chmod(path, 0o700)
        self.check_reason(self.file_event(path), "changed")

    def test_changed_while_it_was_read(self):
        path = self.program("large")
        os.truncate(path, 800 << 20)
        execute(path)
        folder = f"/proc/{self.hasher}/fd"

        def is_read():
            with contextlib.suppress(OSError):
                return path in [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
        wait_until(is_read, "hasher that reads")
        os.truncate(path, 4096)     # and it need not read the rest
        self.check_reason(self.file_event(path), "changed")

    def test_deleted_file(self):
        path = self.program("deleted")
        with stopped(self.hasher):
            execute(path)
            self.daemon.sync()
            os.unlink(path)
        self.check_reason(self.file_event(path), "unreadable", "ENOENT")

    def test_memfd_has_no_name(self):
        """Nor is it guessed from the link in /proc."""
        with open(TARGET, "rb") as file:
            fd = os.memfd_create("hashed")
            os.write(fd, file.read())
        ino = os.fstat(fd).st_ino
        os.waitpid(os.posix_spawn(f"/proc/self/fd/{fd}", ["memfd"], {}), 0)
        os.close(fd)
        event = self.daemon.wait_for(
            lambda e: e["event"] == "file" and e["exe_file"]["ino"] == ino and
            e["exe_file"]["nlink"] == 0, "memfd")
        self.check_reason(event, "no_name")

    def test_fifo_or_device_in_its_place_is_not_opened(self):
        for number, make in enumerate((os.mkfifo, lambda path: os.symlink("/dev/zero", path))):
            path = self.program(f"special{number}")
            with stopped(self.hasher):
                execute(path)
                self.daemon.sync()
                os.unlink(path)
                make(path)
            self.check_reason(self.file_event(path), "other_file")
        self.execute_new("after")

    def test_other_mount_namespace(self):
        path = self.program("hidden")
        script = 'mount -t tmpfs none "$1" && cp "$2" "$3" && "$3"'
        subprocess.run(["unshare", "-m", "sh", "-ec", script, "sh", self.folder, TARGET, path],
                       check=True)
        self.check_reason(self.file_event(path), "other_file")
        gone = os.path.join(self.folder, "only-there")
        subprocess.run(["unshare", "-m", "sh", "-ec", script, "sh", self.folder, TARGET, gone],
                       check=True)
        self.check_reason(self.file_event(gone), "unreadable", "ENOENT")

    def test_overlay_has_other_numbers_and_is_not_guessed(self):
        for name in ("lower", "upper", "work", "merged"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        shutil.copy(TARGET, os.path.join(self.folder, "lower/program"))
        options = ",".join(f"{n}dir={self.folder}/{n}" for n in ("lower", "upper", "work"))
        merged = os.path.join(self.folder, "merged")
        subprocess.run(["mount", "-t", "overlay", "none", "-o", options, merged], check=True)
        try:
            path = os.path.join(merged, "program")
            execute(path)
            event = self.file_event(path)
        finally:
            subprocess.run(["umount", merged], check=True)
        if "sha256" in event:
            self.assertEqual(event["sha256"], sha256sum(TARGET))
        else:
            self.check_reason(event, "other_file")

    def test_huge_file_is_not_read(self):
        path = self.program("huge")
        os.truncate(path, HUGE)
        execute(path)
        self.check_reason(self.file_event(path), "too_large")

    def test_hasher_that_is_killed(self):
        stats = counters(self.daemon)
        before, last = stats["files"]["restarts"], stats["seq"]
        path = self.program("killed")
        with stopped(self.hasher):
            execute(path)
            self.daemon.sync()
            os.kill(self.hasher, signal.SIGKILL)
        event = self.file_event(path)
        if "sha256" in event:       # it was at the file of somebody else, and this one waited
            self.assertEqual(event["sha256"], sha256sum(path))
            event = self.daemon.wait_for(lambda e: e["event"] == "file" and e["seq"] > last and
                                         "sha256" not in e, "file that it was at")
        self.check_reason(event, "hasher")
        other, event = self.execute_new("after")        # after a second
        self.assertEqual(event["sha256"], sha256sum(other))
        self.assertEqual(counters(self.daemon)["files"]["restarts"], before + 1)
        self.assertNotEqual(hasher_of(self.daemon.process.pid), self.hasher)

    def test_more_files_than_may_wait(self):
        before = counters(self.daemon)["files"]
        paths = [self.copy_target(f"many{i}") for i in range(300)]
        with stopped(self.hasher):
            for path in paths:
                execute(path)
            stats = counters(self.daemon)["files"]
        self.assertEqual(stats["waiting"], 256)
        # others may execute something new, too
        self.assertGreaterEqual(stats["dropped"] - before["dropped"], 300 - 256)
        execute(paths[0])
        wait_until(lambda: counters(self.daemon)["files"]["waiting"] == 0, "hashes")
        execute(paths[-1])          # its second chance
        self.file_event(paths[-1])

    def test_counters_are_the_events(self):
        self.execute_new("counted")
        stats = counters(self.daemon)
        files = [e for e in self.daemon.events()
                 if e["event"] == "file" and e["seq"] < stats["seq"]]
        stats = stats["files"]
        self.assertEqual(sum("sha256" in e for e in files), stats["hashed"])
        self.assertEqual(sum("reason" in e for e in files), stats["failed"])

    def test_hasher_has_one_privilege_and_nothing_else(self):
        status = status_of(self.hasher)
        for name, value in (("Eff", DAC_READ_SEARCH), ("Prm", DAC_READ_SEARCH), ("Inh", 0),
                            ("Amb", 0)):
            self.assertEqual(int(status["Cap" + name], 16), value, name)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(sorted(os.listdir(f"/proc/{self.hasher}/fd")), ["0", "1", "2"])
        self.assertTrue(os.readlink(f"/proc/{self.hasher}/fd/0").startswith("socket:"))
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, self.hasher), 19)
        self.assertEqual(os.sched_getscheduler(self.hasher), SCHED_IDLE)
        with open(f"/proc/{self.hasher}/maps", encoding="utf-8") as file:
            self.assertNotIn("perf_event", file.read())


class Life(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="execsnoopd-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder)

    def program(self, name):
        path = os.path.join(self.folder, name)
        shutil.copy(TARGET, path)
        with open(path, "ab") as file:
            file.write(name.encode())
        return path

    def test_reload_turns_it_on_and_off(self):
        path = self.program("toggled")
        with new_daemon({}) as daemon:
            execute(path)
            self.assertNotIn("files", counters(daemon))
            self.assertEqual(harness.children_of(daemon.process.pid, NAME), [])
            daemon.reload(SETTINGS)
            execute(path)
            first = wait_for_file(daemon, path)
            self.assertEqual(first["sha256"], sha256sum(path))
            daemon.reload({})
            wait_until(lambda: not harness.children_of(daemon.process.pid, NAME),
                       "end of the hasher")
            execute(path)
            self.assertNotIn("files", counters(daemon))
            last = [e for e in daemon.events() if e["event"] == "exec" and e.get("exe") == path][-1]
            self.assertNotIn("sha256", last["exe_file"])
            daemon.reload(SETTINGS)
            execute(path)
            wait_for_file(daemon, path, first["seq"])
            daemon.stop()

    def test_hasher_ends_with_the_daemon(self):
        with new_daemon(SETTINGS) as daemon:
            path = self.program("last")
            execute(path)
            wait_for_file(daemon, path)
            hasher = hasher_of(daemon.process.pid)
            daemon.kill()
        wait_until(lambda: not os.path.exists(f"/proc/{hasher}"), "end of the hasher")

    def test_folder_that_only_the_daemon_cannot_see(self):
        class Blind(harness.Daemon):
            prefix = ("unshare", "-m", "sh", "-ec", 'mount -t tmpfs none "$0"; exec "$@"',
                      self.folder)
        path = self.program("elsewhere")
        with Blind(SETTINGS) as daemon:
            execute(path)
            event = wait_for_file(daemon, path)
            daemon.stop()
        self.assertEqual((event["reason"], event["error"]), ("unreadable", "ENOENT"))

    def test_what_it_may_not_read(self):
        class Weak(harness.Daemon):
            prefix = ("setpriv", "--bounding-set=-dac_read_search,-dac_override",
                      "--inh-caps=-dac_read_search,-dac_override")
        path = self.program("private")
        os.chown(self.folder, harness.NOBODY, harness.NOBODY)
        os.chmod(self.folder, 0o700)
        with Weak(SETTINGS) as daemon:
            execute(path)
            event = wait_for_file(daemon, path)
            daemon.stop()
        self.assertEqual((event["reason"], event["error"]), ("unreadable", "EACCES"))

    def file_events(self, manager, path):
        manager.sync()
        return [e for e in manager.events() if e["event"] == "file" and e.get("exe") == path]

    def wait_for_event(self, manager, path, n=1):
        def is_there():
            return len(self.file_events(manager, path)) >= n
        wait_until(is_there, "file event")

    def test_daemon_of_an_ordinary_user_reads_what_it_may_not(self):
        with Unprivileged(capture={"ExeHash": "sha256"}) as manager:
            path = self.program("private")
            os.chmod(path, 0o700)
            os.chmod(self.folder, 0o700)
            execute(path)
            self.wait_for_event(manager, path)
            [event] = self.file_events(manager, path)
            self.assertEqual(event["sha256"], sha256sum(path))
            status = status_of(hasher_of(manager.pid))
            self.assertEqual(int(status["CapEff"], 16), DAC_READ_SEARCH)
            self.assertEqual(int(status["CapPrm"], 16), DAC_READ_SEARCH)
            own = manager.capabilities()
            self.assertEqual((own["Eff"] & DAC_READ_SEARCH, own["Inh"], own["Amb"]), (0, 0, 0))
            manager.end()

    def check_kept(self, manager, again):
        """What has a hash keeps it; what has none is tried again."""
        path, gone = self.program("kept"), self.program("gone")
        execute(path)
        self.wait_for_event(manager, path)
        [event] = self.file_events(manager, path)
        hasher = hasher_of(manager.pid)
        os.kill(hasher, signal.SIGSTOP)
        execute(gone)
        manager.sync()
        again()
        os.kill(hasher, signal.SIGKILL)     # it may be stopped for ever
        execute(path)
        execute(gone)
        self.wait_for_event(manager, gone)
        self.assertEqual(len(self.file_events(manager, path)), 1)
        last = [e for e in manager.events() if e["event"] == "exec" and e.get("exe") == path][-1]
        self.assertEqual(last["exe_file"]["sha256"], event["sha256"])
        self.assertEqual(self.file_events(manager, gone)[-1]["sha256"], sha256sum(gone))

    def test_hashes_outlive_a_restart_and_a_crash(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=number), Manager(SETTINGS) as manager:
                self.check_kept(manager, lambda: manager.restart(number))
                manager.end()
            for name in os.listdir(self.folder):
                os.unlink(os.path.join(self.folder, name))

    def test_hashes_outlive_an_upgrade_in_place(self):
        with Manager(SETTINGS) as manager:
            copy = os.path.join(manager.folder, "execsnoopd")
            shutil.copy(manager.daemon, copy)
            manager.end()
            manager.start(copy)

            def upgrade():
                pid = manager.pid
                shutil.copy(manager.daemon, copy + ".new")
                os.rename(copy + ".new", copy)
                manager.reload()
                self.assertEqual(manager.pid, pid)
            self.check_kept(manager, upgrade)
            manager.end()

    def test_time_does_not_stand_still(self):
        """A hasher that does nothing holds up neither the log nor the end."""
        with new_daemon(SETTINGS) as daemon:
            path = self.program("first")
            execute(path)
            wait_for_file(daemon, path)
            with stopped(hasher_of(daemon.process.pid)):
                second = self.program("second")
                execute(second)
                self.assertTrue([e for e in daemon.sync() if e.get("exe") == second])
                begin = time.monotonic()
                stop = daemon.stop()[-1]
                self.assertLess(time.monotonic() - begin, 10)
            self.assertGreaterEqual(stop["files"]["waiting"], 1)


if __name__ == "__main__":
    harness.main()
