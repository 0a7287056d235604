# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""A service manager of our own, as far as a daemon needs one to be restarted without a gap: its
notify socket, and its fd store, which outlives the daemon."""
import array
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import harness
from bpf_maps import bpftool, map_of

FDS_MAX = 64
LISTEN_FDS_START = 3
SPARE_FDS_START = 400


class Control:
    """The map that says what runs, in the hands of somebody who tampers with us from outside.
    Values are struct exec_control of bpf/exec_control.h, as bytes."""
    KEY = ("key", "hex", "00", "00", "00", "00")
    RUNNING, BEFORE, ARGV_MAX, IGNORE_ERRNOS = 0, 32, 80, 104

    def __init__(self, pid):
        self.map = ("id", map_of(pid, "control"))

    def read(self):
        value = bpftool("map", "lookup", *self.map, *self.KEY)["value"]
        return bytes(int(byte, 16) for byte in value)

    def update_of(self, value):
        return ("map", "update", *self.map, *self.KEY, "value", "hex",
                *[f"{byte:02x}" for byte in value])

    def write(self, value):
        bpftool(*self.update_of(value))

    def change(self, offset, content):
        """Returns what the page was before."""
        before = self.read()
        self.write(before[:offset] + content + before[offset + len(content):])
        return before

    @contextlib.contextmanager
    def insist(self, offset, content):
        """Meanwhile somebody writes that again and again, faster than it can be put right."""
        before = self.read()
        value = before[:offset] + content + before[offset + len(content):]
        command = " ".join(("bpftool", *map(str, self.update_of(value))))
        with subprocess.Popen(["sh", "-c", f"while {command}; do :; done"],
                              start_new_session=True, stdout=subprocess.DEVNULL) as process:
            try:
                yield
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        with contextlib.suppress(subprocess.CalledProcessError):
            self.write(before)


def stop_programs(pid):
    Control(pid).change(Control.RUNNING, bytes(4))


class Manager:
    prefix = ()         # a command that runs the daemon
    environment = {}    # more of it

    def __init__(self, settings=None):
        self.folder = tempfile.mkdtemp(prefix="execsnoopd-test-")
        self.config = os.path.join(self.folder, "test.conf")
        self.path = os.path.join(self.folder, "exec.jsonl")
        self.daemon = harness.DAEMON
        self.store = {}
        self.messages = []
        self.heard = []     # all that it ever said
        self.changed = threading.Condition()
        self.pid = 0
        self.configure(settings or {})
        self.address = os.path.join(self.folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.failure = None     # of the listener
        self.hears = threading.Event()
        self.hears.set()
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        try:
            if not kind and os.path.exists(self.path):
                self.check_proof()
        finally:
            self.close()

    def check_proof(self):
        """Of all its runs so far; the last one ends in the middle."""
        if self.pid:
            self.end(signal.SIGKILL)
        harness.check_proof(harness.read_lines(self.path))

    def close(self):
        if self.pid:
            self.end(signal.SIGKILL)
        self.hears.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(harness.DEADLINE)
        self.socket.close()
        self.drop_store()
        shutil.rmtree(self.folder)

    def configure(self, settings):
        sections = {"Journal": {"Enabled": "no"},
                    "File": {"Enabled": "yes", "Path": self.path, "MaxSize": "0"}}
        harness.write_config(self.config, sections, settings)

    def listen(self):
        """Whatever fails here, those who wait shall know at once."""
        try:
            self.take_messages()
        except Exception as failure:    # pylint: disable=broad-except
            with self.changed:
                self.failure = failure
                self.changed.notify_all()

    def take_messages(self):
        while True:
            self.hears.wait()
            data, ancillary, _, _ = self.socket.recvmsg(1 << 16, socket.CMSG_SPACE(4 * FDS_MAX))
            if not data:
                return
            fds = array.array("i")
            for _, _, content in ancillary:
                fds.frombytes(content[:len(content) - len(content) % fds.itemsize])
            message = dict(line.split("=", 1) for line in data.decode().split("\n") if "=" in line)
            with self.changed:
                self.keep(message, list(fds))
                self.messages.append(message)
                self.heard.append(message)
                self.changed.notify_all()

    def keep(self, message, fds):
        name = message.get("FDNAME")
        if message.get("FDSTOREREMOVE") == "1" and name in self.store:
            os.close(self.store.pop(name))
        if message.get("FDSTORE") == "1" and name not in self.store:
            self.store[name] = fds.pop()
        for fd in fds:
            os.close(fd)

    def drop_store(self):
        """As a real stop of a service does."""
        with self.changed:
            while self.store:
                os.close(self.store.popitem()[1])

    def wait_for(self, key, what):
        """Until a message with the key has come, and all before it; which is then forgotten."""
        with self.changed:
            found = self.changed.wait_for(
                lambda: self.failure or any(key in m for m in self.messages), harness.DEADLINE)
            if self.failure:
                raise AssertionError("the manager does not listen any more") from self.failure
            if not found:
                raise AssertionError(f"no {what}:\n{harness.describe(self.pid)}")
            self.messages.clear()

    def start(self, path=None):
        with self.changed:
            self.messages.clear()
            items = list(self.store.items())
        self.pid = os.fork()
        if self.pid == 0:
            self.become_daemon(items, path or self.daemon)
        self.wait_for("READY", "READY=1")

    def become_daemon(self, items, path):
        try:
            for i, (_, fd) in enumerate(items):
                os.dup2(fd, SPARE_FDS_START + i)
            for i in range(len(items)):
                os.dup2(SPARE_FDS_START + i, LISTEN_FDS_START + i, inheritable=True)
            os.closerange(LISTEN_FDS_START + len(items), SPARE_FDS_START + FDS_MAX)
            environment = {**os.environ, "NOTIFY_SOCKET": self.address, "FDSTORE": "64",
                           **self.environment}
            if items:
                environment.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(items)),
                                   LISTEN_FDNAMES=":".join(name for name, _ in items))
            command = [*self.prefix, path, f"--config={self.config}"]
            os.execvpe(command[0], command, environment)
        finally:
            os._exit(127)

    def end(self, number=signal.SIGTERM):
        os.kill(self.pid, number)
        status = harness.await_exit(self.pid, f"the daemon, sent signal {number},")
        self.pid = 0
        return status

    def restart(self, number=signal.SIGTERM):
        self.end(number)
        self.start()

    def reload(self):
        with self.changed:
            self.messages.clear()
        os.kill(self.pid, signal.SIGHUP)
        self.wait_for("READY", "READY=1 after a reload")

    def events(self):
        return [json.loads(line) for line in harness.whole_lines(self.path)]

    def sync(self):
        """All events, after everything that has happened until now is among them."""
        now = harness.timestamp()
        os.kill(self.pid, signal.SIGUSR2)
        harness.wait_until(lambda: any(e["event"] == "stats" and e["time"] >= now
                                       for e in self.events()), "stats event in the file")
        return self.events()
