"""Vectors that are near where texts are alike: trained on pairs, graded or not.

"similarity" has pairs with a score, as STS-B (data_dir=glue_data/STS-B): the order of the cosines is to be
that of the scores. "pairs" has texts that belong together, as questions and their answers: either side
is to find the other among those of all other pairs in the batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from etils import epath

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import source
from albert_jax.tasks.classification import (
    check_length,
    score_of,
    scores,
    sequence,
    write_table,
)
from albert_jax.tasks.item import Item
from albert_jax.tasks.source import Record
from albert_jax.tasks.splits import Splits, TableConfig
from albert_jax.tasks.task import Head, Prediction

TASKS = ("similarity", "pairs")
QUERIES = 1024  # compared with all candidates at a time
CORRELATIONS = ("spearman", "pearson")


@dataclass(frozen=True, kw_only=True)
class SimilarityConfig(TableConfig):
    """The section `task` for pairs of texts; its name is one of TASKS.

    Attributes:
      length: of a text, in pieces, special ones included; longer ones are cut.
      first, second: columns of the texts.
      score: that of the similarity, on any scale; "pairs" has none.
    """

    length: int = 128
    first: str = "sentence1"
    second: str = "sentence2"
    score: str = "score"

    def __post_init__(self):
        super().__post_init__()
        check_length(self.length)


class Pair(NamedTuple):
    """Two texts; their similarity, or the number of their group (`groups`), or None."""

    texts: tuple[str, str]
    label: float | int | None = None


class Similarity:
    """Pairs of texts; `tasks.task.Task` says what the methods do."""

    head = Head("embedding")

    def __init__(self, config: SimilarityConfig, vocabulary: Vocabulary | TokenizerJson):
        self._config, self._vocabulary, self._splits = config, vocabulary, Splits(config)
        self._is_graded = config.name == "similarity"
        self.metric = CORRELATIONS[0] if self._is_graded else "mrr"
        self.columns = (config.first, config.second)

    def examples(self, split: str) -> list[Pair]:
        """In the order of the file; those of test have scores if all of them do."""
        records, column = self._splits.records(split), self._config.score
        pairs = [self.example(*record) for record in records]
        labels: Sequence[float]
        if not self._is_graded:
            labels = groups([pair.texts for pair in pairs])
        elif self._splits.hides(split, column):
            return pairs
        else:
            labels = [_grade(record, column) for record in records]
        return [pair._replace(label=label) for pair, label in zip(pairs, labels, strict=True)]

    def example(self, record: Mapping[str, Any], place: str) -> Pair:
        """The texts of a record, under the names of their columns."""
        row = Record(dict(record), place)
        first, second = self.columns
        return Pair((source.text(row, first), source.text(row, second)))

    def items(self, example: Pair) -> list[Item]:
        ids = self._vocabulary.encode_batch(example.texts)
        parts = [sequence(self._vocabulary, [side], self._config.length) for side in ids]
        return [Item(tuple(parts), example.label)]

    def decode(self, example: Pair, outputs: Sequence[np.ndarray]) -> Prediction:
        """{"score"}, the cosine; with the vectors of both sides where ranks are to be scored."""
        (vectors,) = outputs  # [2, D]
        prediction = {"score": float(vectors[0] @ vectors[1])}
        is_ranked = isinstance(example.label, int)
        return prediction | ({"vectors": vectors} if is_ranked else {})

    def score(
        self, examples: Sequence[Pair], predictions: Sequence[Prediction]
    ) -> dict[str, float]:
        """Spearman's and Pearson's correlation times 100; of "pairs" `retrieval`."""
        if not self._is_graded:
            vectors = np.stack([prediction["vectors"] for prediction in predictions])
            return retrieval([pair.texts for pair in examples], vectors)
        found = [
            (pair.label, prediction["score"])
            for pair, prediction in zip(examples, predictions, strict=True)
            if pair.label is not None
        ]
        return scores(CORRELATIONS, *np.array(found).T) if found else {}

    def write(
        self,
        folder: epath.Path,
        split: str,
        examples: Sequence[Pair],
        predictions: Sequence[Prediction],
    ):
        """SPLIT.tsv: index and cosine."""
        write_table(folder / f"{split}.tsv", [f"{p['score']:.6f}" for p in predictions])


def groups(pairs: Sequence[tuple[str, str]]) -> list[int]:
    """A number for each pair; pairs that share a text, or share one with a third, have the same."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second, count = _numbered(pairs)
    links = coo_array((np.ones(len(first)), (first, second)), shape=(count, count))
    return connected_components(links, directed=False)[1][first].tolist()


def retrieval(pairs: Sequence[tuple[str, str]], vectors: np.ndarray) -> dict[str, float]:
    """How early each first text finds its second among all second texts, in percent.

    Args:
      pairs: the texts; other seconds of the same first do not stand in the way.
      vectors: of both sides, [P, 2, D].
    """
    first, second, _ = _numbered(pairs)
    _, kept, place = np.unique(second, return_index=True, return_inverse=True)
    own: dict[int, set[int]] = {}  # the seconds of each first
    for query, answer in zip(first, place, strict=True):
        own.setdefault(query, set()).add(answer)
    found = _ranks(vectors[:, 0], vectors[kept, 1], place, [own[query] for query in first])
    mrr, accuracy = np.mean(1 / found), np.mean(found == 1)
    return {"mrr": 100 * float(mrr), "accuracy_at_1": 100 * float(accuracy)}


def _ranks(
    queries: np.ndarray, candidates: np.ndarray, right: np.ndarray, own: Sequence[set[int]]
) -> np.ndarray:
    """The place of the right candidate, from 1, behind all others that are as near; `own` are left out."""
    ranks = []
    for start in range(0, len(queries), QUERIES):
        block = slice(start, start + QUERIES)
        cosines = queries[block] @ candidates.T
        wanted = np.take_along_axis(cosines, right[block, None], axis=1)
        for row, others in zip(cosines, own[block], strict=True):
            row[list(others)] = -np.inf
        ranks.append(1 + (cosines >= wanted).sum(axis=1))
    return np.concatenate(ranks)


def _grade(record: Record, column: str) -> float:
    if record.values.get(column) is None:
        found = ", ".join(map(repr, record.values))
        raise UserError(
            f"{record.place}: no score under {column!r}, found {found}; the task pairs needs none"
        )
    return score_of(record.values[column], record.place)


def _numbered(pairs: Sequence[tuple[str, str]]) -> tuple[np.ndarray, np.ndarray, int]:
    """The texts as numbers, equal ones alike: of the first sides, of the second, how many in all."""
    numbers: dict[str, int] = {}
    coded = [[numbers.setdefault(text, len(numbers)) for text in pair] for pair in pairs]
    first, second = np.array(coded, int).reshape(-1, 2).T
    return first, second, len(numbers)
