"""What devices exchange in a compiled program, read from the text that XLA prints of it.

Every operation is a line. One exchange may stand in several, as its start, its steps beside other work and
its end; they have one channel. The body of a loop runs as often as its condition says: a scan compares its
counter with a constant.
"""

import collections
import math
import re
from collections.abc import Iterator
from typing import NamedTuple

BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s32": 4, "u32": 4, "f32": 4, "s64": 8}
KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")

_OPERATION = re.compile(rf" = (.*?) ({'|'.join(KINDS)})(-start)?\((.*)")
_ARRAY = re.compile(r"([a-z]+\d*)\[([\d,]*)\]")
_CALL = re.compile(r"(?:calls|to_apply|body|condition)=%([\w.-]+)")
_LOOP = re.compile(r" while\(.*condition=%([\w.-]+), body=%([\w.-]+)")
_COUNT = re.compile(r's32\[\]\S* constant\((\d+)\)|known_trip_count":\{"n":"(\d+)"')


class Exchange(NamedTuple):
    """One exchange between groups of devices.

    Attributes:
      kind: one of KINDS.
      arrays: shapes of what a device has of it whole, before a reduce-scatter and after the others.
      bytes: of these arrays.
      group: how many devices take part.
      times: how often it happens in one run of the program.
    """

    kind: str
    arrays: tuple[tuple[int, ...], ...]
    bytes: int
    group: int
    times: int

    @property
    def sent(self) -> float:
        """Bytes that a device sends in one run, where each passes parts around a ring."""
        rounds = {"all-reduce": 2.0}.get(self.kind, 1.0)
        share = 1.0 if self.kind == "collective-permute" else (self.group - 1) / self.group
        return self.times * rounds * share * self.bytes


def read(program: str) -> list[Exchange]:
    """Every exchange of a program, in the order of its text; none between devices left alone."""
    parts = dict(_computations(program))
    times = _times(parts)
    found: dict[str, Exchange] = {}
    for name, lines in parts.items():
        for line in lines:
            if match := _OPERATION.search(line):
                exchange = _exchange(name, match, times[name])
                channel = re.search(r"channel_id=(\d+)", line)
                key = channel[1] if channel else f"{name} {len(found)}"
                known = found.get(key, exchange)
                found[key] = max(known, exchange, key=lambda each: each.times)
    return [exchange for exchange in found.values() if exchange.group > 1]


def _computations(program: str) -> Iterator[tuple[str, list[str]]]:
    """(name, lines) of every function of a program; the first to run is called ENTRY."""
    name, lines = "", []
    for line in program.splitlines():
        if match := re.match(r"(ENTRY )?%?([\w.-]+) \(.*\{$", line):
            name, lines = "ENTRY" if match[1] else match[2], []
        elif line.startswith("}"):
            yield name, lines
        else:
            lines.append(line)


def _times(parts: dict[str, list[str]]) -> dict[str, int]:
    """How often every function runs; callers stand below what they call."""
    times = collections.Counter({"ENTRY": 1})
    for name in reversed(parts):
        for line in parts[name]:
            loop = _LOOP.search(line)
            count = _trips(line, parts[loop[1]]) if loop else 1
            for callee in _CALL.findall(line):
                times[callee] += count * times[name]
    return times


def _trips(line: str, condition: list[str]) -> int:
    """How often a loop runs: as the line says, or the constant its condition compares with."""
    found = _COUNT.search(line) or _COUNT.search("\n".join(condition))
    if found is None:
        raise ValueError(f"no count in the condition of a loop: {line[:200]}")
    return int(found[1] or found[2])


def _exchange(computation: str, match: re.Match, times: int) -> Exchange:
    result, kind, start, rest = match.groups()
    arrays = [(kind, dims) for kind, dims in _ARRAY.findall(result)]
    if start and kind in (
        "all-gather",
        "collective-permute",
    ):  # (what goes in, what comes out, ...)
        arrays = arrays[len(arrays) // 2 :] if kind == "all-gather" else arrays[1:2]
    if computation.startswith("all-reduce-scatter"):  # a TPU's, of which each device keeps a part
        kind = "reduce-scatter"
    group = 2 if kind == "collective-permute" else _group(rest)
    shapes = [tuple(map(int, filter(None, dims.split(",")))) for _, dims in arrays]
    size = sum(
        BYTES[dtype] * math.prod(shape) for (dtype, _), shape in zip(arrays, shapes, strict=True)
    )
    scale = group if match[2] == "reduce-scatter" else 1
    return Exchange(kind, tuple(shapes), scale * size, group, times)


def _group(attributes: str) -> int:
    """Devices in each group, from one of the three ways in which XLA writes them."""
    if match := re.search(r"replica_groups=mesh\[(.*?)\].*?\{(.*?)\}", attributes):
        sizes = dict(re.findall(r"'(\w+)'=(\d+)", match[1]))
        axes = re.findall(r"'(\w+)'(?::\(\d+\)(\d+))?", match[2])
        return math.prod(int(part or sizes[axis]) for axis, part in axes)
    if match := re.search(r"replica_groups=\{\{([\d,]*)\}", attributes):
        return len(match[1].split(","))
    if match := re.search(r"replica_groups=\[\d+,(\d+)\]<=", attributes):
        return int(match[1])
    raise ValueError(f"groups that are not known: {attributes[:200]}")
