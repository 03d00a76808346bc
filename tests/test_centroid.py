"""Summaries without training, from vectors made by hand."""

import numpy as np
import pytest

from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.tasks.centroid import Centroid, by_marginal_relevance
from albert_jax.tasks.summary import Document, SummaryConfig
from tests.models import sentencepiece_model

TEXT = "The cat sat. The cat sat down. It rained. Dogs bark."


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary(sentencepiece_model(), Normalisation())


def task(vocabulary, **changes):
    return Centroid(SummaryConfig(name="centroid", **changes), vocabulary)


def unit(*rows):
    rows = np.array(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_a_sentence_is_an_item(vocabulary):
    items = task(vocabulary, length=16).items(Document(TEXT, "ignored"))
    assert len(items) == 4 and all(item.label is None for item in items)
    (part,) = items[2].parts
    wanted = [vocabulary.cls_id, *vocabulary.encode("It rained."), vocabulary.sep_id]
    assert part.tokens.tolist() == wanted
    long = task(vocabulary, length=16).items(Document("the cat " * 50))
    assert [len(item.parts[0].tokens) for item in long] == [16]


def test_near_to_the_mean_and_not_said_before(vocabulary):
    vectors = unit([1, 0.01, 0, 0], [1, 0, 0, 0], [0.2, 1, 0.3, 0], [0, 0.2, 1, 0.6])
    outputs = [vector[None] for vector in vectors]
    found = task(vocabulary, sentences=2).decode(Document(TEXT), outputs)
    assert found["summary"] == "The cat sat. It rained."
    mean = vectors.mean(axis=0)
    nearness = vectors @ mean / np.linalg.norm(mean)
    assert nearness.argsort()[-2:].tolist() == [1, 0]  # by nearness alone
    scores = [sentence["score"] for sentence in found["sentences"]]
    assert scores == pytest.approx(nearness[[0, 2]].tolist())


def test_every_sentence_once_and_the_most_relevant_first():
    rng = np.random.default_rng(0)
    vectors = unit(*rng.normal(size=(30, 4)))
    relevance = vectors @ vectors[3]
    order = list(by_marginal_relevance(relevance, vectors))
    assert order[0] == 3 and sorted(order) == list(range(30))
    for step in range(1, 30):
        said, left = order[:step], set(range(30)) - set(order[:step])
        best = max(
            left, key=lambda i: 0.7 * relevance[i] - 0.3 * max(0, *(vectors[said] @ vectors[i]))
        )
        assert order[step] == best


def test_blank_documents_have_blank_summaries(vocabulary):
    blank = Document(" \n ")
    assert task(vocabulary).items(blank) == []
    assert task(vocabulary).decode(blank, []) == {"summary": "", "sentences": []}
