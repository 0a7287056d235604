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
PIPELINES = {"native": "execsnoopd-native.yml", "ecs": "execsnoopd-ecs.yml"}
BOOT_ID = "2fff7c11b2084133bd954df45c274c9b"    # of no machine
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


class Script:
    def __init__(self):
        script = yaml.safe_load((HERE / "attacks.yml").read_text("utf-8"))
        self.programs, self.links = script["programs"], script["links"]
        self.attacks = [self.read(**attack) for attack in script["attacks"]]

    def place(self, name):
        return name if "/" in name else self.programs.get(name, f"/usr/bin/{name}")

    def read(self, fires, run, cwd="/root", loginuid=None, parent=None, given=None):
        argv, parent_argv = shlex.split(run), shlex.split(parent or "")
        return Attack(fires, given or self.place(argv[0]), argv, cwd, loginuid,
                      self.place(parent_argv[0]) if parent_argv else None, parent_argv)


def unpack(path):
    """Events of a compressed log."""
    text = subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in text.splitlines()]


def load(shape):
    return sigma_eval.loaded(RULES, SOURCE / "content/sigma" / PIPELINES[shape])


def check(shape, logged):
    """[(attack, its event)]: each is found by the rule for it. Returns what to say."""
    pipeline, rules, unanswerable = load(shape)
    assert len(rules) + len(unanswerable) == N_RULES
    fired, missed = collections.Counter(), []
    for attack, event in logged:
        names = {rule.name for rule in sigma_eval.matches(event, pipeline, rules)}
        fired.update(names)
        if attack.fires not in names and attack.fires not in unanswerable:
            missed.append((attack.fires, event))
    assert not missed, missed
    assert len(fired) >= N_ANSWERED_MIN, fired
    lines = [f"{shape}: {len(fired)} of {N_RULES} rules have fired on {len(logged)} attacks"]
    lines += [f"  without an event here: {rule.name}" for rule in rules if rule.name not in fired]
    lines += [f"  can't be answered: {name}: {why}" for name, why in sorted(unanswerable.items())]
    return "\n".join(lines)
