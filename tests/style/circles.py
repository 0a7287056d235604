#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""circles.py ROOTS...: says which modules include each other in a circle. A module is NAME.h and
NAME.c together, with NAME_internal.h, if there is one, which is for its own files."""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def module_of(path):
    return str(path.with_suffix("")).removesuffix("_internal")


def modules(roots):
    """{module: the modules it includes}"""
    files = {path: root for root in roots for path in pathlib.Path(root).rglob("*.[ch]")}
    names = {str(path.relative_to(root)): module_of(path) for path, root in files.items()}
    graph = {}
    for path in files:
        uses = graph.setdefault(module_of(path), set())
        uses |= {names[include] for include in INCLUDE.findall(path.read_text("utf-8"))
                 if include in names}
    return graph


def reachable(graph, start):
    found, todo = set(), list(graph[start] - {start})
    while todo:
        module = todo.pop()
        if module not in found:
            found.add(module)
            todo += graph[module] - {module}
    return found


def main():
    graph = modules(sys.argv[1:])
    assert len(graph) > 10, "no sources here"
    reach = {module: reachable(graph, module) for module in graph}
    found = sorted(module for module in graph if module in reach[module])
    for module in found:
        print(f"circle of includes: {module} with "
              f"{', '.join(other for other in found if other in reach[module])}")
    return 1 if found else 0


sys.exit(main())
