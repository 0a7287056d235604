# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""What the shapes have in common: their native part, judged by the native schema."""

import base64
import functools
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import validate                 # noqa: E402
from validate import Bad        # noqa: E402, F401


@functools.cache
def native_validator():
    return validate.Validator(validate.SCHEMA, False, 0)


def native_event(event):
    """Raises Bad unless this is, with its keys in their order, a native event."""
    native_validator().event(event)
    validate.check_base64(event)


def kernel_event(kind, key, value):
    """Likewise a member of such an event."""
    schema, validator = native_validator().by_event[kind]
    if key not in schema["properties"]:
        raise Bad(f"{key} is no key of {kind}")
    error = next(validator.evolve(schema=schema["properties"][key]).iter_errors(value), None)
    if error:
        raise Bad(f"{key}: {error.message}")
    validate.check_order(schema["properties"][key], value)


def text_of(native, key):
    """The exact bytes of a text."""
    exact = native.get(key + "_base64")
    return base64.b64decode(exact) if exact is not None else native[key].encode()


def is_text(data):
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


# What no native line has, of events of the kernel: exact bytes of what has another key, and names
# of what natively is no text, or is not there.
EXACT = ("name_base64", "host_base64")
EXACT_LISTS = ("env_base64",)
MARKS = ("name", "name_base64", "command_line", "parent_command_line")


def check_rest(kind, own, exact=EXACT, marks=MARKS):
    """Raises Bad unless this is what stays native of an event of the kernel."""
    for key, value in own.items():
        if key == "truncated":
            value = [name for name in value if name not in marks] or ["exe"]
        items = value if key in EXACT_LISTS else [value] if key in exact else None
        if items is None:
            kernel_event(kind, key, value)
            continue
        for item in items:
            base64.b64decode(item, validate=True)


def check_own(own, kind, time, seq, boot_id, host):
    """Likewise of any other event, of which everything does."""
    rest = {k: v for k, v in own.items() if k != "host_base64"}
    native_event({"event": kind, "time": time, "seq": seq, "boot_id": boot_id, "host": host,
                  **rest})


def ids(value):
    return None if value is None else str(value)


def joined(argv):
    return None if argv is None else " ".join(argv)


def without_nothing(value):
    """Absent facts have no keys, and objects without any are absent."""
    if not isinstance(value, dict):
        return value
    value = {k: without_nothing(v) for k, v in value.items()}
    return {k: v for k, v in value.items() if v is not None and v != {}}


def name_of(native):
    """comm, or, where that is only the beginning of it, the last part of filename."""
    comm = text_of(native, "comm")
    name = text_of(native, "filename") if "filename" in native else b""
    name = name.rsplit(b"/", 1)[-1]
    is_whole = "filename" not in native.get("truncated", ())
    if native["event"] != "exit" and is_whole and len(comm) >= 15 and name.startswith(comm):
        return name
    return comm


def name_text(native):
    return name_of(native).decode("utf-8", "replace").replace("\0", "\ufffd")


def variables(native):
    """(name, value) of all; a name that came again has its position behind it natively."""
    return [(name.split("=")[0], value) for name, value in native["env"].items()]


def own_of(native, moved):
    """What stays native, but for the keys that are elsewhere; and the exact bytes of those."""
    own = {k: v for k, v in native.items() if k not in moved}
    if native["event"] != "exec_failed":
        own.pop("retval", None)             # that of an exec is always 0
    name = name_of(native)
    if not is_text(name):
        own["name_base64"] = base64.b64encode(name).decode()
    if "env_base64" in native:
        names = [name.split("=")[0].encode() for name in native["env_base64"]]
        values = [base64.b64decode(v) for v in native["env_base64"].values()]
        own["env_base64"] = [base64.b64encode(n + b"=" + v).decode()
                             for n, v in zip(names, values)]
    return own


def without_sha256(facts):
    return {k: v for k, v in facts.items() if k != "sha256"}


def read_lines(path, parse=json.loads):
    with open(path, "rb") as f:
        return [parse(line) for line in f]
