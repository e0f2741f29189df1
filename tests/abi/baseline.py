#!/usr/bin/env python3
"""The library still has every symbol and every type of an earlier ABI: what was compiled against that keeps working.

A baseline is what abidw says of the public interface of a library; a new one is written when UAKV_ABI_VERSION grows.

usage: baseline.py HEADERS LIBRARY BASELINE...
       baseline.py --write HEADERS LIBRARY BASELINE
       baseline.py --self-test COMPILER_OF_C
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

APPENDED = pathlib.Path(__file__).with_name("appended.abignore")
SKIPPED = 77


def describe(headers, library):
    """What the headers show of the library, without the places of the source, which say nothing."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "library.abi")
        subprocess.run(["abidw", "--headers-dir", headers, "--drop-private-types", "--exported-interfaces-only",
                        "--no-corpus-path", "--no-comp-dir-path", "--out-file", out, library], check=True)
        return re.sub(r" (?:filepath|line|column)='[^']*'", "", out.read_text(encoding="utf-8"))


def spelled(types, type_id):
    """A type without the names that typedefs give it: "unsigned int", "uakv_key *"."""
    element = types[type_id]
    inner = element.get("type-id")
    if element.tag == "typedef-decl":
        return spelled(types, inner)
    if element.tag == "pointer-type-def":
        return "opaque *" if types[inner].tag == "function-type" else f"{spelled(types, inner)} *"
    if element.tag == "array-type-def":
        return f"{spelled(types, inner)}[{element[0].get('length')}]"
    return f"const {spelled(types, inner)}" if element.tag == "qualified-type-def" else element.get("name")


def structs(baseline):
    """{struct: [(offset in bits, type, name of member)]}"""
    tree = xml.etree.ElementTree.parse(baseline)
    types = {element.get("id"): element for element in tree.iter() if element.get("id")}
    found = {}
    for struct in tree.iter("class-decl"):
        members = [(int(member.get("layout-offset-in-bits", 0)), spelled(types, member[0].get("type-id")),
                    member[0].get("name")) for member in struct.iter("data-member")]
        if members:
            found[struct.get("name")] = members
    return found


def moved(baseline, now):
    """Members that are not where and what they were. abidiff, told to let a struct grow, does not look at them."""
    after = structs(now)
    return [f"{struct}.{name}: was {kind} at bit {offset}"
            for struct, members in structs(baseline).items()
            for offset, kind, name in members if (offset, kind, name) not in after.get(struct, [])]


def check(headers, library, baselines):
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        now = pathlib.Path(folder, "now.abi")
        now.write_text(describe(headers, library), encoding="utf-8")
        for baseline in baselines:
            run = subprocess.run(["abidiff", "--no-added-syms", "--suppr", APPENDED, baseline, now],
                                 text=True, capture_output=True)
            if run.returncode != 0:
                findings.append(f"{baseline}: abidiff ended with {run.returncode}\n{run.stdout}{run.stderr}")
            findings += [f"{baseline}: {finding}" for finding in moved(baseline, now)]
    return findings


HEADER = """
#include <stddef.h>
typedef struct uakv_store_options { unsigned struct_size, flags; } uakv_store_options;
typedef struct uakv_view { const void *data; size_t nbytes; } uakv_view;
typedef struct uakv_space uakv_space;
__attribute__((visibility("default"))) int uakv_store(uakv_space *, const uakv_store_options *);
__attribute__((visibility("default"))) int uakv_retrieve(uakv_space *, uakv_view *);
"""
SOURCE = """
#include "uakv.h"
struct uakv_space { int inside; };
int uakv_store(uakv_space *space, const uakv_store_options *options) { return space->inside + (int)options->flags; }
int uakv_retrieve(uakv_space *space, uakv_view *view) { view->nbytes = 0; return space->inside; }
"""
# (what is replaced, by what, in header and source; whether the baseline is broken)
CHANGES = (
    ("", "", False),
    ("struct_size, flags;", "struct_size, flags, more;", False),
    ("typedef struct uakv_space uakv_space;", "typedef struct uakv_space uakv_space; extern int uakv_x(int);", False),
    ("int inside;", "int inside; long more;", False),
    ("struct_size, flags;", "struct_size, more, flags;", True),
    ("unsigned struct_size, flags;", "unsigned struct_size; unsigned long flags;", True),
    ("size_t nbytes;", "size_t nbytes; int tier;", True),
    ("uakv_retrieve(", "uakv_fetch(", True),
    ("const uakv_store_options *", "unsigned long extra, const uakv_store_options *", True),
)


def self_test(compiler):
    def build(folder, before, after):
        pathlib.Path(folder, "uakv.h").write_text(HEADER.replace(before, after) if before else HEADER)
        source = SOURCE.replace(before, after) if before else SOURCE
        library = pathlib.Path(folder, "libuakv.so")
        subprocess.run([compiler, "-g", "-shared", "-fPIC", "-fvisibility=hidden", f"-I{folder}", "-x", "c", "-",
                        "-o", library], input=source, text=True, check=True)
        return library

    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        baseline = pathlib.Path(folder, "first.abi")
        baseline.write_text(describe(folder, build(folder, "", "")), encoding="utf-8")
        for before, after, broken in CHANGES:
            findings = check(folder, build(folder, before, after), [baseline])
            if bool(findings) != broken:
                wrong.append(f"{before!r} to {after!r}: {findings or 'nothing found'}")
    print("\n".join(wrong) or "self-test: all as expected")
    return 1 if wrong else 0


def main(arguments):
    if not shutil.which("abidw") or not shutil.which("abidiff"):
        print("skipped: abidw and abidiff are not installed (Debian: abigail-tools)")
        return SKIPPED
    if len(arguments) == 2 and arguments[0] == "--self-test":
        return self_test(arguments[1])
    if len(arguments) == 4 and arguments[0] == "--write":
        pathlib.Path(arguments[3]).write_text(describe(arguments[1], arguments[2]), encoding="utf-8")
        return 0
    if len(arguments) < 3 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    findings = check(arguments[0], arguments[1], arguments[2:])
    print("\n".join(findings) or f"compatible with {len(arguments) - 2} earlier versions")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
