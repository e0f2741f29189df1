"""What the style tests share: finding the files of the tree, reading them, and running as a test."""

import os
import pathlib
import sys
import tempfile

CODE = (".h", ".c", ".cc")


def walk(root):
    """All files below root, relative to it; without hidden folders and without build trees."""
    root = pathlib.Path(root)
    found = []
    for folder, folders, files in os.walk(root):
        here = pathlib.Path(folder)
        folders[:] = sorted(name for name in folders if not skipped(here / name, here == root))
        found += [(here / name).relative_to(root) for name in sorted(files)]
    return found


def skipped(folder, at_top):
    name = folder.name
    return (
        (name.startswith(".") and name != ".ci")
        or (at_top and name == "build")
        or name == "__pycache__"
        or (folder / "CMakeCache.txt").exists()
    )


def read(root, path):
    return (pathlib.Path(root) / path).read_text(encoding="utf-8", errors="replace")


def report(findings, looked_at):
    """Prints the findings, and returns the exit status of the test."""
    for finding in findings:
        print(finding)
    print(f"{looked_at} files, {len(findings)} findings")
    if looked_at == 0:
        print("no file was found: a test that looks at nothing proves nothing")
        return 1
    return 1 if findings else 0


def findings_in(files, check):
    """Runs check(root) over a small tree: {path: text}."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            target = pathlib.Path(root) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return check(root)


def self_test(good, bad, check):
    """check must find nothing in the tree `good`, and exactly the one expected thing with each change of
    `bad`: (name, {path: text or None}, words of the finding)."""
    failures = []
    found = findings_in(good, check)
    if found:
        failures.append(f"the good tree: {found}")
    for name, change, words in bad:
        tree = {path: text for path, text in {**good, **change}.items() if text is not None}
        found = findings_in(tree, check)
        if len(found) != 1 or words not in found[0]:
            failures.append(f"{name}: expected one finding with \"{words}\", got {found}")
    for failure in failures:
        print(failure)
    print(f"self-test: {len(bad) + 1} trees, {len(failures)} failures")
    return 1 if failures else 0


def main(check, count, good, bad):
    """The command line of a style test: ROOT and what else check takes, or --self-test."""
    if sys.argv[1:] == ["--self-test"]:
        return self_test(good, bad, check)
    if len(sys.argv) < 2 or not pathlib.Path(sys.argv[1]).is_dir():
        print(f"usage: {sys.argv[0]} ROOT [ARGS] | --self-test", file=sys.stderr)
        return 2
    return report(check(*sys.argv[1:]), count(sys.argv[1]))
