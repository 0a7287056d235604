# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""The shape of OCSF: whether a line is valid by the schema, and what line a native one has to be.

The second is written from the table in execsnoopd-shapes(7), and not from the encoder.
"""

import datetime
import json
import pathlib
import re

import jsonschema

import common
import validate
from common import Bad, ids, joined, without_nothing

SCHEMA = pathlib.Path(__file__).parent.parent / "data/ocsf-1.8.0.json"
OWN = "unmapped"
REST = OWN
VERSION = "1.8.0"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
LONG = range(-2 ** 63, 2 ** 63)

# Attributes that are of a profile, and the objects that have them so.
PROFILES = {"container": "container", "namespace_pid": "container", "group": "linux/linux_users",
            "euid": "linux/linux_users", "egid": "linux/linux_users", "auid": "linux/linux_users"}
KNOWN_PROFILES = {"host", *PROFILES.values()}


class Validator:
    def __init__(self):
        schema = json.loads(SCHEMA.read_text("utf-8"))
        self.classes = {}
        for parts in schema["classes"].values():
            uid = parts["properties"]["class_uid"]["enum"][0]
            whole = validate.resolve(without_recursion(parts, schema), schema)
            self.classes[uid] = jsonschema.Draft202012Validator(whole)

    def line(self, event):
        """Raises Bad unless this is an event by the schema."""
        validator = self.classes.get(event.get("class_uid"))
        if not validator:
            raise Bad(f"class_uid {event.get('class_uid')!r}")
        error = next(validator.iter_errors(event), None)
        if error:
            raise Bad(f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}")
        self.numbers(event, "")
        self.place(event)
        self.profiles(event)
        self.own(event, event.get(OWN))

    def numbers(self, value, path):
        """What the schema calls integers are no more than 64 bits with a sign."""
        if isinstance(value, dict):
            for key, child in value.items():
                if f"{path}.{key}" != f".{OWN}":
                    self.numbers(child, f"{path}.{key}")
        elif isinstance(value, list):
            for child in value:
                self.numbers(child, path)
        elif type(value) is int and value not in LONG:
            raise Bad(f"{path}: {value} has more than 64 bits")

    @staticmethod
    def place(event):
        if event["type_uid"] != 100 * event["class_uid"] + event["activity_id"]:
            raise Bad(f"type_uid {event['type_uid']}")
        if event["category_uid"] != event["class_uid"] // 1000:
            raise Bad(f"category_uid {event['category_uid']}")
        if event["activity_id"] == 99 and "activity_name" not in event:
            raise Bad("no activity_name")
        metadata = event["metadata"]
        for key in ("event_code", "original_time", "sequence"):
            if key not in metadata:
                raise Bad(f"no metadata.{key}")
        if metadata["version"] != VERSION or metadata["product"] != {"name": "execsnoopd"}:
            raise Bad("another version, or another product")
        if not TIME.fullmatch(metadata["original_time"]) or \
                milliseconds(metadata["original_time"]) != event["time"]:
            raise Bad(f"time {event['time']}: {metadata['original_time']}")
        for key in ("hostname", "boot_uid"):
            if key not in event.get("device", {}):
                raise Bad(f"no device.{key}")

    @staticmethod
    def profiles(event):
        found = set(event["metadata"].get("profiles", ()))
        needed = {"host"} if event["class_uid"] != 1007 else set()
        processes = [event.get("actor", {}).get("process", {}), event.get("process", {})]
        processes += [process.get("parent_process", {}) for process in processes]
        for process in processes:
            needed |= {profile for key, profile in PROFILES.items() if key in process}
        if not needed <= found <= KNOWN_PROFILES:
            raise Bad(f"profiles {found}, where {needed} are needed")

    @staticmethod
    def own(event, own):
        if not isinstance(own, dict):
            raise Bad(f"no {OWN}")
        metadata = event["metadata"]
        is_cut = "truncated" in own or "argv_truncated" in own
        if metadata.get("is_truncated", False) != is_cut:
            raise Bad(f"is_truncated, and truncated: {own.get('truncated')}")
        if event["class_uid"] == 1007:
            common.check_rest(metadata["event_code"], own)
        else:
            common.check_own(own, metadata["event_code"], metadata["original_time"],
                             metadata["sequence"], event["device"]["boot_uid"],
                             event["device"]["hostname"])


def without_recursion(node, root, above=()):
    """A process has a parent process, and that one has none here."""
    if isinstance(node, list):
        return [without_recursion(item, root, above) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        if above.count(name) > 1:
            return False
        return without_recursion(root["$defs"][name], root, (*above, name))
    return {k: without_recursion(v, root, above) for k, v in node.items()}


def milliseconds(time):
    """Since 1970, of the time of a native line."""
    date = datetime.datetime.strptime(time[:19], "%Y-%m-%dT%H:%M:%S")
    seconds = (date - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1)
    return 1000 * seconds + int(time[20:23])


# Native events: class, activity, severity, status, launch type.
PLACES = {
    "exec": (1007, 1, 1, 1, 3),
    "exec_failed": (1007, 1, 1, 2, 3),
    "exec_attempt": (1007, 1, 1, 0, 3),
    "exit": (1007, 2, 1, None, None),
    "start": (6002, 3, 1, None, None),
    "stop": (6002, 4, 1, None, None),
    "process": (0, 99, 1, None, None),
    "file": (0, 99, 1, None, None),
    "summary": (0, 99, 1, None, None),
    "lost": (0, 99, 3, None, None),
    "stats": (0, 99, 1, None, None),
}

# Native keys that go into attributes; all others stay as they are.
COMMON = ("event", "time", "seq", "boot_id", "host")
MOVED = COMMON + (
    "pid", "tid", "ppid", "uid", "gid", "euid", "egid", "user", "group", "loginuid", "session",
    "comm", "comm_base64", "parent_comm", "parent_uid", "parent_exe", "exe", "cwd", "tty",
    "container_id", "ns_pid", "env", "env_base64", "process_id", "parent_process_id", "error",
    "exit_code", "ancestors")


def regular_file(path, **facts):
    if path is None:
        return None
    return {"name": path.rsplit("/", 1)[-1], "path": path, "type_id": 1, **facts}


def file_of(native):
    facts = native.get("exe_file")
    if not facts:
        return regular_file(native.get("exe"))
    sha256 = facts.get("sha256")
    return regular_file(
        native.get("exe"), size=min(facts["size"], LONG[-1]), owner={"uid": str(facts["uid"])},
        modified_time=milliseconds(facts["mtime"]) if "mtime" in facts else None,
        is_deleted=facts["nlink"] == 0 or None, uid=f"{facts['dev']}:{facts['ino']}",
        attributes=int(facts["mode"], 8),
        hashes=[{"algorithm_id": 3, "value": sha256}] if sha256 else None)


def parent_of(native):
    if "ppid" not in native:
        return None
    return {"pid": native["ppid"], "uid": native["parent_process_id"],
            "name": native["parent_comm"], "cmd_line": joined(native.get("parent_argv")),
            "file": regular_file(native.get("parent_exe")),
            "user": {"uid": ids(native.get("parent_uid"))}}


def ancestry_of(native):
    if "ancestors" not in native:
        return None
    return [without_nothing({"pid": a["pid"], "name": a["comm"], "path": a.get("exe")})
            for a in native["ancestors"]]


def process_of(native):
    get = native.get
    env = [{"name": name, "value": value} for name, value in common.variables(native)] \
        if "env" in native else None
    return {
        "pid": get("pid"), "uid": get("process_id"), "ptid": get("tid"),
        "name": common.name_text(native),
        "path": get("exe"), "working_directory": get("cwd"), "file": file_of(native),
        "cmd_line": None if native["event"] == "exit" else joined(get("argv", [])),
        "user": {"uid": ids(get("uid")), "name": get("user")},
        "group": {"uid": ids(get("gid")), "name": get("group")},
        "euid": get("euid"), "egid": get("egid"), "auid": get("loginuid"),
        "session": {"uid": ids(get("session")), "terminal": get("tty")},
        "namespace_pid": get("ns_pid"), "container": {"uid": get("container_id")},
        "parent_process": parent_of(native), "ancestry": ancestry_of(native),
        "environment_variables": env,
    }


def has_bytes(ancestors):
    return any(key.endswith("_base64") for ancestor in ancestors for key in ancestor)


def own_of(native):
    own = common.own_of(native, MOVED)
    if "exe_file" in own and "exe" in native:
        own["exe_file"] = common.without_sha256(own["exe_file"])
    if has_bytes(native.get("ancestors", ())):
        own["ancestors"] = native["ancestors"]
    return own


def profiles_of(native):
    if PLACES[native["event"]][0] != 1007:
        return ["host"]
    if native["event"] == "exit":
        return None
    found = ["container"] if "container_id" in native or "ns_pid" in native else []
    found += ["linux/linux_users"] if "uid" in native or "loginuid" in native else []
    return found or None


def is_mine(event):
    return event.get("metadata", {}).get("product") == {"name": "execsnoopd"}


def told(event):
    """What of a line is about the log, in native words; and which process it is about."""
    metadata, own = event["metadata"], event[OWN]
    pid = event.get("process", {}).get("pid")
    return {"event": metadata["event_code"], "time": metadata["original_time"],
            "seq": metadata["sequence"], "pid": pid, **own}


def machine_id_of(event):
    return event["device"].get("uid")


def sort_marks(event):
    """They are in the order of the keys, which is another one here."""
    if event["class_uid"] == 1007 and "truncated" in event[OWN]:
        event[OWN]["truncated"].sort()
    return event


def shape(native, machine_id=None):
    """The line of OCSF that a native line has to be; a summary or the like as well."""
    class_uid, activity, severity, status, launch = PLACES[native["event"]]
    is_process = class_uid == 1007
    is_cut = "truncated" in native or "argv_truncated" in native
    event = {
        "metadata": {"product": {"name": "execsnoopd"}, "event_code": native["event"],
                     "original_time": native["time"], "profiles": profiles_of(native),
                     "sequence": native["seq"], "is_truncated": is_cut or None,
                     "version": VERSION},
        "device": {"hostname": native["host"], "uid": machine_id or None,
                   "boot_uid": native["boot_id"], "type_id": 0,
                   "os": {"name": "Linux", "type_id": 200}},
        "time": milliseconds(native["time"]), "category_uid": class_uid // 1000,
        "class_uid": class_uid, "activity_id": activity,
        "activity_name": native["event"] if activity == 99 else None,
        "type_uid": 100 * class_uid + activity, "severity_id": severity,
        "app": {"name": "execsnoopd"} if class_uid == 6002 else None,
    }
    if is_process:
        itself = {"pid": native["pid"], "uid": native["process_id"]}
        event |= {"launch_type_id": launch, "status_id": status,
                  "status_code": native.get("error"), "exit_code": native.get("exit_code"),
                  "actor": {"process": parent_of(native) or itself},
                  "process": process_of(native)}
        own = own_of(native)
    else:
        own = {k: v for k, v in native.items() if k not in COMMON}
    return {**without_nothing(event), OWN: {k: v for k, v in own.items() if v is not None}}
