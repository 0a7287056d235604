#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""check_complete.py SOURCE EXECSNOOPD EXECSNOOPCTL: the manual pages say all that there is, and
nothing else.

Settings with default and range, keys of events, words in them, fields and message IDs of the
journal, options, signals and exit codes, and the files of the source: each set is taken from the
program, the schema or the source on one side, and from the tags (.TP) of a section of a page on the
other. What is on one side only is an error.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

MAP = "docs/architecture.md"
TOO_LARGE = "99999999999999"
# Text keys with bytes that are not UTF-8 have a sibling; the page says so once for all.
SIBLING = "_base64"

EVENT_SECTIONS = {  # title in the page: where its keys are in the schema
    "Of exec, exec_failed, exec_attempt and process": ("exec",),
    "In stdin, stdout and stderr": ("descriptor",),
    "In namespaces": ("namespaces",),
    "In caps": ("exec", "caps"),
    "In exe_file": ("exec", "exe_file"),
    "Of exit": ("exit",),
    "Of summary": ("summary",),
    "Of file": ("file",),
    "Of start": ("start",),
    "Of lost": ("lost",),
    "Of stats and stop": ("stats",),
    "In files": ("files",),
    "In each rule": ("rule",),
    "In programs": ("programs",),
    "In each program": ("program",),
    "In sinks": ("sinks",),
    "In each sink": ("sink",),
}

# What stands for a value, behind a tag.
VALUES = {"FILE", "FORM", "ID", "N", "NAME", "PATH", "PID", "TEXT", "TIME", "USER"}
READER_SECTIONS = ("From where, and when", "Which events", "How")


class Page:
    """A manual page: the tags of each section and the text below each tag."""

    def __init__(self, path):
        self.sections = {}
        self.text = {}
        title = tags = None
        expect_tag = False
        for line in path.read_text("utf-8").splitlines():
            if heading := re.match(r"\.S[HS] (.*)", line):
                title, tags = heading[1].strip('"'), None
            elif line in (".TP", ".TQ"):
                expect_tag = True
            elif expect_tag:
                expect_tag = False
                tags = [tag for tag in plain(line).replace(",", " ").split() if tag not in VALUES]
                assert not set(tags) & set(self.sections.get(title, ())), (path, title, tags)
                self.sections.setdefault(title, []).extend(tags)
            elif tags:
                for tag in tags:
                    self.text[title, tag] = self.text.get((title, tag), "") + plain(line) + " "

    def tags(self, title):
        return set(self.sections.get(title, ()))


def plain(line):
    """Without roff: of a macro with alternating fonts, its arguments joined."""
    line = re.sub(r"\\f[BRIP]", "", line).replace("\\-", "-")
    if macro := re.match(r"\.(B|I|BR|BI|IR|RB|IB|RI) (.*)", line):
        words = [quoted or word for quoted, word in re.findall(r'"([^"]*)"|(\S+)', macro[2])]
        return (" " if len(macro[1]) == 1 else "").join(words)
    return line


class Report:
    def __init__(self):
        self.problems = []

    def same(self, what, code, page):
        self.problems += [f"{what}: {name} is not in the page" for name in sorted(code - page)]
        self.problems += [f"{what}: {name} is in the page only" for name in sorted(page - code)]
        assert code, what

    def contains(self, what, wanted, text):
        if wanted not in re.sub(" +", " ", text):
            self.problems.append(f"{what}: the page does not say {wanted!r}")


def settings(daemon):
    """{section: {key: default}}"""
    shown = subprocess.run([daemon, "--cat-config", "--config=/dev/null"], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    found = {}
    for line in shown.splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section[key] = value
    return found


def range_of(daemon, section, key):
    """The program's answer to a number that is too large: "4K to 6M", or None."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as file:
        file.write(f"[{section}]\n{key}={TOO_LARGE}\n")
        file.flush()
        said = subprocess.run([daemon, "--test-config", f"--config={file.name}"], text=True,
                              stderr=subprocess.PIPE, check=False).stderr
    found = re.search(r"out of range, expected (?:0, or )?(.*)", said)
    return found and found[1]


def check_settings(report, page, daemon, shipped):
    for section, keys in settings(daemon).items():
        title = f"[{section.upper()}] SECTION OPTIONS"
        report.same(title, {key + "=" for key in keys}, page.tags(title))
        for key, default in keys.items():
            text = page.text.get((title, key + "="), "")
            what = f"[{section}] {key}="
            report.contains(what, f"default {default}", text)
            limits = range_of(daemon, section, key)
            if limits:
                report.contains(what, "0000 to 0777" if key == "Mode" else limits, text)
            if not re.search(rf"(?m)^#{key}={re.escape(default)}$", shipped):
                report.problems.append(f"{what}: not so in the file that is shipped")


def check_rules(report, page, source):
    """Every key of [Rule], and for those of events who chooses it and whether it may be absent."""
    compiler = (source / "core/policy/rules_compile.c").read_text("utf-8")
    own = set(re.findall(r'\{ "([A-Z]\w+)", parse_', compiler))
    report.same("keys of rules", {key + "=" for key in own}, page.tags("What a rule does"))

    table = (source / "core/policy/keys.c").read_text("utf-8")
    rows = re.findall(r'\{ \.name = "(\w+)",(.*?) \},?\n(?=        \{)', table, re.S)
    report.same("keys of events", {name + "=" for name, _ in rows},
                page.tags("What a rule matches"))
    order = list(page.sections.get("What a rule matches", ()))
    first_chosen = order.index("Filename=") if "Filename=" in order else len(order)
    for name, row in rows:
        tag = name + "="
        is_chosen = tag in order and order.index(tag) >= first_chosen
        if ("is_chosen = true" in row) != is_chosen:
            report.problems.append(f"{tag}: the page says otherwise who chooses it")
        if ("may_be_absent = true" in row) != \
                ("May be absent" in page.text.get(("What a rule matches", tag), "")):
            report.problems.append(f"{tag}: the page says otherwise whether it may be absent")


def keys_of(schema, path):
    node = schema["$defs"][path[0]]
    for step in path[1:]:
        node = node["properties"][step]
    keys = set(node["properties"])
    siblings = {key + SIBLING for key in keys}
    return keys - siblings


def check_events(report, page, schema):
    definitions = schema["$defs"]
    kinds = set()
    for choice in schema["oneOf"]:
        event = definitions[choice["$ref"].rpartition("/")[2]]["properties"]["event"]
        kinds |= {event["const"]} if "const" in event else set(event["enum"])
    report.same("kinds", kinds, page.tags("KINDS OF EVENTS"))

    common = set.intersection(*(keys_of(schema, (choice["$ref"].rpartition("/")[2],))
                                for choice in schema["oneOf"]))
    report.same("every event", common, page.tags("Of every event"))
    for title, path in EVENT_SECTIONS.items():
        keys = keys_of(schema, path)
        report.same(title, keys - common if "event" in keys else keys, page.tags(title))

    execs = definitions["exec"]["properties"]
    ancestor = execs["ancestors"]["items"]["properties"]
    report.same("ancestors", {key for key in ancestor if not key.endswith(SIBLING)},
                page.tags("In ancestors"))
    report.same("flags", set(execs["flags"]["items"]["enum"]), page.tags("Words in flags"))
    places = set(definitions["lost"]["properties"]["where"]["enum"])
    report.same("where", places, page.tags("Words in where"))
    report.same("lost_by", keys_of(schema, ("lost_by",)), places)


def check_journal(report, page, source):
    journal = (source / "core/sink/sink_journal.c").read_text("utf-8")
    fields = set(re.findall(r"EXECSNOOP_[A-Z]+|MESSAGE_ID(?==)|PRIORITY|SYSLOG_IDENTIFIER",
                            journal))
    report.same("fields", fields, page.tags("Fields"))
    header = (source / "core/base/message_id.h").read_text("utf-8")
    ids = set(re.findall(r'"([0-9a-f]{32})"', header))
    report.same("message IDs", ids, page.tags("Message IDs"))


def help_of(program):
    return subprocess.run([program, "--help"], check=True, stdout=subprocess.PIPE, text=True).stdout


def check_command(report, page, daemon, daemon_folder):
    shown = help_of(daemon)
    options = set(re.findall(r"(?m)(?:^ +|, )(--?[a-zA-Z-]+=?)", shown))
    report.same("options", options,
                {re.sub("=(FILE|NAME)", "=", tag) for tag in page.tags("OPTIONS")})

    source = (daemon_folder / "daemon.c").read_text("utf-8")
    report.same("signals", set(re.findall(r"\{ (SIG[A-Z0-9]+), on_", source)),
                page.tags("SIGNALS"))
    header = (daemon_folder / "host/exit_code.h").read_text("utf-8")
    report.same("exit codes", set(re.findall(r"EXIT_CODE_[A-Z_]+ = ([0-9]+)", header)),
                page.tags("EXIT STATUS"))


def check_reader(report, page, program):
    """The options of execsnoopctl; each of its verbs."""
    shown = help_of(program)
    options = set(re.findall(r"(?m)(?:^ +|, )(--?[a-zA-Z-]+)", shown)) - {"-"}
    tags = {re.sub(r"[\[=].*", "", tag) for title in READER_SECTIONS for tag in page.tags(title)}
    report.same("options of execsnoopctl", options, {tag for tag in tags if tag.startswith("-")})
    verbs = re.search(r"Verbs:\n(.*?)\n\n", shown, re.S)[1]
    report.same("verbs", set(re.findall(r"(?m)^  (\w+)", verbs)), page.tags("VERBS"))


def check_zsh(report, program, source):
    """What zsh completes: the options of execsnoopctl with their short forms, its verbs, the keys
    of rules."""
    text = (source / "packaging/completions/_execsnoopctl").read_text("utf-8")
    shown = help_of(program)
    lines = shown.partition("From where")[2].splitlines()
    options = set(re.findall(r"(?m)^ +(-\w\b)|(--[\w-]+)", "\n".join(line[:26] for line in lines)))
    completed = re.findall(r"(?m)^  '(?:\([^)]*\)|\*)?'?(?:\{([^}]*)\}'|(-[\w-]+))", text)
    completed = {word.rstrip("=+-") for pair in completed for part in pair
                 for word in part.split(",")}
    report.same("zsh", {option for pair in options for option in pair}, completed)
    verbs = re.search(r"Verbs:\n(.*?)\n\n", shown, re.S)[1]
    report.same("verbs of zsh", set(re.findall(r"(?m)^  (\w+)", verbs)),
                set(re.findall(r"(?m)^  '([a-z]+):", text)))
    table = (source / "core/policy/keys.c").read_text("utf-8")
    keys = set(re.findall(r'\{ \.name = "(\w+)",', table))
    report.same("keys of zsh", keys,
                set(re.findall(r"\b([A-Z]\w+)=", text.partition("_arguments")[0])))


def check_map(report, source):
    """docs/architecture.md names each module of the source folders, by name or by stem."""
    words = re.findall(r"`([^` ]+)`", (source / MAP).read_text("utf-8"))
    named = {word.rpartition("/")[2] for word in words}
    files = [path for folder in ("core", "ctl", "daemon", "bpf")
             for path in (source / folder).rglob("*.[ch]")]
    names = {path.name for path in files} | {path.stem for path in files}
    for path in sorted(files):
        if path.name not in named and path.stem not in named:
            report.problems.append(f"{MAP}: {path.relative_to(source)} is not there")
    for word in sorted(named):
        if re.search(r"\.[ch]$", word) and word not in names:
            report.problems.append(f"{MAP}: there is no {word}")


def main():
    source, daemon = pathlib.Path(sys.argv[1]), sys.argv[2]
    manual = source / "packaging/man"
    report = Report()
    check_settings(report, Page(manual / "execsnoopd.conf.5"), daemon,
                   (source / "config/execsnoopd.conf").read_text("utf-8"))
    check_rules(report, Page(manual / "execsnoopd.conf.5"), source)
    events = Page(manual / "execsnoopd-events.7")
    check_events(report, events,
                 json.loads((source / "config/event.schema.json").read_text("utf-8")))
    check_journal(report, events, source)
    check_command(report, Page(manual / "execsnoopd.8"), daemon, source / "daemon")
    check_reader(report, Page(manual / "execsnoopctl.1"), sys.argv[3])
    check_zsh(report, sys.argv[3], source)
    check_map(report, source)
    print(*report.problems, sep="\n")
    return 1 if report.problems else 0


sys.exit(main())
