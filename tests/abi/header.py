#!/usr/bin/env python3
"""Compiles each public header alone, as each C and C++ that it promises, with the compilers that are named.

usage: header.py FOLDER_OF_THE_HEADERS COMPILER...   (a compiler of C++ has ++ in its name)
       header.py --self-test COMPILER...
"""

import pathlib
import re
import subprocess
import sys
import tempfile

STANDARDS_C = ("c99", "c11", "c17")
STANDARDS_CXX = ("c++11", "c++14", "c++17", "c++20")
FLAGS = ("-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only")
NEEDED_HEADERS = {"stddef.h", "stdint.h", "uakv_status.def"}
NEEDED_BY_OTHERS = {"stddef.h", "stdint.h", "uakv.h"}

# Twice, for the include guard; and a use of what only counts when it is used.
UNIT = """
#include <uakv.h>
#include <uakv.h>
uakv_status use(uakv_client *client, uakv_statistics *statistics);
uakv_status use(uakv_client *client, uakv_statistics *statistics) {
    statistics->struct_size = (uint32_t)sizeof *statistics;
    return UAKV_ABI_VERSION != 0 && UAKV_OK == 0 ? uakv_stats(client, statistics) : UAKV_ERR_INTERNAL;
}
"""


def includes(header):
    text = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.DOTALL)
    return set(re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text, re.MULTILINE))


def failures_of(folder, compilers):
    folder = pathlib.Path(folder)
    failures = []
    others = includes(folder / "uakv.h") - NEEDED_HEADERS
    if others:
        failures.append(f"uakv.h includes {', '.join(sorted(others))}")
    units = [UNIT]
    for header in sorted(set(folder.glob("*.h")) - {folder / "uakv.h"}):
        if others := includes(header) - NEEDED_BY_OTHERS:
            failures.append(f"{header.name} includes {', '.join(sorted(others))}")
        units.append(f"#include <{header.name}>\n" + UNIT)
    for compiler in compilers:
        is_cxx = "++" in pathlib.Path(compiler).name
        for standard in STANDARDS_CXX if is_cxx else STANDARDS_C:
            command = [compiler, f"-std={standard}", *FLAGS, f"-I{folder}", "-x", "c++" if is_cxx else "c", "-"]
            for unit in units:
                run = subprocess.run(command, input=unit, text=True, capture_output=True, check=False)
                name = re.search("<(.*)>", unit).group(1)
                print(f"{compiler} {standard} {name}: {'ok' if run.returncode == 0 else 'FAILED'}")
                if run.returncode != 0:
                    failures.append(f"{' '.join(command)}\n{run.stderr}")
    return failures


GOOD = """#ifndef UAKV_H
#define UAKV_H
#include <stddef.h>
#include <stdint.h>
typedef int32_t uakv_status;
#define UAKV_ABI_VERSION 1u
enum { UAKV_OK, UAKV_ERR_INTERNAL };
typedef struct uakv_client uakv_client;
typedef struct uakv_statistics { uint32_t struct_size; } uakv_statistics;
uakv_status uakv_stats(uakv_client *client, uakv_statistics *out);
%s
#endif
"""

# What goes into the header, and how many of the seven standards refuse it (or the check of its includes does).
BAD = (
    ("typedef struct a { int b; int c[]; } a; struct d { struct a e[2]; };", 7),
    ("#include <stdbool.h>", 1),
    ("int class;", 4),
    ("int *restrict i;", 4),
    ("constexpr int j = 1;", 3),
    ("typedef struct { int k; union { int l; int m; }; } n;", 1),  # not in C99
    ("#ifdef __cplusplus\ninline auto p() { return 1; }\n#endif", 1),  # not in C++11
    ("#ifdef __cplusplus\nnamespace q::r {}\n#endif", 2),  # not before C++17
)


def self_test(compilers):
    wrong = []
    for text, expected in (("", 0),) + BAD:
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "uakv.h").write_text(GOOD % text, encoding="utf-8")
            found = len(failures_of(folder, compilers))
        if found != expected:
            wrong.append(f"{text!r}: {found} failures, expected {expected}")
    print("\n".join(wrong) or "self-test: all as expected")
    return 1 if wrong else 0


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    if arguments[0] == "--self-test":
        return self_test(arguments[1:])
    failures = failures_of(arguments[0], arguments[1:])
    print("\n".join(failures) or "the header stands alone")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
