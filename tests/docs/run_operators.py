#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""run_operators.py SOURCE EXECSNOOPD: docs/operators.md, executed.

Recordings are replayed into the file and the journal that the page speaks of, in namespaces of our
own. Then each shell block of the page is run as it stands: it has to succeed in silence on stderr,
and to print what each `<!-- expect: REGEX -->` above it says. rsyslog, with the configuration of
the page, has to deliver the file byte for byte. The table of losses has each `where` once, and links
between the documents lead somewhere.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "journal"))
import run_journald

RECORDINGS = ("commands", "failures", "places", "loss", "long")
LOG = pathlib.Path("/var/log/execsnoopd/exec.jsonl")
SHIPPED = pathlib.Path("/var/log/shipped.jsonl")
CONFIG = f"[File]\nEnabled=yes\nPath={LOG}\n"
BLOCK = re.compile(r"((?:^<!-- .* -->\n)*)^```(\w+)\n([\s\S]*?)^```$", re.M)
DEADLINE_SECONDS = 60
EXIT_SKIP = 77


def wait_until(what, condition):
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"timeout: {what}"
        time.sleep(0.05)


def stops_in_journal():
    return subprocess.run(["journalctl", "-t", "execsnoopd", "-o", "cat", "EXECSNOOP_EVENT=stop"],
                          stdout=subprocess.PIPE, check=True, text=True).stdout.count("\n")


def make_logs(source, daemon):
    """The replayed events in file and journal; an older file with the event of the README."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/log"], check=True)
    LOG.parent.mkdir()
    config = pathlib.Path("/run/test.conf")
    config.write_text(CONFIG, encoding="utf-8")
    for name in RECORDINGS:
        subprocess.run([daemon, f"--config={config}",
                        f"--replay={source}/tests/golden/{name}.rec"], check=True)
    wait_until("the journal", lambda: stops_in_journal() == len(RECORDINGS))
    shown = (source / "README.md").read_text("utf-8").split("```json\n")[1].split("```")[0]
    LOG.with_name("exec.jsonl.1").write_text(
        "".join(part.strip() for part in shown.splitlines()) + "\n", encoding="utf-8")


def run_block(notes, code):
    done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", code], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0 and not done.stderr and done.stdout, (code, done)
    expected = re.findall(r"^<!-- expect: (.*) -->$", notes, re.M)
    assert expected, f"the page does not say what to expect of\n{code}"
    for regex in expected:
        assert re.search(regex, done.stdout, re.M), f"no {regex!r} in the output of\n{code}\n" \
            f"{done.stdout}"


def run_rsyslog(code):
    """Until it has delivered everything; false if it is not here."""
    if not shutil.which("rsyslogd"):
        return False
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/lib"], check=True)
    os.mkdir("/var/lib/rsyslog")
    config = pathlib.Path("/run/rsyslog.conf")
    config.write_text(code, encoding="utf-8")
    process = subprocess.Popen(["rsyslogd", "-n", "-f", config, "-i", "/run/rsyslog.pid"])
    try:
        wait_until("rsyslog", lambda: SHIPPED.exists() and SHIPPED.read_bytes() == LOG.read_bytes())
    finally:
        process.terminate()
        process.wait()
    return True


def check_losses(source, page):
    schema = json.loads((source / "config/event.schema.json").read_text("utf-8"))
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.M)) - {"where"}
    assert rows == set(schema["$defs"]["lost"]["properties"]["where"]["enum"]), rows


def check_links(source):
    for document in [source / "README.md", source / "NEWS.md", *(source / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document}: {target} is not there"


def main():
    source, daemon = pathlib.Path(sys.argv[1]).resolve(), os.path.realpath(sys.argv[2])
    page = (source / "docs/operators.md").read_text("utf-8")
    check_losses(source, page)
    check_links(source)
    if not shutil.which("jq"):
        print("skipped: jq is not here")
        return EXIT_SKIP
    run_journald.isolate()
    blocks = BLOCK.findall(page)
    with run_journald.Journald():
        make_logs(source, daemon)
        for notes, language, code in blocks:
            if language == "sh":
                run_block(notes, code)
        shipped = [run_rsyslog(code) for _, language, code in blocks if language == "rsyslog"]
    count = sum(language == "sh" for _, language, _ in blocks)
    assert count >= 10 and shipped
    if shipped != [True]:
        print("skipped: rsyslog is not here; all else is well")
        return EXIT_SKIP
    print(f"{count} blocks executed, {LOG.name} shipped")
    return 0


sys.exit(main())
