#!/usr/bin/env python3
"""Runs the checks that want a GPU, each in a process of its own and under a time limit, and shows a table.

    run.py PROGRAM [--out FOLDER] [--stand-in LIBRARY] [--seconds N] [--daemon UAKVD [--libuakv LIBUAKV]]

Exit status: 0 when none failed, 1 when one did, 77 when all were skipped (no driver, no device). results.json in the
folder has everything. With --stand-in the checks run on the stand-in driver of the tests: it shows that they work, and
no figure is given.
"""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

TENSORS = pathlib.Path(__file__).with_name("torch_reads.py")


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def run_one(name, command, seconds):
    """The result of one check, whatever became of its process."""
    begin = time.monotonic()
    try:
        ended = subprocess.run(command, text=True, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return {"check": name, "outcome": "failed", "why": f"not done after {seconds} s", "rows": []}
    try:
        result = json.loads(last_line(ended.stdout))
    except json.JSONDecodeError:
        result = {"check": name, "outcome": "failed", "rows": [],
                  "why": f"ended with {ended.returncode} and said nothing. {last_line(ended.stderr)}"}
    if result["outcome"] == "failed" and ended.stderr.strip():
        result["stderr"] = ended.stderr.strip()
    result["seconds"] = round(time.monotonic() - begin, 1)
    return result


def show(result, says):
    print(f"{result['outcome']:8} {result['check']:22} {says}")
    if result["why"]:
        print(f"         {result['why']}")
    for row in result["rows"]:
        if row["value"] is not None:
            print(f"         {row['value']:>12} {row['unit']:5} {row['what']}")


@contextlib.contextmanager
def serving(arguments, folder):
    """A daemon for those checks that want one; they find it by UAKV_SOCKET."""
    if not arguments.daemon:
        yield
        return
    socket = folder / "uakvd.sock"
    command = [arguments.daemon, "--socket", str(socket), "--memory", "256MiB"]
    environment = dict(os.environ)
    if arguments.stand_in:
        environment.update(UAKV_GPU_DRIVER=arguments.stand_in, UAKV_GPU_MEMORY="64MiB", UAKV_GPU_SEGMENT="2MiB")
    with (open(folder / "log", "w", encoding="utf-8") as log,
          subprocess.Popen(command, stderr=log, env=environment) as daemon):
        try:
            end = time.monotonic() + 60
            while not socket.exists() and daemon.poll() is None and time.monotonic() < end:
                time.sleep(0.02)
            if not socket.exists():
                sys.exit("uakvd does not serve:\n" + (folder / "log").read_text(encoding="utf-8"))
            os.environ["UAKV_SOCKET"] = str(socket)
            yield
        finally:
            daemon.terminate()


def run_all(commands, arguments, folder):
    results, end = [], time.monotonic() + 6 * arguments.seconds
    with serving(arguments, folder):
        for name, says, command in commands:
            left = int(end - time.monotonic())
            if left <= 0:
                result = {"check": name, "outcome": "skipped", "why": "no time was left", "rows": []}
            else:
                result = run_one(name, command, min(arguments.seconds, left))
            results.append(result)
            show(result, says)
            if name == "probe" and result["outcome"] == "skipped":
                print("No check can be done here.")
                break
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--stand-in")
    parser.add_argument("--seconds", type=int, default=90, help="for each check; together at most six times that")
    parser.add_argument("--daemon", help="started for the checks that want one")
    parser.add_argument("--libuakv", help="with a daemon: PyTorch reads blocks, where it can be imported")
    arguments = parser.parse_args()
    listed = subprocess.run([arguments.program, "--list"], text=True, capture_output=True, check=True).stdout
    checks = [line.split("\t") for line in listed.splitlines()]
    if not checks:
        print("there are no checks")
        return 1
    steering = ["--stand-in", arguments.stand_in] if arguments.stand_in else []
    commands = [(name, says, [arguments.program, *steering, name]) for name, says in checks]
    if arguments.libuakv and arguments.daemon:
        commands.append(("torch_reads", "PyTorch reads blocks in place, through DLPack",
                         [sys.executable, str(TENSORS), arguments.libuakv]))

    if arguments.stand_in:
        print("On the stand-in driver of the tests, which is no GPU: it shows that the checks work, and nothing else.")
    with tempfile.TemporaryDirectory() as folder:
        results = run_all(commands, arguments, pathlib.Path(folder))
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(f"everything: {arguments.out / 'results.json'}")
    outcomes = {result["outcome"] for result in results}
    if "failed" in outcomes:
        return 1
    return 0 if "passed" in outcomes else 77


if __name__ == "__main__":
    sys.exit(main())
