# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Sigma rules over events, by a processing pipeline of pySigma's that is shipped.

As much of Sigma as rules for process creation use: fields with contains, startswith, endswith, re
and all; lists, maps, and conditions with and, or, not, parentheses, "1 of" and "all of". Of a
pipeline: field_name_mapping, where a list of names means any of them; add_condition;
detection_item_failure by field name. Anything else is an error, never a rule that does not match.
"""
import dataclasses
import fnmatch
import functools
import pathlib
import re

import yaml

LOGSOURCE = {"category": "process_creation", "product": "linux"}
WORD = re.compile(r"\(|\)|[\w*]+")
MODIFIERS = {"contains", "startswith", "endswith", "re", "all"}


class Unanswerable(Exception):
    """The log lacks a fact that the rule asks for."""


class Pipeline:
    def __init__(self, path):
        self.mapping, self.conditions, self.unknown = {}, {}, {}
        readers = {"field_name_mapping": self.read_mapping, "add_condition": self.read_condition,
                   "detection_item_failure": self.read_failure}
        for item in yaml.safe_load(pathlib.Path(path).read_text("utf-8"))["transformations"]:
            sources = item.pop("rule_conditions")
            assert sources == [{"type": "logsource", **LOGSOURCE}], sources
            item.pop("id")
            readers[item.pop("type")](**item)

    def read_mapping(self, mapping):
        for name, ours in mapping.items():
            self.mapping[name] = ours if isinstance(ours, list) else [ours]

    def read_condition(self, conditions):
        self.conditions.update(conditions)

    def read_failure(self, message, field_name_conditions):
        for condition in field_name_conditions:
            assert condition["type"] == "include_fields", condition
            self.unknown.update(dict.fromkeys(condition["fields"], message))

    def fields(self, name):
        if name in self.unknown:
            raise Unanswerable(f"{name}: {self.unknown[name]}")
        if name not in self.mapping:
            raise Unanswerable(f"{name}: no such field in the pipeline")
        return self.mapping[name]


def value_of(event, path):
    """By a dotted path; both {"a": {"b": 1}} and {"a.b": 1}."""
    if path in event:
        return event[path]
    head, _, rest = path.partition(".")
    inner = event.get(head)
    return value_of(inner, rest) if rest and isinstance(inner, dict) else None


def set_value(event, path, value):
    head, _, rest = path.partition(".")
    if rest and path not in event:
        set_value(event[head], rest, value)
    else:
        event[path] = value


def with_joined(event):
    """A native event with the names that are made of its keys."""
    made = dict(event)
    for name, key in (("command_line", "argv"), ("parent_command_line", "parent_argv")):
        if key in event:
            made[name] = " ".join(event[key])
    if "filename" in event and "cwd" in event:
        absolute = event["filename"].startswith("/")
        made["filename_absolute"] = event["filename"] if absolute else \
            event["cwd"].rstrip("/") + "/" + event["filename"].removeprefix("./")
    return made


def wildcard_regex(text):
    """Of Sigma's: * and ? unless behind a backslash, which is one where nothing is to escape."""
    parts = re.findall(r"\\[*?\\]|.", text, re.S)
    return "".join({"*": ".*", "?": "."}.get(p, re.escape(p[1:] if len(p) == 2 else p))
                   for p in parts)


def compile_value(value, modifiers):
    if value is None:
        return lambda found: found is None
    if "re" in modifiers:
        regex = re.compile(str(value))
        return lambda found: found is not None and regex.search(found) is not None
    before = "" if "startswith" in modifiers or not modifiers & {"contains", "endswith"} else ".*"
    behind = "" if "endswith" in modifiers or not modifiers & {"contains", "startswith"} else ".*"
    regex = re.compile(before + wildcard_regex(str(value)) + behind, re.I | re.S)
    return lambda found: found is not None and regex.fullmatch(found) is not None


def compile_item(key, value, pipeline):
    name, *words = key.split("|")
    modifiers = set(words)
    assert modifiers <= MODIFIERS, key
    tests = [compile_value(v, modifiers) for v in (value if isinstance(value, list) else [value])]
    combine = all if "all" in modifiers else any
    fields = pipeline.fields(name)

    def match(event):
        texts = (value_of(event, field) for field in fields)
        texts = [None if text is None else str(text) for text in texts]
        return any(combine(test(text) for test in tests) for text in texts)
    return match


def compile_selection(selection, pipeline):
    if isinstance(selection, list):
        choices = [compile_selection(one, pipeline) for one in selection]
        return lambda event: any(choice(event) for choice in choices)
    items = [compile_item(key, value, pipeline) for key, value in selection.items()]
    return lambda event: all(item(event) for item in items)


class Condition:
    """A condition of words: `or` binds less than `and`, and that less than `not`."""

    def __init__(self, text, selections):
        self.words = WORD.findall(text)
        self.selections = selections
        self.match = self.either()
        assert not self.words, text

    def take(self, *expected):
        if self.words and (self.words[0] in expected or not expected):
            return self.words.pop(0)
        return None

    def chain(self, word, inner, combine):
        parts = [inner()]
        while self.take(word):
            parts.append(inner())
        return parts[0] if len(parts) == 1 else \
            lambda event: combine(part(event) for part in parts)

    def either(self):
        return self.chain("or", self.both, any)

    def both(self):
        return self.chain("and", self.single, all)

    def single(self):
        if self.take("not"):
            inner = self.single()
            return lambda event: not inner(event)
        if self.take("("):
            inner = self.either()
            assert self.take(")")
            return inner
        word = self.take()
        if word in ("1", "all") and self.take("of"):
            return self.some_of(all if word == "all" else any, self.take())
        return self.selections[word]

    def some_of(self, combine, pattern):
        names = [name for name in self.selections
                 if pattern == "them" or fnmatch.fnmatchcase(name, pattern)]
        assert names, pattern
        chosen = [self.selections[name] for name in names]
        return lambda event: combine(one(event) for one in chosen)


@dataclasses.dataclass
class Rule:
    name: str           # of its file, without what all have in common
    title: str
    author: str         # the licence wants it named where a match is shown
    level: str
    match: object


def load_rule(path, pipeline):
    document = yaml.safe_load(path.read_text("utf-8"))
    assert {key: document["logsource"][key] for key in LOGSOURCE} == LOGSOURCE, path
    detection = dict(document["detection"])
    condition = detection.pop("condition")
    selections = {name: compile_selection(selection, pipeline)
                  for name, selection in detection.items()}
    return Rule(path.stem.removeprefix("proc_creation_lnx_"), document["title"],
                document["author"], document["level"], Condition(condition, selections).match)


def load_rules(folder, pipeline):
    """Those that can be answered; {name: why} of the others."""
    rules, unanswerable = [], {}
    for path in sorted(pathlib.Path(folder).glob("*.yml")):
        try:
            rules.append(load_rule(path, pipeline))
        except Unanswerable as reason:
            unanswerable[path.stem.removeprefix("proc_creation_lnx_")] = str(reason)
    return rules, unanswerable


def concerns(event, pipeline):
    """Whether the pipeline lets rules for processes see it."""
    return all(value_of(event, name) == value for name, value in pipeline.conditions.items())


@functools.lru_cache(None)
def loaded(folder, path):
    pipeline = Pipeline(path)
    return pipeline, *load_rules(folder, pipeline)


def matches(event, pipeline, rules):
    """Rules that fire on an event as it is logged."""
    if not concerns(event, pipeline):
        return []
    event = with_joined(event)
    return [rule for rule in rules if rule.match(event)]
