"""GLUE (Wang et al. 2019): its nine tasks and the diagnostic set AX, from the official files.

Columns, the order of labels and the layout DIR/TASK/SPLIT.tsv are those of google-research/albert,
classifier_utils.py; metrics and files of submissions are GLUE's. `tfds:glue` reads them from TFDS.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from etils import epath

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import source
from albert_jax.tasks.classification import (
    Classification,
    Example,
    check_file,
    check_length,
    official_folder,
    scores,
    some,
    write_table,
)
from albert_jax.tasks.source import TFDS, Record
from albert_jax.tasks.task import Prediction

BINARY = ("0", "1")
NLI = ("contradiction", "entailment", "neutral")
PAIR = ("sentence1", "sentence2")


class Form(NamedTuple):
    """How one of the tasks looks in its files.

    Attributes:
      folder: under the data folder; also the name of the file of a submission.
      texts: columns.
      labels: in the order of the classes; none for a score.
      metrics: the official ones; the first picks the best checkpoint.
      label: the column.
      headless: columns of train and dev, where these have no header.
      parts: of dev and test, where they are in several files.
    """

    folder: str
    texts: tuple[str, ...] = PAIR
    labels: tuple[str, ...] = BINARY
    metrics: tuple[str, ...] = ("accuracy",)
    label: str = "label"
    headless: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


TASKS = {
    "cola": Form(
        "CoLA",
        ("sentence",),
        metrics=("matthews", "accuracy"),
        headless=("source", "label", "mark", "sentence"),
    ),
    "sst2": Form("SST-2", ("sentence",)),
    "mrpc": Form("MRPC", ("#1 String", "#2 String"), BINARY, ("accuracy", "f1"), "Quality"),
    "stsb": Form("STS-B", PAIR, (), ("pearson", "spearman"), "score"),
    "qqp": Form("QQP", ("question1", "question2"), BINARY, ("accuracy", "f1"), "is_duplicate"),
    "mnli": Form("MNLI", PAIR, NLI, label="gold_label", parts=("matched", "mismatched")),
    "qnli": Form("QNLI", ("question", "sentence"), ("entailment", "not_entailment")),
    "rte": Form("RTE", PAIR, ("entailment", "not_entailment")),
    "wnli": Form("WNLI"),
    "ax": Form("AX", PAIR, NLI, ("matthews", "accuracy"), "Label"),
}
FILES = {  # of a submission, where it is not FOLDER.tsv
    "matched": "MNLI-m",
    "mismatched": "MNLI-mm",
}
FOLDERS = {"AX": "diagnostic"}  # where they are not called as the submission
DIAGNOSTIC = {"dev": "diagnostic-full.tsv", "test": "diagnostic.tsv"}  # AX has no train
FULL = {"Premise": "sentence1", "Hypothesis": "sentence2"}  # columns of the former
TFDS_TEXTS = {
    "mrpc": PAIR,
    "mnli": ("premise", "hypothesis"),
    "ax": ("premise", "hypothesis"),
}
POSITIVE = ("acceptable", "positive", "equivalent", "duplicate", "entailment")  # class 1 in TFDS
HIGHEST = 5.0  # similarity of STS-B


@dataclass(frozen=True, kw_only=True)
class GlueConfig:
    """The section `task` for a task of GLUE.

    Attributes:
      name: one of TASKS.
      data_dir: holds the official folders, or the files of this task; or "tfds:glue".
      length: of a text or a pair, in pieces, special ones included; longer ones are cut.
    """

    name: str
    data_dir: str = ""
    length: int = 128

    def __post_init__(self):
        check_length(self.length)


class Glue(Classification):
    """A task of GLUE; `tasks.task.Task` says what the methods do."""

    def __init__(self, config: GlueConfig, vocabulary: Vocabulary | TokenizerJson):
        self._config, self._form = config, TASKS[config.name]
        self.metric = self._form.metrics[0]
        super().__init__(vocabulary, config.length, self._form.texts, self._form.labels)

    def examples(self, split: str) -> list[Example]:
        """In the order of the files; the parts of MNLI one after the other. Those of test have no label."""
        found = []
        for part, records in self._records(split):
            for record in records:
                known = split != "test"
                example = (
                    self.labelled(record, self._form.label) if known else self.example(*record)
                )
                found.append(example._replace(part=part))
        return some(found, self._config.data_dir, split)

    def score(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> dict[str, float]:
        """The official metrics; those of MNLI's mismatched part have names of their own."""
        found: dict[str, float] = {}
        for part in dict.fromkeys(example.part for example in examples):
            of_part = [i for i, example in enumerate(examples) if example.part == part]
            gold, said = self.answers(
                [examples[i] for i in of_part], [predictions[i] for i in of_part]
            )
            suffix = f"_{part}" if part == "mismatched" else ""
            values = scores(self._form.metrics, gold, said)
            found |= {f"{name}{suffix}": value for name, value in values.items()}
        return found

    def write(
        self,
        folder: epath.Path,
        split: str,
        examples: Sequence[Example],
        predictions: Sequence[Prediction],
    ):
        """SPLIT/TASK.tsv, as GLUE's server takes it; scores within 0 and 5, as it asks."""
        for part in dict.fromkeys(example.part for example in examples):
            values = [
                _submitted(prediction)
                for example, prediction in zip(examples, predictions, strict=True)
                if example.part == part
            ]
            write_table(folder / split / f"{FILES.get(part, self._form.folder)}.tsv", values)

    def _records(self, split: str) -> Iterator[tuple[str, Iterable[Record]]]:
        """The parts of a split and the rows of each."""
        parts = ("",) if split == "train" else self._form.parts or ("",)
        if self._config.data_dir.startswith(TFDS):
            for part in parts:
                yield part, _from_tfds(self._config, self._form, split, part)
            return
        if (self._config.name, split) == ("ax", "train"):
            raise UserError("AX has no examples to train on; it is for models of task mnli")
        folder = official_folder(self._config.data_dir, self._folder)
        for part in parts:
            path = folder / _file(self._config.name, split, part)
            if part != "mismatched" or path.exists():
                yield part, self._read(path, split)

    @property
    def _folder(self) -> str:
        return FOLDERS.get(self._form.folder, self._form.folder)

    def _read(self, path: epath.Path, split: str) -> Iterator[Record]:
        check_file(path, self._folder)
        headless = self._form.headless if split != "test" else ()
        # As it was published; the reference skips, too. Of test that would move the answers up.
        is_ragged = self._config.name == "qqp" and split != "test"
        records = source.read(path, headless, skip_ragged=is_ragged)
        return (_renamed(record, FULL) for record in records)


def _file(name: str, split: str, part: str) -> str:
    if name == "ax":
        return DIAGNOSTIC[split]
    return f"{split}_{part}.tsv" if part else f"{split}.tsv"


def _from_tfds(config: GlueConfig, form: Form, split: str, part: str) -> Iterator[Record]:
    """The same from TFDS, where classes and some columns have names of their own."""
    official = {"train": "train", "dev": "validation", "test": "test"}[split]
    name = f"{config.data_dir.removeprefix(TFDS)}/{config.name}"
    texts = TFDS_TEXTS.get(config.name, form.texts)
    columns = dict(zip((*texts, "label"), (*form.texts, form.label), strict=True))
    for record in source.from_tfds(name, f"{official}_{part}" if part else official):
        renamed = _renamed(record, columns)
        label = renamed.values[form.label]
        if form.labels == BINARY and label is not None:
            renamed.values[form.label] = str(int(label in POSITIVE))
        yield renamed


def _renamed(record: Record, columns: dict[str, str]) -> Record:
    values = {columns.get(name, name): value for name, value in record.values.items()}
    return Record(values, record.place)


def _submitted(prediction: Prediction) -> str:
    if "label" in prediction:
        return prediction["label"]
    return f"{np.clip(prediction['score'], 0.0, HIGHEST):.3f}"
