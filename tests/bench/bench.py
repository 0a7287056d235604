#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""bench.py [OPTIONS]: what execsnoopd costs, beside no tracer and beside the others that are here:
libbpf-tools' execsnoop, bpftrace's execsnoop.bt, and auditd with a rule for execve.

All tracers take turns in every round, so that what else happens on the machine hits all alike; the
tables have medians. Nothing is asserted: these are numbers for people. Needs root, cc and bpftool,
and a build with tests; the journal is a real journald of our own (tests/journal/run_journald.py).
"""
import argparse
import contextlib
import glob
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "journal"))
import run_journald

RECORDING = HERE.parent / "golden/commands.rec"
PEERS = {
    "libbpf-tools execsnoop": ["/usr/sbin/execsnoop"],
    "bpftrace execsnoop.bt": ["/usr/sbin/execsnoop.bt"],
}
AUDITD = "/usr/sbin/auditd"
# As Debian ships it, but for the path and for no rotation during a round.
AUDITD_CONF = """\
log_file = {folder}/audit.log
log_format = ENRICHED
flush = INCREMENTAL_ASYNC
freq = 50
max_log_file = 4096
max_log_file_action = IGNORE
space_left = 75
admin_space_left = 50
plugin_dir = {folder}
"""
STATS_SYSCTL = "/proc/sys/kernel/bpf_stats_enabled"
READY_SECONDS = 60
TICKS = os.sysconf("SC_CLK_TCK")

FILE_SINK = "[Journal]\nEnabled=no\n[File]\nEnabled=yes\nMaxSize=0\nPath={folder}/exec.jsonl\n"
CONFIGS = {
    "file": FILE_SINK,
    "file, all events": FILE_SINK + "[Capture]\nExits=yes\nFailedExecs=yes\nAttempts=yes\n",
    "FailedExecs=yes": FILE_SINK + "[Capture]\nFailedExecs=yes\n",
    "journal": "",
}


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Tools:
    """The builds for the benchmark, and their places."""

    def __init__(self, folder, daemon):
        self.folder, self.daemon = folder, str(daemon)
        self.load, self.tiny = str(folder / "load"), str(folder / "tiny")
        for command in (["-O2", "-D_GNU_SOURCE", "-o", self.load, HERE / "load.c"],
                        ["-Os", "-static", "-nostdlib", "-o", self.tiny, HERE / "tiny.c"]):
            subprocess.run([os.environ.get("CC", "cc"), *command], check=True)

    def storm(self, seconds):
        done = subprocess.run([self.load, "storm", str(seconds), self.tiny], check=True,
                              stdout=subprocess.PIPE, text=True)
        count, elapsed = done.stdout.split()
        return int(count), float(elapsed)

    def getppid(self, seconds):
        done = subprocess.run([self.load, "getppid", str(seconds)], check=True,
                              stdout=subprocess.PIPE, text=True)
        return float(done.stdout)


@contextlib.contextmanager
def untraced(_tools):
    yield None


@contextlib.contextmanager
def execsnoopd(tools, config):
    """Running and ready; its pid."""
    path = tools.folder / "bench.conf"
    path.write_text(CONFIGS[config].format(folder=tools.folder), encoding="utf-8")
    address = str(tools.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(address)
        notify.settimeout(READY_SECONDS)
        process = subprocess.Popen([tools.daemon, f"--config={path}"],
                                   env=dict(os.environ, NOTIFY_SOCKET=address))
        while b"READY=1" not in notify.recv(65536).split(b"\n"):
            pass
    os.unlink(address)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@contextlib.contextmanager
def peer(tools, command):
    """It does not say when it is ready, and writes by pages: we exec until it has written of us."""
    output = tools.folder / "peer"
    with open(output, "wb") as file, subprocess.Popen(command, stdout=file) as process:
        while b"tiny" not in output.read_bytes():
            subprocess.run([tools.tiny], check=True)
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGINT)


def auditctl(*arguments):
    done = subprocess.run(["auditctl", *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return dict(line.split()[:2] for line in done.stdout.splitlines() if len(line.split()) > 1)


@contextlib.contextmanager
def auditd(tools):
    (tools.folder / "auditd.conf").write_text(AUDITD_CONF.format(folder=tools.folder), "ascii")
    with subprocess.Popen([AUDITD, "-n", "-s", "enable", "-c", tools.folder],
                          stdout=subprocess.DEVNULL) as process:
        while auditctl("-s")["pid"] != str(process.pid):
            assert process.poll() is None, "auditd does not start"
        auditctl("-D")
        auditctl("-b", "8192")
        auditctl("-a", "always,exit", "-F", "arch=b64", "-S", "execve,execveat")
        try:
            yield process.pid
        finally:
            auditctl("-D")
            process.terminate()
            process.wait()
            auditctl("-e", "0")
            # Else every process of this boot is slower from now on: audit has been enabled once.
            auditctl("-a", "task,never")
            (tools.folder / "audit.log").unlink()


def tracers(configs):
    """By name: what to run beside the load, as a function of the tools."""
    table = {"untraced": untraced}
    for config in configs:
        table[f"execsnoopd, {config}"] = lambda tools, config=config: execsnoopd(tools, config)
    for name, command in PEERS.items():
        if os.path.exists(command[0]):
            table[name] = lambda tools, command=command: peer(tools, command)
    if os.path.exists(AUDITD):
        table["auditd"] = auditd
    return table


def print_table(title, head, rows):
    print(f"\n{title}\n{'':36}" + "".join(f"{column:>13}" for column in head))
    for name, *values in rows:
        print(f"{name:36}" + "".join(f"{value:>13}" for value in values), flush=True)


def stop_event(tools, name):
    """The final counters of the daemon that has just ended, from the sink that it wrote to."""
    if name == "execsnoopd, journal":
        command = ["journalctl", "-D", run_journald.JOURNAL_FOLDER, "--sync", "-q"]
        subprocess.run(command, check=False)
        done = subprocess.run(["journalctl", "-D", run_journald.JOURNAL_FOLDER, "-o", "cat", "-n1",
                               "EXECSNOOP_EVENT=stop"], stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)
    path = tools.folder / "exec.jsonl"
    with open(path, "rb") as file:
        last = file.readlines()[-1]
    path.unlink()
    return json.loads(last)


def storm_round(tools, name, tracer, seconds):
    """The figures of one storm beside one tracer."""
    result = {}
    with tracer(tools) as pid:
        before = cpu_seconds(pid) if pid else 0
        count, elapsed = tools.storm(seconds)
        if pid:
            result["cpu"] = (cpu_seconds(pid) - before) * 1e6 / count
    result["rate"] = count / elapsed
    if name.startswith("execsnoopd"):
        stop = stop_event(tools, name)
        sink = next(iter(stop["sinks"].values()))
        result["lost"] = (stop["lost"] + sink["lost"]) / stop["seen"]
        result["bytes"] = sink["bytes"] / sink["lines"]
    return result


def median_of(results, key, form):
    values = [result[key] for result in results if key in result]
    return form.format(statistics.median(values)) if values else "-"


def bench_storm(tools, rounds, seconds):
    table = tracers(["file", "journal"])
    results = {name: [] for name in table}
    for _ in range(rounds):
        for name, tracer in table.items():
            results[name].append(storm_round(tools, name, tracer, seconds))
    rows = []
    for name, rounds_of in results.items():
        ratios = [{"ratio": mine["rate"] / base["rate"],
                   "cost": 1 / mine["rate"] - 1 / base["rate"]}
                  for mine, base in zip(rounds_of, results["untraced"])]
        for ratio in ratios:
            ratio["cost"] *= os.sysconf("SC_NPROCESSORS_ONLN") * 1e6
        rows.append((name, median_of(rounds_of, "rate", "{:.0f}"),
                     median_of(ratios, "ratio", "{:.3f}"), median_of(ratios, "cost", "{:+.1f}"),
                     median_of(rounds_of, "cpu", "{:.1f}"), median_of(rounds_of, "lost", "{:.1%}"),
                     median_of(rounds_of, "bytes", "{:.0f}")))
    print_table(f"Exec storm on all CPUs, {rounds} rounds of {seconds} s",
                ("exec/s", "ratio", "us CPU/exec", "own us/exec", "lost", "bytes/line"), rows)


def bench_getppid(tools, rounds, seconds):
    table = tracers(["file", "FailedExecs=yes"])
    results = {name: [] for name in table}
    for _ in range(rounds):
        for name, tracer in table.items():
            with tracer(tools):
                results[name].append(tools.getppid(seconds))
    base = results["untraced"]
    rows = []
    for name, values in results.items():
        added = statistics.median(mine - other for mine, other in zip(values, base))
        rows.append((name, f"{statistics.median(values):.1f}", f"{added:+.1f}"))
    print_table(f"getppid() in a loop, {rounds} rounds of {seconds} s", ("ns/call", "added"), rows)


def programs_of(pid):
    """Run time and count of the BPF programs that a process holds, by name."""
    ids = set()
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
            ids.update(int(line.split()[1]) for line in file if line.startswith("prog_id:"))
    shown = json.loads(subprocess.run(["bpftool", "prog", "show", "-j"], check=True,
                                      stdout=subprocess.PIPE).stdout)
    return {program["name"]: (program.get("run_time_ns", 0), program.get("run_cnt", 0))
            for program in shown if program["id"] in ids}


@contextlib.contextmanager
def bpf_statistics():
    path = pathlib.Path(STATS_SYSCTL)
    before = path.read_text(encoding="ascii")
    path.write_text("1\n", encoding="ascii")
    try:
        yield
    finally:
        path.write_text(before, encoding="ascii")


def bench_programs(tools, seconds):
    rows = []
    with bpf_statistics():
        for name, tracer in tracers(["file, all events"]).items():
            with tracer(tools) as pid:
                if not pid:
                    continue
                before = programs_of(pid)
                tools.storm(seconds)
                after = programs_of(pid)
            for program, (run_ns, runs) in sorted(after.items()):
                run_ns -= before.get(program, (0, 0))[0]
                runs -= before.get(program, (0, 0))[1]
                rows.append((program, runs, f"{run_ns / runs:.0f}" if runs else "-",
                             name.split(",")[0].rpartition(" ")[2]))
    print_table(f"BPF programs, by bpf_stats_enabled, a storm of {seconds} s",
                ("runs", "ns/run", "of"), rows)


def bench_encode(program, recording):
    """The part of an event's cost that is ours alone, and its size."""
    done = subprocess.run([program, recording], check=True, stdout=subprocess.PIPE, text=True)
    ways, *lines = done.stdout.splitlines()
    rows = []
    for line in lines:
        name, *numbers = line.split("\t")
        rows.append((name, *(f"{int(n) / 1000:.1f}" if i % 2 == 0 else n
                             for i, n in enumerate(numbers))))
    columns = [column for way in ways.split("\t")[1::2] for column in (f"{way} us", "bytes")]
    print_table("Decode, enrich, encode: one event, by its argv; the journal, and files",
                columns, rows)


def main():
    parser = argparse.ArgumentParser(description="Measure what execsnoopd costs.")
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build/release",
                        help="folder of the build to measure")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of one load")
    args = parser.parse_args()
    daemon = (args.build / "execsnoopd").resolve()
    run_journald.isolate()
    for tool in ("bpftool", os.environ.get("CC", "cc")):
        if not shutil.which(tool):
            print(f"needs {tool}", file=sys.stderr)
            return run_journald.EXIT_SKIP
    with tempfile.TemporaryDirectory(prefix="execsnoopd-bench-") as folder, \
            run_journald.Journald():
        tools = Tools(pathlib.Path(folder), daemon)
        bench_encode(args.build / "tests/encode_bench", RECORDING)
        bench_storm(tools, args.rounds, args.seconds)
        bench_getppid(tools, args.rounds, args.seconds / 2)
        bench_programs(tools, args.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
