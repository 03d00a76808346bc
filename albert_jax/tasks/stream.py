"""A stream of examples -> predictions in the same order, in constant memory.

Examples become items, items batches of few shapes, what the model says of a batch becomes outputs by
item again, and outputs predictions. Whoever runs the model comes in as a function.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from albert_jax.tasks.item import Item
from albert_jax.tasks.rows import Batch, Layout, evaluation_batches
from albert_jax.tasks.task import Example, Output, Prediction, Task

LENGTHS = (32, 64, 128, 256, 512)  # of rows; beyond them the next multiple of 512
PACKED = 64  # the shortest rows that are filled with several parts
TOKENS = 8192  # of a full batch, on each device
PART = 4  # pieces; a row has slots for parts of this length

Batches = Iterator[tuple[Batch, list[Item]]]
# Batches with their items -> what the model says of each, with its batch and items, in order.
Infer = Callable[[Batches], Iterator[tuple[Any, tuple[Batch, list[Item]]]]]


def predictions(
    task: Task, examples: Iterable[Example], infer: Infer, pad_id: int, devices: int = 1
) -> Iterator[tuple[Example, Prediction]]:
    """Every example once, in order, with its prediction.

    Args:
      task: makes items of examples and predictions of outputs.
      examples: as many as there are; few are held at a time.
      infer: runs the model.
      pad_id: fills the rows.
      devices: that share the rows of a batch.
    """
    waiting: deque[tuple[Example, int]] = deque()  # with the number of its items

    def items() -> Iterator[Item]:
        for example in examples:
            own = task.items(example)
            waiting.append((example, len(own)))
            yield from own

    held: list[Output] = []
    for output in outputs(items(), task.head.kind, infer, pad_id, devices):
        held.append(output)
        while waiting and len(held) >= waiting[0][1]:
            example, count = waiting.popleft()
            yield example, task.decode(example, held[:count])
            held = held[count:]
    for example, _ in waiting:  # the last ones, if they have no items
        yield example, task.decode(example, [])


def outputs(
    items: Iterable[Item], kind: str, infer: Infer, pad_id: int, devices: int = 1
) -> Iterator[Output]:
    """What the model says of every item, in order; see `predictions`."""
    for found, (batch, own) in infer(batches(items, pad_id, devices)):
        yield from of_items(kind, found, batch, own)


def batches(items: Iterable[Item], pad_id: int, devices: int = 1) -> Batches:
    """Items in packed rows, with those of each batch.

    Rows are as long as the longest item so far needs, and a batch has as many as TOKENS allow. The
    last batch before rows grow, or before the end, has a power of two of them for each device, and
    no more columns than it needs.
    """
    for length, group in itertools.groupby(_with_length(items), key=lambda pair: pair[0]):
        layout = Layout(length, slots=length // PART, pad_id=pad_id)
        rows = max(1, TOKENS // length) * devices
        for batch, own in evaluation_batches((item for _, item in group), layout, rows):
            yield _fitted(batch, rows, devices), own


def of_items(kind: str, found: Any, batch: Batch, items: list[Item]) -> list[Output]:
    """What the model says of a batch -> of each item (tasks/task.py, `Output`).

    Args:
      kind: of the head; "token" and "span" speak of every position, found is [B, L, ...], the
        others of every packed part, [B, N, ...]; "beam" in a named tuple of such arrays.
    """
    parts: list[dict[int, Output]] = [{} for _ in items]
    for row, slot in zip(*np.nonzero(batch["items"] >= 0), strict=True):
        item, part = batch["items"][row, slot], batch["parts"][row, slot]
        if kind in ("token", "span"):
            start = batch["cls_positions"][row, slot]
            parts[item][part] = found[row, start : start + len(items[item].parts[part].tokens)]
        elif kind == "beam":
            parts[item][part] = found._make(values[row, slot] for values in found)
        else:
            parts[item][part] = found[row, slot]
    in_order = [[own[part] for part in sorted(own)] for own in parts]
    if kind == "choice":
        return [np.concatenate(own) for own in in_order]
    if kind == "embedding":
        return [np.stack(own) for own in in_order]
    return [own[0] for own in in_order]


def row_length(longest: int) -> int:
    """The length of rows for parts of at most `longest` pieces."""
    fitting = [length for length in LENGTHS if longest <= length]
    return fitting[0] if fitting else -(-longest // LENGTHS[-1]) * LENGTHS[-1]


def _with_length(items: Iterable[Item]) -> Iterator[tuple[int, Item]]:
    """Each item with the length of rows that it and those before it fit in."""
    longest = 0
    for item in items:
        longest = max(longest, *(len(part.tokens) for part in item.parts))
        yield max(PACKED, row_length(longest)), item


def _fitted(batch: Batch, rows: int, devices: int) -> Batch:
    """Without empty rows and columns, as far as few shapes allow it; with empty rows, where an item
    needs more than `rows`."""
    used = int((batch["items"] >= 0).any(axis=1).sum())
    each = 1 << (-(-used // devices) - 1).bit_length()
    wanted = each * devices if used > rows else min(rows, each * devices)
    widths, missing = _widths(batch), wanted - len(batch["items"])
    cut = {name: v[:wanted, : widths[v.shape[1]]] for name, v in batch.items()}
    if missing <= 0:
        return cut
    empty = {"items": -1, "parts": -1}
    return {
        name: np.pad(values, [(0, missing), (0, 0)], constant_values=empty.get(name, 0))
        for name, values in cut.items()
    }


def _widths(batch: Batch) -> dict[int, int]:
    """The width to cut arrays to, by the width they have: that of positions, that of slots."""
    length, slots = batch["tokens"].shape[1], batch["items"].shape[1]
    shorter = min(length, row_length(int((batch["example_ids"] > 0).any(axis=0).sum())))
    if (batch["items"] >= 0).any(axis=0).sum() > shorter // PART:
        shorter = length
    return {length: shorter, slots: shorter // PART}
