"""A class or a score for one text or a pair of texts: what GLUE and the user's own tables share.

Encoding is that of google-research/albert, run_classifier.py: `[CLS] A [SEP]` or
`[CLS] A [SEP] B [SEP]`; of a pair that is too long the longer text loses its last piece, B on a tie.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from etils import epath

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import metrics, source
from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.source import Record
from albert_jax.tasks.task import Head, Prediction, softmax

SHORTEST = 8  # pieces: a pair with its three special ones, and something of both texts


class Example(NamedTuple):
    """One or two texts, and the number of their class or their score, if it is known."""

    texts: tuple[str, ...]
    label: int | float | None = None
    part: str = ""  # of the split: MNLI has a matched and a mismatched one


class Classification:
    """What does not depend on the files; `tasks.task.Task` says what the methods do."""

    def __init__(
        self,
        vocabulary: Vocabulary | TokenizerJson,
        length: int,
        columns: Sequence[str],
        labels: Sequence[str],
    ):
        """`columns` are those of the texts; without `labels` what is asked is a score."""
        self.head = Head("sequence", tuple(labels))
        self.columns = tuple(columns)
        self._vocabulary, self._length = vocabulary, length

    def example(self, record: Mapping[str, Any], place: str) -> Example:
        """The texts of a record, under the names of their columns."""
        row = Record(dict(record), place)
        return Example(tuple(source.text(row, column) for column in self.columns))

    def items(self, example: Example) -> list[Item]:
        ids = [self._vocabulary.encode(text) for text in example.texts]
        return [Item((sequence(self._vocabulary, ids, self._length),), example.label)]

    def decode(self, example: Example, outputs: Sequence[np.ndarray]) -> Prediction:
        """{"label", "probabilities": {label: ...}}, or {"score"}."""
        (logits,) = outputs
        if not self.head.labels:
            return {"score": float(logits[0])}
        shares = softmax(logits.astype(np.float64)).tolist()
        best = self.head.labels[int(np.argmax(logits))]
        return {"label": best, "probabilities": dict(zip(self.head.labels, shares, strict=True))}

    def labelled(self, record: Record, column: str) -> Example:
        """An example with its label. Raises UserError: it is none of the labels, or no number."""
        example, value = self.example(*record), record.values.get(column)
        if value is None:
            found = ", ".join(map(repr, record.values))
            raise UserError(f"{record.place}: no label under {column!r}; found {found}")
        if self.head.labels:
            return example._replace(label=class_number(value, self.head.labels, record.place))
        return example._replace(label=score_of(value, record.place))

    def answers(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gold and predicted classes by number, or scores, of the examples that have a label."""
        pairs = [
            (example.label, self._value(prediction))
            for example, prediction in zip(examples, predictions, strict=True)
            if example.label is not None
        ]
        gold, said = zip(*pairs, strict=True) if pairs else ((), ())
        return np.array(gold), np.array(said)

    def _value(self, prediction: Prediction) -> int | float:
        if not self.head.labels:
            return prediction["score"]
        return self.head.labels.index(prediction["label"])


def check_length(length: int):
    """Raises UserError: `task.length` leaves no room for two texts."""
    if length < SHORTEST:
        raise UserError(f"task.length is {length}; it must be at least {SHORTEST}")


def official_folder(data_dir: str, name: str) -> epath.Path:
    """The folder of a benchmark's task in `data_dir`, or `data_dir` itself if it is that."""
    base = epath.Path(data_dir)
    return base / name if (base / name).is_dir() else base


def check_file(path: epath.Path, folder: str):
    """Raises UserError: a file of a benchmark's task, whose official folder is `folder`, is not there."""
    if not path.exists():
        raise UserError(f"{path}: no such file; task.data_dir must hold {folder}/, or its files")


def some(examples: list[Example], data_dir: str, split: str) -> list[Example]:
    """The examples. Raises UserError: there are none."""
    if not examples:
        raise UserError(f"{data_dir}: no example in the split {split}; put some into its file")
    return examples


def sequence(
    vocabulary: Vocabulary | TokenizerJson, texts: Sequence[Sequence[int]], length: int
) -> Part:
    """One or two texts, as pieces, with their special pieces, in at most `length`."""
    texts = cut(texts, length - 1 - len(texts))
    tokens, types = [vocabulary.cls_id], [0]
    for kind, ids in enumerate(texts):
        tokens += [*ids, vocabulary.sep_id]
        types += [kind] * (len(ids) + 1)
    return Part(np.array(tokens, np.int32), np.array(types, np.int32))


def cut(texts: Sequence[Sequence[int]], room: int) -> list[Sequence[int]]:
    """Texts without the last pieces that are too many, taken from the longer one, from B on a tie."""
    if len(texts) == 1:
        return [texts[0][:room]]
    first, second = map(len, texts)
    second = min(second, max(room - first, room // 2))
    first = min(first, room - second)  # of an odd room A has one more
    return [texts[0][:first], texts[1][:second]]


def class_number(value: Any, labels: Sequence[str], place: str) -> int:
    """Which of the labels a value is."""
    if str(value) not in labels:
        shown = ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")
        raise UserError(f"{place}: the label {str(value)[:40]!r} is none of {shown}; mend the line")
    return labels.index(str(value))


def scores(names: Sequence[str], gold: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Metrics by name, times 100."""
    return {name: 100 * getattr(metrics, name)(gold, said) for name in names}


def write_table(path: epath.Path, values: Sequence[str]):
    """A file in GLUE's format of submissions: index and prediction."""
    lines = ["index\tprediction", *(f"{i}\t{value}" for i, value in enumerate(values))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def score_of(value: Any, place: str) -> float:
    """A value as a number. Raises UserError: it is none, or not finite."""
    try:
        score = float(value)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{place}: the score {str(value)[:40]!r} is no number; mend the line"
        ) from error
    if not np.isfinite(score):
        raise UserError(f"{place}: the score {value!r} is not finite; mend the line")
    return score
