"""SuperGLUE (Wang et al. 2019): the tasks that are classes of pairs, from the official files.

DIR/TASK/{train,val,test}.jsonl, metrics and files of submissions are SuperGLUE's; classes are in the order of
the release. `tfds:super_glue` reads them from TFDS. COPA is the task `choice`; RTE is that of GLUE.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from etils import epath

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.tasks import source
from albert_jax.tasks.classification import (
    Classification,
    Example,
    check_file,
    check_length,
    official_folder,
    scores,
    some,
)
from albert_jax.tasks.source import TFDS, Record
from albert_jax.tasks.task import Prediction


class Form(NamedTuple):
    """How a task looks in its files; the first metric picks the best checkpoint."""

    folder: str
    texts: tuple[str, str]
    labels: tuple[str, ...]
    metrics: tuple[str, ...]


TASKS = {
    "boolq": Form("BoolQ", ("question", "passage"), ("false", "true"), ("accuracy",)),
    "cb": Form(
        "CB",
        ("premise", "hypothesis"),
        ("entailment", "contradiction", "neutral"),
        ("accuracy", "macro_f1"),
    ),
}
FILES = {"train": "train", "dev": "val", "test": "test"}
TFDS_SPLITS = FILES | {"dev": "validation"}


@dataclass(frozen=True, kw_only=True)
class SuperGlueConfig:
    """The section `task` for a task of SuperGLUE.

    Attributes:
      name: one of TASKS.
      data_dir: holds the official folders, or the files of this task; or "tfds:super_glue".
      length: of a pair, in pieces, special ones included; longer ones are cut.
    """

    name: str
    data_dir: str = ""
    length: int = 256

    def __post_init__(self):
        check_length(self.length)


class SuperGlue(Classification):
    """A task of SuperGLUE; `tasks.task.Task` says what the methods do."""

    def __init__(self, config: SuperGlueConfig, vocabulary: Vocabulary | TokenizerJson):
        self._config, self._form = config, TASKS[config.name]
        self.metric = self._form.metrics[0]
        super().__init__(vocabulary, config.length, self._form.texts, self._form.labels)

    def examples(self, split: str) -> list[Example]:
        """In the order of the file; those of test have no label."""
        records = self._records(split)
        if split == "test":
            found = [self.example(*record) for record in records]
        else:
            found = [self.labelled(_in_words(record), "label") for record in records]
        return some(found, self._config.data_dir, split)

    def score(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> dict[str, float]:
        """The official metrics."""
        return scores(self._form.metrics, *self.answers(examples, predictions))

    def write(
        self,
        folder: epath.Path,
        split: str,
        examples: Sequence[Example],
        predictions: Sequence[Prediction],
    ):
        """SPLIT/TASK.jsonl, as SuperGLUE's server takes it; idx counts the lines of the official file."""
        lines = [json.dumps({"idx": i, "label": p["label"]}) for i, p in enumerate(predictions)]
        path = folder / split / f"{self._form.folder}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")

    def _records(self, split: str) -> Iterator[Record]:
        base = self._config.data_dir
        if base.startswith(TFDS):
            name = f"{base.removeprefix(TFDS)}/{self._config.name}"
            return source.from_tfds(name, TFDS_SPLITS[split])
        path = official_folder(base, self._form.folder) / f"{FILES[split]}.jsonl"
        check_file(path, self._form.folder)
        return source.read(path)


def _in_words(record: Record) -> Record:
    """The label as a submission spells it: JSON has true, TFDS True."""
    label = record.values.get("label")
    word = label if label is None else str(label).lower()
    return record._replace(values=record.values | {"label": word})
