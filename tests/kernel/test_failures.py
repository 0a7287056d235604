#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Execs that fail, and attempts: what was tried, and with which error."""
import errno
import mmap
import os
import ctypes
import random
import signal
import struct
import subprocess
import time

import harness
from harness import DOORS, KernelTest, NOBODY, TARGET

UNMAPPED = 8        # an address that no process has
PIECE = 4096        # the kernel side reads strings by so many bytes, with a NUL each
AT_EXECVE_CHECK = 0x10000   # 6.14; EINVAL before
N_RACES = harness.rounds(20)


def elf_that_cannot_be_mapped():
    """Its one segment lies in the kernel's half: found out when the old program is already gone."""
    machine = {"x86_64": 62, "aarch64": 183}[os.uname().machine]
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, 0x400000, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0xffff_8000_0000_0000, 0, 0x1000, 0x1000, 0x1000)
    return (header + segment).ljust(0x1000, b"\0")


class FailureTest(KernelTest):
    def events_of_call(self, call, expected, prepare=lambda: None):
        """The events of a child that makes one system call, which must fail with the errno."""
        def start():
            prepare()
            error = call()
            os._exit(0 if error == expected else error)

        return self.run_child(start)

    def failure(self, call, expected, prepare=lambda: None):
        events = self.events_of_call(call, expected, prepare)
        self.assertEqual([e["event"] for e in events], ["exec_failed"], events)
        event, = events
        self.assertEqual((event["retval"], event["error"]), (-expected, errno.errorcode[expected]))
        self.assert_caller(event)
        return event

    def assert_caller(self, event):
        """The process that called is the one that goes on."""
        self.assert_facts(event, ppid=os.getpid(), uid=0,
                          exe=os.readlink("/proc/self/exe"), cwd=os.getcwd())
        with open("/proc/self/comm", encoding="utf-8") as file:
            self.assertEqual(event["comm"], file.read().rstrip("\n"))

    def failed_execve(self, path, expected, argv=(b"tried", b"1"), **facts):
        path = os.fsencode(path)
        event = self.failure(lambda: harness.execve(path, list(argv)), expected)
        self.assertEqual(harness.exact(event, "filename"), path)
        self.assert_facts(event, flags=None, **facts)
        return event


class Failures(FailureTest):
    settings = {"Capture": {"FailedExecs": "yes", "FailedExecsIgnore": ""}}

    def assert_argv(self, event, argv):
        """From 6.8 on the kernel opens the file before it reads argv: what is on a page that nobody
        has touched is not there then, and says so."""
        if event.get("argv_truncated"):
            return
        self.assertEqual(harness.exact(event, "argv"), list(argv))
        self.assertEqual(event["argc"], len(argv))

    def test_file_that_is_not_executable(self):
        path = self.copy_target("plain", mode=0o644)
        self.assert_argv(self.failed_execve(path, errno.EACCES), [b"tried", b"1"])

    def test_folder(self):
        self.failed_execve(self.folder, errno.EACCES)

    def test_file_of_no_known_format(self):
        path = self.write("text", b"echo this is no program\n")
        event = self.failed_execve(path, errno.ENOEXEC)
        self.assertEqual(harness.exact(event, "argv"), [b"tried", b"1"])

    def test_file_that_does_not_exist(self):
        self.failed_execve("/nonexistent/x", errno.ENOENT)

    def test_relative_name(self):
        self.failed_execve("./nonexistent", errno.ENOENT)

    def test_empty_name(self):
        self.failed_execve("", errno.ENOENT)

    def test_name_that_is_not_text(self):
        self.failed_execve(b"/nonexistent/\xff\n", errno.ENOENT)

    def test_script_whose_interpreter_is_missing(self):
        path = self.write("lost", b"#!/nonexistent/interpreter\n")
        event = self.failed_execve(path, errno.ENOENT)
        self.assertEqual(harness.exact(event, "argv"), [b"tried", b"1"])

    def test_circle_of_links(self):
        path = os.path.join(self.folder, "circle")
        os.symlink(path, path)
        self.failed_execve(path, errno.ELOOP)

    def test_scripts_nested_too_deep(self):
        path = TARGET
        for i in range(7):
            path = self.write(f"nested{i}", f"#!{path}\n".encode())
        self.failed_execve(path, errno.ELOOP)

    def test_name_under_a_file(self):
        self.failed_execve(TARGET + "/x", errno.ENOTDIR)

    def test_component_that_is_too_long(self):
        self.failed_execve("/" + "n" * 256, errno.ENAMETOOLONG)

    def test_name_that_is_too_long_is_marked(self):
        path = b"/" + b"n/" * 4000
        event = self.failure(lambda: harness.execve(path, [b"x"]), errno.ENAMETOOLONG)
        self.assertTrue(path.startswith(harness.exact(event, "filename")))
        self.assertIn("filename", event.get("truncated", []))

    def test_argument_that_is_too_long(self):
        argv = [b"tried", b"x" * (128 * 1024), b"last"]
        event = self.failed_execve(TARGET, errno.E2BIG, argv)
        self.assert_facts(event, argv_truncated=True, argc=3)
        self.assertEqual(harness.exact(event, "argv")[0], b"tried")

    def test_too_many_arguments(self):
        event = self.failed_execve(TARGET, errno.E2BIG, [b"x" * 100_000] * 80)
        self.assert_facts(event, argv_truncated=True, argc=80)

    def test_name_that_cannot_be_read(self):
        event = self.failure(lambda: harness.execve(UNMAPPED, [b"tried"]), errno.EFAULT)
        self.assert_facts(event, filename=None)

    def test_argv_that_cannot_be_read(self):
        event = self.failure(lambda: harness.execve(TARGET.encode(), UNMAPPED), errno.EFAULT)
        self.assert_facts(event, filename=TARGET, argv_truncated=True, argc=None)
        self.assertFalse(event.get("argv"))

    def test_argument_that_cannot_be_read(self):
        def call():
            argv = (ctypes.c_void_p * 4)(ctypes.cast(b"tried", ctypes.c_void_p).value, UNMAPPED,
                                         ctypes.cast(b"last", ctypes.c_void_p).value, None)
            harness.libc.syscall(harness.SYS_EXECVE, TARGET.encode(), argv, None)
            return ctypes.get_errno()

        event = self.failure(call, errno.EFAULT)
        self.assert_facts(event, filename=TARGET, argv_truncated=True)
        self.assertEqual(event["argv"][0], "tried")

    def test_empty_arguments(self):
        path = self.copy_target("plain5", mode=0o644)
        for argv in ([b""], [b"", b""], [b"first", b"", b"last"]):
            with self.subTest(argv=argv):
                event = self.failed_execve(path, errno.EACCES, argv, argv_truncated=None)
                self.assertEqual(harness.exact(event, "argv"), argv)

    def test_argument_of_any_length_around_that_of_a_piece(self):
        path = self.copy_target("plain6", mode=0o644)
        for size in (n * (PIECE - 1) + i for n in (1, 2) for i in (-1, 0, 1)):
            argv = [b"z" * size, b"last"]
            with self.subTest(size=size):
                event = self.failed_execve(path, errno.EACCES, argv, argv_truncated=None)
                self.assertEqual(harness.exact(event, "argv"), argv)

    def test_argv_is_missing(self):
        path = self.copy_target("plain2", mode=0o644)
        event = self.failure(lambda: harness.execve(path.encode(), None), errno.EACCES)
        self.assert_facts(event, argv=[], argc=0, argv_truncated=None)

    def test_program_that_is_being_written(self):
        path = self.copy_target("busy")
        with open(path, "r+b"):
            self.failed_execve(path, errno.ETXTBSY)

    def test_mount_that_forbids_it(self):
        def call():
            harness.private_mounts()
            harness.call("mount", b"tmpfs", self.folder.encode(), b"tmpfs", 8, None)    # MS_NOEXEC
            self.copy_target("forbidden")
            return harness.execve(path, [b"tried"])

        path = os.path.join(self.folder, "forbidden").encode()
        self.assertEqual(self.failure(call, errno.EACCES)["filename"], path.decode())

    def test_as_an_ordinary_user(self):
        path = self.copy_target("owners", mode=0o700)
        event, = self.events_of_call(lambda: harness.execve(path.encode(), [b"tried"]),
                                     errno.EACCES, lambda: os.setuid(NOBODY))
        self.assert_facts(event, event="exec_failed", uid=NOBODY, error="EACCES")

    def test_execveat(self):
        folder = os.open(self.folder, os.O_PATH)
        event = self.failure(lambda: harness.execveat(folder, b"nothing", [b"tried", b"at"]),
                             errno.ENOENT)
        self.assert_facts(event, filename=f"/dev/fd/{folder}/nothing", flags=["execveat"])
        self.assert_argv(event, [b"tried", b"at"])
        os.close(folder)

    def test_execveat_of_a_descriptor_of_many_digits(self):
        def call(fd):
            if fd in (9, 10):       # open to somebody who runs the tests
                os.closerange(fd, fd + 1)
            return harness.execveat(fd, b"x", [b"tried"])

        for fd in (0, 9, 10, 1_234_567_890, -1, -(2**31)):
            with self.subTest(fd=fd):
                event = self.failure(lambda fd=fd: call(fd),
                                     errno.ENOTDIR if fd == 0 else errno.EBADF)
                self.assert_facts(event, filename=f"/dev/fd/{fd}/x", flags=["execveat"])

    def test_execveat_of_an_absolute_name_needs_no_descriptor(self):
        event = self.failure(lambda: harness.execveat(99, b"/nonexistent/x", [b"tried"]),
                             errno.ENOENT)
        self.assert_facts(event, filename="/nonexistent/x", flags=["execveat"])

    def test_execveat_of_an_empty_name_without_its_flag(self):
        event = self.failure(lambda: harness.execveat(0, b"", [b"tried"]), errno.ENOENT)
        self.assert_facts(event, filename="", flags=["execveat"])

    def test_question_whether_it_may_be_executed_is_no_exec(self):
        path = self.copy_target("asked", mode=0o644)
        child = harness.Child(lambda: os._exit(harness.execveat(
            harness.AT_FDCWD, path.encode(), [b"x"], AT_EXECVE_CHECK) == 0))
        self.assertEqual(child.close(), 0)
        self.assertEqual(self.daemon.of(child.pid, since=child.since), [])

    def test_thread_that_is_not_the_leader(self):
        child = harness.Child(lambda: os.execv(DOORS, [DOORS, "thread", "/nonexistent/x"]))
        status = child.close()
        self.assertEqual(os.waitstatus_to_exitcode(status), 1)
        _, event = self.daemon.of(child.pid, since=child.since)
        self.assert_facts(event, event="exec_failed", flags=["thread_exec"],
                          tid=int(child.output))

    def test_process_that_is_killed_meanwhile_has_not_failed(self):
        def start():
            while True:
                harness.execve(path, [b"x" * 100_000] * 10)

        path = self.copy_target("plain7", mode=0o644).encode()
        for _ in range(N_RACES):
            pid = os.fork()
            if pid == 0:
                start()
            time.sleep(random.uniform(0, 0.01))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            errors = {e["error"] for e in self.daemon.of(pid)}
            self.assertLessEqual(errors, {"EACCES"})

    def test_execveat_that_refuses_a_link(self):
        link = os.path.join(self.folder, "link")
        os.symlink(TARGET, link)
        event = self.failure(lambda: harness.execveat(harness.AT_FDCWD, link.encode(), [b"tried"],
                                                      harness.AT_SYMLINK_NOFOLLOW), errno.ELOOP)
        self.assert_facts(event, filename=link, flags=["execveat"])

    def test_execveat_of_a_bad_descriptor(self):
        event = self.failure(lambda: harness.execveat(99, b"", [b"tried"], harness.AT_EMPTY_PATH),
                             errno.EBADF)
        self.assert_facts(event, filename="/dev/fd/99", flags=["execveat"])

    def test_signal_that_is_blocked_hides_nothing(self):
        def prepare():
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGSEGV])
            signal.raise_signal(signal.SIGSEGV)

        event = self.failure(lambda: harness.execve(b"/etc/passwd", [b"tried", b"1"]),
                             errno.EACCES, prepare)
        self.assert_facts(event, filename="/etc/passwd", flags=None)
        self.assert_argv(event, [b"tried", b"1"])

    def test_program_that_dies_after_the_point_of_no_return(self):
        path = self.write("unmappable", elf_that_cannot_be_mapped())
        child = harness.Child(lambda: os.execve(path, ["x"], {}))
        status = child.close()
        self.assertTrue(os.WIFSIGNALED(status), status)
        self.assertIn(os.WTERMSIG(status), (signal.SIGSEGV, signal.SIGKILL))
        event, = self.daemon.of(child.pid, since=child.since)
        # the old program is gone, and with it what it had asked for
        self.assert_facts(event, event="exec_failed", flags=["point_of_no_return"], exe=path,
                          comm="unmappable", filename=None, argv=None, argv_truncated=True)
        self.assertLess(event["retval"], 0)

    def test_strings_on_pages_that_are_not_resident(self):
        child = harness.Child(
            lambda: os.execv(DOORS, [DOORS, "not_resident_missing", TARGET]))
        self.assertEqual(child.close(), 0)
        event, = self.daemon.of(int(child.output), since=child.since)
        self.assert_facts(event, event="exec_failed", filename="/nonexistent/constant",
                          error="ENOENT")

    def test_threads_that_lose_a_race_have_not_failed(self):
        for _ in range(N_RACES):
            events = self.run_child(lambda: os.execv(DOORS, [DOORS, "race", TARGET]))
            self.assertEqual([e["event"] for e in events], ["exec", "exec"], events)

    def test_shell_that_searches(self):
        path = f"{self.folder}:/nonexistent:{os.path.dirname(TARGET)}"
        process = subprocess.Popen(["/bin/sh", "-c", "target"], env={"PATH": path},
                                   stdin=subprocess.DEVNULL)
        process.wait()
        names = {e["filename"] for e in self.daemon.sync()
                 if e["event"] == "exec" and e.get("filename") == TARGET and
                 e["ppid"] in (process.pid, os.getpid())}
        self.assertEqual(names, {TARGET})

    def test_argv_in_memory_of_huge_size(self):
        # 1,024 steps are what the kernel side takes
        path = self.copy_target("plain3", mode=0o644).encode()
        event = self.failure(lambda: harness.execve(path, [b"a"] * 5000), errno.EACCES)
        if event.get("argv_truncated"):
            self.assertNotIn("argc", event)     # nobody counted to the end
        else:
            self.assertEqual(event["argc"], 5000)

    def test_argument_that_ends_with_the_mapping(self):
        def call():
            page = mmap.mmap(-1, mmap.PAGESIZE)
            page[-4:] = b"end\0"
            address = ctypes.addressof(ctypes.c_char.from_buffer(page)) + mmap.PAGESIZE - 4
            argv = (ctypes.c_void_p * 2)(address, None)
            harness.libc.syscall(harness.SYS_EXECVE, path, argv, None)
            return ctypes.get_errno()

        path = self.copy_target("plain4", mode=0o644).encode()
        self.assertEqual(self.failure(call, errno.EACCES)["argv"], ["end"])


class Ignored(FailureTest):
    settings = {"Capture": {"FailedExecs": "yes"}}

    def test_enoent_is_ignored_and_counted_as_filtered(self):
        def filtered():
            return next(e for e in reversed(self.daemon.sync())
                        if e["event"] == "stats")["filtered"]

        before = filtered()
        events = self.events_of_call(lambda: harness.execve(b"/nonexistent/x", [b"tried"]),
                                     errno.ENOENT)
        self.assertEqual(events, [])
        self.assertGreater(filtered(), before)

    def test_others_are_not(self):
        self.failed_execve(TARGET + "/x", errno.ENOTDIR)

    def test_list_can_be_extended_while_it_runs(self):
        with harness.new_daemon({"Capture": {"FailedExecs": "yes"}}) as daemon:
            def errors():
                child = harness.Child(lambda: (harness.execve(TARGET.encode() + b"/x", [b""]),
                                               harness.execve(b"/" + b"n" * 256, [b""]),
                                               harness.execve(b"/nonexistent", [b""])))
                child.close()
                return [e["error"] for e in daemon.of(child.pid, since=child.since)]

            self.assertEqual(errors(), ["ENOTDIR", "ENAMETOOLONG"])
            daemon.reload({"Capture": {"FailedExecs": "yes",
                                       "FailedExecsIgnore": "ENOTDIR ENAMETOOLONG"}})
            self.assertEqual(errors(), ["ENOENT"])


class Off(FailureTest):
    def test_nothing_of_failures_by_default(self):
        path = self.copy_target("plain", mode=0o644)
        events = self.events_of_call(lambda: harness.execve(path.encode(), [b"x"]), errno.EACCES)
        self.assertEqual(events, [])


class Attempts(FailureTest):
    settings = {"Capture": {"Attempts": "yes"}}

    def test_attempt_comes_before_its_exec(self):
        events = self.run_child(lambda: harness.execve(TARGET.encode(), [b"one", b"\xff"]))
        self.assertEqual([e["event"] for e in events], ["exec_attempt", "exec"], events)
        attempt, success = events
        self.assertEqual(attempt["process_id"], success["process_id"])
        self.assert_caller(attempt)
        self.assert_facts(attempt, filename=TARGET, retval=None, error=None, argc=2, flags=None)
        self.assertEqual(harness.exact(attempt, "argv"), [b"one", b"\xff"])

    def test_attempt_that_fails_is_alone(self):
        events = self.events_of_call(lambda: harness.execve(b"/nonexistent/x", [b"tried"]),
                                     errno.ENOENT)
        self.assertEqual([(e["event"], e["filename"]) for e in events],
                         [("exec_attempt", "/nonexistent/x")])

    def test_attempt_by_execveat(self):
        folder = os.open(os.path.dirname(TARGET), os.O_PATH)
        events = self.run_child(lambda: harness.execveat(folder, b"target", [b"at"]))
        os.close(folder)
        self.assertEqual([e["event"] for e in events], ["exec_attempt", "exec"])
        self.assert_facts(events[0], filename=f"/dev/fd/{folder}/target", flags=["execveat"],
                          argv=["at"])
        self.assertEqual(events[1]["filename"], events[0]["filename"])

    def test_question_whether_it_may_be_executed_is_no_attempt(self):
        child = harness.Child(lambda: os._exit(harness.execveat(
            harness.AT_FDCWD, TARGET.encode(), [b"x"], AT_EXECVE_CHECK) not in
            (0, errno.EINVAL)))
        self.assertEqual(child.close(), 0)
        self.assertEqual(self.daemon.of(child.pid, since=child.since), [])


class Everything(FailureTest):
    settings = {"Capture": {"Attempts": "yes", "FailedExecs": "yes", "FailedExecsIgnore": "",
                            "Exits": "yes"}}

    def test_order_of_a_life(self):
        def start():
            harness.execve(b"/nonexistent/x", [b"first"])
            harness.execve(TARGET.encode(), [b"second"])

        events = self.run_child(start)
        self.assertEqual([e["event"] for e in events],
                         ["exec_attempt", "exec_failed", "exec_attempt", "exec", "exit"])
        self.assertEqual(len({e["process_id"] for e in events}), 1)


if __name__ == "__main__":
    harness.main()
