#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""journald hangs, dies, comes back, or is not there: the file goes on undisturbed, and the journal
says in the end what it does not have."""
import os
import signal
import subprocess
import time
import unittest

import faults
import harness
from faults import Daemon, Journald, SMALL_BACKLOG, assert_accounted, assert_all, lost, storm

N_MANY = 2000       # more than the small backlog holds, with what is queued in the socket
N_FEW = 100
# Unread by a journald that is killed with its socket: no more than the execs that the
# test itself makes. It was delivered, and is missing from the journal: a hole in seq.
HOLES = 20
STOP_SECONDS = 60   # four times TimeoutStopSec= of the unit: a machine may be busy


class Journal(unittest.TestCase):
    def check_file(self, events, *storms):
        """All of it is there, and so it does not tell of what the journal has lost."""
        for marker, count in storms:
            assert_all(events, marker, count)
        self.assertEqual(lost(events, "journal"), 0)
        self.assertEqual(events[-1]["sinks"]["file"]["lost"], 0)

    def test_hung_with_a_full_queue(self):
        with Journald() as journald, Daemon(SMALL_BACKLOG) as daemon:
            first = storm(N_FEW)
            daemon.sync_journal()
            journald.pause()
            many = storm(N_MANY)
            daemon.await_stats(lambda e: e["sinks"]["journal"]["lost"] > 0, "loss in stats")
            journald.resume()
            daemon.sync_journal()
            last = storm(N_FEW)
            file, journal = daemon.finish()
        self.check_file(file, (first, N_FEW), (many, N_MANY), (last, N_FEW))
        assert_all(journal, first, N_FEW)
        assert_accounted(journal, many, N_MANY, "journal")
        assert_all(journal, last, N_FEW)
        self.assertEqual(file[-1]["lost_by"]["journal"], lost(journal, "journal"))

    def test_hung_for_good_does_not_hold_up_the_stop(self):
        with Journald() as journald, Daemon() as daemon:
            journald.pause()
            marker = storm(N_MANY)
            begin = time.monotonic()
            events = daemon.stop()
            self.assertLess(time.monotonic() - begin, STOP_SECONDS)
        self.check_file(events, (marker, N_MANY))
        of_journal = events[-1]["sinks"]["journal"]
        self.assertGreater(of_journal["backlog"], 0)

    def test_killed_and_restarted_on_the_socket_of_its_manager(self):
        with Journald() as journald, Daemon() as daemon:
            first = storm(N_FEW)
            daemon.sync_journal()
            journald.kill()
            many = storm(N_MANY)
            daemon.sync()
            journald.start()
            last = storm(N_FEW)
            file, journal = daemon.finish()
        for events in file, journal:
            self.check_file(events, (first, N_FEW), (many, N_MANY), (last, N_FEW))

    def test_killed_with_its_socket(self):
        with Journald(held=False) as journald, Daemon(SMALL_BACKLOG) as daemon:
            first = storm(N_FEW)
            daemon.sync_journal()
            journald.kill()
            many = storm(N_MANY)
            daemon.await_words("'journal': cannot")
            daemon.sync()
            journald.start()
            daemon.await_words("'journal' works again")
            daemon.sync_journal()
            last = storm(N_FEW)
            file, journal = daemon.finish(holes=HOLES)
        self.check_file(file, (first, N_FEW), (many, N_MANY), (last, N_FEW))
        assert_all(journal, first, N_FEW)
        assert_accounted(journal, many, N_MANY, "journal")
        assert_all(journal, last, N_FEW)

    def test_socket_removed_and_back(self):
        with Journald(held=False) as journald, Daemon() as daemon:
            first = storm(N_FEW)
            daemon.sync_journal()
            os.unlink(faults.JOURNAL_SOCKET)
            still = storm(N_FEW)                # who is connected does not notice
            daemon.sync_journal()
            journald.stop()
            many = storm(N_MANY)
            daemon.await_words("'journal': cannot connect: No such file")
            journald.start()
            daemon.await_words("'journal' works again")
            file, journal = daemon.finish(holes=HOLES)
        for events in file, journal:
            self.check_file(events, (first, N_FEW), (still, N_FEW), (many, N_MANY))

    def test_there_only_after_us(self):
        journald = Journald(held=False)
        journald.stop()
        os.unlink(faults.JOURNAL_SOCKET)
        with journald, Daemon() as daemon:
            marker = storm(N_FEW)
            daemon.await_words("'journal': cannot connect")
            journald.start()
            daemon.await_words("'journal' works again")
            file, journal = daemon.finish()
        for events in file, journal:
            self.check_file(events, (marker, N_FEW))
        self.assertEqual(journal[0]["event"], "start")

    def test_restarted_in_a_storm(self):
        with Journald() as journald, Daemon() as daemon:
            process, marker = faults.start_storm(N_MANY)
            for _ in range(3):
                journald.stop()
                journald.start()
            self.assertEqual(process.wait(), 0)
            file, journal = daemon.finish()
        for events in file, journal:
            self.check_file(events, (marker, N_MANY))

    def test_enabled_and_disabled_by_reload(self):
        with Journald(), Daemon(journal=False) as daemon:
            before = storm(N_FEW)
            daemon.sync()
            daemon.reload({"Journal": {"Enabled": "yes"}})
            during = storm(N_FEW)
            daemon.sync_journal()
            daemon.reload({"Journal": {"Enabled": "no"}})
            after = storm(N_FEW)
            daemon.sync()
            journal = [harness.json.loads(line) for line in daemon.journal_raw()]
            file, _ = daemon.finish(journal=False)
        self.check_file(file, (before, N_FEW), (during, N_FEW), (after, N_FEW))
        self.assertEqual((journal[0]["event"], journal[0]["seq"]), ("start", 1))
        self.assertEqual(journal[0]["settings"]["Journal"]["Enabled"], "yes")
        self.assertEqual(journal[-1]["event"], "stats")
        self.assertEqual(faults.check_seq(journal), 0)
        faults.check_sums(journal)
        assert_all(journal, during, N_FEW)
        of_journal = journal[-1]["sinks"]["journal"]
        self.assertGreaterEqual(of_journal["before"], N_FEW)


if __name__ == "__main__":
    faults.main()
