#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Every fact of an exec against what this program knows, or /proc says while the process lives."""
import fcntl
import os
import platform
import pty
import statistics
import struct
import subprocess
import time

import harness
import namespaces
from harness import Child, KernelTest, NOBODY, TARGET

# MaxLatency's default, and what the daemon may add.
LATENCY_SECONDS = 0.2 * harness.SLOWNESS
ROUNDS = 5

# The kernel side reads strings by so many bytes, with a NUL each.
PIECE = 4096
AROUND_PIECES = [n * (PIECE - 1) + i for n in (1, 2) for i in (-1, 0, 1)]

# The event of a usual command may take so many bytes; the journal shows up to 4,087.
USUAL_BYTES = 1500

TIOCGPTN = 0x80045430     # <asm/ioctls.h>; the termios module lacks it


def cgroup_of(pid):
    """In the unified hierarchy; where that says "/", in the one named systemd."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    unified = next((path for number, _, path in lines if number == "0"), "/")
    named = next((path for _, name, path in lines if name == "name=systemd"), unified)
    return named if unified == "/" else unified


def mount_lines():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return file.readlines()


def remove(path):
    """Of a control group; False: what has ended is still in it."""
    try:
        os.rmdir(path)
    except OSError:
        return False
    return True


def comm_of(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
        return file.read().rstrip("\n")


def ancestors_of(pid):
    """The parent of the process first."""
    chain = []
    pid = int(harness.stat_fields(pid)[1])
    while pid:
        chain.append({"pid": pid, "comm": comm_of(pid)})
        pid = int(harness.stat_fields(pid)[1])
    return chain[:8]


def audit_id(pid, name):
    """None: not set, or not known to this kernel."""
    try:
        with open(f"/proc/{pid}/{name}", encoding="ascii") as file:
            value = int(file.read())
    except OSError:
        return None
    return None if value == 2**32 - 1 else value


def caps_of(pid):
    """None if both sets are what one expects: all that this kernel knows for root, else none."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    effective, permitted = int(status["CapEff"], 16), int(status["CapPrm"], 16)
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        full = (2 << int(file.read())) - 1
    euid = int(status["Uid"].split("\t")[1])
    if effective == permitted == (0 if euid else full):
        return None
    return {"effective": hex(effective), "permitted": hex(permitted)}


class Facts(KernelTest):
    def test_ls_appears_in_time_with_all_that_was_asked_for(self):
        delays = []
        for _ in range(ROUNDS):
            # Popen() returns when the exec has succeeded.
            ls = subprocess.Popen(["ls", "-l", "/tmp"], stdout=subprocess.DEVNULL, cwd="/usr")
            started = time.monotonic()
            event = self.daemon.wait_for(
                lambda e, pid=ls.pid: e["event"] == "exec" and e["pid"] == pid, "exec of ls")
            delays.append(self.daemon.arrival(event) - started)
            ls.wait()
            path = os.path.realpath("/bin/ls")
            self.assert_facts(event, pid=ls.pid, ppid=os.getpid(), uid=0, comm="ls",
                              filename=event["filename"], exe=path, argv=["ls", "-l", "/tmp"],
                              argc=3, cwd="/usr", retval=0)
            self.assertEqual(os.path.realpath(event["filename"]), path)
        self.assertLess(statistics.median(delays), LATENCY_SECONDS)

    def test_usual_command_makes_a_short_line(self):
        process = subprocess.Popen(["ls", "-l", "/tmp"], stdout=subprocess.DEVNULL)
        process.wait()
        self.daemon.of(process.pid)
        line = next(line for line in self.daemon.raw_lines()
                    if line.startswith(b'{"event":"exec"')
                    and b'"pid":%d,"tid"' % process.pid in line)
        self.assertLess(len(line), USUAL_BYTES, line)

    def test_start_names_what_this_kernel_cannot_give(self):
        wanted = {"loginuid": "loginuid", "session": "sessionid", "namespaces.time": "ns/time"}
        # for flags.image32 see the 32-bit programs
        missing = set(self.daemon.start_event().get("missing", ())) - {"flags.image32"}
        self.assertEqual(missing, {key for key, name in wanted.items()
                                   if not os.path.exists(f"/proc/self/{name}")})

    def test_facts_agree_with_proc_of_the_living_process(self):
        child = Child(lambda: os.execve(TARGET, [TARGET, "x"], {}))
        child.await_exec()
        pid = child.pid
        stat = harness.stat_fields(pid)
        expected = {
            "pid": pid, "tid": pid, "ppid": os.getpid(),
            "sid": os.getsid(pid), "pgid": os.getpgid(pid),
            "uid": 0, "gid": 0, "euid": 0, "egid": 0, "suid": 0, "sgid": 0,
            "loginuid": audit_id(pid, "loginuid"), "session": audit_id(pid, "sessionid"),
            "comm": comm_of(pid), "parent_comm": comm_of(os.getpid()),
            "filename": TARGET, "exe": os.readlink(f"/proc/{pid}/exe"),
            "argv": [TARGET, "x"], "argc": 2, "cwd": os.readlink(f"/proc/{pid}/cwd"),
            "cgroup": cgroup_of(pid),
            "namespaces": namespaces.shown_of(pid, self.daemon.start_event()), "ns_pid": None,
            "exe_file": harness.file_facts(f"/proc/{pid}/exe"),
            "caps": caps_of(pid), "flags": None, "env": None,
            "argv_truncated": None, "truncated": None,
            "ancestors": ancestors_of(pid), "retval": 0, "error": None,
            "boot_id": harness.boot_id(), "host": platform.node(),
        }
        child.close()
        event, = self.daemon.of(pid, "exec", since=child.since)
        self.assert_facts(event, **expected)
        boot, _, hex_pid = event["process_id"].split("-")
        self.assertEqual(boot, harness.boot_id()[:12])
        self.assertEqual(int(hex_pid, 16), pid)
        self.assertEqual(harness.start_ticks(event["process_id"]), int(stat[19]))
        self.assertEqual(harness.start_ticks(event["parent_process_id"]),
                         int(harness.stat_fields(os.getpid())[19]))
        self.assertEqual(int(event["parent_process_id"].split("-")[2], 16), os.getpid())

    def test_time_is_that_of_the_exec(self):
        before = harness.timestamp()
        child = Child(lambda: os.execve(TARGET, [TARGET], {}))
        child.await_exec()
        after = harness.timestamp()
        child.close()
        event, = self.daemon.of(child.pid, "exec", since=before)
        self.assertLess(before, event["time"])
        self.assertLess(event["time"], after)

    def test_process_keeps_its_identity_through_execs(self):
        event = self.last_exec_of(lambda: os.execv("/bin/sh", ["sh", "-c", f"exec {TARGET}"]))
        self.assert_facts(event, filename=TARGET, argv=[TARGET], ppid=os.getpid())

    def test_parent_that_has_died_is_replaced_by_who_adopted(self):
        reading, writing = os.pipe()

        def orphan():
            if os.fork() == 0:
                os.setsid()
                os.read(reading, 1)         # until we know that the parent is gone
                os.execve(TARGET, [TARGET, "orphan"], {})

        child = Child(orphan)
        _, status = os.waitpid(child.pid, 0)
        self.assertEqual(status, 0)
        os.write(writing, b"x")
        os.close(child.stdin)
        event = self.daemon.wait_for(
            lambda e: e["event"] == "exec" and e.get("argv") == [TARGET, "orphan"], "orphan")
        self.assertNotEqual(event["ppid"], child.pid)
        self.assertEqual(event["parent_comm"], comm_of(event["ppid"]))
        os.close(child.stdout)
        os.close(reading)
        os.close(writing)

    def test_ids_of_an_ordinary_user(self):
        def drop():
            os.setgroups([])
            os.setresgid(NOBODY - 1, NOBODY - 2, NOBODY - 3)
            os.setresuid(NOBODY - 4, NOBODY - 5, NOBODY - 6)
            os.execve(path, [path], {})

        path = self.copy_target("ids")
        event = self.exec_of(drop)
        # exec makes the effective IDs the saved ones, too
        self.assert_facts(event, uid=NOBODY - 4, euid=NOBODY - 5, suid=NOBODY - 5,
                          gid=NOBODY - 1, egid=NOBODY - 2, sgid=NOBODY - 2, caps=None)

    def test_comm_is_the_name_of_the_program_cut_at_fifteen_bytes(self):
        path = self.copy_target("a-name-of-more-than-fifteen-bytes")
        event = self.exec_of(lambda: os.execve(path, ["other"], {}))
        self.assert_facts(event, comm="a-name-of-more-", argv=["other"], exe=path)

    def test_names_of_any_bytes(self):
        name = b"n \xff\x80\n\t\"\\\x7f"
        folder = os.path.join(os.fsencode(self.folder), b"d" + name)
        os.mkdir(folder)
        path = os.path.join(folder, name)
        self.copy_target(os.fsdecode(path))

        def start():
            os.chdir(folder)
            os.execve(b"./" + name, [path], {})

        event = self.exec_of(start)
        for key, expected in (("filename", b"./" + name), ("exe", path), ("cwd", folder),
                              ("comm", name)):
            self.assertEqual(harness.exact(event, key), expected, key)
        self.assertEqual(harness.exact(event, "argv"), [path])

    def test_comm_cut_inside_a_character_has_its_exact_bytes(self):
        path = self.copy_target("fourteen bytesé")
        event = self.exec_of(lambda: os.execve(path, [path], {}))
        self.assertEqual(harness.exact(event, "comm"), "fourteen bytesé".encode()[:15])

    def test_folder_deeper_than_path_max(self):
        # 100 folders of 60 bytes: no path names it, and the walk stops where paths end
        def start():
            fd = os.open(TARGET, os.O_RDONLY)
            os.chdir(self.folder)
            for _ in range(100):
                os.mkdir("d" * 60)
                os.chdir("d" * 60)
            os.execve(fd, [TARGET], {})

        event = self.exec_of(start)
        self.assertIn("cwd", event["truncated"])
        self.assertTrue(event["cwd"].endswith("/".join(["d" * 60] * 60)), event["cwd"])

    def test_folder_of_two_hundred_levels_is_whole(self):
        def start():
            fd = os.open(TARGET, os.O_RDONLY)
            os.chdir(self.folder)
            for _ in range(200):
                os.mkdir("e")
                os.chdir("e")
            os.execve(fd, [TARGET], {})

        event = self.exec_of(start)
        self.assertEqual(event["cwd"], self.folder + "/e" * 200)
        self.assertNotIn("truncated", event)

    def test_path_of_the_greatest_length(self):
        # PATH_MAX is 4096 with its NUL
        name = "/".join(["f" * 200] * 30)
        name = (self.folder + "/" + name)[:4095 - len("/target")].rstrip("/")
        name = name + "g" * (4095 - len("/target") - len(name))
        os.makedirs(name)
        path = name + "/target"
        self.assertEqual(len(path), 4095)
        self.copy_target(path)
        event = self.exec_of(lambda: os.execve(path, ["x"], {}))
        self.assert_facts(event, filename=path, exe=path, truncated=None)

    def test_folder_that_was_removed(self):
        def start():
            path = os.path.join(self.folder, "gone")
            os.mkdir(path)
            os.chdir(path)
            os.rmdir(path)
            os.execve(TARGET, [TARGET], {})

        self.assert_gone(self.exec_of(start), "cwd", "/gone")

    def assert_gone(self, event, key, name):
        """It never looks like a path that is there."""
        self.assertEqual(event[key], (self.folder + name).lstrip("/"))
        self.assertEqual(event["truncated"], [key])

    def test_folder_that_was_removed_with_the_one_above(self):
        def start():
            path = os.path.join(self.folder, "above/gone")
            os.makedirs(path)
            os.chdir(path)
            os.rmdir(path)
            os.rmdir(os.path.dirname(path))
            os.mkdir(os.path.dirname(path))
            os.execve(TARGET, [TARGET], {})

        self.assert_gone(self.exec_of(start), "cwd", "/above/gone")

    def test_program_whose_name_is_gone_while_another_is_left(self):
        def start():
            fd = os.open(path, os.O_RDONLY)
            os.link(path, os.path.join(self.folder, "left"))
            os.unlink(path)
            os.execve(fd, [TARGET], {})

        path = self.copy_target("linked")
        event = self.exec_of(start)
        self.assert_gone(event, "exe", "/linked")
        self.assert_facts(event, flags=None)
        self.assertEqual(event["exe_file"]["nlink"], 1)

    def test_program_whose_place_another_has_taken(self):
        def start():
            fd = os.open(path, os.O_RDONLY)
            os.rename(self.copy_target("new"), path)
            os.execve(fd, [TARGET], {})

        path = self.copy_target("replaced")
        event = self.exec_of(start)
        self.assert_gone(event, "exe", "/replaced")
        self.assert_facts(event, flags=["deleted"])

    def test_program_that_never_had_a_name(self):
        def start():
            fd = os.open(self.folder, os.O_TMPFILE | os.O_RDWR, 0o700)
            with open(TARGET, "rb") as file:
                os.write(fd, file.read())
            again = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
            os.close(fd)
            os.execve(again, [TARGET], {})

        event = self.exec_of(start)
        self.assert_facts(event, flags=["deleted"], truncated=["exe"])
        self.assertFalse(event["exe"].startswith("/"), event["exe"])

    def cgroup_event(self, name):
        """An exec in a new control group, at the root of the hierarchy that counts."""
        cgroup2 = next((line.split()[4] for line in mount_lines() if " - cgroup2 " in line), None)
        harness.need(cgroup2, "no unified hierarchy")
        path = os.path.join(cgroup2, name)

        def start():
            os.mkdir(path)
            with open(path + "/cgroup.procs", "w", encoding="ascii") as file:
                file.write("0")
            os.execve(TARGET, [TARGET], {})

        try:
            return self.exec_of(start)
        finally:
            harness.wait_until(lambda: not os.path.exists(path) or remove(path), "an empty group")

    def test_control_group_with_a_name_longer_than_those_of_files(self):
        for name in ("c" * 255, "d" * 256, "e" * 1024):
            self.assert_facts(self.cgroup_event(name), cgroup="/" + name, unit=None, truncated=None)

    def test_control_group_with_a_name_longer_than_is_taken_is_marked(self):
        event = self.cgroup_event("a" * 2000)
        self.assert_facts(event, cgroup="a" * 1025, unit=None, truncated=["cgroup"])

    def start_in_terminal(self, prepare=lambda: None):
        """The event, and the name of the terminal."""
        since = harness.timestamp()
        pid, master = pty.fork()
        if pid == 0:
            prepare()
            os.execve(TARGET, [TARGET], {})
        number = struct.unpack("I", fcntl.ioctl(master, TIOCGPTN, bytes(4)))[0]
        os.write(master, b"\x04")           # end of file
        os.waitpid(pid, 0)
        os.close(master)
        event, = self.daemon.of(pid, "exec", since=since)
        return event, f"pts/{number}"

    def test_controlling_terminal(self):
        event, name = self.start_in_terminal()
        self.assertEqual(event["tty"], name)

    def test_controlling_terminal_is_not_what_standard_input_is(self):
        def use_null():
            null = os.open("/dev/null", os.O_RDWR)
            for fd in range(3):
                os.dup2(null, fd)

        event, name = self.start_in_terminal(use_null)
        self.assertEqual(event["tty"], name)

    def test_session_without_a_terminal(self):
        def start():
            os.setsid()
            os.execve(TARGET, [TARGET], {})

        self.assert_facts(self.exec_of(start), tty=None)

    def test_session_and_process_group_are_those_of_the_living_process(self):
        for leave in (os.setsid, os.setpgrp):
            child = Child(lambda: (leave(), os.execve(TARGET, [TARGET], {})))
            child.await_exec()
            sid, pgid = os.getsid(child.pid), os.getpgid(child.pid)
            child.close()
            self.assertEqual(pgid, child.pid)
            self.assertEqual(sid == pgid, leave is os.setsid)
            event, = self.daemon.of(child.pid, "exec", since=child.since)
            self.assert_facts(event, sid=sid, pgid=pgid)

    def test_login_user_survives_a_change_of_user(self):
        def start():
            with open("/proc/self/loginuid", "w", encoding="ascii") as file:
                file.write("4711")
            os.setuid(NOBODY)
            os.execve(path, [path], {})

        harness.need(os.path.exists("/proc/self/loginuid"), "no auditing in this kernel")
        path = self.copy_target("login")
        event = self.exec_of(start)
        self.assert_facts(event, loginuid=4711, uid=NOBODY)
        self.assertIn("session", event)

    def test_capabilities_that_are_not_plain(self):
        prctl_keepcaps, bit = 8, 10         # CAP_NET_BIND_SERVICE

        def start():
            harness.call("prctl", prctl_keepcaps, 1, 0, 0, 0)
            os.execvp("setpriv", ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                                  "--clear-groups", "--inh-caps=-all,+net_bind_service",
                                  "--ambient-caps=-all,+net_bind_service", path])

        path = self.copy_target("ambient")
        event = self.last_exec_of(start)
        self.assert_facts(event, uid=NOBODY, flags=None,
                          caps={"effective": hex(1 << bit), "permitted": hex(1 << bit)})

    def test_root_without_capabilities(self):
        prctl_capbset_drop = 24

        def start():
            for capability in range(64):
                harness.libc.prctl(prctl_capbset_drop, capability, 0, 0, 0)
            os.execve(TARGET, [TARGET], {})

        self.assert_facts(self.exec_of(start), uid=0, euid=0,
                          caps={"effective": "0x0", "permitted": "0x0"})

    def test_ordinary_user_with_all_capabilities(self):
        prctl_securebits, no_setuid_fixup, prctl_ambient, ambient_raise = 28, 4, 47, 2
        version = 0x20080522

        def start():
            harness.call("prctl", prctl_securebits, no_setuid_fixup, 0, 0, 0)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            low, high = full & 0xffffffff, full >> 32
            harness.call("capset", struct.pack("=Ii", version, 0),
                         struct.pack("=6I", low, low, low, high, high, high))
            for capability in (c for c in range(full.bit_length()) if full >> c & 1):
                harness.call("prctl", prctl_ambient, ambient_raise, capability, 0, 0)
            os.execve(path, [path], {})

        path = self.copy_target("mighty")
        with open("/proc/self/status", encoding="ascii") as file:   # a sandbox lacks some
            sets = dict(line.split(":\t") for line in file.read().splitlines() if "Cap" in line)
        full = int(sets["CapPrm"], 16) & int(sets["CapBnd"], 16)
        self.assert_facts(self.exec_of(start), uid=NOBODY, euid=NOBODY, flags=None,
                          caps={"effective": hex(full), "permitted": hex(full)})

    def test_ancestors_are_eight_at_most_and_the_nearest(self):
        def start(levels=12):
            for _ in range(levels):
                pid = os.fork()
                if pid:
                    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            os.write(1, b"%d" % os.getpid())
            os.execve(TARGET, [TARGET], {})

        child = Child(start)
        pid = int(os.read(child.stdout, 16))
        expected = ancestors_of(pid)
        self.assertEqual(child.close(), 0)
        event = self.daemon.of(pid, "exec", since=child.since)[-1]
        self.assertEqual(event["ancestors"], expected)
        self.assertEqual(len(expected), 8)


class Environment(KernelTest):
    settings = {"Capture": {"Environment": "SHORT LONG_NAME_OF_A_VARIABLE LONG_NAMES EMPTY X"}}

    def env_of(self, environment):
        return self.exec_of(lambda: os.execve(TARGET, [TARGET], environment))

    def test_only_allowed_names(self):
        event = self.env_of({"SHORT": "1", "SHORTER": "2", "SHOR": "3", "LONG_NAME_OF_A_VARIABLE":
                             "4", "LONG_NAME_OF_ANOTHER": "5", "LONG_NAME": "6", "LD_PRELOAD": "7",
                             "EMPTY": "", "PASSWORD": "secret", "X": "="})
        self.assertEqual(event["env"], {"SHORT": "1", "LONG_NAME_OF_A_VARIABLE": "4", "EMPTY": "",
                                        "X": "="})

    def test_value_that_is_not_text(self):
        event = self.env_of({b"SHORT": b"\xff\x00"[:1], b"X": b"x"})
        self.assertEqual(event["env"], {"SHORT": "\ufffd", "X": "x"})
        self.assertEqual(event["env_base64"], {"SHORT": "/w==", "X": "eA=="})

    def test_name_that_is_set_twice(self):
        # what a shell cannot do, execve() can, and the loader takes the first
        event = self.exec_of(lambda: harness.execve(TARGET.encode(), [b"x"],
                                                    [b"X=1", b"SHORT=2", b"X=3"]))
        self.assertEqual(event["env"]["X"], "1")
        self.assertIn("3", event["env"].values())

    def test_empty_string_hides_nothing(self):
        # between variables, and what is left of one that is read in pieces
        for size in (0, 1, *AROUND_PIECES):
            with self.subTest(size=size):
                event = self.exec_of(lambda size=size: harness.execve(
                    TARGET.encode(), [b"x"], [b"", b"S" * size, b"", b"SHORT=1", b""]))
                self.assert_facts(event, env={"SHORT": "1"}, truncated=None)

    def test_last_of_four_hundred_variables(self):
        environment = {f"V{i}": "v" * 100 for i in range(400)}
        environment["SHORT"] = "last"
        event = self.env_of(environment)
        self.assertEqual(event["env"], {"SHORT": "last"})
        self.assertNotIn("truncated", event)

    def test_last_of_thirty_thousand_variables(self):
        environment = {f"V{i}": "v" * (i % 50) for i in range(30000)}
        environment["SHORT"] = "last"
        event = self.env_of(environment)
        with open("/sys/kernel/btf/vmlinux", "rb") as btf:
            can_loop = b"BPF_FUNC_loop" in btf.read() # bpf_loop(), 5.17
        self.assertEqual(event.get("env"), {"SHORT": "last"} if can_loop else None)
        self.assertEqual(event.get("truncated"), None if can_loop else ["env"])

    def test_more_variables_than_are_looked_at_are_marked(self):
        environment = {f"V{i}": "v" for i in range(2000)}
        environment["SHORT"] = "last"
        event = self.env_of(environment)
        self.assertTrue(event.get("env") == {"SHORT": "last"} or "env" in event["truncated"], event)

    def test_wanted_variable_between_long_values(self):
        # strings longer than one piece, on both sides of what is wanted, and at the very end
        event = self.env_of({"A": "a" * 9000, "SHORT": "1", "B": "b" * 100000, "EMPTY": "",
                             "C": "c" * 8191, "X": "x"})
        self.assertEqual(event["env"], {"SHORT": "1", "EMPTY": "", "X": "x"})
        self.assertNotIn("truncated", event)

    def test_of_32_bit_program(self):
        path = harness.program_of_32_bits("target32")
        environment = {f"V{i}": "v" * i for i in range(299)}
        environment["SHORT"] = "32"
        event = self.exec_of(lambda: os.execve(path, ["x", "y"], environment))
        self.assertEqual(event["env"], {"SHORT": "32"})
        self.assertNotIn("truncated", event)

    def test_strings_that_are_no_variables(self):
        event = self.exec_of(lambda: harness.execve(TARGET.encode(), [b"x"], [
            b"", b"S", b"SHORT", b"=", b"", b"SHORT=1", b"X", b"=X=2", b""]))
        self.assertEqual(event["env"], {"SHORT": "1"})

    def test_wherever_the_stack_ends_up(self):
        # the loader leaves a random gap in it, of which pages may be missing
        pids = []
        for _ in range(harness.rounds(1500)):
            pids.append(os.posix_spawn(TARGET, [TARGET, "gap"], {"X": "1", "Y": "2"}))
            os.waitpid(pids[-1], 0)
        events = [e for e in self.daemon.sync() if e["event"] == "exec" and
                  e.get("argv") == [TARGET, "gap"]]
        self.assertEqual(len(events), len(pids))
        self.assertEqual([e for e in events if e.get("env") != {"X": "1"}], [])

    def test_value_longer_than_is_taken_is_marked(self):
        event = self.env_of({"SHORT": "v" * 20000, "X": "x"})
        self.assertTrue(event["env"].get("SHORT") == "v" * 20000 or "env" in event["truncated"],
                        event)

    def test_names_follow_a_reload(self):
        with harness.new_daemon() as daemon:
            def env():
                child = Child(lambda: os.execve(TARGET, [TARGET], {"LD_PRELOAD": "a", "ONE": "b"}))
                child.close()
                event, = daemon.of(child.pid, "exec", since=child.since)
                return event.get("env")

            self.assertEqual(env(), {"LD_PRELOAD": "a"})
            daemon.reload({"Capture": {"Environment": "ONE"}})
            self.assertEqual(env(), {"ONE": "b"})
            daemon.reload({"Capture": {"Environment": ""}})
            self.assertEqual(env(), None)
            for first in ("A", "B"):  # as many as there may be, each time others
                names = " ".join(f"{first}_{i}" for i in range(31))
                said = daemon.reload({"Capture": {"Environment": f"ONE {names}"}})
                self.assertNotIn("failed", said)
                self.assertEqual(env(), {"ONE": "b"})


if __name__ == "__main__":
    harness.main()
