"""Token tagging: named entities, or anything else that is a span of words with a type.

A word's tag is asked at its first piece. Sentences longer than the model are read in windows that
overlap; every word is asked once, in the window that shows more of what is around it. Tags are
learnt in B, I and O, whatever the file has, and scored by whole entities.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from etils import epath

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import conll, metrics, words
from albert_jax.tasks.classification import sequence
from albert_jax.tasks.conll import Sentence
from albert_jax.tasks.item import Item
from albert_jax.tasks.source import TFDS
from albert_jax.tasks.task import Head, Prediction, softmax

TYPES = {  # of entities, by task; "tagging" takes them from its training file
    "conll2003": ("LOC", "MISC", "ORG", "PER"),
    "wnut17": ("corporation", "creative-work", "group", "location", "person", "product"),
    "tagging": (),
}


@dataclass(frozen=True, kw_only=True)
class TaggingConfig:
    """The section `task` of token tagging.

    Attributes:
      name: one of TYPES.
      data_dir: holds a file for each split; tasks/conll.py says what they are called. Or tfds:NAME.
      length: of a window, in pieces, special ones included.
      overlap: pieces that neighbouring windows share, at most half of a window.
      labels: O, and B and I of each type, in order; empty: of TYPES, or of the training file's.
    """

    name: str
    data_dir: str = ""
    length: int = 128
    overlap: int = 32
    labels: tuple[str, ...] = ()

    def __post_init__(self):
        if self.length < 4:
            raise UserError(f"task.length is {self.length}; it must be at least 4")
        if not 0 <= self.overlap <= (self.length - 2) // 2:
            raise UserError(
                f"task.overlap is {self.overlap}; it must be from 0 to {(self.length - 2) // 2}, "
                "half of task.length less two"
            )
        if wrong := [label for label in self.labels if not conll.TAG.fullmatch(label)]:
            raise UserError(
                f"task.labels: {wrong[0]!r} is not O, nor B or I with a dash and a type"
            )


class Window(NamedTuple):
    """Words that are read together, from `start` to before `stop`; some of them are asked here."""

    start: int
    stop: int
    first: int
    last: int  # the one behind the last that is asked


class Tagging:
    """Tags of words; `tasks.task.Task` says what the methods do."""

    metric = "f1"
    columns = ("text",)

    def __init__(self, config: TaggingConfig, vocabulary: Vocabulary | TokenizerJson):
        self._config, self._vocabulary = config, vocabulary
        self.head = Head("token", config.labels or self._labels())
        self._numbers = {label: number for number, label in enumerate(self.head.labels)}

    def examples(self, split: str) -> list[Sentence]:
        """The sentences of the split's file; those of test may be without tags."""
        data_dir = self._config.data_dir
        if data_dir.startswith(TFDS):
            return conll.from_tfds(data_dir.removeprefix(TFDS), split)
        path = conll.find(data_dir, split)
        sentences = conll.read(path)
        if split != "test" and sentences[0].tags is None:
            raise UserError(f"{path}: words without tags; a line holds a word and its tag")
        return sentences

    def example(self, record: Mapping[str, Any], place: str) -> Sentence:
        """A record of "tokens", a list of words, or of "text", which is split into words here."""
        tokens, text = record.get("tokens"), record.get("text")
        if isinstance(tokens, list) and all(isinstance(word, str) for word in tokens):
            return conll.sentence(tokens)
        if isinstance(text, str):
            return Sentence(text, words.spans(text))
        found = ", ".join(map(repr, record))
        raise UserError(f'{place}: no text under "text", nor words under "tokens"; found {found}')

    def items(self, example: Sentence) -> list[Item]:
        """One for each window."""
        pieces, gold = self._pieces(example), None
        if example.tags is not None:
            gold = np.array([self._numbers.get(tag, -1) for tag in conll.bio(example.tags)], int)
        return [self._item(window, pieces, gold) for window in self._windows(pieces)]

    def decode(self, example: Sentence, outputs: Sequence[np.ndarray]) -> Prediction:
        """{"tokens", "tags", "entities": [{"type", "start", "end", "text", "score"}]}.

        `start` and `end` count characters of the raw text, `end` is the one behind the last;
        `score` is the mean probability of the words' tags. A word without a piece is O.
        """
        pieces = self._pieces(example)
        tags, scores = ["O"] * len(pieces), np.ones(len(pieces))
        for window, logits in zip(self._windows(pieces), outputs, strict=True):
            asked, positions = _asked(window, pieces)
            shares = softmax(logits[positions].astype(np.float64))
            scores[asked] = shares.max(axis=-1, initial=0.0)
            for word, number in zip(asked, shares.argmax(axis=-1), strict=True):
                tags[word] = self.head.labels[number]
        found = [_entity(example, entity, scores) for entity in metrics.entities(tags)]
        return {"tokens": example.words, "tags": conll.bio(tags), "entities": found}

    def score(
        self, examples: Sequence[Sentence], predictions: Sequence[Prediction]
    ) -> dict[str, float]:
        """Precision, recall and F1 of entities and accuracy of words, in percent."""
        pairs = [
            (conll.bio(example.tags), prediction["tags"])
            for example, prediction in zip(examples, predictions, strict=True)
            if example.tags is not None
        ]
        gold, said = ([pair[side] for pair in pairs] for side in range(2))
        found = metrics.entity_scores(gold, said)._asdict()
        found["accuracy"] = metrics.accuracy(
            *(list(itertools.chain.from_iterable(tags)) for tags in (gold, said))
        )
        return {name: 100 * value for name, value in found.items()}

    def write(
        self,
        folder: epath.Path,
        split: str,
        examples: Sequence[Sentence],
        predictions: Sequence[Prediction],
    ):
        """SPLIT.conll: word, tag if known, predicted tag, as conlleval reads them."""
        folder.mkdir(parents=True, exist_ok=True)
        conll.write(folder / f"{split}.conll", examples, [p["tags"] for p in predictions])

    def _labels(self) -> tuple[str, ...]:
        types = TYPES[self._config.name]
        if not types:
            tags = (sentence.tags or () for sentence in self.examples("train"))
            types = tuple(sorted({e.kind for one in tags for e in metrics.entities(one)}))
        return ("O", *(f"{mark}-{kind}" for kind in types for mark in "BI"))

    def _pieces(self, example: Sentence) -> list[list[int]]:
        """The pieces of each word; of one that fills a window the first."""
        room = self._config.length - 2
        return [ids[:room] for ids in self._vocabulary.encode_batch(example.words)]

    def _windows(self, pieces: Sequence[Sequence[int]]) -> list[Window]:
        return windows([len(ids) for ids in pieces], self._config.length - 2, self._config.overlap)

    def _item(
        self, window: Window, pieces: Sequence[Sequence[int]], gold: np.ndarray | None
    ) -> Item:
        ids = [number for word in pieces[window.start : window.stop] for number in word]
        part, label = sequence(self._vocabulary, [ids], self._config.length), None
        if gold is not None:
            label = np.full(len(part.tokens), -1, np.int32)
            asked, positions = _asked(window, pieces)
            label[positions] = gold[asked]
        return Item((part,), label)


def windows(sizes: Sequence[int], room: int, overlap: int) -> list[Window]:
    """Windows of at most `room` pieces over words of these sizes, each at most `room`.

    Neighbours share about `overlap` pieces, whole words. The first half of the words they share is
    asked in the former, so that every word is asked in one window. Without words it is one, empty.
    """
    before = np.concatenate([[0], np.cumsum(sizes, dtype=int)])  # pieces before each word, and all
    bounds, start = [], 0
    while True:
        stop = int(np.searchsorted(before, before[start] + room, side="right")) - 1
        bounds.append((start, stop))
        if stop == len(sizes):
            break
        shared = min(overlap, room - sizes[stop])  # the next word must fit, too
        start = max(start + 1, int(np.searchsorted(before, before[stop] - shared)))
    cuts = [(later[0] + own[1] + 1) // 2 for own, later in itertools.pairwise(bounds)]
    limits = zip([0, *cuts], [*cuts, len(sizes)], strict=True)
    return [Window(*bound, *limit) for bound, limit in zip(bounds, limits, strict=True)]


def _asked(window: Window, pieces: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """The words that are asked in a window, and where in it their first pieces are."""
    sizes = np.array([len(ids) for ids in pieces[window.start : window.stop]], int)
    order, positions = np.arange(window.start, window.stop), 1 + np.cumsum(sizes) - sizes
    asked = (sizes > 0) & (order >= window.first) & (order < window.last)
    return order[asked], positions[asked]


def _entity(example: Sentence, entity: metrics.Entity, scores: np.ndarray) -> dict[str, Any]:
    start, end = example.spans[entity.start][0], example.spans[entity.stop - 1][1]
    return {
        "type": entity.kind,
        "start": start,
        "end": end,
        "text": example.text[start:end],
        "score": float(scores[entity.start : entity.stop].mean()),
    }
