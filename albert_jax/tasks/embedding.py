"""Texts of any length as vectors, by any model: what `embed` and `search` run."""

from collections.abc import Sequence

import numpy as np

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.tasks.classification import check_length, sequence
from albert_jax.tasks.item import Item
from albert_jax.tasks.task import Head


class Embedding:
    """Of `tasks.task.Task` what a stream of texts needs; an example is a text, a prediction a vector.

    A text that is longer than a window is cut into windows of equal length, as near as can be, and its
    vector points where the mean of theirs does.
    """

    head = Head("embedding")

    def __init__(self, vocabulary: Vocabulary | TokenizerJson, length: int):
        """`length`: pieces of a window, special ones included."""
        check_length(length)
        self._vocabulary, self._length = vocabulary, length

    def items(self, example: str) -> list[Item]:
        """An item a window; a blank text has one, too."""
        ids = np.array(self._vocabulary.encode(example), np.int32)
        count = max(1, -(-len(ids) // (self._length - 2)))
        return [
            Item((sequence(self._vocabulary, [window], self._length),))
            for window in map(np.ndarray.tolist, np.array_split(ids, count))
        ]

    def decode(self, example: str, outputs: Sequence[np.ndarray]) -> np.ndarray:
        """A vector float32 [D] of length one."""
        mean = np.concatenate(outputs).mean(axis=0)
        return mean / max(float(np.linalg.norm(mean)), 1e-12)
