#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Make the recordings of this folder anew, from the kernel that runs.

Usage: make_golden.py [NAME...]      as root, with EXECSNOOPD=build/release/execsnoopd

For each NAME (default: all) the daemon records while a few programs are executed. Then everything
that other processes did is taken out, numbers are given anew so that this leaves no holes (real
holes stay), and host and boot are made anonymous. Some records become seeds of fuzz_event.

Afterwards write what is expected, with the test program of the same build, and look at the
difference:

    GOLDEN_UPDATE=1 build/release/tests/test_replay && git diff tests/golden

When a record has got a new fact, keep the recordings that there are, and move them: relayout.py.
"""
import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "kernel"))
import harness  # noqa: E402
import layout  # noqa: E402
from layout import HEAD  # noqa: E402

LAYOUT = layout.Layout((HERE.parent.parent / layout.HEADER).read_text("utf-8"))

# As in core/flow/recorder.h.
HEADER = struct.Struct("8sIIQq40s72s72s40s32s")
FRAME = struct.Struct("II")
MARK = struct.Struct("IIQ")
FRAME_RECORD, FRAME_ROUND, FRAME_DRAINED, FRAME_MISSED, FRAME_CLOCK, FRAME_END = range(1, 7)
VERSION = 2 << 16 | LAYOUT.version
EXIT_PID_OFFSET = HEAD.size
KIND_PROCESS = LAYOUT.kind_chunk + 1

AT_EMPTY_PATH = 0x1000
SYS_EXECVEAT = {"x86_64": 322, "aarch64": 281}

libc = ctypes.CDLL(None, use_errno=True)


def child(function, *args):
    """Runs it in a new process, which is expected to become another program. Returns its PID."""
    pid = os.fork()
    if pid == 0:
        try:
            os.chdir("/")
            function(*args)
        finally:
            os._exit(99)
    os.waitpid(pid, 0)
    return pid


def execute(argv, environment=None, path=None):
    """Returns only if it fails. Unlike os.execve() it passes on an empty argv, too."""
    vector = (ctypes.c_char_p * (len(argv) + 1))(*argv, None)
    strings = [b"%s=%s" % item for item in (environment or {}).items()]
    env = (ctypes.c_char_p * (len(strings) + 1))(*strings, None)
    libc.execve(path or argv[0], vector, env)


def execute_fd(fd, argv):
    vector = (ctypes.c_char_p * (len(argv) + 1))(*argv, None)
    env = (ctypes.c_char_p * 1)(None)
    libc.syscall(SYS_EXECVEAT[os.uname().machine], fd, b"", vector, env, AT_EMPTY_PATH)


def write_program(path, data):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o755)
    return path


def run_commands(folder, _):
    """The daily work of a shell; and a script."""
    script = write_program(folder + b"/script", b"#!/bin/sh -e\nexec /bin/true from script\n")
    yield child(execute, [b"/bin/sh", b"-c", b"/bin/ls /dev/null | /bin/cat; exec /bin/true"])
    yield child(execute, [script, b"one", b"two words"])
    yield child(execute, [b"true"], {b"LD_LIBRARY_PATH": b"/opt/lib", b"HOME": b"/"}, b"/bin/true")
    yield child(execute, [b"/bin/sh", b"-c", b"exit 3"])
    yield child(execute, [b"/bin/sh", b"-c", b"kill -9 $$"])


def run_arguments(folder, _):
    """Bytes that logs get wrong."""
    name = write_program(folder + b"/na\xefve \xe2\x82\xac\n", b"#!/bin/true\n")
    for argv in ([b"true", b"line\nbreak", b"\ttab", b"\x1b[31mred\x1b[0m", b"\x7f", b"\b\f\r"],
                 [b"true", b'"quoted"', b"back\\slash", b"'", b"</script>", b"$(id)", b"%s%n"],
                 [b"true", b"", b"", b"after empty ones", b""],
                 [b"true", "é€😀\u2028".encode(), "\u0085\u009f".encode(), b"\xff\xfe",
                  b"\xe2\x82", b"\xed\xa0\x80", b"\xc0\x80"],
                 [b""],
                 []):
        yield child(execute, argv, {b"LD_PRELOAD": b"/x\n\xff.so"}, b"/bin/true")
    yield child(execute, [name])


def run_long(_, __):
    """An argument that needs chunks."""
    yield child(execute, [b"true", b"0123456789" * 12000, b"last"], None, b"/bin/true")


def run_places(folder, _):
    """Programs that have no path, or no longer."""
    shutil.copy("/bin/true", folder + b"/gone")
    gone = os.open(folder + b"/gone", os.O_RDONLY | os.O_CLOEXEC)
    os.unlink(folder + b"/gone")
    memory = os.memfd_create("in/memory", os.MFD_CLOEXEC)
    with open("/bin/true", "rb") as file:
        os.write(memory, file.read())
    yield child(execute_fd, memory, [b"memory"])
    yield child(execute_fd, gone, [b"gone"])
    yield child(execute, [b"self"], None, b"/proc/self/fd/%d" % memory)
    yield child(execute, [b"true"], None, b"bin/../bin/true")


def run_failures(folder, _):
    data = write_program(folder + b"/data", b"no program\n")
    script = write_program(folder + b"/script", b"#!/nowhere/interpreter\n")
    closed = write_program(folder + b"/closed", b"#!/bin/true\n")
    os.chmod(closed, 0o644)
    for path in (b"/nowhere", closed, data, script, b"/dev/null/x", b"/" + b"x" * 300):
        yield child(execute, [path, b"argument"])
    yield child(execute_fd, 999, [b"no fd"])
    yield child(execute, [b"true"], None, b"/bin/true")


def run_descriptors(folder, _):
    """Sockets of each kind, a named pipe, and nothing at all, as standard input, output, error."""
    def between(family, address):
        listener, client = socket.socket(family), socket.socket(family)
        listener.bind(address)
        listener.listen()
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        return [s.detach() for s in (client, accepted, listener)]

    def execute_with(fds):
        for target, fd in enumerate(fds):
            if fd is None:
                os.close(target)
            else:
                os.dup2(fd, target)
        execute([b"true"], None, b"/bin/true")

    os.mkfifo(folder + b"/fifo")
    for fds in (between(socket.AF_INET, ("127.0.0.1", 0)),
                between(socket.AF_INET6, ("::1", 0)),
                between(socket.AF_UNIX, folder + b"/sock\xff\n"),
                between(socket.AF_UNIX, b"\0golden\0name"),
                [os.open(folder + b"/fifo", os.O_RDWR), *os.pipe()],
                [os.memfd_create("golden"), os.open("/dev/null", os.O_PATH), None],
                [None, None, os.open("/dev/null", os.O_RDWR)]):
        yield child(execute_with, fds)


def run_loss(_, daemon):
    """The daemon stands still while the rings fill up: some come whole, some bare, most not."""
    daemon.signal(signal.SIGSTOP)
    for i in range(60):
        yield child(execute, [b"true", b"%d" % i, b"x" * 900], None, b"/bin/true")
    daemon.signal(signal.SIGCONT)
    daemon.sync()
    yield child(execute, [b"true", b"after"], None, b"/bin/true")


def run_snapshot(_, daemon):
    """Shells that ran before the daemon: each executes a program, one of them in a child that was
    only forked."""
    for shell in daemon.older:
        shell.stdin.write(b"child\n")
        shell.stdin.flush()
        daemon.wait_for(lambda e, pid=shell.pid: e["event"] == "exec" and
                        pid in [a["pid"] for a in e["ancestors"]], "child")
        yield shell.pid


READER = 'while read line; do /bin/true "$line"; done'
OLDER = {"snapshot": ([READER, "sh", "--password=hunter2"],
                      [f"exec 3<&0; ({READER}) <&3 3<&- & exec 3<&-; wait"])}


@contextlib.contextmanager
def older_of(name):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(subprocess.Popen(["/bin/sh", "-c", *words], cwd="/",
                                                    stdin=subprocess.PIPE, env={}))
               for words in OLDER.get(name, ())]


RECORDINGS = {
    "commands": ({"Exits": "yes"}, run_commands),
    "arguments": ({}, run_arguments),
    "long": ({"ArgvMax": "1M"}, run_long),
    "long_cut": ({"ArgvMax": "16K"}, run_long),
    "places": ({}, run_places),
    "descriptors": ({}, run_descriptors),
    "failures": ({"FailedExecs": "yes", "FailedExecsIgnore": "", "Attempts": "yes"}, run_failures),
    "loss": ({"RingSize": "4K"}, run_loss),
    "snapshot": ({"Snapshot": "yes"}, run_snapshot),
}


# The places of the records that become seeds of fuzz_event.
SEEDS = {"commands": (0, 2, 7), "arguments": (3,), "descriptors": (0, 2, 4), "failures": (3,),
         "places": (0,), "snapshot": (0,)}


class Lane:
    """The numbers of one program on one CPU: as they were, and as they will be."""

    def __init__(self):
        self.old = self.new = 0

    def pass_over(self, seq):
        """Numbers that have not come until `seq` are lost, and stay so."""
        self.new += max(0, seq - self.old)
        self.old = max(self.old, seq)


class Trimmer:
    """Keeps what our processes did, and their children."""

    def __init__(self, pids):
        self.pids = set(pids)
        self.lanes = {}
        self.kept = {}      # numbers of events that are kept, for their chunks
        self.frames = []

    def is_ours(self, kind, payload):
        if kind == LAYOUT.kind_exit:
            return struct.unpack_from("I", payload, EXIT_PID_OFFSET)[0] in self.pids
        pid, ppid = (struct.unpack_from("I", payload, LAYOUT.members[name][0])[0]
                     for name in ("pid", "ppid"))
        if ppid in self.pids:
            self.pids.add(pid)
        return pid in self.pids

    def record(self, payload):
        head = list(HEAD.unpack_from(payload))
        size, kind, program, cpu, seq = head[0], head[2], head[3], head[4], head[6]
        if kind == LAYOUT.kind_chunk:
            new = self.kept.get((program, cpu, seq))
            if new is None:
                return
        elif kind == KIND_PROCESS:
            if not self.is_ours(kind, payload):
                return
            new = seq
        else:
            lane = self.lanes.setdefault((program, cpu), Lane())
            lane.pass_over(seq - 1)
            lane.old = seq
            if not self.is_ours(kind, payload):
                return
            lane.new += 1
            new = self.kept[program, cpu, seq] = lane.new
        head[6] = new
        # without the padding of the ring, which is whatever was there
        self.add(FRAME_RECORD, HEAD.pack(*head) + payload[HEAD.size:size])

    def mark(self, kind, payload):
        program, cpu, value = MARK.unpack(payload)
        if kind == FRAME_DRAINED:
            lane = self.lanes.setdefault((program, cpu), Lane())
            if value <= lane.old:
                return
            lane.pass_over(value)
            value = lane.new
        if kind == FRAME_ROUND and self.frames and self.frames[-1][0] == FRAME_ROUND:
            self.frames.pop()       # nothing has happened in between
        self.add(kind, MARK.pack(program, cpu, value))

    def add(self, kind, payload):
        self.frames.append((kind, payload))


def read_frames(data):
    offset = HEADER.size
    while offset < len(data):
        kind, size = FRAME.unpack_from(data, offset)
        offset += FRAME.size
        yield kind, data[offset:offset + size]
        offset += size + -size % 8


def trim(data, pids):
    magic, version, n_cpus, start, clock, _, _, kernel, _, namespaces = HEADER.unpack_from(data)
    if version != VERSION:
        sys.exit("the layout of recordings has changed: look over this program, too")
    trimmer = Trimmer(pids)
    for kind, payload in read_frames(data):
        if kind == FRAME_RECORD:
            trimmer.record(payload)
        elif kind == FRAME_END:
            trimmer.add(kind, payload)
        else:
            trimmer.mark(kind, payload)
    result = HEADER.pack(magic, version, n_cpus, start, clock, b"0123456789abcdef" * 2, b"golden",
                         kernel, b"fedcba9876543210" * 2, namespaces)
    for kind, payload in trimmer.frames:
        result += FRAME.pack(kind, len(payload)) + payload + bytes(-len(payload) % 8)
    return result


def make(name):
    settings, run = RECORDINGS[name]
    with tempfile.TemporaryDirectory(prefix="golden-") as folder:
        os.chmod(folder, 0o755)
        path = os.path.join(folder, "recording")
        settings = {"Capture": settings, "Stats": {"Interval": "1d"}}
        with older_of(name) as older, \
                harness.Daemon(settings, options=[f"--record={path}"]) as daemon:
            daemon.older = older
            pids = list(run(folder.encode(), daemon))
        with open(path, "rb") as file:
            data = trim(file.read(), pids)
    with open(HERE / f"{name}.rec", "wb") as file:
        file.write(data)
    print(f"{name}: {len(data)} bytes")
    records = [payload for kind, payload in read_frames(data) if kind == FRAME_RECORD]
    for index in SEEDS.get(name, ()):
        with open(HERE.parent / f"fuzz/seeds/event/{name}_{index}", "wb") as file:
            file.write(records[index])


def main():
    reason = harness.cannot_run()
    if reason:
        sys.exit(reason)
    for name in sys.argv[1:] or RECORDINGS:
        make(name)


if __name__ == "__main__":
    main()
