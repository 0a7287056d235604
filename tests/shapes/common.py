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


def read_lines(path, parse=json.loads):
    with open(path, "rb") as f:
        return [parse(line) for line in f]
