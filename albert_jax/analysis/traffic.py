"""Bytes that a compiled program moves through a device's large memory, by reading its schedule.

What one operation leaves there the next reads again; arrays that XLA keeps on the chip cost nothing. A fusion
that takes a slice of an array reads the slice, and one that ends in an update of a slice writes the slice:
without that the scan over layers would seem to read all layers' activations in every layer.
"""

import re

from albert_jax.analysis.program import Array, Operation, Program

FREE = {  # they name, order or wait for bytes that others move
    "parameter", "constant", "tuple", "get-tuple-element", "bitcast", "while", "call", "conditional",
    "after-all", "partition-id", "replica-id", "copy-done", "slice-done", "all-reduce-done",
    "all-gather-done", "collective-permute-done", "opt-barrier",
}  # fmt: skip
NAMES = ("ConcatBitcast", "AllocateBuffer", "AssumeGatherIndicesInBound", "AsyncCollectiveDone")
RUN = re.compile(r"(?:body|condition|branch_computations|to_apply)=\{?%([\w.-]+)")

Part = dict[str, Operation]


def moved(program: Program) -> int:
    """Bytes read and written in one run of the program on one device."""
    return sum(
        program.times[name] * sum(_cost(operation, name, program) for operation in part.values())
        for name, part in ((name, program.parts[name]) for name in _scheduled(program))
    )


def _scheduled(program: Program) -> set[str]:
    """The parts whose operations run one after another; those inside a fusion do not."""
    found, new = set(), {"ENTRY"}
    while new:
        found |= new
        operations = [op for name in new for op in program.parts[name].values()]
        runs = [op for op in operations if op.opcode in ("while", "call", "conditional")]
        new = {callee for op in runs for callee in RUN.findall(op.attributes)} - found
    return found


def _cost(operation: Operation, name: str, program: Program) -> int:
    part = program.parts[name]
    named = any(f'custom_call_target="{each}"' in operation.attributes for each in NAMES)
    if operation.opcode in FREE or named:
        return 0
    if operation.opcode in ("copy-start", "slice-start"):  # results: both ends, and a flag
        ends = operation.arrays[:2]
        return min(end.bytes for end in ends) * sum(end.memory == 0 for end in ends)
    operands = [part[operand].arrays for operand in operation.operands]
    if operation.opcode == "fusion":
        return _fusion(operation, operands, program)
    if operation.opcode in ("dynamic-slice", "gather"):
        return 2 * _far(operation.arrays)
    if operation.opcode == "dynamic-update-slice":
        return 2 * _far(operands[1])
    return sum(map(_far, operands)) + _far(operation.arrays)


def _fusion(operation: Operation, operands: list[tuple[Array, ...]], program: Program) -> int:
    """Each operand once, or the slices taken of it; each result once, or the slice that is updated."""
    inside = program.parts[operation.calls[0]]
    read = sum(
        _read(_far(arrays), number, operation, program) for number, arrays in enumerate(operands)
    )
    root = next(op for op in inside.values() if op.is_root)
    ends = [inside[o] for o in root.operands] if root.opcode == "tuple" else [root]
    written = sum(
        min(_far((array,)), _written(end, inside))
        for array, end in zip(operation.arrays, ends, strict=False)
    )
    return read + written


def _read(whole: int, number: int, fusion: Operation, program: Program) -> int:
    """Bytes read of an operand of a fusion: of slices alone where only slices are used."""
    inside = program.parts[fusion.calls[0]]
    names = [op.name for op in inside.values() if op.opcode == "parameter"]
    names = [name for name in names if inside[name].arguments == str(number)]
    total = 0
    for name in names:  # grows by its other names
        for user in (op for op in inside.values() if name in op.operands):
            if user.opcode == "bitcast":
                names.append(user.name)
            elif user.opcode == "fusion":  # one inside the other
                total += _read(whole, user.operands.index(name), user, program)
            elif user.opcode in ("dynamic-slice", "slice", "gather") and user.operands[0] == name:
                total += _far(user.arrays, everywhere=True)
            elif user.opcode != "dynamic-update-slice" or user.operands[0] != name:
                return whole  # and of what is updated the rest stays where it is
    return min(whole, total)


def _written(end: Operation, inside: Part) -> int:
    """Bytes of a result: of the update alone where it is an update of a slice."""
    while end.opcode == "bitcast":
        end = inside[end.operands[0]]
    if end.opcode == "dynamic-update-slice":
        return _far(inside[end.operands[1]].arrays, everywhere=True)
    return _far(end.arrays, everywhere=True)


def _far(arrays: tuple[Array, ...], everywhere: bool = False) -> int:
    """Bytes in the large memory, or wherever they are."""
    return sum(array.bytes for array in arrays if everywhere or array.memory == 0)
