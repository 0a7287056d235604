#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""run_operators.py SOURCE EXECSNOOPD: docs/operators.md, executed.

Recordings are replayed into the file and the journal that the page speaks of, in namespaces of our
own. Then each shell block of the page is run as it stands: it has to succeed in silence on stderr,
and to print what each `<!-- expect: REGEX -->` above it says; likewise the commands of
execsnoopd(8) that read the journal. rsyslog, with the configuration of the page, has to drop what
journald forwards of ours. The table of losses has each `where` once, and links between the
documents lead somewhere.

What reads the journal is run over both kinds of messages; where Message=text makes a difference,
`<!-- expect-text: REGEX -->` says what comes then.
"""
import contextlib
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

RECORDINGS = ("commands", "descriptors", "failures", "places", "loss", "long")
LOG = pathlib.Path("/var/log/execsnoopd/exec.jsonl")
FORWARDED = pathlib.Path("/var/log/forwarded")
CONFIG = f"[Journal]\nMessage=%s\n[File]\nEnabled=yes\nPath={LOG}\n"
BLOCK = re.compile(r"((?:^<!-- .* -->\n)*)^```(\w+)\n([\s\S]*?)^```$", re.M)
# Fields that any sender chooses; what restricts a query to our service; and what is about the
# field.
UNPROTECTED = re.compile(r"journalctl .*(-t\b|EXECSNOOP_\w+=|MESSAGE_ID=|execsnoopd)|"
                         r"SYSLOG_IDENTIFIER")
PROTECTED = re.compile(r"journalctl -u execsnoopd\b")
NO_QUERY = re.compile(r"^\.B SYSLOG_IDENTIFIER$|`SYSLOG_IDENTIFIER`, as|"
                      r"So `journalctl -t execsnoopd`")
DEADLINE_SECONDS = 60
EXIT_SKIP = 77


def wait_until(what, condition):
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"timeout: {what}"
        time.sleep(0.05)


def stops_in_journal():
    return subprocess.run(["journalctl", "-u", "execsnoopd", "-o", "cat", "EXECSNOOP_EVENT=stop"],
                          stdout=subprocess.PIPE, check=True, text=True).stdout.count("\n")


def replay_all(source, daemon, message):
    config = pathlib.Path("/run/test.conf")
    config.write_text(CONFIG % message, encoding="utf-8")
    before = stops_in_journal()
    ended = []
    for name in RECORDINGS:
        process = subprocess.Popen(run_journald.as_service("execsnoopd", [
            daemon, f"--config={config}", f"--replay={source}/tests/golden/{name}.rec"]))
        # Not reaped: journald asks by its number of which unit it is, and may do so late.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        ended.append(process)
    wait_until("the journal", lambda: stops_in_journal() == before + len(RECORDINGS))
    assert [process.wait() for process in ended] == [0] * len(RECORDINGS)


def make_logs(source, daemon):
    """The replayed events in file and journal; an older file with the event of the README."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/log"], check=True)
    LOG.parent.mkdir()
    replay_all(source, daemon, "json")
    shown = (source / "README.md").read_text("utf-8").split("```json\n")[1].split("```")[0]
    LOG.with_name("exec.jsonl.1").write_text(
        "".join(part.strip() for part in shown.splitlines()) + "\n", encoding="utf-8")


def run_block(notes, code, kind="expect"):
    done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", code], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0 and not done.stderr and done.stdout, (code, done)
    expected = re.findall(rf"^<!-- {kind}: (.*) -->$", notes, re.M)
    assert "forged" not in done.stdout, code
    assert expected, f"the page does not say what to expect of\n{code}"
    for regex in expected:
        assert re.search(regex, done.stdout, re.M), f"no {regex!r} in the output of\n{code}\n" \
            f"{done.stdout}"


@contextlib.contextmanager
def rsyslog(configuration):
    config = pathlib.Path("/run/rsyslog.conf")
    config.write_text(configuration, encoding="utf-8")
    process = subprocess.Popen(["rsyslogd", "-n", "-f", config, "-i", "/run/rsyslog.pid"])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def others_are_forwarded():
    """Says it again until it has come: journald drops what rsyslog's socket has no room for."""
    subprocess.run(["systemd-cat", "-t", "other", "echo", "theirs"], check=True)
    return FORWARDED.exists() and "theirs" in FORWARDED.read_text("utf-8")


def check_forwarding(code, source, daemon):
    """Of what journald forwards, only the words of others pass these rules."""
    socket = "/run/systemd/journal/syslog"
    pathlib.Path("/run/systemd/journald.conf.d/zzz-forward.conf").write_text(
        "[Journal]\nForwardToSyslog=yes\n", encoding="utf-8")
    with run_journald.Journald(), \
            rsyslog(f'module(load="imuxsock" SysSock.Use="off")\n'
                    f'input(type="imuxsock" Socket="{socket}")\n{code}*.* {FORWARDED}\n'):
        wait_until("the socket", lambda: os.path.exists(socket))
        subprocess.run([daemon, "--config=/dev/null",
                        f"--replay={source}/tests/golden/commands.rec"], check=True)
        wait_until("the others'", others_are_forwarded)
    assert "execsnoopd" not in FORWARDED.read_text("utf-8")


def check_manual(source):
    """Its commands for the journal succeed."""
    page = (source / "packaging/man/execsnoopd.8").read_text("utf-8").replace("\\-", "-")
    commands = re.findall(r"^\.B (journalctl -u .*)$", page, re.M)
    assert len(commands) >= 3, commands
    for command in commands:
        run_block("<!-- expect: . -->", command)


def check_queries(source):
    """Each of the journal is by what nobody can forge, in a place of its own or beside others."""
    pages = [*(source / "packaging/man").glob("*.[0-9]"), *(source / "docs").glob("*.md"),
             *(path for path in (source / "content").rglob("*") if path.is_file()),
             source / "README.md", source / "packaging/debian/execsnoopd.README.Debian"]
    count = 0
    for page in pages:
        for line in page.read_text("utf-8", "replace").replace("\\-", "-").splitlines():
            if not UNPROTECTED.search(line):
                continue
            count += 1
            assert PROTECTED.search(line) or NO_QUERY.search(line), f"{page}: {line}"
    assert count >= 8, count


def check_forgery():
    """What a user sends to journald shows in no query of the page."""
    forged = "EXECSNOOP_EVENT=exec\nEXECSNOOP_EXE=/usr/bin/ls\nEXECSNOOP_UID=0\nPRIORITY=4\n" \
             "SYSLOG_IDENTIFIER=execsnoopd\nMESSAGE={\"forged\":true}\n"
    subprocess.run(["logger", "--journald"], input=forged, text=True, check=True)
    by_name = ["journalctl", "-t", "execsnoopd", "-o", "cat"]
    wait_until("what is forged", lambda: "forged" in subprocess.run(
        by_name, stdout=subprocess.PIPE, text=True, check=True).stdout)


def check_losses(source, page):
    schema = json.loads((source / "config/event.schema.json").read_text("utf-8"))
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.M)) - {"where"}
    assert rows == set(schema["$defs"]["lost"]["properties"]["where"]["enum"]), rows


def check_links(source):
    for document in [source / "README.md", source / "NEWS.md", *(source / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document}: {target} is not there"


def check_text(source, daemon, blocks):
    """With the other kind of messages, in a journal that has no others."""
    for folder in pathlib.Path(run_journald.JOURNAL_FOLDER).iterdir():
        shutil.rmtree(folder)
    with run_journald.Journald():
        replay_all(source, daemon, "text")
        check_forgery()
        blocks = [(notes, code) for notes, language, code in blocks
                  if language == "sh" and "journalctl" in code]
        assert len(blocks) >= 4
        for notes, code in blocks:
            run_block(notes, code, "expect-text" if "expect-text" in notes else "expect")
        check_manual(source)


def main():
    source, daemon = pathlib.Path(sys.argv[1]).resolve(), os.path.realpath(sys.argv[2])
    page = (source / "docs/operators.md").read_text("utf-8")
    check_losses(source, page)
    check_links(source)
    check_queries(source)
    if not shutil.which("jq"):
        print("skipped: jq is not here")
        return EXIT_SKIP
    run_journald.isolate()
    run_journald.isolate_units()
    blocks = BLOCK.findall(page)
    with run_journald.Journald():
        make_logs(source, daemon)
        check_forgery()
        for notes, language, code in blocks:
            if language == "sh":
                run_block(notes, code)
        check_manual(source)
    check_text(source, daemon, blocks)
    count = sum(language == "sh" for _, language, _ in blocks)
    assert count >= 10
    if not shutil.which("rsyslogd"):
        print("skipped: rsyslog is not here; all else is well")
        return EXIT_SKIP
    rules, = [code for _, language, code in blocks if language == "rsyslog"]
    check_forwarding(rules, source, daemon)
    print(f"{count} blocks executed")
    return 0


sys.exit(main())
