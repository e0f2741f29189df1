#!/usr/bin/env python3
"""Makes paged_copy.ptx of paged_copy.cu, in a form that every driver since CUDA 9 can translate.

nvcc names its own, newest version of PTX at the top of what it writes, and an older driver then refuses text in which
nothing is new. So this names version 6.0 and sm_70, and leaves the hints out that only later versions know.

    make_ptx.py [--nvcc PATH] [--check]

--check writes nothing: exit status 1 if the file is not what this nvcc makes of the source, 77 if it was made by
another release of nvcc, or there is none here.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TARGET = HERE / "paged_copy.ptx"


def lowered(text):
    text = re.sub(r"^\.version .*$", ".version 6.0", text, flags=re.MULTILINE)
    text = re.sub(r"^\.target .*$", ".target sm_70", text, flags=re.MULTILINE)
    lines = [line for line in text.splitlines() if "used_bytes_mask" not in line]
    release = re.search(r"^// Cuda compilation tools, release (\S+),", text, re.MULTILINE).group(1)
    while lines and (not lines[0] or lines[0].startswith("//")):
        lines.pop(0)
    return f"// Of paged_copy.cu, by make_ptx.py and nvcc {release}.\n" + "\n".join(lines).rstrip() + "\n"


def made_by(nvcc):
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "made.ptx"
        subprocess.run([nvcc, "-ptx", "-arch=compute_75", "-std=c++17", "--allow-unsupported-compiler", f"-I{ROOT}",
                        str(HERE / "paged_copy.cu"), "-o", str(output)], check=True)
        return lowered(output.read_text(encoding="utf-8"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nvcc", default="nvcc")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    nvcc = shutil.which(arguments.nvcc)
    if nvcc is None:
        print(f"there is no {arguments.nvcc} here")
        return 77
    made = made_by(nvcc)
    if not arguments.check:
        TARGET.write_text(made, encoding="utf-8")
        return 0
    kept = TARGET.read_text(encoding="utf-8")
    if kept.splitlines()[0] != made.splitlines()[0]:
        print(f"skipped: the file says \"{kept.splitlines()[0]}\", here it would be \"{made.splitlines()[0]}\"")
        return 77
    if kept != made:
        print(f"{TARGET} is not what nvcc makes of paged_copy.cu: run make_ptx.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
