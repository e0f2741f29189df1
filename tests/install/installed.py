"""What the tests of the installed tree share: installing into a folder of their own."""

import argparse
import pathlib
import subprocess
import tempfile


def full_path(text):
    return pathlib.Path(text).resolve()


def options(document):
    """The command line of a test here; `document` is its help."""
    parser = argparse.ArgumentParser(description=document, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=full_path, required=True, help="the build folder to install from")
    parser.add_argument("--source", type=full_path, required=True, help="the tree that was built")
    parser.add_argument("--libdir", type=pathlib.PurePath, required=True, help="below a prefix, such as lib")
    parser.add_argument("--compiler", required=True, help="a compiler of C")
    parser.add_argument("--self-test", action="store_true", help="show that the test finds what it is made for")
    return parser.parse_args()


def install(build, prefix, component=None):
    """Without debug information: that names the sources by their paths, and is for debuggers."""
    command = ["cmake", "--install", build, "--prefix", prefix, "--strip"]
    command += ["--component", component] if component else []
    run = subprocess.run(command, text=True, capture_output=True, check=False)
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{run.stdout}{run.stderr}")
    return prefix


def folder():
    return tempfile.TemporaryDirectory(prefix="uakv-install-")
