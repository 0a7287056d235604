#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_shipping.py BUILD EXECSNOOPD KAFKA_BROKER: configurations of shippers, executed.

Recordings are replayed into the file and its rotated sibling, and into a journald of one's own, in
namespaces. rsyslog takes the file into another one, into Kafka (a mock broker) and into
Elasticsearch (a stub that takes _bulk), syslog-ng into a file, systemd-journal-upload the journal
to systemd-journal-remote: each delivers all lines, byte for byte, those too that are longer than
64 KB. Each configuration is the one of content/ship but for the address of the other side. BUILD
keeps the package of syslog-ng, which is not installed: that would remove rsyslog.
"""
import collections
import contextlib
import ctypes
import fcntl
import http.server
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "journal"))
import run_journald
import unpacked

SOURCE = HERE.parent.parent
SHIP = SOURCE / "content/ship"
BUILD, DAEMON, BROKER = (os.path.abspath(argument) for argument in sys.argv[1:4])
LOG = pathlib.Path("/var/log/execsnoopd/exec.jsonl")
SHIPPED = pathlib.Path("/var/log/shipped.jsonl")
CONFIG = f"[Journal]\nEnabled=no\n[File]\nEnabled=yes\nPath={LOG}\n"
OLDER, NEWER = ("commands", "places", "loss"), ("descriptors", "failures", "long", "snapshot")
UPLOAD, REMOTE = ("/lib/systemd/systemd-journal-" + name for name in ("upload", "remote"))
PORT = 19532
CLONE_NEWNET = 0x40000000               # <linux/sched.h>
SIOCSIFFLAGS, IFF_UP = 0x8914, 1        # <linux/sockios.h>, <linux/if.h>
DEADLINE_SECONDS = 100
EXIT_SKIP = 77


def wait_until(what, condition):
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"timeout: {what}"
        time.sleep(0.05)
    print(f"{what}: {time.monotonic() - end + DEADLINE_SECONDS:.1f} s", flush=True)


def own_network():
    """One in which every port is free."""
    assert ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


def isolate():
    """A root in which the files may be where the configurations say."""
    run_journald.isolate()
    own_network()
    for folder in ("/var/log", "/var/lib"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    for folder in ("rsyslog", "syslog-ng", "systemd"):
        os.mkdir(f"/var/lib/{folder}")
    LOG.parent.mkdir()


def replay(name, config):
    subprocess.run([DAEMON, f"--config={config}", f"--replay={SOURCE}/tests/golden/{name}.rec"],
                   check=True)


def make_logs():
    """All lines, in two files as after a rotation."""
    config = pathlib.Path("/run/test.conf")
    config.write_text(CONFIG, "utf-8")
    for name in OLDER:
        replay(name, config)
    LOG.rename(f"{LOG}.1")
    for name in NEWER:
        replay(name, config)
    lines = pathlib.Path(f"{LOG}.1").read_bytes().splitlines() + LOG.read_bytes().splitlines()
    assert len(lines) > 50 and max(map(len, lines)) > 1 << 16
    return lines


def configuration(name, **addresses):
    text = (SHIP / name).read_text("utf-8")
    for old, new in addresses.values():
        assert text.count(old) == 1, (name, old)
        text = text.replace(old, new)
    return text


@contextlib.contextmanager
def running(*command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def rsyslog(text):
    config = pathlib.Path("/run/rsyslog.conf")
    config.write_text(text, "utf-8")
    return running("rsyslogd", "-n", "-f", config, "-i", "/run/rsyslog.pid")


def forget():
    """What a shipper remembers, and what it has delivered."""
    SHIPPED.unlink(missing_ok=True)
    shutil.rmtree("/var/lib/rsyslog")
    os.mkdir("/var/lib/rsyslog")


def same(found, lines):
    return collections.Counter(found) == collections.Counter(lines)


def is_shipped(lines):
    return SHIPPED.exists() and same(SHIPPED.read_bytes().splitlines(), lines)


def check_rsyslog_file(lines):
    with rsyslog(configuration("rsyslog-file.conf")):
        wait_until("rsyslog to a file", lambda: is_shipped(lines))


def check_kafka(lines):
    if not os.path.exists(BROKER):
        return "librdkafka-dev was not here when this was built"
    if not list(pathlib.Path("/usr/lib").glob("*/rsyslog/omkafka.so")):
        return "rsyslog-kafka is not here"
    forget()
    with running(BROKER, "execs", stdout=subprocess.PIPE) as broker:
        address = broker.stdout.readline().decode().strip()
        found = []
        reader = threading.Thread(target=lambda: found.extend(broker.stdout), daemon=True)
        reader.start()
        delivered = []

        def arrived():
            delivered[:] = [message.rstrip(b"\n").partition(b"\t")[2] for message in found]
            return len(delivered) >= len(lines)

        with rsyslog(configuration("rsyslog-kafka.conf",
                                   broker=("kafka.example:9092", address))):
            wait_until("rsyslog to Kafka", arrived)
    assert same(delivered, lines)
    keys = {message.partition(b"\t")[0] for message in found}
    assert len(keys) == 1 and keys != {b""}, keys
    return None


class Bulk(http.server.BaseHTTPRequestHandler):
    """As much of Elasticsearch as takes documents by _bulk."""
    documents = {}
    n_taken = 0

    def do_GET(self):
        self.answer({"version": {"number": "8.0.0"}})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).split(b"\n")
        items = []
        for action, document in zip(body[0::2], body[1::2]):
            index = json.loads(action)["index"]
            assert index["_index"] == "execsnoopd", index
            self.documents[index["_id"]] = document
            type(self).n_taken += 1
            items.append({"index": {"_id": index["_id"], "status": 201}})
        self.answer({"errors": False, "items": items})

    def answer(self, value):
        text = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def check_elasticsearch(lines):
    if not list(pathlib.Path("/usr/lib").glob("*/rsyslog/omelasticsearch.so")):
        return "rsyslog-elasticsearch is not here"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bulk)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    text = configuration("rsyslog-elasticsearch.conf", server=(
        "http://elasticsearch.example:9200", f"http://127.0.0.1:{server.server_port}"))
    for times in (1, 2):        # a line that comes again is the same document
        forget()
        with rsyslog(text):
            wait_until("rsyslog to Elasticsearch", lambda: Bulk.n_taken >= times * len(lines))
        assert same(Bulk.documents.values(), lines), (len(Bulk.documents), len(lines))
    server.shutdown()
    return None


def check_syslog_ng(root):
    if root is None:
        return "the package of syslog-ng can't be had"
    forget()
    modules = [path for path in root.glob("usr/lib/syslog-ng/*") if path.is_dir()]
    libraries = list(root.glob("usr/lib/*-linux-gnu*")) + [root / "usr/lib/syslog-ng"]
    config = pathlib.Path("/run/syslog-ng.conf")
    config.write_text(configuration("syslog-ng.conf"), "utf-8")
    newer = LOG.read_bytes().splitlines()
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries + modules))}
    with running(root / "usr/sbin/syslog-ng", "--foreground", f"--cfgfile={config}",
                 f"--module-path={modules[0]}", "--persist-file=/run/syslog-ng.persist",
                 "--control=/run/syslog-ng.ctl", "--pidfile=/run/syslog-ng.pid",
                 env=environment, stderr=subprocess.DEVNULL):
        wait_until("syslog-ng", lambda: is_shipped(newer))
    return None


def uploaded(folder):
    shown = subprocess.run(["journalctl", "-D", folder, "-o", "json", "--all",
                            "SYSLOG_IDENTIFIER=execsnoopd"], stdout=subprocess.PIPE, check=False)
    entries = [json.loads(line) for line in shown.stdout.splitlines()]
    return [(entry.get("EXECSNOOP_JSON") or entry["MESSAGE"]).encode() for entry in entries]


def check_journal_upload(lines):
    if not os.path.exists(UPLOAD) or not os.path.exists(REMOTE):
        return "systemd-journal-remote is not here"
    plain = ("URL=https://collector.example:19532", f"URL=http://127.0.0.1:{PORT}")
    for name, addresses in (("journal-upload.conf", {"url": plain}), ("journal-remote.conf", {})):
        folder = pathlib.Path(f"/run/systemd/{name}.d")
        folder.mkdir()
        lines_of = configuration(name, **addresses).splitlines(True)
        (folder / "execsnoopd.conf").write_text(
            "".join(line for line in lines_of if "File=" not in line), "utf-8")
    folder = pathlib.Path("/var/log/journal/remote")
    folder.mkdir(parents=True)
    with run_journald.Journald():
        for name in OLDER + NEWER:
            replay(name, "/dev/null")
        with running(REMOTE, f"--listen-http={PORT}", f"--output={folder}"), \
                running(UPLOAD, "--save-state=/run/upload.state", "--follow",
                        "-D", run_journald.JOURNAL_FOLDER, stderr=subprocess.DEVNULL):
            wait_until("the upload", lambda: len(uploaded(folder)) >= len(lines))
    found, wanted = ([without_sinks(line) for line in some] for some in (uploaded(folder), lines))
    assert same(found, wanted), (len(found), len(wanted))
    return None


def without_sinks(line):
    """What is another in the journal: the counters of its own sink, and settings."""
    event = json.loads(line)
    for key in ("sinks", "settings"):
        event.pop(key, None)
    return json.dumps(event)


def main():
    if not shutil.which("rsyslogd"):
        print("skipped: rsyslog is not here", file=sys.stderr)
        return EXIT_SKIP
    isolated = os.environ.get("EXECSNOOPD_TEST_ISOLATED") == "1"
    root = pathlib.Path(BUILD) / "syslog-ng-core"
    if not isolated:
        unpacked.unpack("syslog-ng-core", BUILD)
    isolate()
    lines = make_logs()
    check_rsyslog_file(lines)
    reasons = [check(lines) for check in (check_kafka, check_elasticsearch, check_journal_upload)]
    reasons.append(check_syslog_ng(root if root.exists() else None))
    for reason in filter(None, reasons):
        print("not checked:", reason, file=sys.stderr)
    return EXIT_SKIP if any(reasons) else 0


sys.exit(main())
