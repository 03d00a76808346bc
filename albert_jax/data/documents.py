"""The unit of text: a document as token ids, cut into sentences."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np


class Document(NamedTuple):
    """A tokenised document.

    Attributes:
      tokens: int32 [T], the pieces of all sentences one after another, no special tokens.
      sentence_lengths: int32 [S], pieces per sentence, all positive; they sum to T.
    """

    tokens: np.ndarray
    sentence_lengths: np.ndarray


class Documents(Protocol):
    """Documents by index, in memory or on a disk."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Document: ...


def read(documents: Documents, indices: Sequence[int]) -> list[Document]:
    """Many documents, at once where they can be read so."""
    together = getattr(documents, "__getitems__", None)
    return together(indices) if together else [documents[index] for index in indices]


def mean_length(documents: Documents) -> float:
    """Tokens a document. A sample would not do: one novel among 10,000 headlines is half of the text."""
    known = getattr(documents, "mean_length", None)
    return known or sum(len(documents[i].tokens) for i in range(len(documents))) / len(documents)
