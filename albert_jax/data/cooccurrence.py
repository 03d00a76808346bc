"""Embeddings of pieces without training: which of them stand near which, counted and factorised.

A small model sees a rare piece so seldom that its embedding stays next to random for tens of millions of
tokens; a singular value decomposition of the counts gives it a place at once
(experiments/results/record_before.md).
Smoothing and the root of the singular values are those of Levy et al. (2015, "Improving Distributional
Similarity with Lessons Learned from Word Embeddings").
"""

from collections.abc import Iterator

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds
from tqdm import tqdm

from albert_jax.data.documents import Documents, read
from albert_jax.errors import UserError

WINDOW = 15  # pieces to either side; the d-th neighbour counts 1 - (d - 1) / WINDOW
SMOOTHING = 0.75  # the power of a context's frequency
MOST = 100_000_000  # tokens that are counted, of documents drawn at random
_BLOCK = 8_000_000  # tokens counted at a time
_TOGETHER = 1000  # documents read at a time


def embeddings(documents: Documents, vocab_size: int, size: int, seed: int) -> np.ndarray:
    """float32 [V, E], each row of length 1, or 0 where the text does not have the piece.

    Args:
      vocab_size: V.
      size: E.
      seed: of the draw of documents, where there is more text than is counted.

    Raises:
      UserError: E is not less than V.
    """
    if size >= vocab_size:
        raise UserError(
            f"training.embeddings=counted: model.embedding_size is {size}; it must be below "
            f"model.vocab_size, {vocab_size}"
        )
    information = shared_information(counts(documents, vocab_size, seed))
    start = np.ones(vocab_size)  # of the iteration; fixed, so that the result is
    left, values, _ = svds(information, size, v0=start)
    vectors = left * np.sqrt(values)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    known = lengths > 1e-6 * lengths.max()
    return np.where(known, vectors / np.where(known, lengths, 1), 0).astype(np.float32)


def counts(documents: Documents, vocab_size: int, seed: int) -> sparse.csr_array:
    """How often each piece has each other near it, weighted by nearness: float32 [V, V], symmetric."""
    total = sparse.csr_array((vocab_size, vocab_size), dtype=np.float32)
    for text in _stretches(documents, seed):
        total += _neighbours(text, vocab_size)
    return total + total.T


def shared_information(counts: sparse.csr_array) -> sparse.csr_array:
    """Positive pointwise mutual information of pieces and contexts, the latter's frequency smoothed."""
    found = counts.tocoo()
    often = counts.sum(axis=1)  # [V]
    context = often**SMOOTHING / (often**SMOOTHING).sum()
    row, column = found.coords
    values = np.log(found.data / (often[row] * context[column]))
    positive = values > 0
    kept = (values[positive], (row[positive], column[positive]))
    return sparse.csr_array(kept, shape=counts.shape, dtype=np.float32)


def _stretches(documents: Documents, seed: int) -> Iterator[np.ndarray]:
    """Documents in random order, end to end, each with a gap behind it; int32 [about _BLOCK]."""
    order = np.random.default_rng(seed).permutation(len(documents))
    gap = np.full(WINDOW, -1, np.int32)  # no neighbours across documents
    block: list[np.ndarray] = []
    waiting = taken = 0
    with tqdm(desc="counting neighbours", total=len(order), unit="document", disable=None) as bar:
        while len(order) and taken < MOST:
            for found in read(documents, order[:_TOGETHER].tolist()):
                block += [found.tokens, gap]
                waiting, taken = waiting + len(found.tokens), taken + len(found.tokens)
            bar.update(len(order[:_TOGETHER]))
            order = order[_TOGETHER:]
            if waiting >= _BLOCK or not len(order) or taken >= MOST:
                yield np.concatenate(block)
                block, waiting = [], 0


def _neighbours(tokens: np.ndarray, vocab_size: int) -> sparse.csr_array:
    """The counts of what stands behind a piece, of one stretch of text; -1 is no piece."""
    total = sparse.csr_array((vocab_size, vocab_size), dtype=np.float32)
    for distance in range(1, WINDOW + 1):
        first, second = tokens[:-distance], tokens[distance:]
        both = (first >= 0) & (second >= 0)
        weight = np.full(both.sum(), 1 - (distance - 1) / WINDOW, np.float32)
        total += sparse.csr_array((weight, (first[both], second[both])), shape=total.shape)
    return total
