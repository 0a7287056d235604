#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Compress=zstd: older files are compressed beside the daemon, and whatever becomes of that (the
disk is full, one of the two is killed, rotation goes on meanwhile, somebody is in the way), each
line is there once, whole, and events go on."""
import collections
import ctypes
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

import faults
import harness
from faults import Daemon, TARGET, assert_all, storm, wait_until

N_FEW = faults.N_PIECE
MIB = 1 << 20
PACKER = "execsnoopd-packer"
SCHED_IDLE, IOPRIO_CLASS_IDLE, SYS_IOPRIO_GET = 5, 3, 252
N_KILLS = 25


def settings(compress="zstd", **file):
    """What others execute must not make files come and go."""
    return {"File": {"Compress": compress, "MaxSize": "64K", "MaxFiles": "100", **file},
            "Filter": {"Default": "drop"},
            "Rule": [{"Name": "ours", "Exe": f'"{TARGET}"', "Action": "keep"}]}


def copy_path(path):
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.zst.tmp")


def plant(path, size, seed=0):
    """A file of some earlier day: lines that do not get much smaller. Its content."""
    chance = random.Random(seed)
    line = '{"event":"planted","seq":%d,"noise":"%s"}\n'
    data = "".join(line % (i, chance.randbytes(480).hex()) for i in range(size // 1000))
    with open(path, "w", encoding="ascii") as file:
        file.write(data)
    return data.encode()


def unpack(path):
    return subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE).stdout


def content(path, number):
    """Of the file or, where it has gone, of its copy."""
    name = f"{path}.{number}"
    try:
        with open(name, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return unpack(name + ".zst")


def packed(path):
    """The numbers of the files that have a copy, and no plain one any more."""
    names = os.listdir(os.path.dirname(path))
    found = {name: re.fullmatch(re.escape(os.path.basename(path)) + r"\.(\d+)(\.zst)?", name)
             for name in names}
    plain = {int(m[1]) for m in found.values() if m and not m[2]}
    return {int(m[1]) for m in found.values() if m and m[2]} - plain


def packers(daemon):
    return harness.children_of(daemon.pid(), PACKER)


def await_packer(daemon):
    wait_until(lambda: packers(daemon), "a process that compresses")
    return packers(daemon)[0]


def await_all_packed(path):
    """From the second on; and the first is not."""
    def done():
        names = os.listdir(os.path.dirname(path))
        base = os.path.basename(path)
        plain = {name for name in names if re.fullmatch(re.escape(base) + r"\.\d+", name)}
        return plain == {base + ".1"} and packed(path) and not os.path.exists(copy_path(path))

    wait_until(done, "all but the first rotated file compressed")


class Compress(unittest.TestCase):
    def finish(self, daemon, *storms, complete=True):
        events, _ = daemon.finish(journal=False)
        for marker in storms:
            assert_all(events, marker, N_FEW)
        self.assertEqual(faults.lost(events, "file", "queue", "ring"), 0)
        if complete:
            self.assertEqual(faults.check_seq(events), 0)
        return events

    def test_from_the_second_file_on(self):
        with Daemon(settings(Mode="0604"), journal=False) as daemon:
            markers = [storm(N_FEW) for _ in range(6)]
            daemon.sync()
            await_all_packed(daemon.path)
            self.assertGreaterEqual(len(packed(daemon.path)), 4)
            for number in packed(daemon.path):
                st = os.stat(f"{daemon.path}.{number}.zst")
                self.assertEqual((st.st_mode & 0o7777, st.st_uid, st.st_gid, st.st_nlink),
                                 (0o604, os.geteuid(), os.getegid(), 1))
            listing = subprocess.run(["zstd", "-lv", f"{daemon.path}.2.zst"], check=True, text=True,
                                     stdout=subprocess.PIPE).stdout
            self.assertRegex(listing, r"Check: XXH64")
            self.assertRegex(listing, rf"Decompressed Size: .*\({len(content(daemon.path, 2))} B\)")
            self.finish(daemon, *markers)

    def test_owner_group_mode_and_time_are_kept(self):
        with faults.folder() as place:
            path = place + "/exec.jsonl"
            data = plant(path + ".2", MIB)
            os.chmod(path + ".2", 0o604)
            os.chown(path + ".2", 0, harness.NOBODY)
            os.utime(path + ".2", ns=(10**18 + 1, 10**18 + 123456789))
            with Daemon(settings(MaxSize="64M", Mode="0640"), path=path, journal=False) as daemon:
                wait_until(lambda: packed(path) == {2}, "the copy")
                st = os.stat(path + ".2.zst")
                self.assertEqual((st.st_mode & 0o7777, st.st_uid, st.st_gid, st.st_mtime_ns),
                                 (0o604, 0, harness.NOBODY, 10**18 + 123456789))
                self.assertEqual(content(path, 2), data)
                self.end(daemon)

    def test_limit_counts_compressed_files(self):
        with Daemon(settings(MaxFiles="4"), journal=False) as daemon:
            for _ in range(6):
                storm(N_FEW)
                daemon.sync()
                numbers = {int(n) for n in re.findall(r"exec\.jsonl\.(\d+)",
                                                      " ".join(os.listdir(daemon.folder)))}
                self.assertLessEqual(numbers, {1, 2, 3, 4})     # 4: in the middle of a rotation
            await_all_packed(daemon.path)
            self.assertEqual(packed(daemon.path), {2, 3})
            # Fewer by a reload: what is beyond goes with the next rotation.
            daemon.reload(settings(MaxFiles="2"))
            storm(N_FEW)
            daemon.sync()
            wait_until(lambda: sorted(n for n in os.listdir(daemon.folder) if "jsonl" in n) ==
                       [".exec.jsonl.lock", "exec.jsonl", "exec.jsonl.1"], "two files")
            daemon.terminate()
            daemon.kill()

    def test_low_priority_and_no_privilege(self):
        with faults.folder() as place:
            path = place + "/exec.jsonl"
            plant(path + ".2", 32 * MIB)
            with self.held(path) as (daemon, packer):
                # Until it is at work: it may have been stopped in its first moment.
                os.kill(packer, signal.SIGCONT)
                wait_until(lambda: os.path.getsize(copy_path(path)) > 0, "a part of the copy")
                os.kill(packer, signal.SIGSTOP)
                stat = harness.stat_fields(packer)
                self.assertEqual((stat[16], stat[38]), ("19", str(SCHED_IDLE)))
                libc = ctypes.CDLL(None, use_errno=True)
                self.assertEqual(libc.syscall(SYS_IOPRIO_GET, 1, packer) >> 13, IOPRIO_CLASS_IDLE)
                with open(f"/proc/{packer}/status", encoding="ascii") as file:
                    status = dict(line.split(":\t", 1) for line in file if ":\t" in line)
                self.assertEqual({status[key].strip() for key in ("CapEff", "CapPrm", "CapInh")},
                                 {"0" * 16})
                self.assertEqual(status["NoNewPrivs"].strip(), "1")
                self.assertEqual(len(os.listdir(f"/proc/{packer}/fd")), 4)
                os.kill(packer, signal.SIGCONT)
                wait_until(lambda: packed(path) == {2}, "the copy")
                self.end(daemon)

    @staticmethod
    def end(daemon):
        daemon.terminate()
        daemon.kill()

    class held:     # pylint: disable=invalid-name
        """A daemon, and the process that compresses PATH.2, stopped in the middle of it."""

        def __init__(self, path, program=None, **file):
            file = {"MaxSize": "1M", **file}
            self.daemon = Daemon(settings("no", **file), path=path, journal=False)
            self.reloaded = settings(**file)

        def __enter__(self):
            # Caught at its start: it is an exec, and then takes long for the planted file.
            while True:
                self.daemon.reload(self.reloaded)
                packer = await_packer(self.daemon)
                try:
                    os.kill(packer, signal.SIGSTOP)
                    wait_until(lambda: harness.stat_fields(packer)[0] == "T", "it to be stopped")
                except (ProcessLookupError, FileNotFoundError):
                    raise AssertionError("too fast: plant a larger file") from None
                return self.daemon.__enter__(), packer

        def __exit__(self, *exception):
            for pid in packers(self.daemon):
                os.kill(pid, signal.SIGCONT)
            return self.daemon.__exit__(*exception)

    def test_rotation_goes_on_meanwhile(self):
        """The copy gets the number that the file has by then."""
        with faults.folder() as place:
            path = place + "/exec.jsonl"
            data = plant(path + ".2", 4 * MIB)
            with self.held(path, MaxSize="64K") as (daemon, packer):
                markers = [storm(N_FEW) for _ in range(4)]
                daemon.sync()
                number = next(n for n in range(2, 30) if os.path.exists(f"{path}.{n}") and
                              os.path.getsize(f"{path}.{n}") == len(data))
                self.assertGreater(number, 3)
                self.assertEqual(packed(path), set())
                os.kill(packer, signal.SIGCONT)
                await_all_packed(path)
                self.end(daemon)
                self.assertIn(data, [content(path, n) for n in packed(path)])
                events = [json.loads(line) for line in daemon.raw_lines()]
                for marker in markers:
                    assert_all(events, marker, N_FEW)

    def test_rotation_removes_the_file_meanwhile(self):
        with faults.folder() as place:
            path = place + "/exec.jsonl"
            plant(path + ".2", 4 * MIB)
            with self.held(path, MaxSize="64K", MaxFiles="3") as (daemon, packer):
                for _ in range(3):
                    storm(N_FEW)
                daemon.sync()
                os.kill(packer, signal.SIGCONT)
                wait_until(lambda: not os.path.exists(copy_path(path)) and not packers(daemon),
                           "the copy to be dropped")
                self.assertLess(sum(os.path.getsize(f"{place}/{n}") for n in os.listdir(place)),
                                MIB)
                self.assertNotIn("cannot compress", daemon.stderr())
                daemon.signal(signal.SIGHUP)
                wait_until(lambda: packed(path) == {2}, "the next file's copy")
                self.end(daemon)

    def test_switched_off_meanwhile(self):
        with faults.folder() as place:
            path = place + "/exec.jsonl"
            data = plant(path + ".2", 4 * MIB)
            with self.held(path) as (daemon, packer):
                daemon.reload(settings("no"))
                os.kill(packer, signal.SIGCONT)
                wait_until(lambda: not packers(daemon), "nobody compresses")
                self.assertEqual(sorted(os.listdir(place)),
                                 [".exec.jsonl.lock", "exec.jsonl", "exec.jsonl.2"])
                self.assertEqual(content(path, 2), data)
                self.end(daemon)

    def test_process_is_killed(self):
        with faults.folder() as place:
            path = place + "/exec.jsonl"
            data = plant(path + ".2", 4 * MIB)
            with self.held(path) as (daemon, packer):
                os.kill(packer, signal.SIGKILL)
                storm(1)
                daemon.await_words("'file': cannot compress exec.jsonl.2 (the process that does it "
                                   "has ended): Broken pipe")
                self.assertFalse(os.path.exists(copy_path(path)))
                daemon.signal(signal.SIGHUP)            # else it waits 30 s
                wait_until(lambda: packed(path) == {2}, "the copy")
                storm(1)
                daemon.await_words("'file' works again")
                self.assertEqual(content(path, 2), data)
                self.end(daemon)

    def test_full_disk(self):
        """Events have the room that is left; and what was taken for the copy, they get back."""
        with faults.small_disk("32M") as disk:
            path = disk + "/exec.jsonl"
            data = plant(path + ".2", 12 * MIB)
            faults.fill(disk, 4 * MIB)
            with Daemon(settings(MaxSize="1M"), path=path, journal=False) as daemon:
                storm(1)
                daemon.await_words("'file': cannot compress exec.jsonl.2: No space left on device")
                self.assertFalse(os.path.exists(copy_path(path)))
                marker = storm(N_FEW)
                daemon.sync()
                self.assertEqual(content(path, 2), data)
                self.assertEqual(daemon.stderr().count("cannot compress"), 1)
                faults.empty(disk)
                daemon.signal(signal.SIGHUP)
                wait_until(lambda: packed(path) == {2}, "the copy")
                storm(1)
                daemon.await_words("'file' works again")
                self.end(daemon)
                self.assertEqual(content(path, 2), data)
                assert_all([json.loads(line) for line in daemon.raw_lines()], marker, N_FEW)

    def test_events_take_the_room(self):
        """The disk becomes full by the log: the unfinished copy makes way at once."""
        with faults.small_disk("32M") as disk:
            path = disk + "/exec.jsonl"
            plant(path + ".2", 16 * MIB)
            with self.held(path, MaxSize="16M") as (daemon, packer):
                os.kill(packer, signal.SIGCONT)
                wait_until(lambda: os.path.getsize(copy_path(path)) > 3 * MIB, "a part of the copy")
                os.kill(packer, signal.SIGSTOP)
                faults.fill(disk, 0)
                storm(N_FEW)
                wait_until(lambda: not os.path.exists(copy_path(path)), "the copy to make way")
                marker = storm(N_FEW)
                daemon.await_words("'file': cannot compress exec.jsonl.2: No space left on device")
                os.kill(packer, signal.SIGCONT)
                self.end(daemon)
                events = [json.loads(line) for line in daemon.raw_lines()]
                assert_all(events, marker, N_FEW)
                self.assertEqual(faults.lost(events, "file"), 0)

    def test_folder_without_permission(self):
        prefix = ["setpriv", f"--reuid={harness.NOBODY}", f"--regid={harness.NOBODY}",
                  "--clear-groups", "--inh-caps=+bpf,+perfmon,+dac_read_search,+sys_admin",
                  "--ambient-caps=+bpf,+perfmon,+dac_read_search,+sys_admin",
                  "--bounding-set=-all,+bpf,+perfmon,+dac_read_search,+sys_admin",
                  "--no-new-privs"]
        mask = os.umask(0)
        self.addCleanup(os.umask, mask)
        with faults.folder() as place:
            os.chmod(place, 0o755)
            log = place + "/log"
            os.mkdir(log)
            os.chmod(log, 0o755)
            path = log + "/exec.jsonl"
            data = plant(path + ".2", MIB)
            plant(path + ".3", MIB)     # of somebody else
            for name in (log, path + ".2"):
                os.chown(name, harness.NOBODY, harness.NOBODY)
            small = {"Capture": {"RingSize": "512K"}}
            with Daemon({**settings("no", MaxSize="1M"), **small}, path=path, prefix=prefix,
                        journal=False) as daemon:
                storm(1)
                daemon.sync()
                os.chown(log, 0, 0)
                daemon.reload({**settings(MaxSize="1M"), **small})
                storm(1)
                daemon.await_words("'file': cannot compress exec.jsonl.2: Permission denied")
                os.chown(log, harness.NOBODY, harness.NOBODY)
                daemon.signal(signal.SIGHUP)
                wait_until(lambda: packed(path) == {2}, "the copy")
                storm(1)
                daemon.await_words("cannot compress exec.jsonl.3 (it belongs to another user)")
                self.assertEqual(os.stat(path + ".2.zst").st_uid, harness.NOBODY)
                self.assertEqual(content(path, 2), data)
                # Said once, whatever number the file has by now.
                daemon.reload({**settings(MaxSize="64K"), **small})
                storm(1)
                daemon.await_words("another user", 2)
                for _ in range(3):
                    storm(N_FEW)
                daemon.sync()
                wait_until(lambda: len(packed(path)) > 2, "others' copies")
                self.assertEqual(daemon.stderr().count("another user"), 2)
                self.end(daemon)

    def test_links_are_not_followed(self):
        """At the copy's name, at the file's, at the name that the copy is to get."""
        with faults.folder() as place:
            path, precious = place + "/exec.jsonl", place + "/precious"
            with open(precious, "wb") as file:
                file.write(b"precious")
            data = plant(path + ".2", MIB)
            os.symlink(precious, path + ".3")
            os.symlink(precious, copy_path(path))
            with Daemon(settings(MaxSize="64M"), path=path, journal=False) as daemon:
                wait_until(lambda: packed(path) == {2}, "the copy")
                storm(1)
                daemon.await_words("cannot compress exec.jsonl.3 (not a regular file)")
                self.assertEqual(content(path, 2), data)
                os.unlink(path + ".3")
                plant(path + ".3", MIB)
                os.symlink(precious, path + ".3.zst")
                daemon.signal(signal.SIGHUP)
                wait_until(lambda: "cannot compress exec.jsonl.3: File exists" in daemon.stderr() or
                           not storm(1), "the name to be seen")
                os.unlink(path + ".3.zst")
                os.mkdir(copy_path(path))
                daemon.signal(signal.SIGHUP)
                wait_until(lambda: "(what is in the way of its copy cannot be removed)" in
                           daemon.stderr() or not storm(1), "the folder to be seen")
                os.rmdir(copy_path(path))
                daemon.signal(signal.SIGHUP)
                wait_until(lambda: packed(path) == {2, 3}, "the other copy")
                with open(precious, "rb") as file:
                    self.assertEqual(file.read(), b"precious")
                self.end(daemon)

    def test_killed_at_any_moment(self):
        """What it was about to compress is there, whole, at each moment."""
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", file=sys.stderr)
        chance = random.Random(seed)
        with faults.folder() as place:
            path = place + "/exec.jsonl"
            for round_ in range(N_KILLS):
                planted = {n: plant(f"{path}.{n}", chance.choice((1000, 300_000, 2 * MIB)),
                                    seed + 10 * round_ + n) for n in (2, 3, 4)}
                with open(copy_path(path), "wb") as file:
                    file.write(b"half")
                daemon = Daemon(settings(MaxSize="64M"), path=path, journal=False)
                time.sleep(chance.choice((0, 0.01, 0.03, 0.1)) * chance.random())
                daemon.process.kill()
                daemon.process.wait()   # and not for its child: that is no hindrance
                for number, data in planted.items():
                    self.check_whole(path, number, data)
                daemon.kill()
                shutil.rmtree(daemon.folder)
                if round_ % 5 == 4:
                    with Daemon(settings(MaxSize="64M"), path=path, journal=False) as daemon:
                        wait_until(lambda: packed(path) == {2, 3, 4}, "all copies")
                        self.end(daemon)
                    for number, data in planted.items():
                        self.assertEqual(content(path, number), data)
                for name in os.listdir(place):
                    os.unlink(f"{place}/{name}")

    def check_whole(self, path, number, data):
        """A copy with a number is whole, beside its file too."""
        for attempt in (1, 2):      # those that end with the daemon may do so between two looks
            names = [n for n in (f"{path}.{number}", f"{path}.{number}.zst") if os.path.exists(n)]
            self.assertTrue(names, attempt)
            for name in names:
                found = unpack(name) if name.endswith(".zst") else content(path, number)
                self.assertEqual(found, data, name)

    def test_both_are_there(self):
        """Killed after the copy had its name: made anew, and the file is what counts."""
        with faults.folder() as place:
            path = place + "/exec.jsonl"
            data = plant(path + ".2", MIB)
            subprocess.run(["zstd", "-q", path + ".2"], check=True)
            subprocess.run(["touch", "-r", path + ".2", path + ".2.zst"], check=True)
            with Daemon(settings(MaxSize="64M"), path=path, journal=False) as daemon:
                wait_until(lambda: packed(path) == {2}, "the file to go")
                self.assertEqual(content(path, 2), data)
                self.end(daemon)

    def test_two_daemons_with_one_log(self):
        """The second leaves alone what the first is about to make."""
        with faults.folder() as place:
            path = place + "/exec.jsonl"
            data = plant(path + ".2", 4 * MIB)
            with self.held(path, MaxSize="64M") as (daemon, packer):
                with Daemon(settings(MaxSize="64M"), path=path, journal=False) as other:
                    other.await_words("another execsnoopd")
                    self.assertEqual(packers(other), [])
                    self.assertTrue(os.path.exists(copy_path(path)))
                    os.kill(packer, signal.SIGCONT)
                    wait_until(lambda: packed(path) == {2}, "the copy")
                    self.end(other)
                self.assertEqual(content(path, 2), data)
                self.end(daemon)

    def test_events_go_on_beside_500_megabytes(self):
        with faults.folder() as place:
            path = place + "/exec.jsonl"
            data = plant(path + ".2", 10 * MIB)
            for number in range(3, 53):
                with open(f"{path}.{number}", "wb") as file:
                    file.write(data)
            with Daemon(settings(MaxSize="8M", MaxFiles="1000"), path=path,
                        journal=False) as daemon:
                await_packer(daemon)
                markers = []
                while len(packed(path)) < 51:
                    markers.append(storm(N_FEW))
                self.assertTrue(markers)
                self.end(daemon)
                events = [json.loads(line) for line in daemon.raw_lines()
                          if not line.startswith(b'{"event":"planted"')]
        found = collections.Counter(e["argv"][1] for e in events if e["event"] == "exec" and
                                    len(e.get("argv", ())) == 3)
        self.assertEqual({found[marker] for marker in markers}, {N_FEW})
        self.assertEqual(faults.lost(events, "ring", "queue", "file"), 0)
        self.assertEqual(faults.check_seq(events), 0)
        print(f"{len(markers)} storms of {N_FEW} meanwhile", file=sys.stderr)

    def test_upgrade_meanwhile(self):
        """Another image in the place of this one begins anew, and no line is missing."""
        with faults.folder() as place:
            program = place + "/execsnoopd"
            shutil.copy(harness.DAEMON, program)
            os.mkdir(place + "/log")
            path = place + "/log/exec.jsonl"
            data = plant(path + ".2", 4 * MIB)
            self.addCleanup(setattr, Daemon, "program", Daemon.program)
            Daemon.program = program
            with self.held(path, MaxSize="64M") as (daemon, packer):
                first = storm(N_FEW)
                os.rename(shutil.copy(harness.DAEMON, program + ".new"), program)
                daemon.reload()
                wait_until(lambda: packers(daemon) and packers(daemon) != [packer] or
                           packed(path) == {2}, "the new image to begin")
                os.kill(packer, signal.SIGCONT)
                last = storm(N_FEW)
                wait_until(lambda: packed(path) == {2}, "the copy")
                self.end(daemon)
                self.assertEqual(content(path, 2), data)
                events = [json.loads(line) for line in daemon.raw_lines()]
                self.assertEqual(sum(e["event"] == "start" for e in events), 2)
                for marker in (first, last):
                    assert_all(events, marker, N_FEW)


if __name__ == "__main__":
    faults.main()
