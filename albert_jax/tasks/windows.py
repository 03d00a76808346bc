"""Overlapping windows over a text longer than the model, as google-research/albert, squad_utils.py."""

import numpy as np


def windows(count: int, room: int, stride: int) -> np.ndarray:
    """Windows over a text of `count` pieces; one, empty, if it has none.

    Args:
      count: pieces of the text.
      room: pieces of a window, 1 or more.
      stride: pieces from the start of a window to that of the next, at most `room` of them.

    Returns:
      int [W, 2], the first piece of each window and the one behind its last.
    """
    beyond = max(0, count - room)  # what is left when the first window is full
    starts = np.arange(1 + -(-beyond // min(stride, room))) * min(stride, room)
    return np.stack([starts, np.minimum(starts + room, count)], axis=1)


def owners(windows: np.ndarray, count: int) -> np.ndarray:
    """Which window shows most of what is around each piece: int [count].

    What counts is the shorter side; of equals, the first, which is never shorter than the others.
    """
    owner, best = np.zeros(count, int), np.full(count, -1)
    for number, (start, stop) in enumerate(windows):
        places = np.arange(stop - start)
        context = np.minimum(places, places[::-1])
        better = context > best[start:stop]
        owner[start:stop][better] = number
        best[start:stop][better] = context[better]
    return owner
