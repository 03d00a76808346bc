"""What devices exchange in a compiled program: which arrays, between how many, how often.

One exchange may stand in several lines, as its start, its steps beside other work and its end; they
have one channel.
"""

import math
import re
from typing import NamedTuple

from albert_jax.analysis.program import Array, Operation, Program

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")


class Exchange(NamedTuple):
    """One exchange between groups of devices.

    Attributes:
      kind: one of KINDS.
      arrays: what a device has of it whole: before a reduce-scatter, after the others.
      group: how many devices take part.
      times: how often it happens in one run of the program.
    """

    kind: str
    arrays: tuple[Array, ...]
    group: int
    times: int

    @property
    def bytes(self) -> int:
        """Of its arrays."""
        return sum(array.bytes for array in self.arrays)

    @property
    def sent(self) -> float:
        """Bytes that a device sends in one run, where each passes parts on around a ring."""
        if self.kind == "collective-permute":
            return self.times * self.bytes
        rounds = 2 if self.kind == "all-reduce" else 1
        return self.times * rounds * (self.group - 1) / self.group * self.bytes


def find(program: Program) -> list[Exchange]:
    """Every exchange of a program, in the order of its text; none of a device with itself."""
    found: dict[str, Exchange] = {}
    for part, operations in program.parts.items():
        for operation in operations.values():
            if operation.opcode.removesuffix("-start") in KINDS:
                exchange = _exchange(operation, part, program.times[part])
                channel = re.search(r"channel_id=(\d+)", operation.attributes)
                key = channel[1] if channel else f"{part} {operation.name}"
                found[key] = max(exchange, found.get(key, exchange), key=lambda each: each.times)
    return [exchange for exchange in found.values() if exchange.group > 1]


def _exchange(operation: Operation, part: str, times: int) -> Exchange:
    kind, arrays = operation.opcode.removesuffix("-start"), operation.arrays
    if operation.opcode == "all-gather-start":  # (what goes in, what comes out)
        arrays = arrays[len(arrays) // 2 :]
    if operation.opcode == "collective-permute-start":  # (in, out, ...)
        arrays = arrays[1:2]
    group = 2 if kind == "collective-permute" else _group(operation.attributes)
    if kind == "reduce-scatter":
        arrays = tuple(a._replace(shape=(group, *a.shape)) for a in arrays)
    if part.startswith("all-reduce-scatter"):  # a TPU's: each device keeps a part
        kind = "reduce-scatter"
    return Exchange(kind, arrays, group, times)


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
