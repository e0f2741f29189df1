"""Finds the functions of a C or C++ file and their length, by counting braces.

Comments, literals and preprocessor lines are blanked first, so that every brace left is one of the
language. Where the braces do not balance the file is refused, rather than measured wrongly.
"""

import re

BLANKED = re.compile(
    r'//[^\n]*|/\*.*?\*/'  # comments
    r'|R"([^()\\\s]{0,16})\(.*?\)\1"'  # raw strings
    r'|"(?:\\.|[^"\\\n])*"'  # strings
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'",  # characters, but not the separators of 1'000
    re.DOTALL,
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
ATTRIBUTE = re.compile(r"\[\[.*?\]\]|(?:alignas|__attribute__|requires)\s*\((?:[^()]|\([^()]*\))*\)", re.DOTALL)
TYPE = re.compile(r"\b(?:class|struct|union|enum|namespace|extern)\b")
INITIALIZER_LIST = re.compile(r"\)\s*(?:noexcept\s*(?:\([^()]*\))?\s*)?:(?!:)")


class Unbalanced(Exception):
    pass


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def keep_first_branch(text):
    """Blanks preprocessor lines, and the text behind #else and #elif: both branches may open one brace."""
    lines, hidden, depth = [], [], 0
    text = DIRECTIVE.sub(lambda match: match.group(0).replace("\\\n", "\n#:"), text)  # "#:" marks continued lines
    for line in text.split("\n"):
        word = re.match(r"\s*#\s*(\w*)", line)
        if word:
            if word.group(1).startswith("if"):
                depth += 1
            elif word.group(1) in ("else", "elif") and depth not in hidden:
                hidden.append(depth)
            elif word.group(1) == "endif":
                hidden = [level for level in hidden if level != depth]
                depth -= 1
        lines.append("" if word or hidden else line)
    return "\n".join(lines)


def matching_brace(text, start):
    depth = 0
    for position in range(start, len(text)):
        if text[position] == "{":
            depth += 1
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    raise Unbalanced


def opens(head):
    """What a brace after this text opens, outside of functions: "scope", "value" or "function"."""
    head = ATTRIBUTE.sub(" ", head).strip()
    if head.count("(") > head.count(")") or re.search(r"(?:[=,(]|\breturn)$", head):
        return "value"
    if INITIALIZER_LIST.search(head) and re.search(r"[\w>]$", head):
        return "value"
    if "(" not in head:
        return "scope" if TYPE.search(head) else "value"
    return "function"


def name_of(head):
    names = re.findall(r"([~\w:]+|operator\s*\S+?)\s*\(", ATTRIBUTE.sub(" ", head))
    return names[0] if names else "a function"


def functions(text):
    """(line, name, lines) of each function, from its first line to its closing brace."""
    text = keep_first_branch(BLANKED.sub(blank, text))
    found, head, position, depth = [], 0, 0, 0
    while position < len(text):
        character = text[position]
        if character == "{":
            kind = opens(text[head:position])
            if kind == "scope":
                depth += 1
                head = position + 1
            else:
                end = matching_brace(text, position)
                if kind == "function":
                    first = head + len(text[head:]) - len(text[head:].lstrip())
                    found.append((text.count("\n", 0, first) + 1, name_of(text[head:position]),
                                  text.count("\n", first, end) + 1))
                    head = end + 1
                position = end
        elif character == "}":
            depth -= 1
            head = position + 1
        elif character == ";" and text.count("(", head, position) == text.count(")", head, position):
            head = position + 1
        if depth < 0:
            raise Unbalanced
        position += 1
    if depth != 0:
        raise Unbalanced
    return found
