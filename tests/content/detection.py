# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The attacks of attacks.yml, and whether the rules find them in the events of the log."""
import collections
import dataclasses
import json
import pathlib
import shlex
import subprocess

import yaml

import sigma_eval

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
RULES = SOURCE / "tests/data/sigma"
PIPELINES = {"native": "execsnoopd-native.yml", "ecs": "execsnoopd-ecs.yml",
             "ocsf": "execsnoopd-ocsf.yml"}
RECORDED = ("native", "ecs")    # in tests/data
# Where what is native is that has no other name.
OWN = {"ecs": "execsnoopd", "ocsf": "unmapped"}
# Of what this module and its users ask for.
FIELDS = {
    "native": {"pid": "pid", "boot_id": "boot_id", "host": "host", "argv": "argv",
               "ppid": "ppid", "parent_comm": "parent_comm", "parent_exe": "parent_exe",
               "given": "filename", "seq": "seq"},
    "ecs": {"pid": "process.pid", "boot_id": "host.boot.id", "host": "host.hostname",
            "argv": "process.args", "ppid": "process.parent.pid",
            "parent_comm": "process.parent.name", "parent_exe": "process.parent.executable",
            "given": "execsnoopd.filename", "seq": "event.sequence"},
    "ocsf": {"pid": "process.pid", "boot_id": "device.boot_uid", "host": "device.hostname",
             "argv": "unmapped.argv", "ppid": "actor.process.pid",
             "parent_comm": "actor.process.name", "parent_exe": "actor.process.file.path",
             "given": "unmapped.filename", "seq": "metadata.sequence"},
}
BOOT_ID = "2fff7c11b2084133bd954df45c274c9b"    # of no machine
MACHINE_ID = "0123456789abcdef0123456789abcdef"
N_RULES = 122
N_ANSWERED_MIN = 100


@dataclasses.dataclass
class Attack:
    fires: str
    file: str           # as it is given to the kernel
    argv: list
    cwd: str
    loginuid: int | None
    parent_file: str | None
    parent_argv: list
    shapes: list        # in which the rule can find it


class Script:
    def __init__(self):
        script = yaml.safe_load((HERE / "attacks.yml").read_text("utf-8"))
        self.programs, self.links = script["programs"], script["links"]
        self.attacks = [self.read(**attack) for attack in script["attacks"]]

    def place(self, name):
        return name if "/" in name else self.programs.get(name, f"/usr/bin/{name}")

    def read(self, fires, run, cwd="/root", loginuid=None, parent=None, given=None,
             shapes=tuple(FIELDS)):
        argv, parent_argv = shlex.split(run), shlex.split(parent or "")
        return Attack(fires, given or self.place(argv[0]), argv, cwd, loginuid,
                      self.place(parent_argv[0]) if parent_argv else None, parent_argv, shapes)


def log_name(name, shape):
    return f"{name}.jsonl.zst" if shape == "native" else f"{name}_{shape}.jsonl.zst"


def is_exec(event, shape):
    return concerns(event, shape)


def value_of(event, shape, name):
    return sigma_eval.value_of(event, FIELDS[shape][name])


def own_of(event, shape):
    return event[OWN[shape]] if shape in OWN else event


def pid_of(event, shape):
    return value_of(event, shape, "pid")


def redact(event, shape):
    """Nothing of who has started the test, or of the machine below."""
    fields = FIELDS[shape]
    if shape == "ecs":
        event["host"]["id"] = MACHINE_ID
    if sigma_eval.value_of(event, fields["parent_comm"]).startswith("python"):
        sigma_eval.set_value(event, fields["parent_exe"], "/usr/bin/python3.11")


def record(events, shape, path):
    """With the names of the documentation for host and boot."""
    fields = FIELDS[shape]
    for event in events:
        redact(event, shape)
    text = "".join(json.dumps(event, separators=(",", ":"), ensure_ascii=False) + "\n"
                   for event in events)
    boot_id, host = (sigma_eval.value_of(events[0], fields[name]) for name in ("boot_id", "host"))
    for old, new in ((boot_id, BOOT_ID), (boot_id[:12], BOOT_ID[:12]), (json.dumps(host), '"vm"')):
        text = text.replace(old, new)
    subprocess.run(["zstd", "-q", "-19", "-f", "-o", path], input=text.encode(), check=True)


def unpack(path):
    """Events of a compressed log."""
    text = subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in text.splitlines()]


def load(shape):
    return sigma_eval.loaded(RULES, SOURCE / "content/sigma" / PIPELINES[shape])


def concerns(event, shape):
    return sigma_eval.concerns(event, load(shape)[0])


def check(shape, logged):
    """[(attack, its event)]: each is found by the rule for it. Returns what to say."""
    pipeline, rules, unanswerable = load(shape)
    assert len(rules) + len(unanswerable) == N_RULES
    fired, missed = collections.Counter(), []
    for attack, event in logged:
        names = {rule.name for rule in sigma_eval.matches(event, pipeline, rules)}
        fired.update(names)
        if shape not in attack.shapes:
            assert attack.fires not in names, attack
        elif attack.fires not in names and attack.fires not in unanswerable:
            missed.append((attack.fires, event))
    assert not missed, missed
    assert len(fired) >= N_ANSWERED_MIN, fired
    lines = [f"{shape}: {len(fired)} of {N_RULES} rules have fired on {len(logged)} attacks"]
    lines += [f"  without an event here: {rule.name}" for rule in rules if rule.name not in fired]
    lines += [f"  can't be answered: {name}: {why}" for name, why in sorted(unanswerable.items())]
    return "\n".join(lines)
