"""Items in packed rows: the batch that the model and the losses of fine-tuning read.

Several parts share a row; attention stays inside each. A training batch is a fixed number of items in as
few rows as they take, so packing changes no value, only speed; the number of rows is rounded up to one of
few, since every number is compiled for itself. An evaluation batch is a fixed number of rows, filled up.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from albert_jax.data.packing import pack
from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.task import Head

Batch = dict[str, np.ndarray]
MANY = 2  # parts in a row
ROOMY = 256  # positions; in longer rows attention to other parts costs more than padding


class Layout(NamedTuple):
    """What all batches of a task have in common."""

    length: int  # positions a row
    slots: int  # packed parts a row
    pad_id: int


class Place(NamedTuple):
    """Where one part of one item lies."""

    item: int  # of the batch, or of the microbatch
    part: int
    row: int
    slot: int
    offset: int


def layout(lengths: Sequence[int], pad_id: int, share: float = MANY) -> Layout:
    """Rows for parts of these lengths: the longest fits, and in the mean row no slot is wanting.

    A row holds about MANY parts or more where that is not longer than ROOMY: with one there is much
    padding, with four there was as little as with two, and in longer rows attention takes longer.
    But `share` is how many of a microbatch a device gets, and fewer rows than devices are padding, too.
    """
    longest, shortest, mean = max(lengths), min(lengths), sum(lengths) / len(lengths)
    wanted = min(min(MANY, share) * mean, ROOMY)
    length = -(-int(max(longest, wanted)) // 8) * 8
    return Layout(length, min(length // shortest, int(-(-2 * length // mean))), pad_id)


def training_batch(
    items: Sequence[Item], head: Head, layout: Layout, microbatches: int = 1, devices: int = 1
) -> Batch:
    """All `items` as a batch, and what they are trained on.

    Every microbatch has its own items and every device equally many rows: the arrays are cut as
    `training.step.microbatches` and a sharding by rows do it, and places over are empty.

    Returns:
      tokens, token_types, positions, example_ids [B, L]; cls_positions, items, parts [B, N], `items`
      counted within the microbatch; labels, weights by item [E], [E, 2] for spans; for tokens
      labels [B, L], -1 where nothing is asked.
    """
    shares = [items[i::microbatches] for i in range(microbatches)]
    placed = [_packed(share, layout) for share in shares]
    rows = _rounded(max((p.row for places in placed for p in places), default=0) + 1, devices)
    count = -(-len(shares[0]) // devices) * devices
    parts = [
        _lay(share, places, layout, rows) | _targets(share, places, head, layout, rows, count)
        for share, places in zip(shares, placed, strict=True)
    ]
    return {name: _interleaved([part[name] for part in parts]) for name in parts[0]}


def evaluation_batches(
    items: Iterable[Item], layout: Layout, rows: int
) -> Iterator[tuple[Batch, list[Item]]]:
    """Every item once, in order, with as many as fit in each batch of `rows`: (batch, its items).

    Without labels. An item whose parts do not fit in `rows` makes a batch of more rows.
    """
    held: list[Item] = []
    space = _Space(layout, rows)
    for item in items:
        if held and not space.add(item):
            yield _lay(held, space.places, layout, space.rows), held
            held, space = [], _Space(layout, rows)
        if not held:
            space.add(item, always=True)
        held.append(item)
    if held:
        yield _lay(held, space.places, layout, space.rows), held


def _rounded(rows: int, devices: int) -> int:
    """`rows` rounded up to a multiple of `devices` with at most four significant bits."""
    each = -(-rows // devices)
    step = 1 << max(0, each.bit_length() - 4)
    return -(-each // step) * step * devices


class _Space:
    """Rows that are filled in order of arrival, each part into the narrowest gap."""

    def __init__(self, layout: Layout, rows: int):
        self.places: list[Place] = []
        self.rows, self._layout, self._count = rows, layout, 0
        self._taken = np.zeros((2, rows), np.int64)  # positions, slots

    def add(self, item: Item, always: bool = False) -> bool:
        """Places all parts of an item, if need be in new rows with `always`; or none."""
        taken, places = self._taken.copy(), []
        for part, (tokens, _) in enumerate(item.parts):
            fits = (taken[0] + len(tokens) <= self._layout.length) & (taken[1] < self._layout.slots)
            if not fits.any():
                if not always:
                    return False
                taken, fits = np.pad(taken, [(0, 0), (0, 1)]), np.append(fits, True)
            row = int(np.argmax(np.where(fits, taken[0], -1)))
            places.append(Place(self._count, part, row, int(taken[1, row]), int(taken[0, row])))
            taken[:, row] += len(tokens), 1
        self.places += places
        self._taken, self.rows, self._count = taken, taken.shape[1], self._count + 1
        return True


def _packed(items: Sequence[Item], layout: Layout) -> list[Place]:
    """All parts in as few rows as best fit, longest first, takes."""
    names = [(i, j) for i, item in enumerate(items) for j in range(len(item.parts))]
    lengths = np.array([len(items[i].parts[j].tokens) for i, j in names], np.int64)
    packed = pack(lengths, layout.length, layout.slots, extra=0, cut=lambda *_: ())
    filled, places = np.zeros((2, len(names)), np.int64), []
    for source, length, row in zip(packed.source, packed.length, packed.row, strict=True):
        item, part = names[source]
        places.append(Place(item, part, int(row), int(filled[1, row]), int(filled[0, row])))
        filled[:, row] += length, 1
    return places


def _lay(items: Sequence[Item], places: Sequence[Place], layout: Layout, rows: int) -> Batch:
    """Parts in their places; see `training_batch`."""
    wide, narrow = (rows, layout.length), (rows, layout.slots)
    batch = {
        "tokens": np.full(wide, layout.pad_id, np.int32),
        **{name: np.zeros(wide, np.int32) for name in ("token_types", "positions", "example_ids")},
        "cls_positions": np.zeros(narrow, np.int32),
        "items": np.full(narrow, -1, np.int32),
        "parts": np.full(narrow, -1, np.int32),
    }
    for place in places:
        part, row, slot = items[place.item].parts[place.part], place.row, place.slot
        span = _span(place, part)
        batch["tokens"][row, span] = part.tokens
        batch["token_types"][row, span] = part.token_types
        batch["positions"][row, span] = np.arange(len(part.tokens))
        batch["example_ids"][row, span] = slot + 1
        batch["cls_positions"][row, slot] = place.offset
        batch["items"][row, slot] = place.item
        batch["parts"][row, slot] = place.part
    return batch


def _targets(
    items: Sequence[Item],
    places: Sequence[Place],
    head: Head,
    layout: Layout,
    rows: int,
    count: int,
) -> Batch:
    """Labels and weights; an item without a label weighs nothing."""
    weights = np.zeros(count, np.float32)
    weights[: len(items)] = [item.label is not None for item in items]
    if head.kind == "token":
        labels = np.full((rows, layout.length), -1, np.int32)
        for place in places:
            item = items[place.item]
            if item.label is not None:
                labels[place.row, _span(place, item.parts[place.part])] = item.label
        return {"labels": labels, "weights": weights}
    scored = any(isinstance(item.label, float) for item in items)
    shape = (count, 2) if head.kind in ("span", "beam") else (count,)
    labels = np.zeros(shape, np.float32 if scored else np.int32)
    for number, item in enumerate(items):
        if item.label is not None:
            labels[number] = item.label
    return {"labels": labels, "weights": weights}


def _span(place: Place, part: Part) -> slice:
    return slice(place.offset, place.offset + len(part.tokens))


def _interleaved(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Microbatches [R, ...] -> one array whose every n-th row belongs to the same of n."""
    return np.stack(arrays, axis=1).reshape(-1, *arrays[0].shape[1:])
