#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Every door through which a program can be started: once, as what really ran, with its flag."""
import glob
import os
import resource
import shutil
import signal
import socket
import subprocess

import harness
from harness import Child, CorePattern, DOORS, KernelTest, TARGET

N_RACES = harness.rounds(20)
N_REWRITES = harness.rounds(30)
MOUNT_BIND = 0x1000
MNT_DETACH = 2


class Doors(KernelTest):
    def check(self, event, **facts):
        """The same for all: it is a child of ours, and the file is the target's."""
        common = {"ppid": os.getpid(), "uid": 0, "retval": 0, "exe": TARGET, "flags": None,
                  "argv_truncated": None, "truncated": None}
        self.assert_facts(event, **{**common, **facts})
        return event

    # execve and execveat: which of the two, nobody can tell afterwards

    def test_execve_by_absolute_path(self):
        event = self.exec_of(lambda: harness.execve(TARGET.encode(), [b"a0", b"a1"]))
        self.check(event, filename=TARGET, argv=["a0", "a1"])

    def test_execve_by_relative_path(self):
        def start():
            os.chdir(os.path.dirname(TARGET))
            harness.execve(b"../kernel/./target", [b"x"])

        harness.need(os.path.basename(os.path.dirname(TARGET)) == "kernel", "other folder")
        self.check(self.exec_of(start), filename="../kernel/./target",
                   cwd=os.path.dirname(TARGET))

    def test_execve_by_symbolic_link(self):
        link = os.path.join(self.folder, "link")
        os.symlink(TARGET, link)
        self.check(self.exec_of(lambda: harness.execve(link.encode(), [b"x"])),
                   filename=link, comm="link", exe_file=harness.file_facts(TARGET))

    def test_execve_by_hard_link(self):
        path = self.copy_target("first")
        other = os.path.join(self.folder, "second")
        os.link(path, other)
        event = self.exec_of(lambda: harness.execve(other.encode(), [b"x"]))
        self.check(event, filename=other, exe=other, exe_file=harness.file_facts(path))
        self.assertEqual(event["exe_file"]["nlink"], 2)

    def test_execveat_relative_to_a_folder(self):
        folder = os.open(os.path.dirname(TARGET), os.O_PATH | os.O_DIRECTORY)
        event = self.exec_of(lambda: harness.execveat(folder, b"target", [b"x"]))
        self.check(event, filename=f"/dev/fd/{folder}/target", comm="target")
        os.close(folder)

    def test_execveat_of_an_empty_path(self):
        fd = os.open(TARGET, os.O_PATH)
        event = self.exec_of(lambda: harness.execveat(fd, b"", [b"x"], harness.AT_EMPTY_PATH))
        self.check(event, filename=f"/dev/fd/{fd}")
        os.close(fd)

    def test_execveat_relative_to_the_working_folder(self):
        def start():
            os.chdir(os.path.dirname(TARGET))
            harness.execveat(harness.AT_FDCWD, b"target", [b"x"])

        self.check(self.exec_of(start), filename="target")

    def test_execveat_of_an_absolute_path(self):
        self.check(self.exec_of(lambda: harness.execveat(99, TARGET.encode(), [b"x"])),
                   filename=TARGET)

    def test_fexecve(self):
        fd = os.open(TARGET, os.O_RDONLY)
        event = self.exec_of(lambda: os.execve(fd, ["x"], {}))
        self.check(event, filename=f"/dev/fd/{fd}", argv=["x"])
        os.close(fd)

    def test_own_descriptor_by_path(self):
        fd = os.open(TARGET, os.O_RDONLY)
        os.set_inheritable(fd, True)
        for path in (f"/proc/self/fd/{fd}", f"/dev/fd/{fd}"):
            self.check(self.exec_of(lambda path=path: os.execve(path, ["x"], {})), filename=path)
        os.close(fd)

    def test_oneself(self):
        def start():
            os.execv("/bin/sh", ["sh", "-c", "exec /proc/self/exe -c :"])

        event = self.last_exec_of(start)
        self.assert_facts(event, filename="/proc/self/exe", exe=os.path.realpath("/bin/sh"),
                          argv=["/proc/self/exe", "-c", ":"])

    # files that are none, or not for long

    def test_memfd(self):
        def start():
            fd = os.memfd_create("not a file")
            with open(TARGET, "rb") as file:
                os.write(fd, file.read())
            os.execve(fd, ["in", "memory"], {})

        event = self.exec_of(start)
        self.assertIn("memfd", event["flags"])
        self.assertNotIn("deleted", event["flags"])
        self.check(event, exe=event["exe"], flags=event["flags"], argv=["in", "memory"])
        self.assertIn("memfd:not a file", event["exe"])
        self.assertEqual(event["exe_file"]["size"], os.path.getsize(TARGET))

    def test_memfd_by_path(self):
        def start():
            fd = os.memfd_create("m", 0)
            with open(TARGET, "rb") as file:
                os.write(fd, file.read())
            os.execve(f"/proc/self/fd/{fd}", ["x"], {})

        event = self.exec_of(start)
        self.assertEqual(event["flags"], ["memfd"])

    def test_file_that_is_called_like_a_memfd(self):
        path = self.copy_target("memfd:x")
        self.check(self.exec_of(lambda: os.execve(path, ["x"], {})), exe=path)

    def test_file_without_a_name(self):
        def start():
            with open(TARGET, "rb") as file:
                content = file.read()
            fd = os.open(self.folder, os.O_TMPFILE | os.O_RDWR, 0o700)
            os.write(fd, content)
            reading = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
            os.close(fd)
            os.execve(reading, ["x"], {})

        event = self.exec_of(start)
        self.check(event, exe=event["exe"], flags=["deleted"], truncated=["exe"])
        self.assertEqual(event["exe_file"]["nlink"], 0)

    def test_file_deleted_before_it_is_executed(self):
        path = self.copy_target("gone")

        def start():
            fd = os.open(path, os.O_RDONLY)
            os.unlink(path)
            os.execve(fd, ["x"], {})

        event = self.exec_of(start)
        self.check(event, exe=path.lstrip("/"), flags=["deleted"], truncated=["exe"])

    def test_file_deleted_right_after_it_started(self):
        path = self.copy_target("short")
        child = Child(lambda: os.execve(path, ["x"], {}))
        child.await_exec(path)
        facts = harness.file_facts(path)
        os.unlink(path)
        child.close()
        event, = self.daemon.of(child.pid, since=child.since)
        self.check(event, exe=path, filename=path, exe_file=facts)

    # mounts

    def overlay(self, upper_too):
        lower, upper, work, merged = (os.path.join(self.folder, f"{name}{upper_too}")
                                      for name in ("lower", "upper", "work", "merged"))
        for folder in (lower, upper, work, merged):
            os.mkdir(folder)
        shutil.copy(TARGET, lower)

        def start():
            harness.private_mounts()
            # upper and work have to be on a file system that overlayfs takes
            harness.mount("overlay", merged, f"lowerdir={lower},upperdir={upper},workdir={work}")
            path = os.path.join(merged, "target")
            if upper_too:
                os.chmod(path, 0o711)               # copies it up
            os.execve(path, ["x"], {})

        with open("/proc/filesystems", encoding="ascii") as file:
            harness.need("overlay" in file.read(), "no overlayfs")
        return self.exec_of(start), os.path.join(merged, "target")

    def test_overlay_lower_layer(self):
        event, path = self.overlay(upper_too=0)
        self.check(event, filename=path, exe=path)

    def test_overlay_upper_layer(self):
        event, path = self.overlay(upper_too=1)
        self.check(event, filename=path, exe=path, flags=["overlay_upper"])

    def test_tmpfs_in_a_private_mount_namespace(self):
        where = os.path.join(self.folder, "tmpfs")
        os.mkdir(where)

        def start():
            harness.private_mounts()
            harness.mount("tmpfs", where)
            shutil.copy(TARGET, where)
            os.execve(where + "/target", ["x"], {})

        event = self.exec_of(start)
        self.check(event, filename=where + "/target", exe=where + "/target")
        self.assertNotEqual(event["namespaces"]["mnt"], os.stat("/proc/self/ns/mnt").st_ino)

    def test_bind_mount(self):
        where = os.path.join(self.folder, "bound")
        os.mkdir(where)

        def start():
            harness.private_mounts()
            harness.call("mount", os.path.dirname(TARGET).encode(), where.encode(), None,
                         MOUNT_BIND, None)
            os.execve(where + "/target", ["x"], {})

        self.check(self.exec_of(start), exe=where + "/target")

    def test_inside_a_chroot(self):
        root = os.path.join(self.folder, "root")
        os.mkdir(root)
        shutil.copy(TARGET, root)

        def start():
            os.chroot(root)
            os.chdir("/")
            os.execve("/target", ["x"], {})

        # from the root of the mount namespace, whatever the process takes for its root
        self.check(self.exec_of(start), filename="/target", exe=root + "/target", cwd=root)

    # files to which no path leads: what stands where they are called as they are, is another

    def private_tmpfs(self, name):
        """In a child: the target as usr/bin/ls in a file system of its own; open, and its place."""
        where = os.path.join(self.folder, name)
        os.mkdir(where)
        harness.private_mounts()
        harness.mount("tmpfs", where)
        os.makedirs(where + "/usr/bin")
        shutil.copy(TARGET, where + "/usr/bin/ls")
        os.chdir(where + "/usr")
        return os.open("bin/ls", os.O_RDONLY), where

    def test_mount_that_is_gone(self):
        def start():
            fd, where = self.private_tmpfs("gone-mount")
            harness.call("umount2", where.encode(), MNT_DETACH)
            os.execve(fd, ["ls"], {})

        self.check(self.exec_of(start), exe="usr/bin/ls", cwd="usr", truncated=["exe", "cwd"])

    def test_mount_that_is_gone_and_is_the_file_itself(self):
        def start():
            where = self.write("gone-file", b"")
            harness.private_mounts()
            harness.call("mount", TARGET.encode(), where.encode(), None, MOUNT_BIND, None)
            fd = os.open(where, os.O_RDONLY)
            harness.call("umount2", where.encode(), MNT_DETACH)
            os.execve(fd, ["x"], {})

        self.check(self.exec_of(start), exe=None, truncated=["exe"])

    def test_mount_of_another_namespace(self):
        ours, theirs = socket.socketpair()

        def lend():
            fd, where = self.private_tmpfs("elsewhere")
            socket.send_fds(theirs, [where.encode()], [fd])
            os.read(0, 1)

        owner = Child(lend)
        where, (fd,), _, _ = socket.recv_fds(ours, 4096, 1)
        event = self.exec_of(lambda: os.execve(fd, ["ls"], {}))
        self.check(event, exe=where.decode()[1:] + "/usr/bin/ls", truncated=["exe"])
        self.assertEqual(owner.close(), 0)
        for end in (ours, theirs):
            end.close()
        os.close(fd)

    def test_file_that_was_moved_out_of_its_mount(self):
        bound, inside, outside = (os.path.join(self.folder, f"moved-{name}")
                                  for name in ("bound", "inside", "outside"))
        for folder in (bound, inside + "/folder", outside):
            os.makedirs(folder)
        shutil.copy(TARGET, inside + "/folder")

        def start():
            harness.private_mounts()
            harness.call("mount", inside.encode(), bound.encode(), None, MOUNT_BIND, None)
            fd = os.open(bound + "/folder/target", os.O_RDONLY)
            os.rename(inside + "/folder", outside + "/folder")
            os.execve(fd, ["x"], {})

        event = self.exec_of(start)
        self.check(event, exe=event["exe"], truncated=["exe"])
        # from the root of the file system, which here need not be that of all
        self.assertTrue(("/" + event["exe"]).endswith("moved-outside/folder/target"), event["exe"])

    # scripts and other interpreters

    def script(self, name, content, flags=("script",), **facts):
        path = self.write(name, content)
        event = self.exec_of(lambda: os.execve(path, ["given", "1"], {}))
        # `script` is there where it can be told for sure
        self.assertIn(event.get("flags"), (None, list(flags)))
        self.check(event, filename=path, comm=name, flags=event.get("flags"), **facts)

    def test_script(self):
        self.script("plain.sh", f"#!{TARGET}\n".encode(),
                    argv=[TARGET, f"{self.folder}/plain.sh", "1"])

    def test_script_with_an_argument(self):
        self.script("argument.sh", f"#! {TARGET} -a b \n".encode(),
                    argv=[TARGET, "-a b", f"{self.folder}/argument.sh", "1"])

    def test_script_of_a_script(self):
        inner = self.write("inner.sh", f"#!{TARGET} inner\n".encode())
        self.script("outer.sh", f"#!{inner} outer\n".encode(),
                    argv=[TARGET, "inner", inner, "outer", f"{self.folder}/outer.sh", "1"])

    def test_script_by_descriptor(self):
        path = self.write("by-fd.sh", f"#!{TARGET}\n".encode())

        def start():
            fd = os.open(path, os.O_RDONLY)
            os.dup2(fd, 9, inheritable=True)
            os.execve(9, ["given"], {})

        event = self.exec_of(start)
        self.check(event, filename="/dev/fd/9", argv=[TARGET, "/dev/fd/9"],
                   flags=event.get("flags"))

    def test_script_in_memory(self):
        def start():
            fd = os.memfd_create("script", 0)
            os.write(fd, f"#!{TARGET} inner\n".encode())
            os.dup2(fd, 9, inheritable=True)
            os.execve(9, ["given", "1"], {})

        # exe is the interpreter, which is no memfd
        event = self.exec_of(start)
        self.assertNotIn("memfd", event.get("flags", []))
        self.check(event, filename="/dev/fd/9", argv=[TARGET, "inner", "/dev/fd/9", "1"],
                   flags=event.get("flags"))

    def test_script_without_interpreter_is_the_shells_affair(self):
        # the kernel refuses it; the C library starts a shell then
        path = self.write("none.sh", b"exit 0\n")
        process = subprocess.Popen(["/bin/sh", "-c", path], stdin=subprocess.DEVNULL)
        self.assertEqual(process.wait(), 0)
        names = [e.get("filename") for e in self.daemon.sync() if e["event"] == "exec"]
        self.assertNotIn(path, names)

    def test_binfmt_misc(self):
        where = os.path.join(self.folder, "binfmt")
        os.mkdir(where)
        result = subprocess.run(["mount", "-t", "binfmt_misc", "none", where], check=False,
                                capture_output=True)
        harness.need(result.returncode == 0, "no binfmt_misc")
        self.addCleanup(subprocess.run, ["umount", where], check=True)
        name = f"execsnoopd-test-{os.getpid()}"
        with open(os.path.join(where, "register"), "w", encoding="ascii") as file:
            file.write(f":{name}:E::{name}::{TARGET}:")
        try:
            path = self.write(f"file.{name}", b"anything")
            event = self.exec_of(lambda: os.execve(path, ["given", "1"], {}))
        finally:
            with open(os.path.join(where, name), "w", encoding="ascii") as file:
                file.write("-1")
        self.assertIn(event.get("flags"), (None, ["script"]))
        self.check(event, filename=path, argv=[TARGET, path, "1"], flags=event.get("flags"))

    def test_dynamic_loader_as_a_command(self):
        loaders = glob.glob("/lib64/ld-linux-*.so.*") + glob.glob("/lib/ld-linux-*.so.*")
        harness.need(loaders, "no loader of glibc")
        path = os.path.realpath("/bin/true")
        event = self.exec_of(lambda: os.execve(loaders[0], ["ld.so", path], {}))
        self.check(event, filename=loaders[0], exe=os.path.realpath(loaders[0]),
                   argv=["ld.so", path])

    # threads and processes

    def test_thread_that_is_not_the_leader(self):
        event = self.last_exec_of(lambda: os.execv(DOORS, [DOORS, "thread", TARGET, "t"]))
        thread = int(self.output)
        self.assertNotEqual(thread, event["pid"])
        self.check(event, tid=thread, argv=[TARGET, "t"], flags=["thread_exec"])

    def test_threads_that_race(self):
        for _ in range(N_RACES):
            event = self.last_exec_of(lambda: os.execv(DOORS, [DOORS, "race", TARGET]))
            self.check(event, flags=["thread_exec"])

    def test_child_by_vfork(self):
        event = self.exec_of(lambda: os.execv(DOORS, [DOORS, "vfork", TARGET, "v"]))
        child, = self.daemon.of(int(self.output), since=event["time"])
        self.check(child, ppid=event["pid"], argv=[TARGET, "v"], parent_comm="doors",
                   parent_process_id=event["process_id"])

    def test_child_by_posix_spawn(self):
        since = harness.timestamp()
        pid = os.posix_spawn(TARGET, ["x", "spawned"], {}, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)])
        os.waitpid(pid, 0)
        event, = self.daemon.of(pid, since=since)
        self.check(event, filename=TARGET, argv=["x", "spawned"])

    def test_new_pid_and_user_namespace(self):
        def start():
            harness.call("unshare", harness.CLONE_NEWUSER | harness.CLONE_NEWPID)
            pid = os.fork()
            if pid == 0:
                os.execve(TARGET, ["inside"], {})
            os.write(1, b"%d" % pid)
            os.waitpid(pid, 0)

        child = Child(start)
        self.assertEqual(child.close(), 0)
        event, = self.daemon.of(int(child.output), since=child.since)
        self.check(event, ppid=child.pid, ns_pid=1, argv=["inside"])
        for name in ("pid", "user"):
            self.assertNotEqual(event["namespaces"][name], os.stat(f"/proc/self/ns/{name}").st_ino)

    def test_container_in_a_container(self):
        def start():
            for _ in range(2):
                harness.call("unshare", harness.CLONE_NEWPID)
                pid = os.fork()
                if pid:
                    os.waitpid(pid, 0)
                    return
            os.execve(TARGET, [f"nested-{os.getpid()}"], {})

        child = Child(start)
        child.close()
        event = self.daemon.wait_for(lambda e: e["event"] == "exec" and
                                     e.get("argv") == ["nested-1"], "exec in the inner namespace")
        self.check(event, ns_pid=1, ppid=event["ppid"], ancestors=event["ancestors"])
        self.assertIn(child.pid, [a["pid"] for a in event["ancestors"]])

    # 32 bits

    def test_32_bit_system_call_of_64_bit_code(self):
        harness.need(os.uname().machine == "x86_64", "no such thing here")
        harness.program_of_32_bits("target32")
        event = self.last_exec_of(lambda: os.execv(DOORS, [DOORS, "int80", TARGET, "80"]))
        self.check(event, filename=TARGET, argv=[TARGET, "80"])

    def image32(self):
        """The flags of a 32-bit program: none on a kernel for which `start` says so."""
        missing = self.daemon.start_event().get("missing", ())
        return None if "flags.image32" in missing else ["image32"]

    def test_32_bit_program(self):
        path = harness.program_of_32_bits("target32")
        event = self.exec_of(lambda: os.execve(path, ["x", "32"], {}))
        self.check(event, exe=path, argv=["x", "32"], argc=2, flags=self.image32())

    def test_32_bit_program_executes_another(self):
        caller, path = (harness.program_of_32_bits(name) for name in ("caller32", "target32"))
        event = self.last_exec_of(lambda: os.execv(caller, [caller, path, "y"]))
        self.check(event, exe=path, filename=path, argv=[path, "y"], flags=self.image32())
        event = self.last_exec_of(lambda: os.execv(caller, [caller, TARGET, "z"]))
        self.check(event, filename=TARGET, argv=[TARGET, "z"])

    # memory that is not what it seems

    def test_strings_that_another_process_rewrites_meanwhile(self):
        self.rewrite("rewrite")

    def test_strings_that_another_thread_rewrites_meanwhile(self):
        self.rewrite("rewrite_by_thread")

    def rewrite(self, door):
        ran = set()
        for _ in range(N_REWRITES):
            child = Child(lambda: os.execv(DOORS, [DOORS, door, "x"]))
            child.close()
            events = self.daemon.of(child.pid, since=child.since)[1:]
            if not events:                  # the path was torn: the exec failed
                continue
            event, = events
            ran.add(event["exe"])
            self.assertEqual(os.path.basename(event["exe"]), event["comm"])
            self.assertEqual(event["filename"], "/bin/" + event["comm"])
            # what echo printed is what it was given
            if event["comm"] == "echo":
                self.assertEqual(child.output.decode(), " ".join(event["argv"][1:]) + "\n")
        self.assertTrue(ran)

    def test_constants_on_pages_that_are_not_resident(self):
        event = self.exec_of(lambda: os.execv(DOORS, [DOORS, "not_resident", "x"]))
        child, = self.daemon.of(int(self.output), since=event["time"])
        self.check(child, ppid=event["pid"], filename="/bin/true",
                   exe=os.path.realpath("/bin/true"), argv=["/bin/true", "a constant"])

    # the kernel itself

    def core_dump_helper(self, helper, arguments):
        """The PID of what crashed, and the exec with these arguments."""
        def crash():
            # nothing of the memory: the helper reads byte by byte
            with open("/proc/self/coredump_filter", "w", encoding="ascii") as file:
                file.write("0")
            resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
            os.kill(os.getpid(), signal.SIGSEGV)

        with CorePattern(f"|{helper} %P"):
            child = Child(crash)
            child.close()
            wanted = [argument.replace("%P", str(child.pid)) for argument in arguments]
            return child.pid, self.daemon.wait_for(
                lambda e: e["event"] == "exec" and e.get("argv") == wanted, "core dump helper")

    def test_core_dump_helper(self):
        helper = self.copy_target("helper")
        pid, event = self.core_dump_helper(helper, [helper, "%P"])
        self.check(event, ppid=2, parent_comm="kthreadd", exe=helper, comm="helper",
                   argv=[helper, str(pid)], flags=["kernel"], cwd="/")

    def test_what_a_core_dump_helper_executes_is_not_the_kernels(self):
        helper = self.write("helper.sh", f"#!/bin/sh\nexec {TARGET} second $1\n".encode())
        _, event = self.core_dump_helper(helper, [TARGET, "second", "%P"])
        self.check(event, ppid=2, parent_comm="kthreadd", filename=TARGET, flags=None)
        first, = (e for e in self.daemon.sync() if e.get("filename") == helper)
        self.assertEqual(first["process_id"], event["process_id"])
        self.assertIn("kernel", first["flags"])


if __name__ == "__main__":
    harness.main()
