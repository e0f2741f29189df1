#!/usr/bin/env python3
"""Checks the models of the shared-memory protocols with Spin: each as it is, which must hold, and each broken on
purpose, which must not. See docs/models.md.

    check.py --list           the names of all runs
    check.py NAME             one run; 77 when spin or gcc is missing
    check.py --mirrors ROOT   what the models say that they mirror must still be in the tree
    check.py --self-test      that the verdict and the mirrors bite
"""

import collections
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
COMPILE = ["gcc", "-w", "-DSAFETY", "-DMEMLIM=2000", "-o", "pan", "pan.c"]
DEPTH_MAX = 100000

WRONG = "assertion violated"
STUCK = "invalid end state"

# A run: the model, what it is defined with, and the error that must be found (None: there must be none).
Run = collections.namedtuple("Run", "model definitions error")


def runs_of(model, base, *configurations):
    """The runs of one model. A configuration is a name ("" for the model's own), what it defines, and its broken
    variants by the error that each must end in. Broken variants are named after the model."""
    for name, definitions, broken in configurations:
        yield f"{model}.{name}" if name else model, Run(model, base + definitions, None)
        for error, variants in broken.items():
            for variant in variants.split():
                yield f"{model}.{variant}", Run(model, base + definitions + [f"BREAK_{variant.upper()}"], error)


RUNS = dict([
    *runs_of("lease", [],
             ("", [], {WRONG: "early_detach"}),
             ("generations", ["ROUNDS_1=0", "last_generation=6"],
              {WRONG: "no_reader_fence no_evictor_fence no_recheck scan_first relaxed_end late_cover"}),
             ("withdrawal", ["ROUNDS_1=0", "last_generation=6", "WITHDRAW"], {WRONG: "late_void check_early"}),
             ("adoption", ["ROUNDS_1=0", "last_generation=6", "DESIGN_ADOPT"], {WRONG: "adopt_unscanned"})),
    *runs_of("release", [],
             ("", [], {WRONG: "clear_early clear_late keep_release reached_early not_compared no_reader_fence"})),
    *runs_of("ring", [],
             ("", [], {WRONG: "tail_first",
                       STUCK: "no_notify_fence no_sleep_fence no_second_look no_publish_fence no_wait_fence "
                              "futex_blind no_bell_fence no_bell_look drain_late"}),
             ("crowded", ["CROWDED"], {WRONG: "head_first take_first"})),
    *runs_of("flight", [],
             ("", [], {WRONG: "two_holders expired_carries landed_forgets_pilot"}),
             ("patient", ["PATIENT"],
              {WRONG: "death_not_passed_on abort_not_passed_on cancel_keeps_turn cancel_loses_slot"})),
    *runs_of("kept_slots", [],
             ("", [], {WRONG: "client_load_store daemon_load_store relaxed_keep"}),
             ("hostile", ["HOSTILE"], {WRONG: "unchecked"})),
    *runs_of("attachments", [],
             ("", [], {WRONG: "look_first sweep_first visit_once listed_early weak_claim"})),
])


def verdict(report, error):
    """What is wrong with the report of a run, or None."""
    if "errors:" not in report:
        return "the search did not end"
    found = re.search(r"^pan:\d+: (.*)", report, re.MULTILINE)
    if error is not None:
        if found is None:
            return "the model is broken on purpose, and nothing was found"
        return None if error in found.group(1) else f"expected \"{error}\", found \"{found.group(1)}\""
    if found is not None or "errors: 0" not in report:
        return found.group(1) if found else "errors were found"
    for trouble in ("max search depth too small", "Search not completed", "out of memory", "hash conflicts: -"):
        if trouble in report:
            return trouble
    unreached = re.findall(r'^\t.*, state \d+, "(.*)"$', report, re.MULTILINE)
    properties = [statement for statement in unreached if "assert" in statement]
    return f"never looked at: {'; '.join(properties)}" if properties else None


def check(name):
    run = RUNS[name]
    missing = [tool for tool in ("spin", "gcc") if shutil.which(tool) is None]
    if missing:
        print(f"skipped: {' and '.join(missing)} not found (Debian packages spin, gcc)")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        def call(command):
            return subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  check=False)

        model = HERE / f"{run.model}.pml"
        definitions = [f"-D{each}" for each in run.definitions]
        optimized = ["-O1"] if run.error is None else []  # an error is found before that has paid
        for command in (["spin", *definitions, "-a", str(model)], COMPILE + optimized):
            done = call(command)
            if done.returncode != 0:
                print(f"{' '.join(command)}\n{done.stdout}")
                return 1
        report = call(["./pan", f"-m{DEPTH_MAX}", "-w22"]).stdout
        wrong = verdict(report, run.error)
        print(report)
        if wrong is not None and run.error is None and list(pathlib.Path(folder).glob("*.trail")):
            print(call(["spin", *definitions, "-t", "-p", "-k", f"{run.model}.pml.trail", str(model)]).stdout)
    print(f"{name}: {wrong or 'as it must be'}")
    return 1 if wrong else 0


# ---- what the models mirror -------------------------------------------------------------------------------------

MIRRORS = re.compile(r"^\s*// mirrors: (.*)$", re.MULTILINE)


def stale_mirrors(models, root):
    """models: name and text of each. A line "mirrors: FILE WORD..." says that the file has each of the words."""
    findings = []
    for name, text in models.items():
        lines = MIRRORS.findall(text)
        if not lines:
            findings.append(f"{name}: says nothing of what it mirrors")
        for line in lines:
            path, *words = shlex.split(line)
            file = pathlib.Path(root) / path
            if not file.is_file():
                findings.append(f"{name}: mirrors {path}, which is gone: does the model still tell the truth?")
                continue
            source = file.read_text(encoding="utf-8")
            if not words:
                findings.append(f"{name}: does not say what it mirrors of {path}")
            for word in words:
                if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", source):
                    findings.append(f"{name}: mirrors {word} of {path}, which is gone: does the model still tell the "
                                    "truth?")
    return findings


def check_mirrors(root):
    models = {file.name: file.read_text(encoding="utf-8") for file in sorted(HERE.glob("*.pml"))
              if file.name != "store_buffer.pml"}
    named = {run.model + ".pml" for run in RUNS.values()}
    findings = stale_mirrors(models, root) + [f"{name}: no run checks it" for name in models if name not in named]
    for run in RUNS.values():
        for definition in run.definitions:
            if definition.split("=")[0] not in models[run.model + ".pml"]:
                findings.append(f"{run.model}.pml: knows nothing of {definition}")
    for name, text in models.items():
        tried = {definition for run in RUNS.values() if run.model + ".pml" == name for definition in run.definitions}
        findings += [f"{name}: no run tries {word}" for word in sorted(set(re.findall(r"BREAK_\w+", text)) - tried)]
    for finding in findings:
        print(finding)
    print(f"{len(models)} models, {len(findings)} findings")
    return 1 if findings or not models else 0


# ---- self-test --------------------------------------------------------------------------------------------------

GOOD = "State-vector 8 byte, depth reached 9, errors: 0\n\tm.pml:3, state 4, \"-end-\"\n"
FAILED = "pan:1: assertion violated (0) (at depth 3)\nState-vector 8 byte, depth reached 9, errors: 1\n"

VERDICTS = [  # report, error that must be found, words of what is wrong
    (GOOD, None, None),
    (GOOD, WRONG, "nothing was found"),
    (FAILED, None, "assertion violated"),
    (FAILED, WRONG, None),
    (FAILED, STUCK, "expected"),
    ("error: max search depth too small\n" + GOOD, None, "depth too small"),
    ("pan: out of memory\n" + GOOD, None, "out of memory"),
    (GOOD + "\tm.pml:7, state 8, \"assert((a==b))\"\n", None, "never looked at"),
    ("Segmentation fault", WRONG, "did not end"),
]

SOURCES = [  # what a model says, words of the finding
    ("// mirrors: a.h f g::h \"E1 x\"", None),
    ("// mirrors: a.h f i", "mirrors i of a.h"),
    ("// mirrors: b.h f", "b.h, which is gone"),
    ("// mirrors: a.h", "does not say what"),
    ("active proctype A() {}", "says nothing"),
]


def self_test():
    failures = []
    for report, error, words in VERDICTS:
        wrong = verdict(report, error)
        if (wrong is None) != (words is None) or (words and words not in wrong):
            failures.append(f"{report!r}: expected {words}, got {wrong}")
    with tempfile.TemporaryDirectory() as root:
        (pathlib.Path(root) / "a.h").write_text("// E1 x\nint f();\nint g::h(int iota);\n", encoding="utf-8")
        for text, words in SOURCES:
            found = stale_mirrors({"m.pml": text + "\n"}, root)
            if (found == []) != (words is None) or (words and words not in found[0]):
                failures.append(f"{text!r}: expected {words}, got {found}")
    print("\n".join(failures + [f"self-test: {len(VERDICTS) + len(SOURCES)} cases, {len(failures)} failures"]))
    return 1 if failures else 0


def main(arguments):
    if arguments == ["--list"]:
        print("\n".join(RUNS))
        return 0
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) == 2 and arguments[0] == "--mirrors":
        return check_mirrors(arguments[1])
    if len(arguments) == 1 and arguments[0] in RUNS:
        return check(arguments[0])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
