#!/usr/bin/env python3
"""A test of style: what a formatter does not see. The limits stand below; docs are held to fewer of them."""

import ast
import json
import pathlib
import re
import sys

import functions
import sources

LINE_COLUMNS_MAX = 120
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500

SCRIPTS = (".py", ".cmake", ".sh")
TEXT = sources.CODE + SCRIPTS + (".def", ".map", ".json", ".md", ".txt")
TEXT_NAMES = ("dev", "run", ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore")

# Written in pieces, so that this file does not find itself.
LEFTOVERS = re.compile(
    r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK|st" r"ub|place" r"holder|not imple" r"mented|unimple" r"mented)\b")


def text_files(root):
    return [path for path in sources.walk(root) if path.suffix in TEXT or path.name in TEXT_NAMES]


def is_code(path):
    return path.suffix in sources.CODE + SCRIPTS or path.name in ("dev", "run", "CMakeLists.txt")


def count(root):
    return len(text_files(root))


def check_lines(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        at = f"{path}:{number}"
        if is_code(path) and len(line) > LINE_COLUMNS_MAX:
            yield f"{at}: the line has {len(line)} columns, more than {LINE_COLUMNS_MAX}"
        if line != line.rstrip():
            yield f"{at}: space at the end of the line"
        if "\t" in line:
            yield f"{at}: a tab"
        leftover = LEFTOVERS.search(line)
        if leftover and is_code(path):
            yield f"{at}: a leftover: {leftover.group(0)}"
    if text and not text.endswith("\n"):
        yield f"{path}: no newline at the end"
    if is_code(path) and text.count("\n") > FILE_LINES_MAX:
        yield f"{path}: the file has {text.count(chr(10))} lines, more than {FILE_LINES_MAX}"


def functions_of(path, text):
    """(line, name, lines) of each function."""
    if path.suffix in sources.CODE:
        return functions.functions(text)
    if path.suffix == ".py":
        return [(node.lineno, node.name, node.end_lineno - node.lineno + 1)
                for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    return []


def check_functions(path, text):
    try:
        for line, name, lines in functions_of(path, text):
            if lines > FUNCTION_LINES_MAX:
                yield f"{path}:{line}: {name} has {lines} lines, more than {FUNCTION_LINES_MAX}"
    except functions.Unbalanced:
        yield f"{path}: the braces do not balance, so its functions cannot be measured"


def check_header_guard(path, text):
    if path.suffix == ".h" and not re.search(r"^#(?:pragma once|ifndef \w+\n#define \w+)$", text, re.MULTILINE):
        yield f"{path}: neither #pragma once nor an include guard"


def check_headers_used(texts):
    """Each header is included by somebody."""
    included = set()
    for path, text in texts.items():
        if path.suffix in sources.CODE:
            included |= {pathlib.PurePath(name).name for name in
                         re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text, re.MULTILINE)}
    for path in texts:
        if path.suffix in (".h", ".def") and path.name not in included:
            yield f"{path}: nobody includes this header"


def compiled_files(root, commands):
    """What the build tree with this compile_commands.json compiles of the tree, whatever its targets are named."""
    root = pathlib.Path(root).resolve()
    if commands is None:
        return set()
    entries = json.loads(pathlib.Path(commands).read_text(encoding="utf-8"))
    files = {pathlib.Path(entry["directory"], entry["file"]).resolve() for entry in entries}
    return {file.relative_to(root) for file in files if file.is_relative_to(root)}


def check_sources_built(texts, compiled):
    """Each source file is compiled, or at least named in the CMakeLists.txt of a folder that holds it (what an
    option turns off is not compiled)."""
    for path in texts:
        if path.suffix in (".c", ".cc") and path not in compiled:
            lists = [texts.get(folder / "CMakeLists.txt", "") for folder in path.parents]
            if not any(re.search(rf"(?<![\w.]){re.escape(path.name)}(?![\w.])", text) for text in lists):
                yield f"{path}: no target compiles this file"


def check(root, commands=None):
    texts = {path: sources.read(root, path) for path in text_files(root)}
    findings = []
    for path, text in texts.items():
        findings += check_lines(path, text)
        findings += check_functions(path, text)
        findings += check_header_guard(path, text)
    findings += check_headers_used(texts)
    findings += check_sources_built(texts, compiled_files(root, commands))
    return findings


def lines(number):
    return "    f();\n" * number


GOOD = {
    "CMakeLists.txt": "add_subdirectory(ipc)\n",
    "README.md": "x" * 200 + "\n",
    "ipc/CMakeLists.txt": "add_library(uakv_ipc STATIC wire.cc wire_more.cc)\n",
    "ipc/wire.h": "#pragma once\nnamespace uakv {\n" + lines(71) + "} // namespace uakv\n",
    "ipc/wire.cc": '#include "ipc/wire.h"\n' + "void g() {\n" + lines(68) + "}\n",
    "ipc/wire_more.cc": "const char *text = \"{ // TO\" \"DO\";\n/* { */\nchar c = '{';\nint n = 1'000;\n",
    "dev": "x" * 120 + "\nmktemp uakv." + "X" * 6 + "\n",
}

BIG_BODIES = {
    "plain": "void g() {\n" + lines(69) + "}\n",
    "wrapped": "void g(int a,\n       int b) {\n" + lines(68) + "}\n",
    "in a class": "namespace a {\nclass B {\npublic:\n    void g() const noexcept {\n" + lines(69) + "    }\n};\n}\n",
    "constructor": "A::A(int b)\n    : a_{1}, b_(b) {\n" + lines(70) + "}\n",
    "template": "template <typename T> requires(sizeof(T) > 4) T g(T a = {}) {\n" + lines(69) + "}\n",
    "C struct": "static struct a *g(struct a b) {\n" + lines(69) + "}\n",
    "in extern C": "extern \"C\" {\nint g(void) {\n" + lines(69) + "}\n}\n",
    "lambda": "const auto g = [](int a) {\n" + lines(69) + "};\n",
    "two branches": "#if A\nint g(int a) {\n#else\nint g(long a) {\n#endif\n" + lines(66) + "}\n",
    "behind a macro": "#define M(a) \\\n    if (a) { \\\n    }\nvoid g() {\n" + lines(69) + "}\n",
    "behind raw text": "const char *t = R\"(} \" {)\";\nvoid g() {\n" + lines(69) + "}\n",
    "operator": "bool A::operator==(const A &a) const {\n" + lines(69) + "}\n",
}

BAD = [(f"function, {name}", {"ipc/wire.cc": GOOD["ipc/wire.cc"] + text}, "has 7")
       for name, text in BIG_BODIES.items()] + [
    ("Python function", {"a.py": "def g():\n" + "    f()\n" * 70}, "g has 71 lines"),
    ("braces", {"ipc/wire_more.cc": "void g() {\n"}, "do not balance"),
    ("too many closed", {"ipc/wire_more.cc": "void g() {}\n}\n"}, "do not balance"),
    ("columns", {"ipc/wire_more.cc": "// " + "x" * 118 + "\n"}, "121 columns"),
    ("columns of a script", {"dev": "x" * 121 + "\n"}, "121 columns"),
    ("long file", {"ipc/wire_more.cc": "int a;\n" * 501}, "501 lines"),
    ("space", {"README.md": "a \n"}, "README.md:1: space"),
    ("tab", {"ipc/CMakeLists.txt": GOOD["ipc/CMakeLists.txt"] + "\tx\n"}, "CMakeLists.txt:2: a tab"),
    ("last line", {"ipc/wire_more.cc": "int a;"}, "no newline"),
    ("leftover", {"ipc/wire_more.cc": "// TO" "DO: later\n"}, "a leftover"),
    ("leftover in a script", {"dev": "# FIX" "ME\n"}, "a leftover"),
    ("guard", {"ipc/wire.h": "int a;\n"}, "include guard"),
    ("dead header", {"ipc/ring.h": "#pragma once\n"}, "ipc/ring.h: nobody includes"),
    ("dead source", {"ipc/more.cc": "int a;\n"}, "ipc/more.cc: no target"),
    ("dead source of a sibling", {"abi/wire.cc": "int a;\n"}, "abi/wire.cc: no target"),
]

if __name__ == "__main__":
    sys.exit(sources.main(check, count, GOOD, BAD))
