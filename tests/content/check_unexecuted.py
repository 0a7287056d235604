#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""check_unexecuted.py: what is shipped for programs that can't be had here, as far as that goes.

Such a file says of itself that it is not executed, and so does docs/content.md; every other one is
named by a test. It is well-formed, it asks for no key that the schema does not have, and gives what
the other side's schema wants. Regular expressions and formats of time are tried on real lines.
"""
import configparser
import datetime
import json
import pathlib
import re
import sys
import tomllib

import yaml

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
CONTENT = SOURCE / "content"
MARK = "not executed by the tests"
MADE = {"command_line", "parent_command_line", "filename_absolute"}
CIM = {"action", "dest", "original_user", "os", "parent_process", "parent_process_exec",
       "parent_process_guid", "parent_process_id", "parent_process_name", "parent_process_path",
       "process", "process_current_directory", "process_exec", "process_guid", "process_hash",
       "process_id", "process_name", "process_path", "user", "user_id", "vendor_product"}
ASIM = {"TimeGenerated", "EventType", "EventCount", "EventStartTime", "EventEndTime", "EventResult",
        "EventProduct", "EventVendor", "EventSchema", "EventSchemaVersion", "Dvc", "ActorUsername",
        "ActingProcessId", "ActingProcessName", "ActingProcessCommandLine", "TargetUsername",
        "TargetProcessId", "TargetProcessName", "TargetProcessCommandLine"}
UDM = {"metadata.event_type", "metadata.vendor_name", "metadata.product_name",
       "principal.process.pid", "principal.process.file.full_path", "target.process.pid",
       "target.process.command_line", "target.process.file.full_path",
       "target.process.product_specific_process_id"}
SPLUNK_WORDS = {"mvjoin", "replace", "if", "like", "case", "coalesce", "rtrim"}


def schema_keys():
    schema = json.loads((SOURCE / "config/event.schema.json").read_text("utf-8"))
    keys = set()
    for choice in schema["oneOf"]:
        keys |= set(schema["$defs"][choice["$ref"].rpartition("/")[2]]["properties"])
    return keys


KEYS = schema_keys()


def need(path, found, known):
    assert found, path
    assert found <= known, (path, sorted(found - known))


def balanced(path, text, pairs=("()", "{}", "[]")):
    text = re.sub(r'"[^"\n]*"', "", re.sub(r"(?m)^\s*(#|//).*$", "", text))
    for opening, closing in pairs:
        assert text.count(opening) == text.count(closing), (path, opening)


def check_vector(path, text):
    document = tomllib.loads(text)
    source = document["transforms"]["exec"]["source"]
    need(path, set(re.findall(r"(?<![\w.)])\.([a-z]\w*)", source)), KEYS | MADE | {"message"})
    inputs = document["sources"].keys() | document["transforms"].keys()
    for part in [*document["transforms"].values(), *document["sinks"].values()]:
        need(path, set(part["inputs"]), inputs)


def check_fluent_bit(path, text):
    document = yaml.safe_load(text)
    parsers = {parser["name"]: parser for parser in document["parsers"]}
    for part in document["pipeline"]["inputs"]:
        assert part["parser"] in parsers, path
    assert parsers["execsnoopd"]["time_key"] in KEYS
    need(path, {part["message_key_field"] for part in document["pipeline"]["outputs"]}, KEYS)


def check_filebeat(_, text):
    document = yaml.safe_load(text)
    assert document["filebeat.inputs"][0]["parsers"][0]["ndjson"]["target"] == ""
    assert document["processors"][0]["fingerprint"]["fields"]


def check_otelcol(path, text):
    document = yaml.safe_load(text)
    need(path, set(re.findall(r"\bbody\.(\w+)", text)), KEYS)
    service = document["service"]
    need(path, set(service["extensions"]), document["extensions"].keys())
    for pipeline in service["pipelines"].values():
        for kind in ("receivers", "exporters"):
            need(path, set(pipeline[kind]), document[kind].keys())


def splunk(text):
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.optionxform = str
    parser.read_string(text)
    return parser


def check_props(path, text):
    """Also on a line, as Splunk would find its time and its host."""
    stanza = splunk(text)["execsnoopd"]
    made = {name.removeprefix("EVAL-"): value for name, value in stanza.items()
            if name.startswith("EVAL-")}
    need(path, CIM, made.keys())
    for value in made.values():
        plain = re.sub(r'"[^"]*"', "", value)
        names = set(re.findall(r"[A-Za-z_]\w*", plain)) - SPLUNK_WORDS
        need(path, names | {"event"}, KEYS)
    line = (HERE.parent / "ctl/story.jsonl").read_text("utf-8").splitlines()[1]
    start = re.search(stanza["TIME_PREFIX"], line).end()
    stamp = line[start:start + int(stanza["MAX_TIMESTAMP_LOOKAHEAD"])]
    assert stanza["TIME_FORMAT"] == "%Y-%m-%dT%H:%M:%S.%9NZ"
    assert datetime.datetime.fromisoformat(stamp[:26]), stamp
    assert re.fullmatch(r".{20}\d{9}Z", stamp), stamp
    transforms = splunk((path.parent / "transforms.conf").read_text("utf-8"))
    for name, value in stanza.items():
        if name.startswith("TRANSFORMS-"):
            assert re.search(transforms[value]["REGEX"], line)[1] == json.loads(line)["host"]


def check_asim(path, text):
    balanced(path, text)
    need(path, set(re.findall(r"\be\.(\w+)", text)), KEYS)
    need(path, ASIM, set(re.findall(r"(?m)^    (\w+) =", text)))


def check_udm(path, text):
    balanced(path, text)
    need(path, set(re.findall(r"%\{(\w+)\}", text)), KEYS | MADE | {"word"})
    need(path, set(re.findall(r"if \[(\w+)\] ", text)), KEYS | MADE | {"not_json"})
    need(path, UDM, set(re.findall(r'"udm\.([\w.]+)"', text)))


CHECKS = {
    "ship/vector.toml": check_vector,
    "ship/fluent-bit.yaml": check_fluent_bit,
    "ship/filebeat.yml": check_filebeat,
    "ship/otelcol.yaml": check_otelcol,
    "splunk/props.conf": check_props,
    "sentinel/ASimProcessEventExecsnoopd.kql": check_asim,
    "chronicle/execsnoopd.conf": check_udm,
}
PARTS = {"splunk/transforms.conf", "splunk/eventtypes.conf", "splunk/tags.conf"}    # of props.conf


def main():
    page = (SOURCE / "docs/content.md").read_text("utf-8")
    tests = "".join(path.read_text("utf-8") for path in HERE.glob("*.py")
                    if path.name != pathlib.Path(__file__).name)
    for path in sorted(CONTENT.rglob("*.*")):
        name, text = str(path.relative_to(CONTENT)), path.read_text("utf-8")
        assert f"`{name}`" in page, f"docs/content.md does not name {name}"
        assert (MARK in " ".join(text.split()).replace("# ", "").replace("// ", "")) == \
            (name in CHECKS), f"{name} is executed or not"
        row = next((row for row in page.splitlines() if f"`{name}`" in row), "")
        assert name not in CHECKS or "not executed" in row, row
        if name in CHECKS:
            CHECKS[name](path, text)
        else:
            assert name in PARTS or path.name in tests, f"no test executes {name}"
    return 0


sys.exit(main())
