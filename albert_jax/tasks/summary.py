"""Extractive summaries: the best sentences of a document, in its order.

Trained from documents with summaries of any kind: the sentences that ROUGE likes best are to be taken, all
others to be left. A sentence is scored at its first piece. A long document is read in windows of whole
sentences; a part of each repeats what was before, and every sentence is scored once.
"""

import functools
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from etils import epath

from albert_jax.data import sentences
from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import source
from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.rouge import Rouge
from albert_jax.tasks.source import Record
from albert_jax.tasks.splits import Splits, TableConfig
from albert_jax.tasks.task import Head, Prediction, softmax

SHORTEST = 16  # pieces of a window
CONTEXT = 4  # one of so many parts of a window repeats


@dataclass(frozen=True, kw_only=True)
class SummaryConfig(TableConfig):
    """The section `task` for summaries; its name is "summary", or "centroid" (tasks/centroid.py).

    Attributes:
      length: of a window, in pieces; a longer sentence is scored by its beginning.
      document, summary: columns.
      language: of the documents: how they are cut into sentences, and what ROUGE calls a word.
      sentences: of a summary, at the most; 0 for any number.
      words: of a summary, at the most, counted at spaces; 0 for any number.
    """

    length: int = 512
    document: str = "document"
    summary: str = "summary"
    language: str = "en"
    sentences: int = 3
    words: int = 0

    def __post_init__(self):
        super().__post_init__()
        if self.length < SHORTEST:
            raise UserError(f"task.length is {self.length}; it must be at least {SHORTEST}")
        for name in ("sentences", "words"):
            if getattr(self, name) < 0:
                raise UserError(f"task.{name} is {getattr(self, name)}; it must be 0 or more")
        if not self.sentences and not self.words:
            raise UserError("task.sentences and task.words are both 0; one must limit the summary")


class Document(NamedTuple):
    """A text and a summary of it, if there is one."""

    text: str
    summary: str | None = None


class Window(NamedTuple):
    """Sentences that are read together.

    Attributes:
      tokens: int32 [l], with [CLS] and [SEP].
      asked: numbers of the sentences that are scored here.
      places: where the first piece of each is.
    """

    tokens: np.ndarray
    asked: range
    places: np.ndarray


class Summary:
    """Summaries by a model that was trained on some; `tasks.task.Task` says what the methods do."""

    head = Head("token", ("leave", "take"))
    metric = "rouge1"

    def __init__(self, config: SummaryConfig, vocabulary: Vocabulary | TokenizerJson):
        self._config, self._vocabulary, self._splits = config, vocabulary, Splits(config)
        self.columns = (config.document,)

    def examples(self, split: str) -> list[Document]:
        """In the order of the file; of the test split the summaries may be missing."""
        records, column = self._splits.records(split), self._config.summary
        if self._splits.hides(split, column):
            return [self.example(*record) for record in records]
        return [
            self.example(*record)._replace(summary=source.text(record, column))
            for record in records
        ]

    def example(self, record: Mapping[str, Any], place: str) -> Document:
        """The document of a record, under the name of its column."""
        return Document(source.text(Record(dict(record), place), self._config.document))

    def items(self, example: Document) -> list[Item]:
        """Its windows; none if it is blank."""
        texts = self.texts(example)
        wanted = None if example.summary is None else self._rouge.oracle(texts, example.summary)
        return [
            Item((_part(window.tokens),), None if wanted is None else _label(window, wanted))
            for window in self._windows(texts)
        ]

    def decode(self, example: Document, outputs: Sequence[np.ndarray]) -> Prediction:
        """{"summary", "sentences": [{"text", "start", "end", "score"}]}, a score from 0 to 1."""
        windows = self._windows(self.texts(example))
        parts = [
            softmax(logits[window.places])[:, 1]
            for window, logits in zip(windows, outputs, strict=True)
        ]
        scores = np.concatenate([*parts, np.zeros(0)])
        return self.extract(example, np.argsort(-scores, kind="stable"), scores)

    def texts(self, example: Document) -> list[str]:
        """The sentences of a document."""
        return [example.text[begin:end] for begin, end in self._spans(example)]

    def extract(self, example: Document, order: Iterable[int], scores: np.ndarray) -> Prediction:
        """The summary of the first sentences in `order` that are within the limits; see `decode`."""
        spans, limit, taken, words = self._spans(example), self._config, [], 0
        for number in order:
            size = len(example.text[slice(*spans[number])].split())
            if not limit.words or words + size <= limit.words:
                taken.append(int(number))
                words += size
            if limit.sentences and len(taken) == limit.sentences:
                break
        found = [
            {
                "text": example.text[slice(*spans[number])],
                "start": spans[number][0],
                "end": spans[number][1],
                "score": float(scores[number]),
            }
            for number in sorted(taken)
        ]
        return {"summary": " ".join(_flat(found)), "sentences": found}

    def score(
        self, examples: Sequence[Document], predictions: Sequence[Prediction]
    ) -> dict[str, float]:
        """Mean ROUGE-1, -2, -L and -Lsum, F1 in percent, of the documents with a summary."""
        found = [
            self._rouge.score(
                self._lines(example.summary), "\n".join(_flat(prediction["sentences"]))
            )
            for example, prediction in zip(examples, predictions, strict=True)
            if example.summary is not None
        ]
        names = found[0] if found else ()
        return {name: 100 * float(np.mean([one[name] for one in found])) for name in names}

    def write(
        self,
        folder: epath.Path,
        split: str,
        examples: Sequence[Document],
        predictions: Sequence[Prediction],
    ):
        """SPLIT/summaries.jsonl, a document a line."""
        lines = [json.dumps(prediction, ensure_ascii=False) + "\n" for prediction in predictions]
        path = folder / split / "summaries.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines))

    @functools.cached_property
    def _rouge(self) -> Rouge:
        return Rouge(self._config.language)

    def _spans(self, example: Document) -> list[tuple[int, int]]:
        return sentences.spans(example.text, self._config.language)

    def _lines(self, text: str) -> str:
        """A sentence a line."""
        lines = [sentences.split(line, self._config.language) for line in text.splitlines()]
        return "\n".join(itertools.chain(*lines))

    def _windows(self, texts: Sequence[str]) -> Iterator[Window]:
        vocabulary, room = self._vocabulary, self._config.length - 2
        pieces = [ids[:room] or [vocabulary.unk_id] for ids in vocabulary.encode_batch(texts)]
        lengths = [len(ids) for ids in pieces]
        for first, begin, end in windows(lengths, room):
            own = itertools.chain(*pieces[first:end])
            tokens = np.array([vocabulary.cls_id, *own, vocabulary.sep_id], np.int32)
            places = 1 + np.cumsum([0, *lengths[first : end - 1]])
            yield Window(tokens, range(begin, end), places[begin - first :])


def windows(lengths: Sequence[int], room: int) -> Iterator[tuple[int, int, int]]:
    """Cuts sentences into windows: (first in it, first that is new, end).

    Args:
      lengths: of the sentences, each at most `room`.
      room: of a window.
    """
    begin, bounds = 0, np.concatenate([[0], np.cumsum(lengths)])
    while begin < len(lengths):
        spare = min(room // CONTEXT, room - lengths[begin])
        first = int(np.searchsorted(bounds, bounds[begin] - spare))
        end = int(np.searchsorted(bounds, bounds[first] + room, side="right")) - 1
        first = int(np.searchsorted(bounds, bounds[end] - room))  # what is left over in front
        yield first, begin, end
        begin = end


def _part(tokens: np.ndarray) -> Part:
    return Part(tokens, np.zeros_like(tokens))


def _label(window: Window, wanted: Sequence[int]) -> np.ndarray:
    """1 at the sentences to take, 0 at those to leave, -1 where nothing is asked."""
    label = np.full(len(window.tokens), -1, np.int32)
    label[window.places] = np.isin(window.asked, wanted)
    return label


def _flat(sentences: Sequence[Prediction]) -> list[str]:
    """Their texts, each on one line."""
    return [" ".join(sentence["text"].split()) for sentence in sentences]
