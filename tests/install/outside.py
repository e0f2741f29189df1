#!/usr/bin/env python3
"""Installs, moves the tree, builds examples/outside with nothing else, in each way that its README.md shows, and runs
what came out against a daemon from that tree."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import installed

WAYS = ("pkg-config", "cmake")
PROGRAMS = {"pkg-config": "outside", "cmake": "build/outside"}
SECONDS_MAX = 120


def commands_of(readme):
    """{way: shell command} of the README's blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", readme.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = {way: block for block in blocks for way in WAYS if way in block}
    if len(blocks) != len(WAYS) or len(found) != len(WAYS):
        raise SystemExit(f"{readme} shows {len(blocks)} ways to build, expected one each by {' and '.join(WAYS)}")
    return found


def environment_of(prefix, arguments):
    """Nothing that could lead to another uakv than the installed one."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("UAKV_", "KV_CACHE_", "PKG_CONFIG", "CMAKE_")) and
            name not in ("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "LD_LIBRARY_PATH")}
    return {**kept, "CC": arguments.compiler, "CMAKE_PREFIX_PATH": str(prefix),
            "PKG_CONFIG_PATH": str(prefix / arguments.libdir / "pkgconfig")}


def build(way, prefix, folder, arguments):
    """The built program, or what the build said when it failed."""
    example = prefix / "share/doc/uakv/examples/outside"
    work = folder / f"outside-{way}"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(example, work)
    run = subprocess.run(["sh", "-ec", commands_of(work / "README.md")[way]], cwd=work, text=True, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment_of(prefix, arguments))
    return (work / PROGRAMS[way], "") if run.returncode == 0 else (None, run.stdout)


def serves(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        with contextlib.suppress(OSError):
            client.connect(str(path))
            return True
    return False


@contextlib.contextmanager
def daemon(prefix, path, environment):
    process = subprocess.Popen([prefix / "bin/uakvd", "--socket", path, "--memory", "64MiB"], env=environment)
    try:
        deadline = time.monotonic() + SECONDS_MAX
        while not serves(path):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the installed uakvd did not start")
            time.sleep(0.01)
        yield
        process.send_signal(signal.SIGTERM)
        if process.wait(SECONDS_MAX) != 0:
            raise SystemExit(f"the installed uakvd ended with status {process.returncode}")
    finally:
        process.kill()
        process.wait()


def run_program(command, environment, expected):
    run = subprocess.run(list(map(str, command)), text=True, capture_output=True, env=environment, check=False,
                         timeout=SECONDS_MAX)
    if run.returncode == 0 and expected in run.stdout:
        return []
    return [f"{command[0]} ended with status {run.returncode}: {run.stdout}{run.stderr}"]


def run_all(programs, prefix, folder, arguments):
    environment = environment_of(prefix, arguments)
    environment["UAKV_SOCKET"] = str(folder / "uakvd.sock")
    libraries = {**environment, "LD_LIBRARY_PATH": str(prefix / arguments.libdir)}
    findings = []
    with daemon(prefix, folder / "uakvd.sock", environment):
        for way, program in programs.items():
            surroundings = libraries if way == "pkg-config" else environment
            findings += run_program([program], surroundings, ": found the block")
            findings += run_program(["ldd", program], surroundings, f"libuakv.so.0 => {prefix}/")
        if (prefix / "bin/uakvctl").exists():
            findings += run_program([prefix / "bin/uakvctl", "ping"], environment, "")
    return findings


def check(folder, arguments):
    prefix = folder / "moved"
    installed.install(arguments.build, folder / "prefix").rename(prefix)
    programs = {}
    for way in WAYS:
        programs[way], output = build(way, prefix, folder, arguments)
        if not programs[way]:
            return [f"by {way}: {output}"]
    return run_all(programs, prefix, folder, arguments)


def self_test(folder, arguments):
    """Without one of these files, the build must fail, and say which is missing."""
    needs = (("include/uakv_status.def", WAYS), ("include/uakv.h", WAYS),
             # CMake links the library itself, and needs no link to it.
             (f"{arguments.libdir}/libuakv.so", ("pkg-config",)), (f"{arguments.libdir}/pkgconfig", ("pkg-config",)),
             (f"{arguments.libdir}/cmake", ("cmake",)))
    wrong = []
    for name, ways in needs:
        prefix = installed.install(arguments.build, folder / "prefix")
        (shutil.rmtree if (prefix / name).is_dir() else os.unlink)(prefix / name)
        for way in ways:
            program, output = build(way, prefix, folder, arguments)
            if program or "uakv" not in output:
                wrong.append(f"without {name}, by {way}: {output or 'it was built'}")
        shutil.rmtree(prefix)
    print("\n".join(wrong) or "self-test: all as expected")
    return 1 if wrong else 0


def main():
    arguments = installed.options(__doc__)
    with installed.folder() as name:
        if arguments.self_test:
            return self_test(pathlib.Path(name), arguments)
        findings = check(pathlib.Path(name), arguments)
        print("\n".join(findings) or f"built by {' and by '.join(WAYS)}, and found its block")
        return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
