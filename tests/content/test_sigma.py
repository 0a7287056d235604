#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_sigma.py: Sigma's rules, by the pipelines that are shipped, over recorded events.

Each attack of attacks.yml is found by the rule for it; at least 100 of the 122 rules find one. On
an ordinary day - packages installed and removed, builds, logins, cron - no rule fires but those
that mean exactly what somebody did that day: they are listed here, with how often they fire.
tests/kernel/test_attacks.py has recorded the former, record_day.py the latter.
"""
import collections
import sys

sys.dont_write_bytecode = True
import detection

sys.path.insert(0, str(detection.SOURCE / "tests/shapes"))
import check_shape      # pylint: disable=wrong-import-position

DATA = detection.SOURCE / "tests/data"
# What these rules look for is what was done; and two take words for what they are not.
MEANT = {
    "file_deletion": "rm, of files that are no longer needed",
    "system_info_discovery": "uname and hostname, by configure, cmake and at a login",
    "local_account": "id, by the scripts that a login and packages run",
    "remove_package": "a package was removed",
    "file_and_directory_discovery": "find, by cron",
    "susp_sensitive_file_access": "a program for sed, of configure, has /usr/bin/ in it",
    "bash_interactive_shell": "a command line for bash -c has the word -i in it",
}


def by_name(shape, event):
    pipeline, rules, _ = detection.load(shape)
    return [rule.name for rule in detection.sigma_eval.matches(event, pipeline, rules)]


def recorded(name, shape):
    """What is not recorded in a format is made of the native events, as its encoder has to
    make it."""
    if shape in detection.RECORDED:
        return detection.unpack(DATA / detection.log_name(name, shape))
    make = check_shape.SHAPES[shape].shape
    return [make(event, detection.MACHINE_ID) for event in recorded(name, "native")]


def check_attacks(shape):
    script, events = detection.Script(), recorded("attacks", shape)
    assert len(script.attacks) == len(events), "record them anew"
    for attack, event in zip(script.attacks, events):
        assert detection.value_of(event, shape, "argv") == attack.argv, (attack, event)
    print(detection.check(shape, list(zip(script.attacks, events))))


def check_day(shape):
    fired, examples = collections.Counter(), {}
    events = recorded("ordinary_day", shape)
    for event in events:
        for name in by_name(shape, event):
            fired[name] += 1
            argv = detection.value_of(event, shape, "argv")
            examples.setdefault(name, []).append(" ".join(argv)[:100])
    for name in fired.keys() - MEANT.keys():
        print(f"{name}: {fired[name]} times:", *examples[name][:5], sep="\n    ")
    assert fired.keys() == MEANT.keys(), fired.keys() ^ MEANT.keys()
    print(f"{shape}: on an ordinary day {sum(fired.values())} of {len(events)} execs are what a "
          "rule means:")
    for name, count in fired.most_common():
        print(f"  {count:4} {name}: {MEANT[name]}")
    return fired


def check_both_ways(shape):
    """With exe alone the rules miss what Debian's alternatives hide."""
    script, events = detection.Script(), recorded("attacks", shape)
    names = {"netcat_reverse_shell", "vim_shell_execution", "iptables_flush_ufw"}
    for attack, event in zip(script.attacks, events):
        if attack.fires in names and shape in attack.shapes:
            assert attack.fires in by_name(shape, event), attack
            detection.own_of(event, shape).pop("filename")
            assert attack.fires not in by_name(shape, event), attack
            names.discard(attack.fires)
    assert not names


def check_unknown():
    """A fact that the log lacks is said, not taken for one that is not so."""
    for shape in detection.PIPELINES:
        pipeline, _, unanswerable = detection.load(shape)
        assert not unanswerable, unanswerable
        try:
            detection.sigma_eval.compile_selection({"Hashes|contains": "SHA256=0"}, pipeline)
        except detection.sigma_eval.Unanswerable:
            continue
        raise AssertionError("Hashes are answered")


def main():
    check_unknown()
    fired = []
    for shape in detection.PIPELINES:
        check_attacks(shape)
        check_both_ways(shape)
        fired.append(check_day(shape))
    assert all(names == fired[0] for names in fired), fired     # the same day


main()
