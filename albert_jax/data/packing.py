"""Chunks -> rows without waste.

Best fit, longest first, under two capacities of a row: its length and its number of examples. A
chunk that fits nowhere may be cut to go into the widest gap, and its rest goes on; a chunk that
fits is never cut. Predictions are no third capacity: `masking.row_budgets` shares them out so that
they always fit.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np


class Packed(NamedTuple):
    """Pieces in rows; each field int64 [C], `source` says which chunk a piece was cut from."""

    source: np.ndarray
    offset: np.ndarray
    length: np.ndarray
    row: np.ndarray


Cut = Callable[[int, int, int], Sequence[int]]


def pack(lengths: np.ndarray, row_length: int, slots: int, extra: int, cut: Cut) -> Packed:
    """Packs chunks into as few rows as possible.

    Args:
      lengths: [C], positive, at most `row_length - extra`.
      row_length: positions a row.
      slots: chunks a row.
      extra: positions that each chunk takes besides its tokens.
      cut: (chunk, offset, room) -> where, counted from `offset`, to cut a chunk for a gap with that
        much room: the part before the first cut goes there. Empty leaves the chunk as it is.
    """
    waiting: list[list[tuple[int, int]]]  # by length: (source, offset)
    waiting = [[] for _ in range(row_length + 1)]
    for source, length in enumerate(lengths.tolist()):
        waiting[length].append((source, 0))
    rows = _Rows(row_length, slots, int(-(-(lengths + extra).sum() // row_length)))
    pieces = []
    for length in range(row_length, 0, -1):
        for source, offset in waiting[length]:
            size, gap = length, rows.smallest_gap(length + extra)
            if gap is None and (cuts := cut(source, offset, rows.largest_gap() - extra)):
                size, gap = cuts[0], rows.largest_gap()
                for low, high in pairwise((*cuts, length)):
                    waiting[high - low].append((source, offset + low))
            pieces.append((source, offset, size, rows.put(gap, size + extra)))
    return Packed(*np.array(pieces, np.int64).reshape(-1, 4).T)


class _Rows:
    """Open rows by the room they have left; a bit a width makes the best fit one shift away."""

    def __init__(self, length: int, slots: int, count: int):
        self._length, self._slots = length, slots
        self._by_gap: list[list[int]] = [[] for _ in range(length + 1)]
        self._by_gap[length] = list(range(count))
        self._open = (1 << length) if count else 0
        self._taken = [0] * count  # slots

    def smallest_gap(self, size: int) -> int | None:
        """The narrowest gap that `size` fits in."""
        fitting = self._open >> size
        return size + (fitting & -fitting).bit_length() - 1 if fitting else None

    def largest_gap(self) -> int:
        return max(self._open.bit_length() - 1, 0)

    def put(self, gap: int | None, size: int) -> int:
        """Fills a row with this gap, or a new row, and returns its number."""
        if gap is None:
            gap, row = self._length, len(self._taken)
            self._taken.append(0)
        else:
            row = self._by_gap[gap].pop()
            self._open ^= (not self._by_gap[gap]) << gap
        self._taken[row] += 1
        left = gap - size
        if left and self._taken[row] < self._slots:
            self._by_gap[left].append(row)
            self._open |= 1 << left
        return row
