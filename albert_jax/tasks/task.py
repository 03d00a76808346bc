"""What every task can do; the files of this folder do it for one family each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from etils import epath

from albert_jax.errors import UserError
from albert_jax.tasks.item import Item

Example = Any  # a task's own NamedTuple: raw text, ids, the gold answer if there is one
Prediction = dict[str, Any]  # JSON
# What the model says of an item, numpy, float32. By the kind of head: "sequence" logits [C];
# "choice" logits [options]; "token" logits [l, C]; "span" start and end logits [l, 2];
# "embedding" [parts, D], of length one; "beam" model.spans.Beam.
Output = Any

PAIRED = ("choice", "span", "beam")  # heads of a question and a text
HEADS = ("sequence", "choice", "token", "span", "beam", "embedding")


@dataclass(frozen=True)
class Head:
    """What stands on the encoder for a task.

    Attributes:
      kind: one of HEADS.
      labels: names of the classes, in order; empty for a score (one output), options, spans.
    """

    kind: str
    labels: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Outputs of the dense layer: classes, 2 for a span, 1 for a score or an option."""
        return 2 if self.kind == "span" else max(1, len(self.labels))


class Task(Protocol):
    """A task over its own files, for one vocabulary.

    Attributes:
      head: what the model needs on top.
      metric: the score that picks the best checkpoint; the highest is best.
      columns: the names of a record's texts, in order, as `example` reads them.
    """

    head: Head
    metric: str
    columns: tuple[str, ...]

    def examples(self, split: str) -> Sequence[Example]:
        """The examples of "train", "dev" or "test" in the order of the official file.

        Raises:
          UserError: a file is missing or malformed; the line names file and line.
        """

    def example(self, record: Mapping[str, Any], place: str) -> Example:
        """One record of the user's own JSONL, without a label, as an example; `place` is for errors."""

    def items(self, example: Example) -> list[Item]:
        """What the model reads of it: one item, or several windows. Labelled where the example is."""

    def decode(self, example: Example, outputs: Sequence[Output]) -> Prediction:
        """The outputs of an example's items -> the answer, in terms of the raw text."""

    def score(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> dict[str, float]:
        """The official metrics, in percent or correlation times 100, as they are published."""

    def write(
        self,
        folder: epath.Path,
        split: str,
        examples: Sequence[Example],
        predictions: Sequence[Prediction],
    ):
        """Predictions in the benchmark's own file format."""


def check_types(task: Task, name: str, types: int):
    """Raises UserError: the task reads texts side by side, and the model cannot tell them apart.

    Args:
      task: that is to be done.
      name: of the task.
      types: rows of the model's table of token types.
    """
    kind = task.head.kind
    has_pairs = kind in PAIRED or (kind == "sequence" and len(task.columns) > 1)
    if has_pairs and types < 2:
        raise UserError(
            f"{name} reads two texts, and the model has one token type (type_vocab_size); name a task "
            "of single texts, or another model"
        )


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
