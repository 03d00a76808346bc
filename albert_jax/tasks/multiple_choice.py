"""Multiple choice: which of n options answers a question, or goes on from a text.

Options are scored one by one, `[CLS] context [SEP] question option [SEP]`, and compared by a
softmax. An option takes the place of the question's blank, `_`, where it has one. Both rules, and
what is cut, are those of google-research/albert, race_utils.py; but `____` is one blank here, not four.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import metrics
from albert_jax.tasks.classification import sequence
from albert_jax.tasks.item import Item
from albert_jax.tasks.task import Head, Prediction, softmax

BLANK = re.compile("_+")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # of options


class Question(NamedTuple):
    """A question, its options, and the number of the right one if it is known."""

    context: str
    question: str
    options: tuple[str, ...]
    label: int | None = None
    passage: str = ""  # the name of its context, and
    level: str = ""  # its level of school, "middle" or "high", in RACE

    def answers(self) -> list[str]:
        """The question with each option in its blank, or else behind it."""
        if BLANK.search(self.question):
            return [option.join(BLANK.split(self.question)) for option in self.options]
        return [f"{self.question} {option}" for option in self.options]


class MultipleChoice:
    """What does not depend on the files; `tasks.task.Task` says what the methods do."""

    head = Head("choice")
    metric = "accuracy"

    def __init__(
        self,
        vocabulary: Vocabulary | TokenizerJson,
        length: int,
        question_length: int,
        columns: Sequence[str],
    ):
        """Sequences have at most `length` pieces, with the last `question_length` of an answer."""
        self.columns = tuple(columns)
        self._vocabulary, self._length, self._question_length = vocabulary, length, question_length
        self._last: tuple[str, list[int]] = ("", [])  # questions on a text follow each other

    def items(self, example: Question) -> list[Item]:
        """One item with a part for each option."""
        context, parts = self._context(example.context), []
        for ids in self._vocabulary.encode_batch(example.answers()):
            answer = ids[-self._question_length :]
            room = self._length - 3 - len(answer)
            parts.append(sequence(self._vocabulary, [context[:room], answer], self._length))
        return [Item(tuple(parts), example.label)]

    def decode(self, example: Question, outputs: Sequence[np.ndarray]) -> Prediction:
        """{"label": which option, counted from 0; "option": its text; "probabilities": of each}."""
        (logits,) = outputs
        label = int(np.argmax(logits))
        shares = softmax(logits.astype(np.float64)).tolist()
        return {"label": label, "option": example.options[label], "probabilities": shares}

    def score(
        self, examples: Sequence[Question], predictions: Sequence[Prediction]
    ) -> dict[str, float]:
        """Accuracy in percent, of the questions that have a label."""
        pairs = [
            (example.label, prediction["label"])
            for example, prediction in zip(examples, predictions, strict=True)
            if example.label is not None
        ]
        gold, said = zip(*pairs, strict=True) if pairs else ((), ())
        return {"accuracy": 100 * metrics.accuracy(gold, said)}

    def _context(self, text: str) -> list[int]:
        if text != self._last[0]:
            self._last = (text, self._vocabulary.encode(text))
        return self._last[1]


def check_lengths(length: int, question_length: int):
    """Raises UserError: a question's pieces do not fit beside three special ones."""
    if not 1 <= question_length <= length - 3:
        raise UserError(
            f"task.question_length is {question_length}; it must be from 1 to task.length less "
            f"three, which is {length - 3}"
        )


def checked(question: Question, place: str) -> Question:
    """The question itself. Raises UserError, naming `place`, if it cannot be asked."""
    texts = (question.context, question.question, *question.options)
    if not all(isinstance(text, str) for text in texts):
        raise UserError(f"{place}: context, question and options must be text; mend the line")
    if len(question.options) < 2:
        raise UserError(f"{place}: {len(question.options)} options; a choice is of two or more")
    if question.label is not None and not 0 <= question.label < len(question.options):
        raise UserError(
            f"{place}: the label is option {question.label}, counted from 0, of {len(question.options)}"
        )
    return question
