#!/usr/bin/env python3
"""What we ship runs on machines without CUDA: no program or library needs libcuda, libcudart or another library of a
toolkit, or asks the loader for one of their functions. The driver is opened at run time, by ipc/cuda and no other way.

usage: without_cuda.py FILE...
       without_cuda.py --self-test COMPILER_OF_C
"""

import pathlib
import re
import subprocess
import sys
import tempfile

LIBRARY = re.compile(r"lib(cu(da|dart|blas|fft|rand|sparse|pti|file)|nv[a-z]|nccl)", re.IGNORECASE)
FUNCTION = re.compile(r"(cu|cuda|__cuda|nv|nccl)[A-Z]\w*")


def output(*command):
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout


def check(path):
    findings = []
    dynamic = output("readelf", "-W", "-d", path)
    needed = re.findall(r"\(NEEDED\)[^\[]*\[(.*?)\]", dynamic)
    if not needed:
        findings.append(f"{path}: needs nothing, not even libc: was it linked?")
    findings += [f"{path}: needs {name}" for name in needed if LIBRARY.match(name)]
    for line in output("nm", "-D", "--undefined-only", path).splitlines():
        name = line.split()[-1].split("@")[0]
        if FUNCTION.fullmatch(name):
            findings.append(f"{path}: asks the loader for {name}")
    return findings


BAD = (
    ("libcuda.so.1", "int cuInit(unsigned flags)", "cuInit(0)", ["needs libcuda.so.1", "for cuInit"]),
    ("libcudart.so.12", "int cudaFree(void *memory)", "cudaFree(0)", ["needs libcudart.so.12", "for cudaFree"]),
    ("libother.so", "int cuInit(unsigned flags)", "cuInit(0)", ["for cuInit"]),
    ("libcunning.so", "int cutlery(int forks)", "cutlery(3)", []),
)


def self_test(compiler):
    wrong = []
    for soname, function, call, expected in BAD:
        with tempfile.TemporaryDirectory() as folder:
            library, program = pathlib.Path(folder, soname), pathlib.Path(folder, "program")
            subprocess.run([compiler, "-shared", "-fPIC", f"-Wl,-soname,{soname}", "-x", "c", "-", "-o", library],
                           input=f"{function} {{ return 0; }}", text=True, check=True)
            subprocess.run([compiler, "-x", "c", "-", "-o", program, "-x", "none", library],
                           input=f"{function}; int main(void) {{ return {call}; }}", text=True, check=True)
            found = check(str(program))
        if len(found) != len(expected) or any(words not in line for words, line in zip(expected, found)):
            wrong.append(f"{soname}: {found}, expected {expected}")
    print("\n".join(wrong) or "self-test: all as expected")
    return 1 if wrong else 0


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--self-test":
        return self_test(arguments[1])
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    findings = [finding for path in arguments for finding in check(path)]
    print("\n".join(findings) or f"{len(arguments)} files need nothing of CUDA")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
