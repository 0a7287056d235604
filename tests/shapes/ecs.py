# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The shape of ECS: whether a line is valid by the schema, and what line a native one has to be.

The second is written from the table in execsnoopd-shapes(7), and not from the encoder.
"""

import csv
import pathlib
import re

import common
from common import Bad, ids, joined

FIELDS = pathlib.Path(__file__).parent.parent / "data/ecs-fields.csv"
OWN = "execsnoopd"
REST = OWN
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
TEXTS = ("keyword", "wildcard", "match_only_text")

# What ECS allows in the four fields that put an event into its place, as far as it concerns us.
KINDS = ("alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal")
OUTCOMES = ("success", "failure", "unknown")
TYPES = {"process": {"access", "change", "end", "info", "start"},
         "host": {"access", "change", "end", "info", "start"}}

# As common.EXACT and common.MARKS.
EXACT = (*common.EXACT, "session_leader_comm_base64")
MARKS = (*common.MARKS, "caps")


def load_fields():
    with open(FIELDS, encoding="utf-8") as f:
        return {row["field"]: row for row in csv.DictReader(f)}


class Validator:
    def __init__(self):
        self.fields = load_fields()
        self.objects = {name.rsplit(".", n)[0] for name in self.fields
                        for n in range(1, name.count(".") + 1)}

    def line(self, event):
        """Raises Bad unless this is an event by the schema. Returns what is native of it."""
        own = event.get(OWN)
        if not isinstance(own, dict):
            raise Bad(f"no {OWN}")
        for key, value in event.items():
            if key != OWN:
                self.field(key, value)
        self.place(event)
        self.own(event, own)

    def field(self, name, value):
        if name in self.objects and isinstance(value, dict):
            if not value:
                raise Bad(f"{name} is empty")
            for key, child in value.items():
                self.field(f"{name}.{key}", child)
            return
        field = self.fields.get(name)
        if not field:
            raise Bad(f"{name} is no field of ECS")
        is_list = field["normalization"] == "array"
        if is_list != isinstance(value, list):
            raise Bad(f"{name} is {'no' if is_list else 'an'} array")
        for item in value if is_list else [value]:
            if not self.is_of(field["type"], item):
                raise Bad(f"{name} is no {field['type']}: {item!r}")

    @staticmethod
    def is_of(kind, value):
        if kind in TEXTS:
            return isinstance(value, str)
        if kind == "long":
            return type(value) is int and -2 ** 63 <= value < 2 ** 63
        if kind == "boolean":
            return isinstance(value, bool)
        if kind == "date":
            return isinstance(value, str) and DATE.fullmatch(value)
        return False

    @staticmethod
    def place(event):
        what = event["event"]
        for key in ("kind", "category", "type", "action", "code", "sequence", "module", "dataset",
                    "provider"):
            if key not in what:
                raise Bad(f"no event.{key}")
        if what["kind"] not in KINDS:
            raise Bad(f"event.kind {what['kind']!r}")
        if what.get("outcome", "unknown") not in OUTCOMES:
            raise Bad(f"event.outcome {what['outcome']!r}")
        for category in what["category"]:
            if not set(what["type"]) <= TYPES[category]:
                raise Bad(f"event.type {what['type']} of {category}")
        for path in ("@timestamp", "ecs.version", "host.hostname", "host.boot.id", "host.os.type"):
            value = event
            for key in path.split("."):
                value = value.get(key)
                if value is None:
                    raise Bad(f"no {path}")

    @staticmethod
    def own(event, own):
        what = event["event"]
        if what["category"] == ["host"]:
            common.check_own(own, what["code"], event["@timestamp"], what["sequence"],
                             event["host"]["boot"]["id"], event["host"]["hostname"])
        else:
            common.check_rest(what["code"], own, EXACT, MARKS)


CAPABILITIES = """chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap
    linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module
    sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time
    sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog
    wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore""".split()


def capabilities(mask):
    bits = [i for i in range(64) if int(mask, 16) >> i & 1]
    return [f"CAP_{CAPABILITIES[i].upper()}" if i < len(CAPABILITIES) else str(i) for i in bits]


# Native events: action, kind, category, type, outcome.
PLACES = {
    "exec": ("exec", "event", "process", "start", "success"),
    "exec_failed": ("exec", "event", "process", "start", "failure"),
    "exec_attempt": ("exec_attempt", "event", "process", "info", "unknown"),
    "exit": ("end", "event", "process", "end", None),
    "start": ("start", "state", "host", "info", None),
    "process": ("process", "state", "host", "info", None),
    "file": ("file", "state", "host", "info", None),
    "summary": ("summary", "metric", "host", "info", None),
    "lost": ("lost", "metric", "host", "info", None),
    "stats": ("stats", "metric", "host", "info", None),
    "stop": ("stop", "metric", "host", "info", None),
}

# Native keys that go into fields; all others stay as they are.
COMMON = ("event", "time", "seq", "boot_id", "host")
MOVED = COMMON + (
    "pid", "tid", "ppid", "sid", "pgid", "session_leader", "uid", "gid", "euid", "egid", "suid",
    "sgid", "user", "euser", "group", "comm", "comm_base64", "parent_comm", "parent_uid",
    "parent_exe", "parent_argv", "exe", "argv", "argc", "cwd", "interactive", "container_id",
    "ns_pid", "caps", "env", "env_base64", "process_id", "parent_process_id", "error", "exit_code",
    "duration_ns", "tags")


def parent_of(native):
    argv, uid = native.get("parent_argv"), ids(native.get("parent_uid"))
    is_whole = "parent_argv" not in native.get("truncated", ())
    return {
        "pid": native.get("ppid"), "entity_id": native.get("parent_process_id"),
        "name": native.get("parent_comm"), "executable": native.get("parent_exe"),
        "args": argv, "args_count": len(argv) if argv is not None and is_whole else None,
        "command_line": joined(argv), "user": {"id": uid}, "real_user": {"id": uid},
    }


def leaders_of(native):
    if "sid" not in native:
        return {}
    session, pgid = native.get("session_leader", {}), native["pgid"]
    group_id = native["process_id"] if pgid == native["pid"] else \
        session.get("process_id") if pgid == native["sid"] else None
    return {
        "session_leader": {"pid": native["sid"], "name": session.get("comm"),
                           "entity_id": session.get("process_id")},
        "group_leader": {"pid": pgid, "entity_id": group_id},
    }


def process_of(native):
    get = native.get
    euser = get("euser") if get("euid") != get("uid") else get("user")
    caps = get("caps")
    env = None
    if "env" in native:
        env = [f"{name}={value}" for name, value in common.variables(native)]
    return {
        "pid": get("pid"), "vpid": get("ns_pid"), "entity_id": get("process_id"),
        "thread": {"id": get("tid"),
                   "capabilities": caps and {k: capabilities(v) for k, v in caps.items()}},
        "name": common.name_text(native),
        "executable": get("exe"), "args": get("argv"), "args_count": get("argc"),
        "command_line": joined(get("argv")), "working_directory": get("cwd"),
        "interactive": get("interactive"), "env_vars": env,
        "hash": {"sha256": get("exe_file", {}).get("sha256")},
        "real_user": {"id": ids(get("uid")), "name": get("user")},
        "user": {"id": ids(get("euid")), "name": euser},
        "saved_user": {"id": ids(get("suid"))},
        "real_group": {"id": ids(get("gid")), "name": get("group")},
        "group": {"id": ids(get("egid")),
                  "name": get("group") if get("egid") == get("gid") else None},
        "saved_group": {"id": ids(get("sgid"))},
        "parent": parent_of(native),
        "exit_code": get("exit_code"),
        "end": native["time"] if native["event"] == "exit" else None,
        **leaders_of(native),
    }


def own_of(native):
    own = common.own_of(native, MOVED)
    if "exe_file" in own:
        own["exe_file"] = common.without_sha256(own["exe_file"])
    own["session_leader_comm_base64"] = native.get("session_leader", {}).get("comm_base64")
    if native.get("euid") == native.get("uid"):
        own["euser_base64"] = native.get("user_base64")
    return own


def shortened(duration):
    """A `long` has a sign."""
    return None if duration is None else min(duration, 2 ** 63 - 1)


def is_mine(event):
    return "@timestamp" in event


def told(event):
    """What of a line is about the log, in native words; and which process it is about."""
    process = event.get("process", {})
    return {"event": event["event"]["code"], "time": event["@timestamp"],
            "seq": event["event"]["sequence"], "argv": process.get("args"),
            "pid": process.get("pid"), **event[OWN]}


def machine_id_of(event):
    return event["host"].get("id")


def sort_marks(event):
    """They are in the order of the keys, which is another one here."""
    if event["event"]["category"] == ["process"] and "truncated" in event[OWN]:
        event[OWN]["truncated"].sort()
    return event


def shape(native, machine_id=None):
    """The line of ECS that a native line has to be; a summary or the like as well."""
    action, kind, category, kind_of, outcome = PLACES[native["event"]]
    is_host = category == "host"
    event = {
        "@timestamp": native["time"],
        "event": {"code": native["event"], "action": action, "kind": kind, "category": [category],
                  "type": [kind_of], "outcome": outcome, "sequence": native["seq"],
                  "reason": None if is_host else native.get("error"),
                  "duration": shortened(native.get("duration_ns")), "module": OWN,
                  "dataset": f"{OWN}.events", "provider": OWN},
        "ecs": {"version": "9.0.0"},
        "host": {"hostname": native["host"], "name": native["host"], "id": machine_id or None,
                 "boot": {"id": native["boot_id"]}, "os": {"type": "linux"}},
    }
    if is_host:
        event[OWN] = {k: v for k, v in native.items() if k not in COMMON}
        if native["event"] == "process":
            event["process"] = {"pid": native["pid"], "entity_id": native["process_id"]}
    else:
        pid_ns = native.get("namespaces", {}).get("pid")
        event["host"]["pid_ns_ino"] = ids(pid_ns)
        event["container"] = {"id": native.get("container_id")}
        event["user"] = {"id": ids(native.get("uid")), "name": native.get("user")}
        event["process"] = process_of(native)
        event["tags"] = native.get("tags")
        event[OWN] = own_of(native)
    own = event.pop(OWN)                # what is native may be empty, as filtered_by is
    return {**common.without_nothing(event), OWN: {k: v for k, v in own.items() if v is not None}}
