#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""ctl_bench.py [OPTIONS]: what execsnoopctl takes for a large log, beside json-c's parser alone.

The log has the lines of the recordings, again and again, as one run of the daemon that is complete.
All take turns in every round, and CPU time counts, so that what else happens on the machine hits
all alike. Nothing is asserted: these are numbers for people. The file is as large as --megabytes
says, and is removed at the end.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "ctl"))
import honest

LINES_PER_STATS = 5000
FOLLOWED_PER_SECOND = 5000


def templates():
    """Lines of execs, with what is to be put in: seq, time."""
    found = []
    for kind, members in honest.RECORDED:
        if kind in ("exec", "exit"):
            text = json.dumps(members, separators=(",", ":"), ensure_ascii=False)
            found.append('{"event":"%s","time":"%%s","seq":%%d,"boot_id":"%s","host":"vm",%s\n' %
                         (kind, "5" * 32, text[1:].replace("%", "%%")))
    return found


def lines(n_bytes):
    """A run: its start, events and counters."""
    host = honest.Host(1)
    host.start()
    for place in host.sinks:
        host.deliver(place)
    yield host.logs["file"][0].replace(host.boot_id, "5" * 32) + "\n"
    shapes, size, n, seq = templates(), 0, 0, 1
    second, stamp = None, ""
    while size < n_bytes:
        seq += 1
        now = host.clock + seq * 20_000
        if now // 10**9 != second:
            second = now // 10**9
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        text = shapes[seq % len(shapes)] % (f"{stamp}.{now % 10**9:09}Z", seq)
        n += 1
        yield text
        size += len(text)
        if n % LINES_PER_STATS == 0:
            seq += 1
            sink = {"before": 0, "written": n, "lost": 0, "down": 0, "backlog": 0, "lines": seq - 1,
                    "bytes": size,
                    "retries": 0, "backlog_bytes": 0, "unaccounted": 0}
            yield json.dumps({"event": "stats", "time": f"{stamp}.{now % 10**9:09}Z", "seq": seq,
                              "boot_id": "5" * 32,
                              "host": "vm", "seen": n, "filtered": 0, "filtered_by": {}, "lost": 0,
                              "lost_by": {},
                              "in_rings": 0, "queued": 0, "redacted": 0, "sinks": {"file": sink},
                              "unaccounted": 0},
                             separators=(",", ":")) + "\n"


def write_log(path, megabytes):
    with open(path, "w", encoding="utf-8", buffering=1 << 20) as file:
        file.writelines(lines(megabytes * 10**6))
    return os.path.getsize(path)


def peak_of(pid):
    """MB that it had at most since it was executed; its rusage has those of its parent, too."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text("utf-8")
    found = re.search(r"VmHWM:\s+(\d+)", text)
    return int(found[1]) / 1024 if found else 0


def measure(command, stdin=None):
    """CPU seconds, seconds, MB at most in memory."""
    begin, peak = time.monotonic(), 0
    with open(stdin or os.devnull, "rb") as file, open(os.devnull, "wb") as null:
        process = subprocess.Popen(command, stdin=file, stdout=null)
        while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            peak = max(peak, peak_of(process.pid))
            time.sleep(0.005)
        elapsed = time.monotonic() - begin
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (command, process.returncode)
    return usage.ru_utime + usage.ru_stime, elapsed, peak


def compare(commands, rounds):
    times = {name: [] for name in commands}
    for _ in range(rounds):
        for name, (command, stdin) in commands.items():
            times[name].append(measure(command, stdin))
    return {name: [statistics.median(column) for column in zip(*rows)] for name,
            rows in times.items()}


def follow(ctl, seconds):
    """How far behind the last of so many lines a second is shown, at most; and the CPU it takes."""
    shapes = templates()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "log")
        path.touch()
        with subprocess.Popen([ctl, f"--file={path}", "-f", "-o", "json"],
                              stdout=subprocess.PIPE) as process:
            written, delays = {}, []

            def read():
                for line in process.stdout:
                    seq = int(re.search(rb'"seq":(\d+)', line)[1])
                    if seq in written:
                        delays.append(time.monotonic() - written.pop(seq))
            reader = threading.Thread(target=read)
            reader.start()
            begin, seq = time.monotonic(), 0
            with open(path, "a", encoding="utf-8", buffering=1 << 20) as file:
                while time.monotonic() < begin + seconds:
                    due = int((time.monotonic() - begin) * FOLLOWED_PER_SECOND)
                    while seq < due:
                        seq += 1
                        file.write(shapes[seq % len(shapes)] % ("2026-11-22T18:31:01.000000000Z",
                                                                seq))
                    if seq > 0:
                        written[seq] = time.monotonic()
                    file.flush()
                    time.sleep(0.01)
            while written and time.monotonic() < begin + seconds + 10:
                time.sleep(0.01)
            process.terminate()
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
            reader.join()
    return seq / seconds, max(delays), len(written), (usage.ru_utime + usage.ru_stime) / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release",
                        help="folder of execsnoopctl and json_bench")
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of following")
    options = parser.parse_args()
    ctl, parser_alone = f"{options.build}/execsnoopctl", f"{options.build}/tests/json_bench"
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        log = f"{folder}/log"
        size = write_log(log, options.megabytes)
        commands = {"json-c's parser alone": ([parser_alone], log)}
        for verb in (["log"], ["log", "-o", "json"], ["verify"], ["top"], ["stats"],
                     ["log", "-n", "20"]):
            commands["execsnoopctl " + " ".join(verb)] = ([ctl, *verb, f"--file={log}"], None)
        found = compare(commands, options.rounds)
    alone = found["json-c's parser alone"][0]
    print(f"{size / 1e6:.0f} MB, medians of {options.rounds} rounds\n")
    print(f"{'':32} {'CPU s':>7} {'of json-c':>9} {'MB/s':>6} {'s':>7} {'MB':>6}")
    for name, (cpu, elapsed, memory) in found.items():
        print(f"{name:32} {cpu:7.2f} {cpu / alone:9.2f} {size / 1e6 / max(cpu, 0.001):6.0f} "
              f"{elapsed:7.2f} {memory:6.1f}")
    rate, delay, missing, cpu = follow(ctl, options.seconds)
    print(f"\nfollowing {rate:.0f} lines a second: shown after {delay * 1000:.0f} ms at most, "
          f"{missing} not shown, {100 * cpu:.0f}% of a CPU")


main()
