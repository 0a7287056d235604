#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_journal.py SEND_EVENTS: what journalctl shows of what the journal sink sent.

5,000 hostile events go through a real journald: 3,000 as fast as it takes them, 1,000 while it
hangs, 1,000 after it was restarted. Then each has to be there once, in order, every field a string
that `journalctl -o json` shows without --all, MESSAGE the line that was sent, and every other field
what MESSAGE says.
"""
import json
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True  # the source folder may be read-only, and should stay clean
import run_journald

N_PLAIN, N_HUNG, N_RESTARTED = 3000, 1000, 1000
DEADLINE_SECONDS = 600
FIELD_SIZE_MAX = 4095
PRIORITIES = {"exec": "6", "exec_failed": "6", "exec_attempt": "6", "exit": "6"}
FIELDS = {"PID": "pid", "PPID": "ppid", "UID": "uid", "LOGINUID": "loginuid", "RETVAL": "retval",
          "COMM": "comm", "EXE": "exe", "CGROUP": "cgroup"}


class Sender:
    """The program that sends; remembers what it sent."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.sent = {}  # seq: brief line, whole line

    def send(self, count):
        """Returns at the first word of what became of them."""
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return self.wait()

    def wait(self):
        """Its next word, "busy" or "idle"."""
        for line in self.process.stdout:
            seq, *lines = line.rstrip("\n").split("\t")
            if not lines:
                return seq
            self.sent[int(seq)] = lines
        raise AssertionError("the sender has failed")

    def done(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


def journalctl(*options):
    return ["journalctl", "-D", run_journald.JOURNAL_FOLDER, "-t", "execsnoopd", "--no-pager",
            "-o", "json", *options]


def wait_for(seq):
    """Until journald has written it."""
    command = journalctl("-f", "-n", "all", f"EXECSNOOP_SEQ={seq}")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as follow:
        assert follow.stdout.readline()
        follow.terminate()


# For journalctl a field is a string only without these: controls and noncharacters.
NONCHARACTERS = "\ufdd0-\ufdef" + "".join(chr(plane + 0xfffe) + chr(plane + 0xffff)
                                           for plane in range(0, 0x110000, 0x10000))
HIDDEN = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{NONCHARACTERS}]")


def shown(text):
    return HIDDEN.sub("\ufffd", text)


def cut(text, room):
    """As many whole characters as there is room for."""
    return text.encode()[:room].decode(errors="ignore")


def check_entry(entry, brief, whole):
    event, details = json.loads(entry["MESSAGE"]), json.loads(whole)
    assert entry["MESSAGE"] == brief
    assert len(brief.encode()) <= 4087
    assert entry["SYSLOG_IDENTIFIER"] == "execsnoopd"
    assert entry["EXECSNOOP_EVENT"] == event["event"]
    assert entry["PRIORITY"] == PRIORITIES[event["event"]]
    assert re.fullmatch("[0-9a-f]{32}", entry["MESSAGE_ID"])
    for name, key in FIELDS.items():
        field = "EXECSNOOP_" + name
        if key not in details:
            assert field not in entry, field
            continue
        expected = cut(shown(str(details[key])), FIELD_SIZE_MAX - len(field) - 1)
        assert entry[field] == expected, (field, entry[field], expected)
    assert ("EXECSNOOP_JSON" in entry) == (brief != whole)


def check(sent):
    """All entries, as journalctl gives them line by line."""
    expected = iter(sorted(sent.items()))
    n_cut = 0
    with subprocess.Popen(journalctl(), stdout=subprocess.PIPE) as reader:
        for line in reader.stdout:
            entry = json.loads(line)
            seq, (brief, whole) = next(expected)
            assert entry["EXECSNOOP_SEQ"] == str(seq), (entry["EXECSNOOP_SEQ"], seq)
            for name, value in entry.items():
                assert isinstance(value, str) or name == "EXECSNOOP_JSON", (name, value)
            check_entry(entry, brief, whole)
            n_cut += brief != whole
    assert next(expected, None) is None
    return n_cut


def check_whole_lines(sent):
    """EXECSNOOP_JSON needs --all to be shown, and is then the whole line."""
    n = 0
    with subprocess.Popen(journalctl("--all"), stdout=subprocess.PIPE) as reader:
        for line in reader.stdout:
            entry = json.loads(line)
            brief, whole = sent[int(entry["EXECSNOOP_SEQ"])]
            if brief == whole:
                continue
            assert entry["EXECSNOOP_JSON"] == whole
            n += 1
    return n


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    run_journald.isolate()
    signal.alarm(DEADLINE_SECONDS)
    with run_journald.Journald() as journald:
        sender = Sender(sys.argv[1])
        answer = sender.send(N_PLAIN)
        while answer != "idle":
            answer = sender.wait()
        wait_for(N_PLAIN)

        journald.pause()
        assert sender.send(N_HUNG) == "busy"
        journald.resume()
        assert sender.wait() == "idle"
        wait_for(N_PLAIN + N_HUNG)

        journald.stop()
        journald.start()
        answer = sender.send(N_RESTARTED)
        while answer != "idle":
            answer = sender.wait()
        wait_for(N_PLAIN + N_HUNG + N_RESTARTED)
        sender.done()

        assert len(sender.sent) == N_PLAIN + N_HUNG + N_RESTARTED
        n_cut = check(sender.sent)
        assert n_cut > 100
        assert check_whole_lines(sender.sent) == n_cut
    print(f"{len(sender.sent)} entries, {n_cut} of them with EXECSNOOP_JSON: all there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
