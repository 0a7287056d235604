#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Programs that change who one is, and those that could and must not."""
import os
import struct

import harness
from harness import KernelTest, NOBODY

PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
OWNER = 4242
CAP_NET_RAW = 13
CAP_NET_ADMIN = 12


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


class Privilege(KernelTest):
    def program(self, name, mode, uid=0, gid=0):
        path = self.copy_target(name)
        os.chown(path, uid, gid)
        os.chmod(path, mode)
        return path

    def exec_as(self, path, uid=NOBODY, prepare=lambda: None):
        def start():
            become(uid)
            prepare()
            os.execve(path, [path], {})

        return self.exec_of(start)

    def set_caps(self, path, permitted, effective):
        """struct vfs_cap_data, revision 2."""
        flags = 0x02000000 | effective
        os.setxattr(path, "security.capability", struct.pack("<5I", flags, permitted, 0, 0, 0))

    def test_set_user_id_to_root(self):
        path = self.program("suid-root", 0o4755)
        event = self.exec_as(path)
        self.assert_facts(event, uid=NOBODY, euid=0, suid=0, gid=NOBODY, egid=NOBODY,
                          flags=["setuid", "secure"], exe_file=harness.file_facts(path))
        self.assertEqual(event["exe_file"]["mode"], "4755")

    def test_set_user_id_to_another_user(self):
        event = self.exec_as(self.program("suid-other", 0o4755, uid=OWNER))
        self.assert_facts(event, uid=NOBODY, euid=OWNER, suid=OWNER, flags=["setuid", "secure"],
                          caps=None)

    def test_set_user_id_by_root(self):
        path = self.program("suid-by-root", 0o4755, uid=OWNER)
        event = self.exec_of(lambda: os.execve(path, [path], {}))
        self.assert_facts(event, uid=0, euid=OWNER, suid=OWNER, flags=["secure"])

    def test_set_user_id_of_oneself_changes_nothing(self):
        event = self.exec_as(self.program("suid-self", 0o4755, uid=NOBODY))
        self.assert_facts(event, uid=NOBODY, euid=NOBODY, flags=None)

    def test_set_group_id(self):
        event = self.exec_as(self.program("sgid", 0o2755, gid=OWNER))
        self.assert_facts(event, gid=NOBODY, egid=OWNER, sgid=OWNER, uid=NOBODY, euid=NOBODY,
                          flags=["setgid", "secure"])

    def test_set_group_id_without_execution_for_the_group_is_for_locking(self):
        event = self.exec_as(self.program("sgid-lock", 0o2745, gid=OWNER))
        self.assert_facts(event, gid=NOBODY, egid=NOBODY, flags=None)

    def test_both(self):
        event = self.exec_as(self.program("both", 0o6755, uid=OWNER, gid=OWNER))
        self.assert_facts(event, euid=OWNER, egid=OWNER, flags=["setuid", "setgid", "secure"])

    def test_file_capabilities(self):
        path = self.program("filecaps", 0o755)
        self.set_caps(path, 1 << CAP_NET_RAW | 1 << CAP_NET_ADMIN, effective=1)
        caps = hex(1 << CAP_NET_RAW | 1 << CAP_NET_ADMIN)
        event = self.exec_as(path)
        self.assert_facts(event, uid=NOBODY, euid=NOBODY, flags=["filecaps", "secure"],
                          caps={"effective": caps, "permitted": caps})

    def test_file_capabilities_that_are_only_permitted(self):
        path = self.program("permitted", 0o755)
        self.set_caps(path, 1 << CAP_NET_RAW, effective=0)
        event = self.exec_as(path)
        self.assertIn("filecaps", event["flags"])
        self.assert_facts(event,
                          caps={"effective": "0x0", "permitted": hex(1 << CAP_NET_RAW)})

    def test_no_new_privileges_keeps_all_as_it_was(self):
        def forbid():
            harness.call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)

        path = self.program("caps-nnp", 0o755)
        self.set_caps(path, 1 << CAP_NET_RAW, effective=1)
        for path in (self.program("suid-nnp", 0o6755, gid=OWNER), path):
            event = self.exec_as(path, prepare=forbid)
            self.assert_facts(event, uid=NOBODY, euid=NOBODY, gid=NOBODY, egid=NOBODY, caps=None)
            # the kernel's verdict counts what the file asks for
            self.assertIn(event.get("flags"), (None, ["secure"]))

    def set_ids_of_owner(self):
        """The caller has already what the file would give."""
        os.setgroups([])
        os.setresgid(NOBODY, OWNER, OWNER)
        os.setresuid(NOBODY, OWNER, OWNER)

    def test_no_new_privileges_of_who_has_them_already(self):
        def start():
            harness.call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            self.set_ids_of_owner()
            os.execve(path, [path], {})

        path = self.program("both-nnp", 0o6755, uid=OWNER, gid=OWNER)
        event = self.exec_of(start)
        # older kernels take the effective IDs away from who may not gain any
        self.assertIn((event["euid"], event["egid"]), ((OWNER, OWNER), (NOBODY, NOBODY)))
        self.assertIn(event.get("flags"), (None, ["secure"]))

    def test_mount_without_set_user_id(self):
        folder = os.path.join(self.folder, "nosuid")
        os.mkdir(folder)

        def start(prepare):
            harness.private_mounts()
            harness.call("mount", b"tmpfs", folder.encode(), b"tmpfs", 2, None)     # MS_NOSUID
            path = self.program("nosuid/program", 0o6755, uid=OWNER, gid=OWNER)
            prepare()
            os.execve(path, [path], {})

        event = self.exec_of(lambda: start(lambda: become(NOBODY)))
        self.assert_facts(event, euid=NOBODY, flags=None)
        event = self.exec_of(lambda: start(self.set_ids_of_owner))
        self.assert_facts(event, euid=OWNER, egid=OWNER, flags=["secure"])

    def test_script_does_not_inherit_set_user_id(self):
        interpreter = self.program("reachable", 0o755)
        path = self.write("script", f"#!{interpreter}\n".encode(), mode=0o4755)
        event = self.exec_as(path)
        self.assert_facts(event, uid=NOBODY, euid=NOBODY)
        self.assertNotIn("setuid", event.get("flags", []))

    def test_script_of_a_set_user_id_interpreter(self):
        interpreter = self.program("interpreter", 0o4755)
        path = self.write("script3", f"#!{interpreter}\n".encode())
        event = self.exec_as(path)
        self.assert_facts(event, uid=NOBODY, euid=0, exe=interpreter)
        self.assertIn("setuid", event["flags"])

    def test_root_of_a_user_namespace_is_the_user_outside(self):
        path = self.program("plain", 0o755)

        def unshare():
            harness.call("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)      # or /proc/self is root's
            harness.call("unshare", harness.CLONE_NEWUSER)
            # bare calls: what Python would have to load now, may be where only root can read
            os.write(os.open("/proc/self/uid_map", os.O_WRONLY), b"0 %d 1" % NOBODY)

        event = self.exec_as(path, prepare=unshare)
        self.assert_facts(event, uid=NOBODY, euid=NOBODY, suid=NOBODY)
        self.assertNotIn("filecaps", event.get("flags", []))

    def in_namespace(self, path, uids, uid):
        """An exec in a user namespace with these users, by the one with this number in there."""
        def start():
            start_r, start_w = os.pipe()
            ready_r, ready_w = os.pipe()
            helper = os.fork()
            if helper == 0:     # still in the host's namespace
                os.read(ready_r, 1)
                for name in ("uid", "gid"):
                    with open(f"/proc/{os.getppid()}/{name}_map", "w", encoding="ascii") as file:
                        file.write(uids)
                os.write(start_w, b"x")
                os._exit(0)
            harness.call("unshare", harness.CLONE_NEWUSER)
            os.write(ready_w, b"x")
            os.read(start_r, 1)
            os.waitpid(helper, 0)
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.execve(path, [path], {})

        return self.exec_of(start)

    def test_file_capabilities_in_a_user_namespace(self):
        path = self.program("filecaps-ns", 0o755)
        # revision 3: of the namespace whose root is OWNER
        os.setxattr(path, "security.capability",
                    struct.pack("<6I", 0x03000001, 1 << CAP_NET_RAW, 0, 0, 0, OWNER))
        event = self.in_namespace(path, f"0 {OWNER} 10", 5)
        self.assert_facts(event, uid=OWNER + 5, flags=["filecaps", "secure"],
                          caps={"effective": "0x2000", "permitted": "0x2000"})
        event = self.in_namespace(path, f"0 {OWNER} 10", 0)
        self.assert_facts(event, uid=OWNER, flags=None)

    def test_file_capabilities_of_root_who_is_nothing_special(self):
        pr_set_securebits, noroot = 28, 1

        def start():
            harness.call("prctl", pr_set_securebits, noroot, 0, 0, 0)
            os.execve(path, [path], {})

        path = self.program("filecaps-noroot", 0o755)
        self.set_caps(path, 1 << CAP_NET_RAW, effective=1)
        event = self.exec_of(start)
        self.assertIn("filecaps", event["flags"])
        self.assert_facts(event, uid=0, caps={"effective": "0x2000", "permitted": "0x2000"})

    def test_program_that_was_set_user_id_drops_it(self):
        # exec of an ordinary program by one that runs with other IDs: nothing gained from the file
        path = self.program("ordinary", 0o755)

        def start():
            os.setresuid(NOBODY, OWNER, OWNER)
            os.execve(path, [path], {})

        self.assert_facts(self.exec_of(start), uid=NOBODY, euid=OWNER, flags=["secure"])


if __name__ == "__main__":
    harness.main()
