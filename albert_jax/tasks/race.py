"""RACE: four options to a question on a passage of an English exam (Lai et al. 2017).

Three layouts of the files are read, below DIR or DIR/RACE:
  SPLIT/middle/*.txt, SPLIT/high/*.txt   as distributed, a passage a file
  SPLIT/*.json or SPLIT/*.txt            the same without the level of school
  all.txt in any of these folders        a passage a line, as google-research/albert wants it;
                                         the folder's other files are then not read
`tfds:race/middle` and `tfds:race/high` read them from TFDS.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from etils import epath
from tqdm import tqdm

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import CHECK_PATH, UserError
from albert_jax.tasks import source
from albert_jax.tasks.multiple_choice import (
    LETTERS,
    MultipleChoice,
    Question,
    check_lengths,
    checked,
)
from albert_jax.tasks.source import Record
from albert_jax.tasks.task import Prediction

LEVELS = ("middle", "high")
COLUMNS = ("article", "question", "options")  # of the user's own record
KEYS = (
    "id",
    "article",
    "questions",
    "options",
)  # of a passage, and "answers" unless they are hidden


@dataclass(frozen=True, kw_only=True)
class RaceConfig:
    """The section `task` for RACE.

    Attributes:
      name: of the task.
      data_dir: the folder of the files, or what is read of TFDS, see the module.
      length: of an option with its passage, in pieces, special ones included.
      question_length: pieces that question and option may have of it; their last ones are kept.
      level: "middle" or "high" school only; "" for both.
    """

    name: str
    data_dir: str = ""
    length: int = 512
    question_length: int = 128
    level: str = ""

    def __post_init__(self):
        check_lengths(self.length, self.question_length)
        if self.level not in ("", *LEVELS):
            raise UserError(f"task.level is {self.level!r}; it must be middle, high or empty")


class Race(MultipleChoice):
    """RACE; `tasks.task.Task` says what the methods do."""

    def __init__(self, config: RaceConfig, vocabulary: Vocabulary | TokenizerJson):
        self._config = config
        super().__init__(vocabulary, config.length, config.question_length, COLUMNS)

    def examples(self, split: str) -> list[Question]:
        """Questions in the order of the files' names, middle school first."""
        config = self._config
        found = [q for q in read(config.data_dir, split) if config.level in ("", q.level)]
        if not found:
            level = f" of level {config.level}" if config.level else ""
            raise UserError(f"{config.data_dir}: no question{level} in the split {split}")
        return found

    def example(self, record: Mapping[str, Any], place: str) -> Question:
        """A record of one question, with COLUMNS."""
        article: Any
        question: Any
        article, question, options = (record.get(column) for column in COLUMNS)
        return checked(Question(article, question, _options(options, place)), place)

    def score(
        self, examples: Sequence[Question], predictions: Sequence[Prediction]
    ) -> dict[str, float]:
        """Accuracy in percent: of all, and of each level of school where that is known."""
        scores = super().score(examples, predictions)
        for level in LEVELS:
            chosen = [i for i, example in enumerate(examples) if example.level == level]
            if chosen:
                asked, said = [examples[i] for i in chosen], [predictions[i] for i in chosen]
                scores[f"accuracy_{level}"] = super().score(asked, said)["accuracy"]
        return scores

    def write(
        self,
        folder: epath.Path,
        split: str,
        examples: Sequence[Question],
        predictions: Sequence[Prediction],
    ):
        """SPLIT.json: the "answers" of each passage by its id, letters as in RACE's own files."""
        answers: dict[str, list[str]] = {}
        for example, prediction in zip(examples, predictions, strict=True):
            answers.setdefault(example.passage, []).append(LETTERS[prediction["label"]])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{split}.json").write_text(json.dumps(answers, indent=1) + "\n")


def read(data_dir: str, split: str) -> Iterator[Question]:
    """The questions of a split; see the module for the layouts. Those of train and dev have labels.

    Raises:
      UserError: no such split, or a passage that is not in RACE's form.
    """
    if data_dir.startswith(source.TFDS):
        yield from _from_tfds(data_dir.removeprefix(source.TFDS), split)
        return
    base = epath.Path(data_dir)
    found = [path for path in (base / "RACE" / split, base / split) if path.is_dir()]
    if not found:
        raise UserError(f"{base}: no folder RACE/{split} or {split} in it; set task.data_dir")
    folders = [found[0] / level for level in LEVELS if (found[0] / level).is_dir()] or found[:1]
    paths = [path for folder in folders for path in _paths(folder)]
    for path in tqdm(paths, desc=f"RACE {split}", unit="file", disable=None):
        for passage, place in _passages(path):
            yield from _questions(passage, path.parent.name, split == "test", place)


def _from_tfds(name: str, split: str) -> Iterator[Question]:
    """The same from TFDS, where each level of school is a dataset."""
    for values, place in source.from_tfds(name, split):
        passage = values | {"id": values["example_id"]}
        yield from _questions(passage, name.rpartition("/")[2], split == "test", place)


def _paths(folder: epath.Path) -> list[epath.Path]:
    if (folder / "all.txt").exists():
        return [folder / "all.txt"]
    return sorted(path for path in folder.iterdir() if path.suffix in (".txt", ".json"))


def _passages(path: epath.Path) -> list[Record]:
    """The passages of a file: one JSON object on any number of lines, or one object a line."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror or error}); {CHECK_PATH}"
        ) from error
    first = next((line for line in lines if line.strip()), b"{}")
    if not first.rstrip().endswith(b"}"):
        lines = [b"".join(lines)]
    found = list(source.rows(lines, ".jsonl", str(path)))
    if not found:
        raise UserError(f"{path}: no passage in it; remove the file, or fetch it again")
    return found


def _questions(
    passage: Mapping[str, Any], folder: str, may_hide: bool, place: str
) -> Iterator[Question]:
    """The questions of a passage, whose answers a test set may hide."""
    if any(key not in passage for key in KEYS):
        raise UserError(f"{place}: no passage of RACE, which has {', '.join(KEYS)} and answers")
    id, article, *lists = (passage[key] for key in KEYS)
    questions, options = (found if isinstance(found, list) else [] for found in lists)
    answers = passage.get("answers", [None] * len(questions) if may_hide else [])
    counts = [len(c) if isinstance(c, list) else 0 for c in (questions, options, answers)]
    if len(set(counts)) > 1 or not counts[0]:
        raise UserError(
            "{}: {} questions, {} lists of options and {} answers; there must be as many of each".format(
                place, *counts
            )
        )
    level = next((name for name in LEVELS if name == folder or str(id).startswith(name)), "")
    for question, choices, answer in zip(questions, options, answers, strict=True):
        label = None if answer is None else _number(answer, place)
        choices = _options(choices, place)
        yield checked(Question(article, question, choices, label, str(id), level), place)


def _options(value: Any, place: str) -> tuple[str, ...]:
    options = source.listed(value)
    if options is None:
        raise UserError(f"{place}: the options are {value!r}; they must be a list")
    if len(options) > len(LETTERS):
        raise UserError(
            f"{place}: {len(options)} options, the letters are {len(LETTERS)}; use the task choice"
        )
    return tuple(options)


def _number(answer: Any, place: str) -> int:
    if not (isinstance(answer, str) and len(answer) == 1 and answer in LETTERS):
        raise UserError(f"{place}: the answer is {answer!r}; it must be the letter of an option")
    return LETTERS.index(answer)
