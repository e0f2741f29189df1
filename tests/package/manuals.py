#!/usr/bin/env python3
"""The manual pages against what they describe: options and commands against the programs, keys against
docs/configuration.md, functions against the header; and mandoc's own opinion. Also the symbols that the package of the
library names for other packages, against those that it exports.

usage: manuals.py SOURCE UAKVD UAKVCTL | --lint SOURCE | --self-test SOURCE UAKVD UAKVCTL"""

import pathlib
import re
import shutil
import subprocess
import sys

SKIPPED = 77
PAGES = ("uakvd.8", "uakvctl.1", "uakvd.yaml.5", "libuakv.3")


def said_by(*command):
    return subprocess.run(command, text=True, check=True, capture_output=True).stdout


def plain(text):
    """Words of a page or of markdown, without their marks."""
    return " ".join(re.sub(r"[`\"\\]|^\.\w+ ", "", text, flags=re.MULTILINE).split())


def differences(page, what, described, real):
    return ([f"{page}: it does not name {what} {name}" for name in sorted(real - described)] +
            [f"{page}: there is no {what} {name}" for name in sorted(described - real)])


def items(page, macro):
    """(head, text) of each .It of a page whose head begins with this macro."""
    return re.findall(rf"^\.It {macro} (.+)\n((?:(?!\.It |\.El|\.Bl).*\n)*)", page, re.MULTILINE)


def check_options(page, usage):
    described = {head.split()[0].replace("\\-", "-") for head, _ in items(page, "Fl")}
    real = set(re.findall(r"--[a-z][a-z-]*", usage))
    return differences("uakvd.8", "the option", {f"-{name}" for name in described}, real)


def usages(uakvctl):
    """{command: its options} as uakvctl itself tells them."""
    names = re.findall(r"^  ([a-z]+) +\S", said_by(uakvctl, "help"), re.MULTILINE)
    return {name: set(re.findall(r"--[a-z]+", said_by(uakvctl, "help", name).splitlines()[0])) for name in names}


def check_commands(page, real):
    described = {head.split()[0]: {f"-{name}" for name in re.findall(r"Fl \\(-[a-z]+)", head)}
                 for head, _ in items(page, "Cm")}
    described.pop("help", None)
    found = differences("uakvctl.1", "the command", set(described), set(real))
    for name in sorted(set(real) & set(described)):
        found += differences(f"uakvctl.1, {name}", "the option", described[name], real[name])
    return found


def documented_keys(text):
    """{key: (default, reload)} of the tables of docs/configuration.md; keys of a tenant follow "tenant "."""
    found = {}
    for section, before in (("## Keys of the daemon", ""), ("## Keys of a tenant", "tenant ")):
        table = text[text.index(section):].split("\n## ")[0]
        for row in re.findall(r"^\| `.*", table, re.MULTILINE):
            key, _, default, reload = [cell.strip(" |") for cell in row.split(" | ")][:4]
            found[before + plain(key)] = (plain(default).removeprefix(": "), reload == "yes")
    return found


def described_keys(page):
    found = {}
    for section, before in ((".Sh KEYS OF THE DAEMON", ""), (".Sh KEYS OF A TENANT", "tenant ")):
        part = page[page.index(section):].split("\n.Sh ")[0] + "\n"
        for head, text in items(part, "Cm"):
            default = re.search(r"^Default: (.*?)\.$(?!\n[a-z])", text, re.MULTILINE | re.DOTALL)
            found[before + head] = (plain(default.group(1)) if default else None, "\nReload.\n" in text)
    return found


def check_keys(page, document):
    real, described = documented_keys(document), described_keys(page)
    found = differences("uakvd.yaml.5", "the key", set(described), set(real))
    return found + [f"uakvd.yaml.5: {key}: default and reload are {described[key]}, documented {real[key]}"
                    for key in sorted(set(real) & set(described)) if real[key] != described[key]]


def headers(source):
    return "\n".join(path.read_text() for path in sorted((source / "abi").glob("*.h")))


def check_functions(page, header):
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    real = {re.sub(r"\W+", " ", f"{kind} {name} {arguments}").strip()
            for kind, name, arguments in re.findall(r"UAKV_API\s+([^;()]+?)(uakv_\w+)\(([^)]*)\);", text)}
    described = {re.sub(r"\W+", " ", f"{kind} {function}").strip()
                 for kind, function in re.findall(r"^\.Ft (.*)\n\.Fn (.*)", page, re.MULTILINE)}
    return differences("libuakv.3", "the function", described, real)


def check_symbols(table, exported):
    named = re.findall(r"^ (uakv_\w+)@(\w+) \S+$", table, re.MULTILINE)
    version = re.search(r"^(\w+) \{", exported, re.MULTILINE).group(1)
    real = {(name, version) for name in re.findall(r"^ +(uakv_\w+);", exported, re.MULTILINE)}
    return differences("packaging/debian/symbols", "the symbol", set(named), real)


def check(pages, source, usage, commands):
    return (check_options(pages["uakvd.8"], usage) + check_commands(pages["uakvctl.1"], commands) +
            check_keys(pages["uakvd.yaml.5"], (source / "docs/configuration.md").read_text()) +
            check_functions(pages["libuakv.3"], headers(source)) +
            check_symbols(pages["symbols"], (source / "abi/libuakv.map").read_text()))


CHANGES = (
    ("uakvd.8", r".It Fl \-memory", r".It Fl \-memorie", 2),
    ("uakvd.8", ".It Fl \\-preset Ar NAME\n", "", 1),
    ("uakvctl.1", ".It Cm verify\n", "", 1),
    ("uakvctl.1", r".It Cm why Ar KEY Oo Fl \-space", r".It Cm why Ar KEY Oo Fl \-force", 2),
    ("uakvd.yaml.5", ".It Cm warm_blocks\n", "", 1),
    ("uakvd.yaml.5", "Default: 60s.", "Default: 61s.", 1),
    ("uakvd.yaml.5", "Default: 60s.\nReload.", "Default: 60s.", 1),
    ("libuakv.3", '.Fn uakv_abort "uakv_slot *slot"', '.Fn uakv_abort "uakv_view *slot"', 2),
    ("symbols", " uakv_pin@UAKV_0 0.1.0\n", "", 1),
)


def self_test(pages, *rest):
    """Each change of a page that is right must give so many findings."""
    wrong = [f"the pages as they are: {line}" for line in check(pages, *rest)]
    for name, old, new, number in CHANGES:
        found = check({**pages, name: pages[name].replace(old, new, 1)}, *rest)
        if old not in pages[name] or len(found) != number:
            wrong.append(f"{name} with \"{new}\" for \"{old}\": expected {number} findings, got {found}")
    print("\n".join(wrong) or f"self-test: {len(CHANGES)} changed pages, each found")
    return 1 if wrong else 0


def lint(folder):
    if not shutil.which("mandoc"):
        print("skipped: there is no mandoc here")
        return SKIPPED
    found = []
    for page in sorted(folder.iterdir()):
        command = ["mandoc", "-T", "lint", "-W", "warning", page]
        run = subprocess.run(command, text=True, capture_output=True, check=False)
        found += (run.stdout + run.stderr).splitlines()
    missing = set(PAGES) - {page.name for page in folder.iterdir()}
    found += [f"{name}: there is no such page" for name in sorted(missing)]
    print("\n".join(found) or f"{len(PAGES)} pages, none of them wrong")
    return 1 if found else 0


def main():
    arguments = [word for word in sys.argv[1:] if not word.startswith("--")]
    if len(arguments) not in (1, 3):
        print(__doc__, file=sys.stderr)
        return 2
    source = pathlib.Path(arguments[0])
    if "--lint" in sys.argv:
        return lint(source / "docs/man")
    pages = {name: (source / "docs/man" / name).read_text() for name in PAGES}
    pages["symbols"] = (source / "packaging/debian/symbols").read_text()
    real = (source, said_by(arguments[1], "--help"), usages(arguments[2]))
    if "--self-test" in sys.argv:
        return self_test(pages, *real)
    found = check(pages, *real)
    print("\n".join(found) or f"{len(PAGES)} pages say what is so")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
