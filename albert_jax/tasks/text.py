"""Classes or scores of texts, or of pairs, in the user's own tables: sentiment, spam, topics, intents.

The data is a folder with train.*, dev.* and test.*, or one file; its ending is one of tasks/source.py's.
Where there is no dev file, a seeded share of the training examples is it. `tfds:NAME` is read, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from etils import epath

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import source
from albert_jax.tasks.classification import (
    Classification,
    Example,
    check_length,
    scores,
    write_table,
)
from albert_jax.tasks.source import TFDS, Record
from albert_jax.tasks.task import Prediction

TASKS = ("text", "score", "ag_news", "sms_spam")  # own classes, own scores, two known tables
SPLITS = {  # what files and TFDS splits are called
    "train": ("train",),
    "dev": ("dev", "validation", "valid"),
    "test": ("test",),
}


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """The section `task` for a table of texts.

    Attributes:
      name: one of TASKS; "score" predicts a number, the others a class.
      data_dir: a folder, a file, or tfds:NAME.
      length: of a text or a pair, in pieces, special ones included; longer ones are cut.
      text: the column of the text.
      pair: that of the second text, if there is one.
      label: that of the class or the score.
      columns: names of the columns where the files have no header.
      labels: the classes, in order; empty: those of the training examples, sorted.
      dev_share: of the training examples, where there is no dev file.
      seed: of the draw of that share.
    """

    name: str
    data_dir: str = ""
    length: int = 128
    text: str = "text"
    pair: str = ""
    label: str = "label"
    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    dev_share: float = 0.1
    seed: int = 0

    def __post_init__(self):
        check_length(self.length)
        if not 0 < self.dev_share < 1:
            raise UserError(f"task.dev_share is {self.dev_share}; it must be between 0 and 1")
        if self.labels and self.name == "score":
            raise UserError(f"task.labels is {self.labels}; a score has none, use task.name=text")


class Text(Classification):
    """A table of texts; `tasks.task.Task` says what the methods do."""

    def __init__(self, config: TextConfig, vocabulary: Vocabulary | TokenizerJson):
        self._config = config
        self._read: dict[str, list[Record] | None] = {}
        self.metrics = ("accuracy", "macro_f1", "matthews")
        if config.name == "score":
            self.metrics = ("pearson", "spearman")
        self.metric = self.metrics[0]
        columns = tuple(filter(None, (config.text, config.pair)))
        super().__init__(vocabulary, config.length, columns, self._labels())

    def examples(self, split: str) -> list[Example]:
        """In the order of the file; those of test have labels if all of them do."""
        records = self._records(split)
        if not records:
            raise UserError(f"{self._config.data_dir}: no example in the split {split}")
        hidden = split == "test" and not all(
            record.values.get(self._config.label) for record in records
        )
        if hidden:
            return [self.example(*record) for record in records]
        return [self.labelled(record, self._config.label) for record in records]

    def score(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> dict[str, float]:
        """Accuracy, macro-F1 and Matthews; of scores Pearson and Spearman."""
        return scores(self.metrics, *self.answers(examples, predictions))

    def write(
        self,
        folder: epath.Path,
        split: str,
        examples: Sequence[Example],
        predictions: Sequence[Prediction],
    ):
        """SPLIT.tsv: index and prediction, as in GLUE."""
        values = [p["label"] if "label" in p else f"{p['score']:.6g}" for p in predictions]
        write_table(folder / f"{split}.tsv", values)

    def _labels(self) -> tuple[str, ...]:
        config = self._config
        if config.name == "score" or config.labels:
            return config.labels
        found = {str(record.values.get(config.label)) for record in self._records("train")}
        if len(found) < 2:
            raise UserError(
                f"{config.data_dir}: {len(found)} classes under {config.label!r}; two are needed, "
                "or task.name=score"
            )
        return tuple(sorted(found))

    def _records(self, split: str) -> list[Record]:
        """The rows of a split; dev may be a share of train."""
        found = self._stored(split)
        if split == "test" or self._stored("dev") is not None:
            return found or []
        return _share(self._stored("train") or [], split, self._config)

    def _stored(self, split: str) -> list[Record] | None:
        """What is kept as a split, read once; None if nothing is."""
        if split not in self._read:
            self._read[split] = _stored(self._config, split)
        return self._read[split]


def _stored(config: TextConfig, split: str) -> list[Record] | None:
    """The rows of a split's file, of train those of the only file; None where there is none."""
    if config.data_dir.startswith(TFDS):
        name = config.data_dir.removeprefix(TFDS)
        known = [kept for kept in SPLITS[split] if kept in source.tfds_splits(name)]
        return list(source.from_tfds(name, known[0])) if known else None
    path = epath.Path(config.data_dir)
    if not path.is_dir():
        return list(source.read(path, config.columns)) if split == "train" else None
    found = [
        path / f"{stem}{kind}"
        for stem in SPLITS[split]
        for kind in source.KINDS
        if (path / f"{stem}{kind}").exists()
    ]
    if split == "train" and not found:
        raise UserError(f"{path}: no train file in it; endings are {', '.join(source.KINDS)}")
    return list(source.read(found[0], config.columns)) if found else None


def _share(records: list[Record], split: str, config: TextConfig) -> list[Record]:
    """The rows of train or of dev, out of those for both, in their order."""
    order = np.random.default_rng(config.seed).permutation(len(records))
    count = max(1, round(config.dev_share * len(records)))
    kept = order[:count] if split == "dev" else order[count:]
    return [records[i] for i in np.sort(kept)]
