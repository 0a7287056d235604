#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""How the daemon is run: options and exit codes, signals, reload, recordings."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
import unittest.mock

import checks
import harness
from bpf_maps import bpftool, map_of
from harness import Child, DAEMON, Daemon, NOBODY, STORM, TARGET
from manager import Manager

EXIT_FAILURE = 1
EXIT_USAGE = 64
EXIT_NOT_PERMITTED = 77
EXIT_CONFIG = 78

N_DURING_RELOADS = 10_000
N_WAITING = 500     # far more than a pipe holds


def run_daemon(*options, **settings):
    return subprocess.run([DAEMON, *options], capture_output=True, text=True, check=False,
                          timeout=harness.DEADLINE, **settings)


def exec_target(argument):
    child = Child(lambda: os.execve(TARGET, [TARGET, argument], {}))
    child.close()
    return child.pid


class ControlTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="execsnoopd-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path


class Options(ControlTest):
    def test_usage_errors(self):
        for options in (["--unknown"], ["argument"], ["--config"],
                        ["--record=/a", "--replay=/b"]):
            with self.subTest(options=options):
                result = run_daemon(*options)
                self.assertEqual(result.returncode, EXIT_USAGE)
                self.assertEqual(result.stdout, "")
                self.assertNotEqual(result.stderr, "")

    def test_help_and_version(self):
        for option, start in (("--help", "execsnoopd [OPTIONS"), ("-h", "execsnoopd [OPTIONS"),
                              ("--version", "execsnoopd "), ("-V", "execsnoopd ")):
            result = run_daemon(option)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertTrue(result.stdout.startswith(start))

    def test_ordinary_user_is_not_permitted(self):
        # the build folder need not be open to others
        daemon = shutil.copy(DAEMON, os.path.join(self.folder, "daemon"))
        result = subprocess.run([daemon, "--stdout", "--config=/dev/null"], capture_output=True,
                                text=True, check=False, user=NOBODY, group=NOBODY,
                                extra_groups=[], timeout=harness.DEADLINE)
        self.assertEqual(result.returncode, EXIT_NOT_PERMITTED, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_good_configuration(self):
        path = self.write("good.conf", "[Capture]\nExits=yes\n")
        result = run_daemon("--test-config", f"--config={path}")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_bad_value_is_named_with_file_and_line(self):
        path = self.write("bad.conf", "[Capture]\n# fine\nExits=maybe\nRingSize=1\n")
        for option in ("--test-config", "-t", "--stdout"):
            result = run_daemon(option, f"--config={path}")
            self.assertEqual((result.returncode, result.stdout), (EXIT_CONFIG, ""))
            self.assertIn(f"{path}:3: Exits: ", result.stderr)
            self.assertIn(f"{path}:4: RingSize: ", result.stderr)

    def test_bad_value_after_an_upgrade_is_no_reason_to_stay_down(self):
        """The settings were good when the previous image handed over."""
        path = self.write("bad.conf", "[Capture]\nExits=maybe\n")
        command = f'EXECSNOOPD_HANDOVER="$$ 99" exec "{DAEMON}" --config="{path}"'
        result = subprocess.run(["sh", "-c", command], capture_output=True, check=False,
                                timeout=harness.DEADLINE)
        self.assertEqual(result.returncode, EXIT_FAILURE)
        self.assertIn(f"{path}:2: Exits: ", result.stderr.decode())

    def test_unknown_key_is_a_warning_only(self):
        path = self.write("odd.conf", "[Capture]\nNoSuchKey=1\n")
        result = run_daemon("--test-config", f"--config={path}")
        self.assertEqual(result.returncode, 0)
        self.assertIn(f"{path}:2:", result.stderr)
        self.assertIn("NoSuchKey", result.stderr)

    def test_unknown_key_is_an_error_if_that_is_asked_for(self):
        for text in "[Capture]\nNoSuchKey=1\n", "[capture]\n", "[Journal]\nFormat=json\n":
            path = self.write("odd.conf", text)
            result = run_daemon("--strict", "--test-config", f"--config={path}")
            self.assertEqual(result.returncode, EXIT_CONFIG, result.stderr)
            self.assertIn("ignored", result.stderr)
        path = self.write("good.conf", "[Capture]\nExits=yes\n")
        result = run_daemon("-t", "--strict", f"--config={path}")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
        self.assertEqual(run_daemon("--strict", "--cat-config").returncode, EXIT_USAGE)
        self.assertEqual(run_daemon("--strict").returncode, EXIT_USAGE)

    def test_missing_configuration_file(self):
        result = run_daemon("--test-config", f"--config={self.folder}/missing.conf")
        self.assertEqual(result.returncode, EXIT_CONFIG)
        self.assertIn("missing.conf", result.stderr)

    def test_merged_configuration_and_its_origin(self):
        path = self.write("a.conf", "[Capture]\nExits=yes\nArgvMax=8K\n")
        dropin = self.write("a.conf.d/50-more.conf", "[Capture]\nArgvMax=16K\n")
        result = run_daemon("--cat-config", f"--config={path}")
        self.assertEqual(result.returncode, 0)
        self.assertIn("Exits=yes", result.stdout)
        self.assertIn("ArgvMax=16K", result.stdout)
        self.assertNotIn("ArgvMax=8K\n", result.stdout.replace("#", ""))
        self.assertIn(dropin, result.stdout)
        self.assertIn(path, result.stdout)

    def test_start_tells_the_effective_settings(self):
        with Daemon({"Capture": {"ArgvMax": "8K"}}) as daemon:
            start = daemon.start_event()
        self.assertEqual(start["settings"]["Capture"]["ArgvMax"], "8K")
        self.assertEqual(start["settings"]["Capture"]["Exits"], "no")
        self.assertEqual(start["kernel"], os.uname().release)


class Environment(ControlTest):
    """Of the service manager. Whatever it says, execs are logged, and SIGTERM ends it."""

    def check(self, **environment):
        """What the daemon said but that it logs; `LISTEN_PID="$$"` is its own."""
        settings = " ".join(f'{name}="{value}"' for name, value in environment.items())
        prefix = ("sh", "-c", f'exec env {settings} "$@"', "sh")
        with unittest.mock.patch.object(Daemon, "prefix", prefix), Daemon() as daemon:
            pid = exec_target("environment")
            self.assertEqual(len(daemon.of(pid, "exec")), 1)
            daemon.stop()
            self.assertEqual(daemon.process.returncode, 0)
            return "".join(line for line in daemon.stderr().splitlines(keepends=True)
                           if "Logging to " not in line)

    def test_watchdog_that_is_too_fast(self):
        for usec in range(1, 5):
            self.assertIn(f"WATCHDOG_USEC={usec} is too short", self.check(WATCHDOG_USEC=usec))

    def test_watchdog_of_no_time(self):
        for usec in "x", "0", "-1", "9" * 30:
            self.assertIn("WATCHDOG_USEC", self.check(WATCHDOG_USEC=usec))
        self.assertIn("WATCHDOG_PID", self.check(WATCHDOG_USEC=1000000, WATCHDOG_PID="x"))
        self.assertEqual(self.check(WATCHDOG_USEC=2**64 - 2), "")

    def test_descriptors_that_were_not_passed(self):
        said = "Cannot take the descriptors"
        for number in 1, 2, 30, 2**31 - 1, 2**31, "x", -1:
            self.assertIn(said, self.check(LISTEN_PID="$$", LISTEN_FDS=number))
        names = "page:control:links"
        self.assertIn(said, self.check(LISTEN_PID="$$", LISTEN_FDS=3, LISTEN_FDNAMES=names))
        self.assertIn(said, self.check(LISTEN_PID="x", LISTEN_FDS=3))
        self.assertEqual(self.check(LISTEN_PID="$$", LISTEN_FDNAMES=names), "")
        self.assertEqual(self.check(LISTEN_PID=1, LISTEN_FDS=30), "")
        self.assertIn(said, self.check(EXECSNOOPD_HANDOVER="$$ 3"))

    def test_socket_that_is_none(self):
        """Nobody hears that it is ready: that it logs has to be seen."""
        path = self.write("socket.conf", "[Stats]\nSelfTest=0\n[Capture]\nSnapshot=no\n")
        for address in "x", "/nonexistent", path, "@" + "x" * 200, "vsock:2:1":
            command = [DAEMON, "--stdout", f"--config={path}"]
            environment = {**os.environ, "NOTIFY_SOCKET": address, "FDSTORE": "x"}
            with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True) as daemon:
                for line in daemon.stdout:
                    if json.loads(line)["event"] == "start":
                        break
                daemon.terminate()
                _, errors = daemon.communicate(timeout=harness.DEADLINE)
            self.assertEqual(daemon.returncode, 0, errors)
            self.assertIn("$NOTIFY_SOCKET", errors)


class Words(ControlTest):
    """What is said to people: at the start, and in `systemctl status`."""

    def test_start(self):
        with Daemon(sink="file") as daemon:
            said = daemon.stderr()
            version = run_daemon("--version").stdout.strip()
            self.assertRegex(said, f"Logging to file {daemon.path}, from [0-9.]+[a-z]+ after boot "
                                   rf"on \({version}\)\n")
        with Daemon() as daemon:
            self.assertRegex(daemon.stderr(), "Logging to stdout, from ")

    def test_sink_that_cannot_be_opened(self):
        """On the terminal, in the first status, and no losses once it works that there were not."""
        with Manager() as manager:
            manager.end()
            manager.path = os.path.join(manager.folder, "later", "x.jsonl")
            manager.configure({})
            errors = os.path.join(manager.folder, "stderr")
            manager.prefix = ("sh", "-c", f'exec "$@" 2>{errors}', "sh")
            manager.start()

            def said():
                with open(errors, encoding="utf-8") as file:
                    return file.read()
            self.assertIn("Sink 'file': cannot open: No such file or directory", said())
            self.wait_for_status(manager,
                                 "logging to file (cannot open: No such file or directory)")
            exec_target("waits")
            self.wait_for_status(manager, "events seen")
            os.mkdir(os.path.dirname(manager.path))
            harness.wait_until(lambda: "works again" in said(), "message")
            self.assertIn("Sink 'file' works again; no event was lost meanwhile", said())
            self.wait_for_status(manager, " written")

    def wait_for_status(self, manager, words):
        pattern = re.compile(r"At [0-9]{2}:[0-9]{2}:[0-9]{2}: " ".*" + re.escape(words))
        with manager.changed:
            found = manager.changed.wait_for(
                lambda: any(pattern.match(m.get("STATUS", "")) for m in manager.heard),
                harness.DEADLINE)
            self.assertTrue(found, manager.heard)


class Signals(ControlTest):
    def test_sigint_stops_it_too(self):
        with Daemon() as daemon:
            daemon.signal(signal.SIGINT)
            daemon.process.wait(harness.DEADLINE)
            daemon.stop()

    def test_sigusr2_makes_a_stats_event_at_once(self):
        with Daemon({"Stats": {"Interval": "1d"}}) as daemon:
            for n in range(1, 4):
                daemon.signal(signal.SIGUSR2)
                daemon.wait_for(lambda e, n=n: e["event"] == "stats" and [
                    x["event"] for x in daemon.events()].count("stats") == n, "stats event")
            self.assertEqual([e["unaccounted"] for e in daemon.stop()
                              if e["event"] in ("stats", "stop")], [0] * 4)

    def test_stats_come_by_themselves(self):
        with Daemon({"Stats": {"Interval": "1s"}}) as daemon:
            daemon.wait_for(lambda e: e["event"] == "stats", "stats event")

    def test_sigusr1_opens_the_file_again(self):
        with Daemon(sink="file") as daemon:
            pids = [exec_target("before")]
            daemon.sync()
            moved = daemon.path + ".moved"
            os.rename(daemon.path, moved)
            pids.append(exec_target("between"))
            daemon.signal(signal.SIGUSR1)
            harness.wait_until(lambda: os.path.exists(daemon.path), "a new file")
            pids.append(exec_target("after"))
            daemon.stop(complete=False)
            with open(moved, "rb") as file:
                lines = file.readlines()
            split = len(lines)
            lines += daemon.raw_lines()
            checks.check_lines(lines)          # seq goes on over both files
        events = [json.loads(line) for line in lines]
        checks.check_stream(events, True)
        found = [next(i for i, e in enumerate(events) if e.get("pid") == pid and
                      e["argv"][1:] == [word])
                 for pid, word in zip(pids, ("before", "between", "after"))]
        self.assertEqual(found, sorted(found))
        self.assertLess(found[0], split)
        self.assertLessEqual(split, found[2])

    def test_new_file_has_the_mode_that_was_asked_for(self):
        with Daemon({"File": {"Mode": "0600"}}, sink="file") as daemon:
            daemon.sync()
            self.assertEqual(os.stat(daemon.path).st_mode & 0o777, 0o600)

    def test_file_whose_folder_comes_later(self):
        with Daemon({"File": {"Path": f"{self.folder}/later/x.jsonl"}}, sink="file") as daemon:
            daemon.path = f"{self.folder}/later/x.jsonl"
            pid = exec_target("early")
            harness.wait_until(lambda: "later/x.jsonl" in daemon.stderr() or
                               "cannot open" in daemon.stderr(), "message")
            os.mkdir(f"{self.folder}/later")
            daemon.signal(signal.SIGUSR1)
            harness.wait_until(lambda: os.path.exists(daemon.path), "the file")
            events = daemon.stop()
        self.assertEqual([e["argv"][1] for e in events if e.get("pid") == pid], ["early"])

    def test_second_daemon_sees_the_same(self):
        with Daemon() as one, Daemon() as two:
            pid = exec_target("both")
            keys = ("process_id", "argv", "exe_file", "namespaces")
            first, second = ({key: d.of(pid, "exec")[-1].get(key) for key in keys}
                             for d in (one, two))
            self.assertEqual(first, second)

    def test_identity_is_the_same_after_a_restart(self):
        child = Child(lambda: os.execv("/bin/sh", ["sh", "-c", f"read x; {TARGET}; exec {TARGET}"]))
        ids = []
        with Daemon() as daemon:
            os.write(child.stdin, b"\n")
            event = daemon.wait_for(lambda e: e.get("ppid") == child.pid, "first target")
            ids.append(event["parent_process_id"])
        with Daemon() as daemon:
            child.close()
            # the first target, and with it the shell's read, has ended: it executes the second
            event, = daemon.of(child.pid, "exec", since=child.since)
            ids.append(event["process_id"])
        self.assertEqual(ids[0], ids[1])


class Reload(ControlTest):
    def test_broken_drop_in_changes_nothing(self):
        with Daemon({"Capture": {"Exits": "yes"}}) as daemon:
            path = os.path.join(daemon.dropins, "50-broken.conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write("[Capture]\nExits=no\n\nArgvMax=much\n")
            said = daemon.reload()
            self.assertIn(f"{path}:4: ArgvMax: ", said)
            pid = exec_target("still")
            self.assertEqual([e["event"] for e in daemon.of(pid)][-2:], ["exec", "exit"])
            os.unlink(path)
            self.assertNotIn(path, daemon.reload())

    def test_daemon_that_cannot_get_larger_rings_keeps_the_old_ones(self):
        with Daemon() as daemon:
            said = daemon.reload({"Capture": {"RingSize": "1G", "Exits": "yes"}})
            pid = exec_target("still")
            kinds = [e["event"] for e in daemon.of(pid)]
            self.assertEqual(kinds, ["exec"] if "Reload failed" in said else ["exec", "exit"])

    def test_reloads_under_load_lose_nothing(self):
        base = {"RingSize": "8M"}
        steps = [
            {"Exits": "yes"}, {"FailedExecs": "yes"}, {"Attempts": "yes"},
            {"RingSize": "16M", "Exits": "yes"}, {"ArgvMax": "4K"}, {"RingSize": "8M"},
            {"Exits": "yes", "FailedExecs": "yes", "Attempts": "yes", "FailedExecsIgnore": ""},
            {"Environment": "PATH"}, {"ArgvMax": "1M"}, {},
        ]
        queue = {"Size": "64M", "Backlog": "64M"}
        with Daemon({"Capture": base, "Queue": queue}) as daemon:
            marker = f"reload-{os.getpid()}"
            storm = subprocess.Popen([STORM, str(N_DURING_RELOADS), marker, TARGET],
                                     stdin=subprocess.DEVNULL)
            rounds = 0
            while storm.poll() is None:
                said = daemon.reload({"Capture": {**base, **steps[rounds % len(steps)]},
                                      "Queue": queue})
                self.assertNotIn("failed", said)
                rounds += 1
            self.assertEqual(storm.returncode, 0)
            self.assertGreater(rounds, 1)
            events = daemon.stop()
        self.assertEqual(events[-1]["lost"], 0)
        numbers = [e["argv"][2] for e in events
                   if e["event"] == "exec" and e.get("argv", [])[1:2] == [marker]]
        self.assertEqual(sorted(map(int, numbers)), list(range(N_DURING_RELOADS)))

    def test_nothing_is_lost_while_programs_are_loaded(self):
        """Which takes longer than rings of this size last; larger ones have room for all of it."""
        base = {"Capture": {"RingSize": "2M"}, "Queue": {"Size": "64M", "Backlog": "64M"}}
        more = {"FailedExecs": "yes", "Attempts": "yes", "Exits": "no"}
        with Daemon(base) as daemon:
            storms = [subprocess.Popen([STORM, str(N_DURING_RELOADS // 2), f"load-{i}", TARGET],
                                       stdin=subprocess.DEVNULL) for i in range(2)]
            daemon.reload({**base, "Capture": {**base["Capture"], **more}})
            for storm in storms:
                self.assertEqual(storm.wait(), 0)
            events = daemon.stop()
        self.assertEqual(events[-1]["lost"], 0)

    def test_processes_that_are_no_longer_followed_are_forgotten(self):
        def followed():
            return len(bpftool("map", "dump", "id", map_of(daemon.process.pid, "processes")))

        exits = {"Capture": {"Exits": "yes"}}
        with Daemon(exits) as daemon:
            child = subprocess.Popen(["sleep", "60"])
            self.addCleanup(child.wait)
            self.addCleanup(child.kill)
            daemon.of(child.pid, "exec")
            self.assertGreater(followed(), 0)
            daemon.reload({})
            self.assertEqual(followed(), 0)

    def test_program_that_comes_back_at_once_tells_each_event_once(self):
        """Its former self is still attached for a moment."""
        failures = {"Capture": {"FailedExecs": "yes", "FailedExecsIgnore": ""}}
        with Daemon(failures) as daemon:
            daemon.reload({})
            daemon.reload(failures)
            child = Child(lambda: os.execve(self.folder, ["nothing"], {}))
            child.close()
            self.assertEqual(len(daemon.of(child.pid, "exec_failed")), 1)

    def test_no_upgrade_leaves_what_waits_for_stdout(self):
        """There is no account of it. Once all of it is read, the upgrade may be tried again."""
        marker, copy = f"waits-{os.getpid()}", os.path.join(self.folder, "execsnoopd")
        shutil.copy(DAEMON, copy)
        with unittest.mock.patch.object(Daemon, "program", copy), Daemon(paused=True) as daemon:
            subprocess.run([STORM, str(N_WAITING), marker, TARGET], check=True)
            shutil.copy(DAEMON, copy + ".new")
            os.rename(copy + ".new", copy)
            self.assertIn("stdout is behind", daemon.reload())
            daemon.lines.running.set()
            events = daemon.sync()
            self.assertEqual(sum(1 for e in events if e.get("argv", [])[1:2] == [marker]),
                             N_WAITING)
            daemon.reload()
            daemon.wait_for(lambda e: e["event"] == "start" and e["down"] == "counted",
                            "start of the new program")
            events = daemon.events()
            daemon.kill()       # it is no stream like others: it has two beginnings
        self.assertEqual(sum(e["count"] for e in events if e["event"] == "lost"), 0)

    def test_other_path_under_load_loses_nothing(self):
        with Daemon({"Capture": {"RingSize": "8M"}}, sink="file") as daemon:
            marker = f"path-{os.getpid()}"
            storm = subprocess.Popen([STORM, str(N_DURING_RELOADS), marker, TARGET],
                                     stdin=subprocess.DEVNULL)
            paths = [daemon.path]
            while storm.poll() is None:
                paths.append(f"{self.folder}/{len(paths)}.jsonl")
                daemon.reload({"Capture": {"RingSize": "8M"}, "File": {"Path": paths[-1]}})
            self.assertEqual(storm.returncode, 0)
            daemon.path = paths[-1]
            daemon.stop(complete=False)
            numbers = []
            for path in paths:
                with open(path, "rb") as file:
                    lines = file.readlines()
                if not lines:
                    continue
                checks.check_lines(lines)
                numbers += [int(e["argv"][2]) for e in map(json.loads, lines)
                            if e["event"] == "exec" and e.get("argv", [])[1:2] == [marker]]
            stop = json.loads(lines[-1])
        self.assertGreater(len(paths), 2)
        self.assertEqual(sorted(numbers), list(range(N_DURING_RELOADS)))
        self.assertEqual((stop["event"], stop["lost"], stop["unaccounted"]), ("stop", 0, 0))

    def test_file_can_be_switched_off_and_on(self):
        with Daemon(sink="file") as daemon:
            daemon.reload({"File": {"Enabled": "no"}})
            exec_target("unseen")
            os.rename(daemon.path, daemon.path + ".before")
            daemon.reload({"File": {"Enabled": "yes"}})
            pid = exec_target("seen")
            self.assertIn((pid, [TARGET, "seen"]), [(e.get("pid"), e.get("argv"))
                                                    for e in daemon.sync()])
            stop = daemon.stop(complete=False)[-1]
        self.assertEqual((stop["unaccounted"], stop["lost"]), (0, 0))


class Recordings(ControlTest):
    def test_replay_gives_the_same_events(self):
        recording = os.path.join(self.folder, "a.rec")
        with Daemon({"Capture": {"Exits": "yes", "FailedExecs": "yes", "ArgvMax": "1M"}},
                    options=[f"--record={recording}"]) as daemon:
            for i in range(20):
                exec_target(f"replayed {i}")
            Child(lambda: harness.execve(TARGET.encode(), [b"l" * 100_000, b"\xff"])).close()
            Child(lambda: harness.execve(b"/etc/passwd", [b"x"])).close()
            live = daemon.stop()
        self.assertEqual(os.stat(recording).st_mode & 0o077, 0)
        result = subprocess.run([DAEMON, "--stdout", "--config=/dev/null",
                                 f"--replay={recording}"], capture_output=True, check=False)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        lines = result.stdout.splitlines(keepends=True)
        checks.check_lines(lines)
        replayed = [json.loads(line) for line in lines]
        checks.check_stream(replayed, True)
        for events in (live, replayed):
            for event in events:
                del event["seq"]
                event.pop("user", None)     # a recording may be from another host
        kernel = [[e for e in events if e["event"] in checks.KERNEL_EVENTS]
                  for events in (live, replayed)]
        self.assertGreater(len(kernel[0]), 40)
        self.assertEqual(kernel[0], kernel[1])

    def record(self, *options):
        """A recording beside a service with a file; what came to stdout."""
        service = self.write("service.conf", "[Journal]\nEnabled=no\n[Stats]\nSelfTest=0\n"
                             f"[File]\nEnabled=yes\nPath={self.folder}/log.jsonl\n")
        recording = os.path.join(self.folder, "beside.rec")
        notify = harness.Notifications(os.path.join(self.folder, "notify"))
        self.addCleanup(notify.close)
        daemon = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-ec",
             "mount -t tmpfs tmpfs /run; mkdir /run/execsnoopd.conf.d; "
             f"cp {service} /run/execsnoopd.conf.d/zz.conf; exec \"$@\"", "sh", DAEMON,
             f"--record={recording}", *options], stdout=subprocess.PIPE,
            env={**os.environ, "NOTIFY_SOCKET": os.path.join(self.folder, "notify")})
        notify.ready.get(timeout=harness.DEADLINE)
        exec_target("recorded beside")
        daemon.send_signal(signal.SIGTERM)
        output = daemon.communicate(timeout=harness.DEADLINE)[0]
        self.assertEqual(daemon.returncode, 0)
        with open(recording, "rb") as file:
            self.assertIn(b"recorded beside", file.read())
        os.unlink(recording)
        os.unlink(os.path.join(self.folder, "notify"))
        return output

    def test_recording_alone_writes_no_events(self):
        """So it does not disturb the service, whose configuration it has."""
        self.assertEqual(self.record(), b"")
        self.assertEqual(os.listdir(self.folder), ["service.conf"])

    def test_recording_writes_events_where_it_is_told_to(self):
        self.assertIn(b"recorded beside", self.record("--stdout"))
        self.assertEqual(os.listdir(self.folder), ["service.conf"])
        self.assertEqual(self.record(f"--config={self.folder}/service.conf"), b"")
        with open(f"{self.folder}/log.jsonl", "rb") as file:
            self.assertIn(b"recorded beside", file.read())

    def test_recordings_that_are_none(self):
        for content in ("", "x", "{\"event\":\"exec\"}\n" * 100):
            path = self.write("bad.rec", content)
            result = run_daemon("--stdout", "--config=/dev/null", f"--replay={path}")
            self.assertEqual(result.returncode, EXIT_USAGE, result.stderr)
            self.assertIn(path, result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_missing_recording(self):
        result = run_daemon("--stdout", "--config=/dev/null", "--replay=/nonexistent")
        self.assertEqual(result.returncode, EXIT_USAGE)
        self.assertIn("/nonexistent", result.stderr)


if __name__ == "__main__":
    harness.main()
