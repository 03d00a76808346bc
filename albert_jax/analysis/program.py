"""A compiled program as XLA prints it: its parts, their operations, and how often each part runs.

Every operation is a line: `%name = type opcode(%operand, ...), attributes`. The body of a loop runs as often
as its condition says: a scan compares its counter with a constant.
"""

import collections
import math
import re
from collections.abc import Iterator
from typing import NamedTuple

BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s32": 4, "u32": 4, "f32": 4}
BYTES |= {"s64": 8, "u64": 8, "f64": 8}

_PART = re.compile(r"(ENTRY )?%?([\w.-]+) \(.*\{$")
_OPERATION = re.compile(r"\s+(ROOT )?%?([\w.-]+) = (.*?) ([a-z][a-z-]*)\((.*?)\)(.*)")
_ARRAY = re.compile(r"(\w+)\[([\d,]*)\](?:\{[^}]*?(?:S\((\d+)\))?\})?")
_CALL = re.compile(r"(?:calls|to_apply|body|condition)=%([\w.-]+)")
_COUNT = re.compile(r'known_trip_count":\{"n":"(\d+)"')


class Array(NamedTuple):
    """One array of a type: memory 0 is a device's large memory, others are on the chip."""

    dtype: str
    shape: tuple[int, ...]
    memory: int

    @property
    def bytes(self) -> int:
        """Its size."""
        return BYTES.get(self.dtype, 0) * math.prod(self.shape)


class Operation(NamedTuple):
    """One line; `arrays` are its results."""

    name: str
    arrays: tuple[Array, ...]
    opcode: str
    operands: tuple[str, ...]
    arguments: str  # between the parentheses: of a constant, its value
    attributes: str
    is_root: bool

    @property
    def calls(self) -> list[str]:
        """The parts that it runs."""
        return _CALL.findall(self.attributes)


class Program(NamedTuple):
    """The parts by name, callees before callers; `times` says how often each runs."""

    parts: dict[str, dict[str, Operation]]
    times: dict[str, int]


def read(text: str) -> Program:
    """The program in what `compiled.as_text()` returns; the part that runs first is called ENTRY."""
    parts = {name: {op.name: op for op in map(_operation, lines)} for name, lines in _parts(text)}
    times = collections.Counter({"ENTRY": 1})
    for name in reversed(parts):
        for operation in parts[name].values():
            count = _trips(operation, parts) if operation.opcode == "while" else 1
            for callee in operation.calls:
                times[callee] += count * times[name]
    return Program(parts, times)


def _parts(text: str) -> Iterator[tuple[str, list[re.Match]]]:
    name = ""
    lines: list[re.Match] = []
    for line in text.splitlines():
        if match := _PART.match(line):
            name, lines = "ENTRY" if match[1] else match[2], []
        elif match := _OPERATION.match(line):
            lines.append(match)
        elif line.startswith("}"):
            yield name, lines


def _operation(match: re.Match) -> Operation:
    root, name, kind, opcode, arguments, attributes = match.groups()
    operands = tuple(re.findall(r"%([\w.-]+)", arguments))
    return Operation(name, _arrays(kind), opcode, operands, arguments, attributes, bool(root))


def _arrays(kind: str) -> tuple[Array, ...]:
    return tuple(
        Array(dtype, tuple(map(int, filter(None, dims.split(",")))), int(memory or 0))
        for dtype, dims, memory in _ARRAY.findall(kind)
    )


def _trips(loop: Operation, parts: dict[str, dict[str, Operation]]) -> int:
    """How often a loop runs: as its line says, or the constant its condition compares with."""
    if said := _COUNT.search(loop.attributes):
        return int(said[1])
    named = re.search(r"condition=%([\w.-]+)", loop.attributes)
    condition = parts[named[1]] if named else {}
    counts = [
        int(op.arguments)
        for op in condition.values()
        if op.opcode == "constant" and op.arrays[0].dtype == "s32"
    ]
    if len(counts) != 1:
        raise ValueError(f"{loop.name}: no one count in its condition")
    return counts[0]
