"""SQuAD 1.1 and 2.0: where in a text the answer to a question stands, or that it does not.

A text longer than the model is read in windows, `[CLS] question [SEP] window [SEP]`, as in
google-research/albert, squad_utils.py. Two heads: "span" is that of BERT, in run_squad_v1.py, where [CLS]
stands for no answer; "beam" is that of XLNet, in run_squad_v2.py, with a logit of its own for no answer.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from etils import epath

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import answers, squad_files, squad_metrics
from albert_jax.tasks.answers import Answer, Limits, Window
from albert_jax.tasks.classification import sequence
from albert_jax.tasks.item import Item
from albert_jax.tasks.squad_files import Gold, Question
from albert_jax.tasks.task import Head, Output, Prediction, softmax
from albert_jax.tasks.windows import owners, windows

VERSIONS = {"squad1": 1, "squad2": 2}  # by task; in the second a question may have no answer
HEADS = ("span", "beam")
CONTEXTS = 256  # whose pieces are kept, as questions on a text follow each other
NO_ANSWER = (0, 0)  # the label: both ends on [CLS]
IMPOSSIBLE = -1e4  # the score of a span where there is none


@dataclass(frozen=True, kw_only=True)
class SquadConfig:
    """The section `task` for SQuAD.

    Attributes:
      name: one of VERSIONS.
      data_dir: holds the official files, see `squad_files.read`; or tfds:squad/v1.1.
      length: of a question with a window, in pieces, special ones included.
      stride: pieces from the start of a window to that of the next.
      question_length: pieces that a question may have of it; its first ones are kept.
      answer_length: of the longest answer, in pieces.
      n_best: answers to each question that are kept.
      head: one of HEADS.
      null_threshold: no answer is given where the odds for none are above it.
      skip_answerless: in SQuAD 1.1, do not train on windows without the answer. The original trains
        them on [CLS].
    """

    name: str
    data_dir: str = ""
    length: int = 384
    stride: int = 128
    question_length: int = 64
    answer_length: int = 30
    n_best: int = 20
    head: str = "span"
    null_threshold: float = 0.0
    skip_answerless: bool = False

    def __post_init__(self):
        if self.head not in HEADS:
            raise UserError(f"task.head is {self.head!r}; it must be one of {', '.join(HEADS)}")
        for name in ("stride", "question_length", "answer_length", "n_best"):
            if getattr(self, name) < 1:
                raise UserError(f"task.{name} is {getattr(self, name)}; it must be at least 1")
        if self.length < self.question_length + 4:
            raise UserError(
                f"task.length is {self.length}; with a task.question_length of {self.question_length} "
                f"it must be at least {self.question_length + 4}"
            )


class Reading(NamedTuple):
    """A question and its text in pieces."""

    question: list[int]
    context: list[int]
    offsets: np.ndarray  # int32 [n, 2], where the pieces of the text stand in it
    windows: np.ndarray  # int [W, 2], of pieces of the text

    @property
    def first(self) -> int:
        """Where the text begins in a part."""
        return len(self.question) + 2


class Squad:
    """Questions on texts; `tasks.task.Task` says what the methods do."""

    columns = ("question", "context")

    def __init__(self, config: SquadConfig, vocabulary: Vocabulary | TokenizerJson):
        self._config, self._vocabulary = config, vocabulary
        self._version = VERSIONS[config.name]
        self.metric = "best_f1" if self._version == 2 else "f1"  # as run_squad_v2.py picks
        self.head = Head(config.head)
        self._pieces = functools.lru_cache(CONTEXTS)(vocabulary.encode_offsets)

    def examples(self, split: str) -> list[Question]:
        """The questions of the split's file; those of test may be without answers."""
        found = squad_files.read(self._config.data_dir, split, self._version)
        if split == "train":
            self._report(found)
        return found

    def example(self, record: Mapping[str, Any], place: str) -> Question:
        """A record of "question" and "context", and an "id" if it has one."""
        question, context = record.get("question"), record.get("context")
        return squad_files.question(record.get("id"), question, context, place)

    def items(self, example: Question) -> list[Item]:
        """One for each window."""
        reading = self._reading(example)
        labels = self._labels(example, reading)
        texts = [(reading.question, reading.context[a:b]) for a, b in reading.windows]
        parts = [sequence(self._vocabulary, pair, self._config.length) for pair in texts]
        return [Item((part,), label) for part, label in zip(parts, labels, strict=True)]

    def decode(self, example: Question, outputs: Sequence[Output]) -> Prediction:
        """{"id", "answer", "start", "end", "score", "n_best"}, for SQuAD 2.0 with "null_odds".

        "id" is left out where the question has none.
        `answer` is `context[start:end]` of the raw text, or "" with 0 and 0. `score` is its
        probability among the `n_best`, and `null_odds` the log odds for no answer. They come from the
        window where they are lowest: its own logit of the head "beam", and [CLS] against the best
        span of all windows for the head "span".
        """
        best = self._best(example, self._reading(example), outputs)
        odds = self._null_odds(outputs, best) if self._version == 2 else None
        own = {} if example.id is None else {"id": example.id}
        return own | _prediction(best, odds, self._config.null_threshold)

    def place(self, example: Question, outputs: Sequence[Output]) -> tuple[int, int, int] | None:
        """Where the answer of `decode` is read: the number of the item, the first and the last position
        of its part; None where there is no answer."""
        if not self.decode(example, outputs)["answer"]:
            return None
        reading = self._reading(example)
        best, *_ = self._best(example, reading, outputs)
        shift = reading.first - int(reading.windows[best.window, 0])
        return best.window, best.first + shift, best.last + shift

    def score(
        self, examples: Sequence[Question], predictions: Sequence[Prediction]
    ) -> dict[str, float]:
        """The official metrics, in percent, of the questions whose answers are known, if there are any.

        For SQuAD 2.0 also those of questions with and without an answer, and `best_exact` and
        `best_f1`: what the best threshold for these very questions would have reached.
        """
        pairs = [(e, p) for e, p in zip(examples, predictions, strict=True) if e.golds is not None]
        golds = [[gold.text for gold in example.golds or ()] for example, _ in pairs]
        found = [prediction for _, prediction in pairs]
        if not pairs:
            return {}
        if self._version == 2:
            return _scores_with_none(golds, found)
        return _means("", *squad_metrics.answered(golds, [p["answer"] for p in found]))

    def write(
        self,
        folder: epath.Path,
        split: str,
        examples: Sequence[Question],
        predictions: Sequence[Prediction],
    ):
        """SPLIT/predictions.json, nbest_predictions.json and null_odds.json, as the official scripts
        take them."""
        (folder / split).mkdir(parents=True, exist_ok=True)
        tables = {
            "predictions": {p["id"]: p["answer"] for p in predictions},
            "nbest_predictions": {p["id"]: p["n_best"] for p in predictions},
        }
        if self._version == 2:
            tables["null_odds"] = {p["id"]: p["null_odds"] for p in predictions}
        for name, table in tables.items():
            (folder / split / f"{name}.json").write_text(json.dumps(table, indent=1) + "\n")

    def _report(self, examples: Sequence[Question]):
        """Says which answers are learnt with more around them, and which are too long to be given."""
        place, longest = self._config.data_dir, self._config.answer_length
        measured = [(e.id, *self._measured(e.context, e.gold)) for e in examples if e.gold]
        cut = [id for id, _, is_cut in measured if is_cut]
        long = [id for id, count, _ in measured if count > longest]
        squad_files.report(place, "begin or end inside a piece; all of it is learnt", cut)
        squad_files.report(place, f"are longer than task.answer_length, {longest} pieces", long)

    def _measured(self, context: str, gold: Gold) -> tuple[int, bool]:
        """How many pieces stand for an answer, and whether it cuts the first or the last of them."""
        _, offsets = self._pieces(context)
        if not len(offsets):
            return 0, False
        first, last = _covering(offsets, gold.start, gold.end)
        is_cut = offsets[first, 0] < gold.start or offsets[last, 1] > gold.end
        return last - first + 1, bool(is_cut)

    def _reading(self, example: Question) -> Reading:
        context, offsets = self._pieces(example.context)
        asked = self._vocabulary.encode(example.question)[: self._config.question_length]
        room = self._config.length - 3 - len(asked)
        return Reading(asked, context, offsets, windows(len(context), room, self._config.stride))

    def _best(self, example: Question, reading: Reading, outputs: Sequence[Output]) -> list[Answer]:
        """The spans that may be answers, best first."""
        of_window = answers.of_logits if self.head.kind == "span" else answers.of_beam
        limits = Limits(self._config.n_best, self._config.answer_length)
        asked = _asked(reading)
        found = [of_window(w, output, limits) for w, output in zip(asked, outputs, strict=True)]
        return answers.texts(found, reading.offsets, example.context, limits.count)

    def _labels(self, example: Question, reading: Reading) -> list[tuple[int, int] | None]:
        """Where the answer stands in the part of each window; None where that is not known."""
        if not example.golds:
            return [None if example.golds is None else NO_ANSWER] * len(reading.windows)
        if example.gold is None or not reading.context:
            return [None] * len(reading.windows)
        first, last = _covering(reading.offsets, example.gold.start, example.gold.end)
        starts, stops = reading.windows.T
        has_it = (starts <= first) & (last < stops)
        if not has_it.any():  # it is longer than what windows share: the most there is of it
            shared = np.minimum(stops, last + 1) - np.maximum(starts, first)
            has_it[np.argmax(shared)] = True
        ends = np.maximum(first, starts), np.minimum(last, stops - 1)
        in_part = np.stack(ends, axis=1) - starts[:, None] + reading.first
        skipped = self._version == 1 and self._config.skip_answerless
        other = None if skipped else NO_ANSWER
        return [
            tuple(ends) if own else other
            for own, ends in zip(has_it, in_part.tolist(), strict=True)
        ]

    def _null_odds(self, outputs: Sequence[Output], best: Sequence[Answer]) -> float:
        if self.head.kind == "beam":
            return float(min(output.no_answer for output in outputs))
        null = min(float(logits[0].astype(np.float64).sum()) for logits in outputs)
        return null - (best[0].score if best else IMPOSSIBLE)


def _asked(reading: Reading) -> list[Window]:
    """The windows; spans start where a window shows most, and neither start nor end with a lone space."""
    owner = owners(reading.windows, len(reading.context))
    solid = reading.offsets[:, 1] > reading.offsets[:, 0]
    return [
        Window(
            start, reading.first, (owner[start:stop] == w) & solid[start:stop], solid[start:stop]
        )
        for w, (start, stop) in enumerate(reading.windows.tolist())
    ]


def _covering(offsets: np.ndarray, start: int, end: int) -> tuple[int, int]:
    """The first and the last piece of an answer, or the next if none stands for any of it."""
    solid = offsets[:, 1] > offsets[:, 0]
    first = np.flatnonzero(solid & (offsets[:, 1] > start))
    last = np.flatnonzero(solid & (offsets[:, 0] < end))
    begin = int(first[0]) if len(first) else len(offsets) - 1
    return begin, max(begin, int(last[-1]) if len(last) else 0)


def _prediction(best: Sequence[Answer], odds: float | None, threshold: float) -> Prediction:
    """The answer and the n best; see `Squad.decode`."""
    none = float(not best) if odds is None else float(np.exp(-np.logaddexp(0, -odds)))
    shares = (1 - none) * softmax(np.array([answer.score for answer in best])) if best else ()
    spans = [_described(answer, float(p)) for answer, p in zip(best, shares, strict=True)]
    n_best, empty = spans, _described(_NONE, none)
    if odds is not None or not spans:
        n_best = sorted([*spans, empty], key=lambda entry: -entry["probability"])
    is_silent = not spans or (odds is not None and odds > threshold)
    given = empty if is_silent else spans[0]
    answer = {"answer": given["text"], "start": given["start"], "end": given["end"]}
    answer |= {"score": given["probability"], "n_best": n_best}
    return answer if odds is None else answer | {"null_odds": odds}


_NONE = Answer("", 0, 0, IMPOSSIBLE)


def _described(answer: Answer, probability: float) -> dict[str, Any]:
    return {
        "text": answer.text,
        "start": answer.start,
        "end": answer.end,
        "probability": probability,
    }


def _means(name: str, exact: np.ndarray, f1: np.ndarray) -> dict[str, float]:
    """Percentages; `name` goes before those of a part of the questions."""
    return {f"{name}exact": 100 * float(exact.mean()), f"{name}f1": 100 * float(f1.mean())}


def _scores_with_none(
    golds: Sequence[Sequence[str]], predictions: Sequence[Prediction]
) -> dict[str, float]:
    """SQuAD 2.0; names are those of the official script."""
    exact, f1 = squad_metrics.answered_or_not(golds, [p["answer"] for p in predictions])
    has_answer = np.array([bool(own) for own in golds])
    found = _means("", exact, f1)
    for name, part in (("HasAns_", has_answer), ("NoAns_", ~has_answer)):
        if part.any():
            found |= _means(name, exact[part], f1[part])
    spans = [_best_span(prediction) for prediction in predictions]
    is_empty, odds = (
        np.array([not s for s in spans]),
        np.array([p["null_odds"] for p in predictions]),
    )
    for name, scores in zip(
        ("exact", "f1"), squad_metrics.answered_or_not(golds, spans), strict=True
    ):
        best, threshold = squad_metrics.best_threshold(scores, has_answer, is_empty, odds)
        found |= {f"best_{name}": 100 * best, f"best_{name}_thresh": threshold}
    return found


def _best_span(prediction: Prediction) -> str:
    """The best answer that is one; "" if the text has none."""
    return next((entry["text"] for entry in prediction["n_best"] if entry["text"]), "")
