#!/usr/bin/env python3
"""What libuakv.so brings into a host process: its soname, the libraries it needs, and how it is to be mapped.

usage: needed.py LIBRARY
       needed.py --self-test COMPILER_OF_C
"""

import pathlib
import re
import subprocess
import sys
import tempfile

SONAME = "libuakv.so.0"
NEEDED = re.compile(r"libc\.so\.6|ld-linux[\w.-]*\.so\.\d+")


def readelf(option, library):
    return subprocess.run(["readelf", "-W", option, str(library)], text=True, capture_output=True, check=True).stdout


def entries(dynamic, tag):
    return re.findall(rf"^\s*0x\w+\s+\({tag}\)\s+(.*)$", dynamic, re.MULTILINE)


def names(dynamic, tag):
    return re.findall(r"\[(.*?)\]", "\n".join(entries(dynamic, tag)))


def check(library):
    dynamic, segments = readelf("-d", library), readelf("-l", library)
    findings = []
    if names(dynamic, "SONAME") != [SONAME]:
        findings.append(f"the soname is {names(dynamic, 'SONAME')}, not {SONAME}")
    if not names(dynamic, "NEEDED"):
        findings.append("it needs nothing, not even libc: was it linked?")
    findings += [f"it needs {name}" for name in names(dynamic, "NEEDED") if not NEEDED.fullmatch(name)]
    for tag in ("RPATH", "RUNPATH", "TEXTREL"):
        if entries(dynamic, tag):
            findings.append(f"it has a {tag}")
    flags = entries(dynamic, "FLAGS") + entries(dynamic, "FLAGS_1")
    if not any(re.search(r"\b(?:BIND_NOW|NOW)\b", each) for each in flags):
        findings.append("its symbols are bound late: -z now is missing")
    if "GNU_RELRO" not in segments:
        findings.append("its relocations stay writable: -z relro is missing")
    stack = re.search(r"^\s*GNU_STACK\s+(?:0x\w+\s+){5}(.{3})", segments, re.MULTILINE)
    if not stack or "E" in stack.group(1):
        findings.append("it wants an executable stack")
    return findings


GOOD = ["-Wl,-soname,libuakv.so.0", "-Wl,-z,now", "-Wl,-z,relro", "-Wl,-z,noexecstack"]
BAD = (
    (["-Wl,-soname,libuakv.so.1"], "the soname"),
    (["-Wl,--no-as-needed", "-lm"], "it needs libm.so.6"),
    (["-Wl,-z,lazy"], "its symbols are bound late"),
    (["-Wl,-z,norelro"], "its relocations stay writable"),
    (["-Wl,-z,execstack"], "it wants an executable stack"),
    (["-Wl,-rpath,/nowhere", "-Wl,--disable-new-dtags"], "it has a RPATH"),
    (["-Wl,-rpath,/nowhere", "-Wl,--enable-new-dtags"], "it has a RUNPATH"),
)


def self_test(compiler):
    wrong = []
    for flags, expected in (([], None),) + BAD:
        with tempfile.TemporaryDirectory() as folder:
            library = pathlib.Path(folder, "library.so")
            subprocess.run([compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", library, *GOOD, *flags],
                           input="#include <stdio.h>\nint f(void) { return puts(\"\"); }", text=True, check=True)
            found = check(library)
        if [line for line in found if not expected or not line.startswith(expected)] or bool(expected) != bool(found):
            wrong.append(f"{flags}: {found}, expected {expected}")
    print("\n".join(wrong) or "self-test: all as expected")
    return 1 if wrong else 0


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--self-test":
        return self_test(arguments[1])
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    findings = check(pathlib.Path(arguments[0]))
    print("\n".join(findings) or "it needs nothing but libc")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
