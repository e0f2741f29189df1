#!/usr/bin/env python3
"""The headers, the version map and the library must name the same symbols.

usage: symbols.py FOLDER_OF_THE_HEADERS MAP LIBRARY
       symbols.py --self-test COMPILER_OF_C
"""

import pathlib
import re
import subprocess
import sys
import tempfile


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def declared(header):
    """What the header declares with UAKV_API."""
    text = re.sub(r"^\s*#.*$", "", without_comments(header), flags=re.MULTILINE)
    return {match for match in re.findall(r"\bUAKV_API\b[^;(]*?(\w+)\s*\(", text)}


def mapped(version_map):
    """{symbol: version} of the version map."""
    found = {}
    for version, body in re.findall(r"(\w+)\s*\{(.*?)\}", without_comments(version_map), flags=re.DOTALL):
        for symbol in re.findall(r"([\w*?]+)\s*;", body.split("local:")[0]):
            found[symbol] = version
    return found


def exported(library):
    """{symbol: version} of what the library defines for others; the names of versions are not symbols."""
    listing = subprocess.run(["nm", "-D", "--defined-only", str(library)], text=True, capture_output=True, check=True)
    found = {}
    for line in listing.stdout.splitlines():
        kind, name = line.split()[-2:]
        symbol, _, version = name.replace("@@", "@").partition("@")
        if kind != "A" or version:
            found[symbol] = version
    return found


def check(header, version_map, library):
    names = {
        "the headers": declared(header),
        "libuakv.map": set(mapped(version_map)),
        library.name: set(exported(library)),
    }
    everything = set().union(*names.values())
    findings = [f"{symbol}: not in {place}"
                for place, symbols in names.items() for symbol in sorted(everything - symbols)]
    if not everything:
        findings.append("no symbol was found at all")
    versions = mapped(version_map)
    for symbol, version in sorted(exported(library).items()):
        if symbol in versions and version != versions[symbol]:
            findings.append(f"{symbol}: exported as {version or 'unversioned'}, in the map as {versions[symbol]}")
    return findings


HEADER = """
#define UAKV_API __attribute__((visibility("default")))
/* UAKV_API void uakv_comment(void); */
UAKV_API int uakv_a(int (*callback)(int));
UAKV_API const char *uakv_b(void),
                    *uakv_not_counted;
"""
MAP = "/* uakv_comment; */ UAKV_0 { global: uakv_a; uakv_b; local: *; };"
SOURCE = "int uakv_a(int (*f)(int)) { return f(1); } "\
         "const char *uakv_b(void) { return 0; } int inside(void) { return 1; }"

# (header, map, source, map for the linker): which of them differ from the good ones.
BAD = (
    ({"header": HEADER + "UAKV_API void uakv_c(void);"}, ["uakv_c: not in libuakv.map", "uakv_c: not in libuakv.so"]),
    ({"map": MAP.replace("uakv_b; ", "")}, ["uakv_b: not in libuakv.map"]),
    ({"link": MAP.replace("uakv_b; ", "")}, ["uakv_b: not in libuakv.so"]),
    ({"link": MAP.replace("local: *;", "")}, ["inside: not in the headers", "inside: not in libuakv.map"]),
    ({"link": MAP.replace("UAKV_0", "UAKV_1")}, ["uakv_a: exported as UAKV_1", "uakv_b: exported as UAKV_1"]),
    ({"map": MAP.replace("local", "uakv_d; local")}, ["uakv_d: not in the headers", "uakv_d: not in libuakv.so"]),
)


def self_test(compiler):
    wrong = []
    for change, expected in (({}, []),) + BAD:
        with tempfile.TemporaryDirectory() as folder:
            link_map, library = pathlib.Path(folder, "link.map"), pathlib.Path(folder, "libuakv.so")
            link_map.write_text(change.get("link", MAP), encoding="utf-8")
            subprocess.run([compiler, "-shared", "-fPIC", "-nostdlib", "-x", "c", "-", "-o", library,
                            f"-Wl,--version-script={link_map}"], input=SOURCE, text=True, check=True)
            found = check(change.get("header", HEADER), change.get("map", MAP), library)
        if len(found) != len(expected) or not all(line.startswith(start) for line, start in zip(found, expected)):
            wrong.append(f"{change}: {found}, expected {expected}")
    print("\n".join(wrong) or "self-test: all as expected")
    return 1 if wrong else 0


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--self-test":
        return self_test(arguments[1])
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    folder, version_map, library = (pathlib.Path(argument) for argument in arguments)
    header = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.h")))
    version_map = version_map.read_text(encoding="utf-8")
    findings = check(header, version_map, library)
    print("\n".join(findings) or f"{len(declared(header))} symbols, everywhere the same")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
