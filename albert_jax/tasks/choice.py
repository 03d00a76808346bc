"""Multiple choice in the user's own tables, with any number of options: SWAG, COPA, quizzes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from etils import epath

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import source
from albert_jax.tasks.multiple_choice import (
    LETTERS,
    MultipleChoice,
    Question,
    check_lengths,
    checked,
)
from albert_jax.tasks.source import Record
from albert_jax.tasks.splits import Splits, TableConfig
from albert_jax.tasks.task import Prediction


@dataclass(frozen=True, kw_only=True)
class ChoiceConfig(TableConfig):
    """The section `task` of multiple choice in tables.

    Attributes:
      length: of an option with its context, in pieces, special ones included.
      question_length: pieces that question and option may have of it; their last ones are kept.
      context: the column of the text that the question is about; "" if there is none.
      question: the column of the question; "" if the options go on from the context.
      options: the column of the list of options, as JSON in CSV and TSV, or the columns of the
        options with commas between.
      label: the column of the right option, counted from 0 or as a letter from A.
    """

    length: int = 256
    question_length: int = 128
    context: str = "context"
    question: str = "question"
    options: str = "options"
    label: str = "label"

    def __post_init__(self):
        super().__post_init__()
        check_lengths(self.length, self.question_length)


class Choice(MultipleChoice):
    """Questions in tables; `tasks.task.Task` says what the methods do."""

    def __init__(self, config: ChoiceConfig, vocabulary: Vocabulary | TokenizerJson):
        self._config, self._splits = config, Splits(config)
        self._options = tuple(column.strip() for column in config.options.split(","))
        columns = (*filter(None, (config.context, config.question)), *self._options)
        super().__init__(vocabulary, config.length, config.question_length, columns)

    def examples(self, split: str) -> list[Question]:
        """In the order of the file; those of test have labels if all of them do."""
        records, label = self._splits.records(split), self._config.label
        is_labelled = not self._splits.hides(split, label)
        return [self._question(record, is_labelled) for record in records]

    def example(self, record: Mapping[str, Any], place: str) -> Question:
        """A record with the columns of the files."""
        return self._question(Record(dict(record), place), is_labelled=False)

    def write(
        self,
        folder: epath.Path,
        split: str,
        examples: Sequence[Question],
        predictions: Sequence[Prediction],
    ):
        """SPLIT.jsonl: a prediction a line, in the order of the file."""
        lines = [json.dumps(prediction, ensure_ascii=False) for prediction in predictions]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines))

    def _question(self, record: Record, is_labelled: bool) -> Question:
        config = self._config
        question = Question(
            context=source.text(record, config.context) if config.context else "",
            question=source.text(record, config.question) if config.question else "",
            options=_options(record, self._options),
            label=_number(record, config.label) if is_labelled else None,
        )
        return checked(question, record.place)


def _options(record: Record, columns: Sequence[str]) -> tuple[str, ...]:
    """The options, out of a column each or out of one column with all of them."""
    if len(columns) > 1:
        return tuple(source.text(record, column) for column in columns)
    options = source.listed(record.values.get(columns[0]))
    if options is None:
        found = ", ".join(map(repr, record.values))
        raise UserError(
            f"{record.place}: no list under {columns[0]!r}; found {found}; set task.options"
        )
    return tuple(options)


def _number(record: Record, column: str) -> int:
    """The right option: a number from 0, or a letter from A."""
    value = str(record.values.get(column))
    if value.isdecimal() and len(value) < 9:  # int() takes no more than 4,300 digits
        return int(value)
    if len(value) == 1 and value.upper() in LETTERS:
        return LETTERS.index(value.upper())
    raise UserError(
        f"{record.place}: {value[:40]!r} under {column!r} is no option; "
        "it must be a number from 0 or a letter from A"
    )
