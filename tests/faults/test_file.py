#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The file's disk fills up, breaks, goes away; somebody moves, deletes or locks the file: no line
is ever broken or there twice, the journal goes on undisturbed, and what was dropped is told."""
import json
import os
import re
import resource
import signal
import subprocess
import unittest

import faults
import harness
from faults import (Daemon, Journald, SMALL_BACKLOG, assert_all, assert_whole, check_seq, lost,
                    numbers, storm, wait_until)

N_PIECES = 8        # of 100 lines of more than 1 KB each: more than the small backlog holds
N_FEW = faults.N_PIECE
N_LONG = 60         # lines of 8K: several files of 64K
CAPABILITIES = "+bpf,+perfmon,+dac_read_search,+sys_admin"


def settings(**file):
    return {**SMALL_BACKLOG, "File": file}


class File(unittest.TestCase):
    def check(self, daemon, *storms):
        """Both streams: storms of which some is lost in the file, and those of which nothing is."""
        file, journal = daemon.finish()
        for marker, is_lossy in storms:
            if is_lossy:
                self.check_lossy(file, journal, marker)
                continue
            assert_all(file, marker, N_FEW)
            assert_all(journal, marker, N_FEW)
        self.assertEqual(check_seq(file), 0)
        self.assertEqual(lost(file, "file") > 0, any(is_lossy for _, is_lossy in storms))
        self.assertEqual(lost(journal, "file"), 0)      # it lacks none of these
        return file

    def check_lossy(self, file, journal, pieces):
        for marker in pieces:
            assert_all(journal, marker, N_FEW)
            self.assertEqual(set(numbers(file, marker).values()) - {1}, set())
        missing = sum(N_FEW - len(numbers(file, marker)) for marker in pieces)
        self.assertTrue(0 < missing <= lost(file, "file"), (missing, lost(file, "file")))

    def test_full_disk(self):
        """The page that still fits ends in the middle of a line."""
        with Journald(), faults.small_disk("256K") as disk, \
                Daemon(SMALL_BACKLOG, disk + "/exec.jsonl") as daemon:
            first = storm(N_FEW)
            daemon.sync()
            many = daemon.paced_storm(N_PIECES)
            daemon.await_words("'file': cannot write: No space")
            assert_whole(daemon.path)
            self.assertTrue(harness.read_lines(daemon.path)[-1].endswith(b"\n"))
            faults.remount(disk, "size=64M")
            daemon.await_words("'file' works again")
            last = storm(N_FEW)
            self.check(daemon, (first, False), (many, True), (last, False))

    def test_full_disk_and_rotation(self):
        with Journald(), faults.small_disk("224K") as disk, \
                Daemon(settings(MaxSize="64K", MaxFiles="100"), disk + "/exec.jsonl") as daemon:
            many = daemon.paced_storm(N_PIECES)
            daemon.await_words("'file': cannot")
            faults.remount(disk, "size=64M")
            daemon.await_words("'file' works again")
            last = storm(N_FEW)
            self.check(daemon, (many, True), (last, False))

    def test_write_that_ends_inside_a_line(self):
        """LimitFSIZE= or a quota: what fits is written, then an error."""
        with Journald(), Daemon() as daemon:
            first = storm(N_FEW)
            size = len(b"".join(daemon.raw_lines() if daemon.sync() else ())) + 10_000
            hard = resource.prlimit(daemon.pid(), resource.RLIMIT_FSIZE)[1]
            resource.prlimit(daemon.pid(), resource.RLIMIT_FSIZE, (size, hard))
            few = storm(N_FEW)
            daemon.await_words("'file': cannot write: File too large")
            wait_until(lambda: harness.read_lines(daemon.path)[-1].endswith(b"\n"), "a whole line")
            self.assertLess(os.path.getsize(daemon.path), size)
            resource.prlimit(daemon.pid(), resource.RLIMIT_FSIZE, (hard, hard))
            daemon.await_words("'file' works again")
            self.check(daemon, (first, False), (few, False))

    def test_stopped_before_there_is_room(self):
        """Then the file cannot tell; what it lacks is in the daemon's own last words."""
        with faults.small_disk("64K") as disk, \
                Daemon(SMALL_BACKLOG, disk + "/exec.jsonl", journal=False) as daemon:
            for _ in range(N_PIECES):
                storm(N_FEW)
            daemon.await_words("'file': cannot write: No space")
            self.assertEqual(daemon.terminate(), 0)
            said = re.search(r"'file' closed with (\d+) events undelivered; (\d+) events were lost",
                             daemon.stderr())
            left, lost_there = map(int, said.groups())
            written = sum(e["event"] in faults.checks.KERNEL_EVENTS for e in daemon.events())
            self.assertGreater(lost_there, 0)
            self.assertGreaterEqual(written + left + lost_there, N_PIECES * N_FEW)
            daemon.kill()

    def test_moved_by_somebody(self):
        with Journald(), Daemon() as daemon:
            first = storm(N_FEW)
            daemon.sync()
            moved = daemon.path + ".moved"
            os.rename(daemon.path, moved)
            daemon.parts.append(moved)
            last = storm(N_FEW)
            daemon.sync()
            self.check(daemon, (first, False), (last, False))

    def test_deleted_by_somebody(self):
        """Its lines are gone for others; they are still whole, and the next file goes on."""
        with Journald(), Daemon() as daemon:
            first = storm(N_FEW)
            daemon.sync()
            kept = daemon.path + ".kept"
            os.link(daemon.path, kept)
            os.unlink(daemon.path)
            daemon.parts.append(kept)
            last = storm(N_FEW)
            self.check(daemon, (first, False), (last, False))

    def test_deleted_while_it_may_be_torn(self):
        with Journald(), faults.small_disk("256K") as disk, \
                Daemon(SMALL_BACKLOG, disk + "/exec.jsonl") as daemon:
            many = daemon.paced_storm(N_PIECES)
            daemon.await_words("'file': cannot write")
            with open(daemon.path, "rb") as file:
                data = file.read()
            kept = daemon.folder + "/kept"
            with open(kept, "wb") as file:
                file.write(data[:data.rindex(b"\n") + 1])
            daemon.parts.append(kept)
            os.unlink(daemon.path)
            wait_until(lambda: os.path.exists(daemon.path), "a new file")
            faults.remount(disk, "size=64M")
            daemon.await_words("'file' works again")
            last = storm(N_FEW)
            self.check(daemon, (many, True), (last, False))

    def test_truncated_by_somebody(self):
        """By a rotation that copies, which loses lines, or to the middle of a line."""
        with Daemon(journal=False) as daemon:
            storm(N_FEW)
            daemon.sync()
            with open(daemon.path, "r+b") as file:
                file.truncate(os.path.getsize(daemon.path) - 1000)
            last = storm(N_FEW)
            daemon.sync()
            lines = harness.read_lines(daemon.path)
            self.assertTrue(all(line.endswith(b"\n") for line in lines))
            os.truncate(daemon.path, 0)
            after = storm(N_FEW)
            events = daemon.sync()
            assert_all(events, after, N_FEW)
            before = [json.loads(line) for line in lines]
            assert_all(before, last, N_FEW)
            seqs = [e["seq"] for e in before + events]
            self.assertEqual(seqs, sorted(set(seqs)))
            daemon.terminate()
            self.assertEqual(daemon.events()[-1]["unaccounted"], 0)
            daemon.kill()

    def test_folder_away_and_back(self):
        with Journald(), faults.folder() as place:
            os.mkdir(place + "/log")
            with Daemon(SMALL_BACKLOG, place + "/log/exec.jsonl") as daemon:
                first = storm(N_FEW)
                daemon.sync()
                os.rename(place + "/log", place + "/gone")
                daemon.parts.append(place + "/gone/exec.jsonl")
                many = daemon.paced_storm(N_PIECES)
                daemon.await_words("'file': cannot open: No such file")
                os.mkdir(place + "/log")
                daemon.await_words("'file' works again")
                last = storm(N_FEW)
                self.check(daemon, (first, False), (many, True),
                           (last, False))

    def test_link_in_its_place_is_not_followed(self):
        with Journald(), Daemon() as daemon:
            first = storm(N_FEW)
            daemon.sync()
            moved, target = daemon.path + ".moved", daemon.folder + "/target"
            with open(target, "wb") as file:
                file.write(b"precious")
            os.rename(daemon.path, moved)
            os.symlink(target, daemon.path)
            daemon.parts.append(moved)
            few = storm(N_FEW)
            daemon.await_words("'file': cannot open (not a regular file)")
            with open(target, "rb") as file:
                self.assertEqual(file.read(), b"precious")
            os.unlink(daemon.path)
            daemon.await_words("'file' works again")
            self.check(daemon, (first, False), (few, False))

    def test_file_that_is_not_ours(self):
        """Who owns it can read what is written to it; behind another name may be anything."""
        with Journald(), faults.folder() as place:
            os.chmod(place, 0o1777)
            path, other = place + "/exec.jsonl", place + "/other"
            with open(path, "wb") as file:
                file.write(b"precious, and no line")
            os.chown(path, harness.NOBODY, harness.NOBODY)
            with Daemon(path=path) as daemon:
                few = storm(N_FEW)
                daemon.await_words("'file': cannot open (it belongs to another user)")
                os.chown(path, 0, 0)
                os.link(path, other)
                daemon.await_words("'file': cannot open (it has more than one name)")
                self.assertEqual(os.path.getsize(path), len(b"precious, and no line"))
                os.unlink(path)
                daemon.await_words("'file' works again")
                last = storm(N_FEW)
                self.check(daemon, (few, False), (last, False))

    def test_two_daemons_with_one_file(self):
        """The second waits until the first has ended; each line of both is there."""
        with Daemon({"File": {"MaxSize": "64K", "MaxFiles": "1000"}}, journal=False) as daemon:
            first = storm(N_FEW)
            with Daemon({"File": {"MaxSize": "4K", "MaxFiles": "2"}}, path=daemon.path,
                        journal=False) as other:
                other.await_words("'file': cannot open (another execsnoopd "
                                  f"(pid {daemon.pid()}) writes here)")
                both = storm(N_FEW)
                other.signal(signal.SIGUSR1)
                # A reload that gives it room; it opens nothing meanwhile.
                other.reload({"Journal": {"Enabled": "no"},
                              "File": {"Path": daemon.path, "MaxFiles": "1000"}})
                self.assertEqual(daemon.terminate(), 0)
                other.await_words("'file' works again")
                last = storm(N_FEW)
                self.assertEqual(other.terminate(), 0)
                events = daemon.events()
                self.assertEqual(other.stderr().count("another execsnoopd"), 1)
                other.kill()
            daemon.kill()
        begin = [i for i, e in enumerate(events) if e["event"] == "start"]
        self.assertEqual(len(begin), 2)
        for run, storms in ((events[:begin[1]], (first, both)), (events[begin[1]:], (both, last))):
            self.assertEqual([e["seq"] for e in run], list(range(1, len(run) + 1)))
            self.assertEqual(run[-1]["event"], "stop")
            faults.check_sums(run)
            for marker in storms:
                assert_all(run, marker, N_FEW)

    def test_folders_in_the_place_of_rotated_files(self):
        """The file keeps its bound, whatever is in the way, and the daemon says what it is."""
        with Journald(), faults.folder() as place:
            path = place + "/exec.jsonl"
            for number in (3, 4):
                os.makedirs(f"{path}.{number}/with something in it")
            # What others execute must not rotate the files while they are read below.
            ours = {"Filter": {"Default": "drop"},
                    "Rule": [{"Name": "ours", "Exe": f'"{harness.TARGET}"', "Action": "keep"}]}
            with Daemon({**settings(MaxSize="64K", MaxFiles="4"), **ours}, path) as daemon:
                daemon.paced_storm(N_PIECES)
                daemon.await_words("'file': cannot keep as many files as MaxFiles= allows "
                                   "(exec.jsonl.3 is in the way): Is a directory")
                self.assertLessEqual(set(os.listdir(place)),
                                     {".exec.jsonl.lock", "exec.jsonl"}
                                     | {f"exec.jsonl.{n}" for n in range(1, 5)})
                sizes = [os.path.getsize(p) for p in (path, path + ".1", path + ".2")]
                self.assertLessEqual(max(sizes), 64 << 10)
                # What is there is whole, in order and up to now.
                last = storm(20)
                daemon.sync()
                events = [json.loads(line) for name in (path + ".2", path + ".1", path)
                          for line in harness.read_lines(name)]
                seqs = [e["seq"] for e in events]
                self.assertEqual(seqs, list(range(seqs[0], seqs[0] + len(seqs))))
                assert_all(events, last, 20)
                daemon.terminate()
                daemon.kill()

    def test_permission_lost_and_regained(self):
        """As the service runs: without CAP_DAC_OVERRIDE."""
        prefix = ["setpriv", f"--reuid={harness.NOBODY}", f"--regid={harness.NOBODY}",
                  "--clear-groups", f"--inh-caps={CAPABILITIES}", f"--ambient-caps={CAPABILITIES}",
                  f"--bounding-set=-all,{CAPABILITIES}", "--no-new-privs"]
        mask = os.umask(0)
        self.addCleanup(os.umask, mask)
        with Journald(), faults.folder() as place:
            os.chmod(place, 0o755)
            os.mkdir(place + "/log")
            os.chown(place + "/log", harness.NOBODY, harness.NOBODY)
            # More than such a ring is beyond RLIMIT_MEMLOCK, which not every root may raise.
            with Daemon({**SMALL_BACKLOG, "Capture": {"ArgvMax": "4K", "RingSize": "512K"}},
                        place + "/log/exec.jsonl", prefix=prefix) as daemon:
                first = storm(N_FEW)
                daemon.sync()
                os.chown(place + "/log", 0, 0)
                os.chmod(place + "/log", 0o755)
                moved = place + "/log/moved"
                os.rename(daemon.path, moved)
                daemon.parts.append(moved)
                many = daemon.paced_storm(N_PIECES)
                daemon.await_words("'file': cannot open: Permission denied")
                os.chown(place + "/log", harness.NOBODY, harness.NOBODY)
                daemon.await_words("'file' works again")
                last = storm(N_FEW)
                self.check(daemon, (first, False), (many, True),
                           (last, False))

    def test_read_only_for_a_while(self):
        """As a file system does that finds an error in itself; it takes a repair to undo."""
        with Journald(), faults.folder() as place:
            image, disk = place + "/image", place + "/disk"
            os.mkdir(disk)
            faults.file_system(image, ["-E", "root_owner=0:0"])
            subprocess.run(["mount", "-o", "loop,errors=remount-ro", image, disk], check=True)
            self.addCleanup(subprocess.run, ["umount", "--lazy", disk], check=False,
                            stderr=subprocess.DEVNULL)
            os.mkdir(disk + "/log")
            device = os.stat(disk).st_dev
            name = os.path.basename(os.readlink(
                f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"))
            trigger = f"/sys/fs/ext4/{name}/trigger_fs_error"
            harness.need(os.path.exists(trigger), "this kernel cannot fail a file system")
            with Daemon(SMALL_BACKLOG, disk + "/log/exec.jsonl") as daemon:
                first = storm(N_FEW)
                daemon.sync()
                os.sync()
                with open(trigger, "w", encoding="ascii") as file:
                    file.write("1")
                many = daemon.paced_storm(N_PIECES)
                daemon.await_words("'file': cannot write: Read-only file system")
                subprocess.run(["umount", "--lazy", disk], check=True)
                daemon.await_words("'file': cannot open: No such file")
                wait_until(lambda: not os.path.exists(trigger), "the disk to be free")
                subprocess.run(["fsck.ext4", "-fy", image], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, check=False)
                subprocess.run(["mount", "-o", "loop", image, disk], check=True)
                daemon.await_words("'file' works again")
                last = storm(N_FEW)
                # Lines that the disk forgot when it failed are a hole in seq, behind us.
                daemon.terminate()
                wait_until(lambda: daemon.journal_raw("EXECSNOOP_EVENT=stop"), "stop event")
                file = daemon.events()
                journal = [json.loads(line) for line in daemon.journal_raw()]
                faults.checks.check_lines(daemon.raw_lines(), check_seq=False)
                daemon.kill()
        seqs = [e["seq"] for e in file]
        self.assertEqual(seqs, sorted(set(seqs)))
        faults.check_sums(file + journal)
        assert_all(file, first, N_FEW)
        assert_all(file, last, N_FEW)
        self.check_lossy(file, journal, many)

    def disk(self, place):
        """One of a file system that knows chattr."""
        disk = place + "/disk"
        os.mkdir(disk)
        faults.file_system(place + "/image")
        subprocess.run(["mount", "-o", "loop", place + "/image", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk], check=True)
        return disk

    def test_immutable_for_a_while(self):
        """An open file that cannot be written any more, and a folder where nothing can be
        renamed."""
        with Journald(), faults.folder() as place:
            disk = self.disk(place)
            with Daemon(settings(MaxSize="64K", MaxFiles="100"),
                        disk + "/exec.jsonl") as daemon:
                daemon.sync()
                subprocess.run(["chattr", "+i", disk], check=True)
                few = storm(N_FEW)
                daemon.await_words("'file': cannot rotate (rename): Operation not permitted")
                daemon.sync()
                self.assertGreater(os.path.getsize(daemon.path), 64 << 10)
                subprocess.run(["chattr", "+i", daemon.path], check=True)
                many = daemon.paced_storm(N_PIECES)
                daemon.await_words("'file': cannot write: Operation not permitted")
                subprocess.run(["chattr", "-i", daemon.path, disk], check=True)
                daemon.signal(signal.SIGHUP)            # else it waits 30 s before it rotates
                daemon.await_words("'file' works again")
                last = storm(N_FEW)
                self.check(daemon, (few, False), (many, True), (last, False))

    def test_append_only_on_a_full_disk(self):
        """What of a line is in the file can't be cut; there is a rest to be written."""
        with Journald(), faults.folder() as place:
            disk = self.disk(place)
            with Daemon(SMALL_BACKLOG, disk + "/exec.jsonl") as daemon:
                first = storm(N_FEW)
                daemon.sync()
                subprocess.run(["chattr", "+a", daemon.path], check=True)
                faults.fill(disk, leave=64 << 10)
                many = daemon.paced_storm(N_PIECES)
                daemon.await_words("'file': cannot write: No space")
                faults.empty(disk)
                daemon.await_words("'file' works again")
                last = storm(N_FEW)
                self.check(daemon, (first, False), (many, True), (last, False))

    def test_who_executes_much_makes_no_long_lines_and_what_goes_is_told(self):
        """Control characters are the longest in JSON; and older files are deleted for them."""
        with Daemon({"File": {"LineMax": "8K", "MaxSize": "64K", "MaxFiles": "3"}},
                    journal=False) as daemon:
            first = [e for e in daemon.sync() if e["event"] == "stats"][-1]
            self.assertEqual(first["sinks"]["file"]["deleted_files"], 0)
            for _ in range(N_LONG):
                subprocess.run([harness.TARGET, "\1" * 20000], check=True)
            events = daemon.sync()
            lines = daemon.raw_lines()
            self.assertLessEqual(max(map(len, lines)), (8 << 10) + 1)
            execs = [e for e in events if e.get("exe") == harness.TARGET]
            self.assertGreater(len(execs), 10)
            self.assertTrue(all(e["argv_truncated"] and e["argc"] == 2 for e in execs))
            last = [e for e in events if e["event"] == "stats"][-1]
            of_file = last["sinks"]["file"]
            self.assertGreater(events[0]["seq"], 1)
            self.assertGreater(of_file["deleted_files"], 3)
            self.assertGreater(of_file["deleted_bytes"], of_file["deleted_files"] * (50 << 10))
            self.assertTrue(first["time"] < of_file["deleted_to"] < harness.timestamp(), of_file)
            faults.checks.check_lines(lines, check_seq=False)
            daemon.reload({"File": {"LineMax": "0", "MaxSize": "1M"}})
            subprocess.run([harness.TARGET, "\1" * 20000], check=True)
            daemon.sync()
            self.assertGreater(max(map(len, daemon.raw_lines())), 120000)
            daemon.terminate()
            daemon.kill()

    def test_another_path_by_reload(self):
        with Daemon(journal=False) as daemon:
            before = storm(N_FEW)
            daemon.sync()
            old, daemon.path = daemon.path, daemon.folder + "/other.jsonl"
            daemon.reload({"File": {"Path": daemon.path}, "Capture": {"Exits": "yes"}})
            after = storm(N_FEW)
            daemon.sync()
            left = [json.loads(line) for line in harness.read_lines(old)]
            daemon.terminate()
            came = daemon.events()
            daemon.kill()
        self.assertEqual([e["event"] for e in (left[0], left[-1], came[0], came[-1])],
                         ["start", "stats", "start", "stop"])
        self.assertEqual((left[0]["seq"], check_seq(left), came[0]["seq"], check_seq(came)),
                         (1, 0, 1, 0))
        self.assertEqual(came[0]["settings"]["Capture"]["Exits"], "yes")
        times = [e["time"] for e in left + came]
        self.assertEqual(times, sorted(times))
        assert_all(left + came, before, N_FEW)
        assert_all(left + came, after, N_FEW)
        faults.check_sums(left + came)
        of_file = came[-1]["sinks"]["file"]
        written = sum(e["event"] in faults.checks.KERNEL_EVENTS for e in came)
        self.assertEqual(of_file["written"], written)
        self.assertEqual(came[-1]["seen"], came[-1]["filtered"] + of_file["before"] + written)


if __name__ == "__main__":
    faults.main()
