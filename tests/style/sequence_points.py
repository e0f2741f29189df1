#!/usr/bin/env python3
"""Reads the sequence points, and refuses those that no test could reach.

Each name of ipc/sequence_points.def is passed in exactly one file: a client's in clientlib/, a daemon's in daemon/,
either in ipc/, where both sides' halves of the protocols are; one of restart in daemon/, where somebody keeps what
outlives a daemon. (A name that is not in the table does not compile.)
"""

import collections
import re
import sys

import sources

TABLE = "ipc/sequence_points.def"
FOLDERS = {"client": ("clientlib", "ipc"), "daemon": ("daemon", "ipc"), "restart": ("daemon",)}
ROW = re.compile(r'^SEQUENCE_POINT\((\w+), (\w+), ".+"\)$')
USE = re.compile(r"\bUAKV_SEQUENCE_POINT\((\w+)\)")


def count(root):
    return len(code(root))


def code(root):
    return [path for path in sources.walk(root)
            if path.suffix in sources.CODE and path.parts[0] in ("ipc", "clientlib", "daemon")
            and path.stem != "sequence_point"]


def check(root):
    findings, sides = [], {}
    for number, line in enumerate(sources.read(root, TABLE).splitlines(), 1):
        row = ROW.match(line)
        if row is None:
            if line and not line.startswith("//"):
                findings.append(f"{TABLE}:{number}: no SEQUENCE_POINT(name, side, \"what has happened\")")
        elif row.group(2) not in FOLDERS:
            findings.append(f"{TABLE}:{number}: {row.group(1)} is of side {row.group(2)}; "
                            "expected client, daemon or restart")
        elif row.group(1) in sides:
            findings.append(f"{TABLE}:{number}: {row.group(1)} stands there twice")
        else:
            sides[row.group(1)] = row.group(2)
    uses = collections.defaultdict(set)
    for path in code(root):
        for name in USE.findall(sources.read(root, path)):
            uses[name].add(path)
    for name, side in sides.items():
        where = sorted(uses[name])
        if len(where) != 1:
            findings.append(f"{TABLE}: {name} is passed in {len(where)} files: {', '.join(map(str, where))}")
        elif where[0].parts[0] not in FOLDERS[side]:
            findings.append(f"{where[0]}: passes {name}, which is the {side}'s")
    findings += [f"{sorted(paths)[0]}: passes {name}, which is not in {TABLE}"
                 for name, paths in sorted(uses.items()) if paths and name not in sides]
    return findings


GOOD = {
    TABLE: '// Points\n\nSEQUENCE_POINT(sent, client, "it is sent")\nSEQUENCE_POINT(taken, daemon, "it is taken")\n',
    "ipc/sequence_point.h": "#define UAKV_SEQUENCE_POINT(name)\n",
    "ipc/ring.h": "UAKV_SEQUENCE_POINT(taken);\n",
    "clientlib/call.cc": "UAKV_SEQUENCE_POINT(sent);\nUAKV_SEQUENCE_POINT(sent);\n",
    "daemon/main.cc": "",
}

BAD = [
    ("nowhere", {"clientlib/call.cc": ""}, "sent is passed in 0 files"),
    ("in two places", {"clientlib/other.cc": "UAKV_SEQUENCE_POINT(sent);\n"}, "sent is passed in 2 files"),
    ("the other side", {"ipc/ring.h": "", "clientlib/a.cc": "UAKV_SEQUENCE_POINT(taken);\n"}, "which is the daemon's"),
    ("unknown", {"daemon/main.cc": "UAKV_SEQUENCE_POINT(given);\n"}, "given, which is not in"),
    ("no side", {TABLE: GOOD[TABLE] + 'SEQUENCE_POINT(a, both, "x")\n'}, "is of side both"),
    ("twice", {TABLE: GOOD[TABLE] + 'SEQUENCE_POINT(sent, client, "x")\n'}, "stands there twice"),
    ("no row", {TABLE: GOOD[TABLE] + "SEQUENCE_POINT(sent)\n"}, "no SEQUENCE_POINT("),
]

if __name__ == "__main__":
    sys.exit(sources.main(check, count, GOOD, BAD))
