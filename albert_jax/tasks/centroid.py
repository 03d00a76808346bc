"""Summaries without training: the sentences that are nearest to the mean of all of them.

Rossiello et al. 2017 ("Centroid-based text summarization through compositionality of word
embeddings") do it with vectors of words; here sentences have the model's mean-pooled vectors. What
has been said counts against a sentence (maximal marginal relevance, Carbonell and Goldstein 1998).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from albert_jax.tasks.classification import sequence
from albert_jax.tasks.item import Item
from albert_jax.tasks.summary import Document, Summary
from albert_jax.tasks.task import Head, Prediction

RELEVANCE = 0.7  # the weight of nearness to the mean; the rest is that of not saying it twice


class Centroid(Summary):
    """Summaries by any pretrained model; `tasks.task.Task` says what the methods do."""

    head = Head("embedding")

    def items(self, example: Document) -> list[Item]:
        """An item a sentence; a longer one is read up to `length`."""
        pieces = self._vocabulary.encode_batch(self.texts(example))
        return [Item((sequence(self._vocabulary, [ids], self._config.length),)) for ids in pieces]

    def decode(self, example: Document, outputs: Sequence[np.ndarray]) -> Prediction:
        """As `Summary.decode`; a score is the cosine of sentence and mean."""
        if not outputs:
            return self.extract(example, [], np.zeros(0))
        vectors = np.concatenate(outputs)  # [S, D]
        relevance = vectors @ _unit(vectors.mean(axis=0))
        return self.extract(example, by_marginal_relevance(relevance, vectors), relevance)


def by_marginal_relevance(relevance: np.ndarray, vectors: np.ndarray) -> Iterator[int]:
    """All sentences, the next always the one most relevant and least like those before it.

    Args:
      relevance: [S], of each.
      vectors: [S, D], of length one.
    """
    left, said = relevance.astype(np.float64), np.zeros(len(vectors))
    for _ in vectors:
        best = int(np.argmax(RELEVANCE * left - (1 - RELEVANCE) * said))
        yield best
        left[best] = -np.inf
        said = np.maximum(said, vectors @ vectors[best])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
