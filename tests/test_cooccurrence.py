"""Neighbours are counted as by hand, and pieces that stand in the same places get the same embedding."""

import numpy as np
import pytest

from albert_jax.data import cooccurrence
from albert_jax.data.documents import Document
from albert_jax.errors import UserError


def document(*tokens: int) -> Document:
    return Document(np.array(tokens, np.int32), np.array([len(tokens)], np.int32))


def by_hand(documents: list[Document], size: int) -> np.ndarray:
    """A pair at a time."""
    counts = np.zeros((size, size))
    for tokens in (each.tokens for each in documents):
        for i, first in enumerate(tokens):
            for j, second in enumerate(tokens):
                if 0 < abs(i - j) <= cooccurrence.WINDOW:
                    counts[first, second] += 1 - (abs(i - j) - 1) / cooccurrence.WINDOW
    return counts


def random_documents(seed: int) -> list[Document]:
    rng = np.random.default_rng(seed)
    return [document(*rng.integers(0, 30, rng.integers(1, 60))) for _ in range(20)]


@pytest.mark.parametrize("block", [100, 10**6])
def test_neighbours_are_counted_as_by_hand(block, monkeypatch):
    monkeypatch.setattr(cooccurrence, "_BLOCK", block)
    monkeypatch.setattr(cooccurrence, "_TOGETHER", 3)
    documents = random_documents(0)
    counts = cooccurrence.counts(documents, 32, seed=0)
    np.testing.assert_allclose(counts.toarray(), by_hand(documents, 32), rtol=1e-5)


def test_only_so_much_text_is_counted_and_it_is_drawn(monkeypatch):
    monkeypatch.setattr(cooccurrence, "_BLOCK", 10)
    monkeypatch.setattr(cooccurrence, "_TOGETHER", 1)
    monkeypatch.setattr(cooccurrence, "MOST", 100)
    documents = [document(*[i] * 20) for i in range(30)]
    drawn = [set(cooccurrence.counts(documents, 30, seed).nonzero()[0]) for seed in (0, 0, 1)]
    assert all(len(found) == 5 for found in drawn)  # of 20 pieces each
    assert drawn[0] == drawn[1] != drawn[2]


def test_information_is_that_of_the_formula():
    counts = cooccurrence.counts(random_documents(1), 30, seed=0)
    dense = counts.toarray().astype(float)
    often = dense.sum(1)
    context = often**0.75 / (often**0.75).sum()
    with np.errstate(divide="ignore"):
        expected = np.maximum(np.log(dense / np.outer(often, context)), 0)
    found = cooccurrence.shared_information(counts).toarray()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_stands_in_the_same_places_is_alike():
    rng = np.random.default_rng(0)
    frames = [(10, 11, 12), (20, 21, 22)]  # 1 and 2 stand among the first, 3 among the second
    texts = []
    for _ in range(300):
        piece = int(rng.integers(1, 4))
        frame = frames[piece == 3]
        texts.append(document(*rng.permutation(frame), piece, *rng.permutation(frame)))
    found = cooccurrence.embeddings(texts, 25, 4, seed=0)
    alike = found @ found.T
    assert alike[1, 2] > 0.9 > 0.3 > alike[1, 3]
    np.testing.assert_array_equal(found[5], 0)  # does not occur
    np.testing.assert_allclose(np.linalg.norm(found[[1, 2, 3]], axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(found, cooccurrence.embeddings(texts, 25, 4, seed=0))


def test_an_embedding_as_large_as_the_vocabulary():
    with pytest.raises(UserError, match=r"embedding_size is 30.*below model.vocab_size, 30"):
        cooccurrence.embeddings(random_documents(0), 30, 30, seed=0)
