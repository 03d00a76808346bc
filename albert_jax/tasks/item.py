"""What the model reads of an example: one sequence, or the options of a question, or two sides of a pair."""

from typing import Any, NamedTuple

import numpy as np


class Part(NamedTuple):
    """One sequence with its special tokens, `[CLS] A [SEP]` or `[CLS] A [SEP] B [SEP]`."""

    tokens: np.ndarray  # int32 [l]
    token_types: np.ndarray  # int32 [l], 0 for A and 1 for B


class Item(NamedTuple):
    """Parts that get one label together.

    Attributes:
      parts: one; of a "choice" head one per option; of an "embedding" head the one or two sides.
      label: None if unknown, else by the kind of head: "sequence" a class (int) or a score (float);
        "choice" the right option; "token" int32 [l], -1 where nothing is asked; "span" and "beam"
        (start, end), both inclusive positions of the part and both 0 for no answer; "embedding" a
        similarity (float), or for two sides that belong together their group (int): pairs that share
        a text are of one group.
    """

    parts: tuple[Part, ...]
    label: Any = None
