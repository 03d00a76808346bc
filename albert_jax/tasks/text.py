"""Classes or scores of texts, or of pairs, in the user's own tables: sentiment, spam, topics, intents."""

from collections.abc import Sequence
from dataclasses import dataclass

from etils import epath

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks.classification import (
    Classification,
    Example,
    check_length,
    scores,
    write_table,
)
from albert_jax.tasks.splits import Splits, TableConfig
from albert_jax.tasks.task import Prediction

TASKS = ("text", "score", "ag_news", "sms_spam")  # own classes, own scores, two known tables


@dataclass(frozen=True, kw_only=True)
class TextConfig(TableConfig):
    """The section `task` for a table of texts; its name is one of TASKS.

    Attributes:
      length: of a text or a pair, in pieces, special ones included; longer ones are cut.
      text: the column of the text.
      pair: that of the second text, if there is one.
      label: that of the class or the score.
      labels: the classes, in order; empty: those of the training file, sorted.
    """

    length: int = 128
    text: str = "text"
    pair: str = ""
    label: str = "label"
    labels: tuple[str, ...] = ()

    def __post_init__(self):
        super().__post_init__()
        check_length(self.length)
        if self.labels and self.name == "score":
            raise UserError(f"task.labels is {self.labels}; a score has none, use task.name=text")


class Text(Classification):
    """A table of texts; `tasks.task.Task` says what the methods do."""

    def __init__(self, config: TextConfig, vocabulary: Vocabulary | TokenizerJson):
        self._config, self._splits = config, Splits(config)
        self.metrics: tuple[str, ...] = ("accuracy", "macro_f1", "matthews")
        if config.name == "score":
            self.metrics = ("pearson", "spearman")
        self.metric = self.metrics[0]
        columns = tuple(filter(None, (config.text, config.pair)))
        super().__init__(vocabulary, config.length, columns, self._labels())

    def examples(self, split: str) -> list[Example]:
        """In the order of the file; those of test have labels if all of them do."""
        records, column = self._splits.records(split), self._config.label
        if self._splits.hides(split, column):
            return [self.example(*record) for record in records]
        return [self.labelled(record, column) for record in records]

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
        values = (row.values.get(config.label) for row in self._splits.given())
        found = {str(value) for value in values if value not in (None, "")}
        if len(found) < 2:
            raise UserError(
                f"{config.data_dir}: {len(found)} classes under {config.label!r}; two are needed, "
                "or task.name=score"
            )
        return tuple(sorted(found))
