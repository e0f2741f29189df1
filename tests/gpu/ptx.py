#!/usr/bin/env python3
"""The checked-in PTX of the copy kernels, without a GPU.

    ptx.py FOLDER --run        runs it, thread by thread, on an engine's cache and blocks, and compares with plain loops
    ptx.py FOLDER --assemble   has ptxas make machine code of it for several devices; 77 where there is no ptxas
"""

import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

MASK = {32: 0xFFFFFFFF, 64: 0xFFFFFFFFFFFFFFFF}
VECTOR = 16
THREADS = 256
UNROLL = 4
WORDS = 998


class Entry:
    """One kernel: its instructions, and where its labels are."""

    def __init__(self, body):
        self.code, self.labels = [], {}
        for line in re.sub(r"//[^\n]*", "", body).split("\n"):
            line = line.strip().rstrip(";")
            if not line or line.startswith("."):
                continue
            if line.endswith(":"):
                self.labels[line[:-1]] = len(self.code)
                continue
            guard, operation, rest = re.fullmatch(r"(?:@(!?%\w+)\s+)?([\w.]+)\s*(.*)", line).groups()
            operands = [each.strip() for each in re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,{}\[\]]+", rest)]
            self.code.append((guard, operation, [each for each in operands if each]))


def entries(text):
    found = re.findall(r"\.visible \.entry (\w+)\(.*?\)\n.*?\n\{\n(.*?)\n\}", text, re.DOTALL)
    return {name: Entry(body) for name, body in found}


class Memory:
    """Device memory: ranges with nothing between them."""

    def __init__(self):
        self.ranges = []

    def add(self, content):
        address = 0x7F0000000000 + len(self.ranges) * (1 << 32)
        self.ranges.append((address, content))
        return address

    def at(self, address, size):
        for begin, content in self.ranges:
            if begin <= address and address + size <= begin + len(content):
                return content, address - begin
        raise IndexError(f"nothing at {address:#x}")


class Thread:
    def __init__(self, entry, parameters, memory, special):
        self.entry, self.parameters, self.memory = entry, parameters, memory
        self.registers = dict(special)

    def value(self, operand, bits):
        if operand.startswith("%"):
            return self.registers[operand] & MASK[bits]
        if re.fullmatch(r"-?\d+", operand):
            return int(operand) & MASK[bits]
        return 0  # the name of the parameter block, which lies at 0 of its own space

    def address(self, operand):
        base, offset = re.fullmatch(r"\[([%\w$]+)(?:\+(-?\d+))?\]", operand).groups()
        return self.value(base, 64) + int(offset or 0)

    def run(self):
        at = 0
        while at < len(self.entry.code):
            guard, operation, operands = self.entry.code[at]
            at += 1
            if guard and bool(self.registers[guard.lstrip("!")]) == guard.startswith("!"):
                continue
            if operation == "bra":
                at = self.entry.labels[operands[0]]
            elif operation == "ret":
                return
            else:
                self.step(operation.split("."), operands)

    def step(self, words, operands):
        kind = words[0]
        if kind in ("ld", "st"):
            self.access(words, operands)
        elif kind == "setp":
            a, b = (self.value(each, 32) for each in operands[1:])
            assert words[1:] == ["ge", "u32"], words
            self.registers[operands[0]] = a >= b
        elif kind == "cvt":
            self.registers[operands[0]] = self.value(operands[1], int(words[2][1:])) & MASK[int(words[1][1:])]
        elif kind == "cvta":
            self.registers[operands[0]] = self.value(operands[1], 64)
        else:
            self.registers[operands[0]] = self.arithmetic(words, operands[1:])

    def arithmetic(self, words, operands):
        bits = int(words[-1][1:])
        values = [self.value(each, bits) for each in operands]
        name = ".".join(words[:-1])
        if name == "mul.wide":
            assert words[-1] == "u32", words
            return values[0] * values[1]
        result = {"mov": lambda a: a, "add": lambda a, b: a + b, "sub": lambda a, b: a - b,
                  "mul.lo": lambda a, b: a * b, "mad.lo": lambda a, b, c: a * b + c, "min": min,
                  "shl": lambda a, b: a << b, "shr": lambda a, b: a >> b}[name](*values)
        if name in ("min", "shr"):
            assert words[-1] in ("u32", "u64"), words
        return result & MASK[bits]

    def access(self, words, operands):
        bits = int(words[-1][1:])
        is_load = words[0] == "ld"
        place, where = (operands if is_load else operands[::-1])
        registers = [each.strip() for each in place.strip("{}").split(",")]
        size = bits // 8
        start = self.address(where)
        if words[1] == "param":
            content = self.parameters
        else:
            assert words[1] == "global" and start % (size * len(registers)) == 0, (words, start)
            content, start = self.memory.at(start, size * len(registers))
        for i, register in enumerate(registers):
            span = slice(start + i * size, start + (i + 1) * size)
            if is_load:
                self.registers[register] = int.from_bytes(content[span], "little")
            else:
                content[span] = self.value(register, bits).to_bytes(size, "little")


def divisor(number):
    shift = (number - 1).bit_length()
    return struct.pack("<3I", number, ((1 << shift) - number << 32) // number + 1, shift)


class World:
    """A cache [2, pages, heads, tokens, d] a layer, or [.., tokens, heads, d], and blocks."""

    def __init__(self, draw, layers, pages, tokens, heads, row, hnd, per_block, count):
        self.layers, self.pages, self.tokens, self.heads, self.row, self.hnd = layers, pages, tokens, heads, row, hnd
        page = tokens * heads * row
        self.per_block, self.page = per_block, page
        self.memory = Memory()
        self.cache = bytearray(draw.randbytes(layers * 2 * pages * page))
        at = self.memory.add(self.cache)
        self.bases = self.memory.add(bytearray(b"".join(struct.pack("<Q", at + i * pages * page)
                                                        for i in range(2 * layers))))
        self.blocks = [bytearray(draw.randbytes(layers * 2 * per_block * page)) for _ in range(count)]
        self.places = [self.memory.add(block) for block in self.blocks]
        self.ids = draw.sample(range(pages), per_block * count)

    def parameters(self):
        merged = (self.page, 1) if not self.hnd else (self.row, self.heads)
        strides = (self.row, self.tokens * self.row) if self.hnd else (self.heads * self.row, self.row)
        words = [word for place in self.places for word in (place & MASK[32], place >> 32)] + self.ids
        self.vectors = self.layers * 2 * self.per_block * self.page // VECTOR
        return (struct.pack("<5Q3I", self.bases, self.page, *strides, self.per_block * self.page, self.vectors,
                            self.per_block, len(self.blocks)) +
                divisor(self.per_block * self.page // VECTOR) + divisor(self.page // VECTOR) +
                divisor(merged[0] // VECTOR) + divisor(merged[1]) + struct.pack("<I", 0) +
                struct.pack(f"<{WORDS}I", *words, *[0xDEADBEEF] * (WORDS - len(words))))

    def rows(self):
        """(block, where in it, where in the cache) of each row, by plain loops."""
        for number, block in enumerate(self.blocks):
            at = 0
            for part in range(2 * self.layers):
                for page in self.ids[number * self.per_block:][:self.per_block]:
                    for token in range(self.tokens):
                        for head in range(self.heads):
                            inner = head * self.tokens + token if self.hnd else token * self.heads + head
                            yield block, at, ((part * self.pages + page) * self.tokens * self.heads + inner) * self.row
                            at += self.row

    def launch(self, entry):
        parameters = self.parameters()
        assert len(parameters) == 4096
        for piece in range(len(self.blocks)):
            for cta in range(-(-self.vectors // (THREADS * UNROLL))):
                for thread in range(THREADS):
                    special = {"%tid.x": thread, "%ctaid.x": cta, "%ctaid.y": piece}
                    Thread(entry, parameters, self.memory, special).run()


def run(folder):
    kernels = entries((folder / "paged_copy.ptx").read_text(encoding="utf-8"))
    assert sorted(kernels) == ["uakv_gather", "uakv_scatter"], sorted(kernels)
    draw = random.Random(1)
    for shape in [(2, 9, 4, 3, 48, False, 2, 3), (2, 9, 4, 3, 48, True, 2, 3), (1, 12, 16, 2, 128, True, 3, 1),
                  (1, 40, 1, 1, 16, False, 1, 20)]:
        for name, to_block in (("uakv_gather", True), ("uakv_scatter", False)):
            world = World(draw, *shape)
            expected_cache, expected = bytearray(world.cache), [bytearray(block) for block in world.blocks]
            places = {id(block): i for i, block in enumerate(world.blocks)}
            for block, at, in_cache in world.rows():
                if to_block:
                    expected[places[id(block)]][at:at + world.row] = world.cache[in_cache:in_cache + world.row]
                else:
                    expected_cache[in_cache:in_cache + world.row] = block[at:at + world.row]
            world.launch(kernels[name])
            if world.cache != expected_cache or world.blocks != expected:
                print(f"{name}: wrong bytes for {shape}")
                return 1
            print(f"{name}: {shape} is right")
    return 0


def assemble(folder):
    ptxas = shutil.which("ptxas")
    if ptxas is None:
        print("there is no ptxas here")
        return 77
    with tempfile.TemporaryDirectory() as made:
        for device in ("sm_75", "sm_80", "sm_90"):
            subprocess.run([ptxas, f"-arch={device}", str(folder / "paged_copy.ptx"), "-o", f"{made}/{device}"],
                           check=True)
    return 0


if __name__ == "__main__":
    sys.exit({"--run": run, "--assemble": assemble}[sys.argv[2]](pathlib.Path(sys.argv[1])))
