"""Texts and pairs as the model reads them, and what it says of them."""

import numpy as np
import pytest

from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.tasks.classification import Classification, Example, cut
from tests.models import sentencepiece_model


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary(sentencepiece_model(), Normalisation())


def reference_cut(first, second, room):
    """google-research/albert, classifier_utils.py: one piece at a time, from the longer, B on a tie."""
    first, second = list(first), list(second)
    while len(first) + len(second) > room:
        (first if len(first) > len(second) else second).pop()
    return [first, second]


def test_pairs_are_cut_as_in_the_reference():
    for first in range(0, 14):
        for second in range(0, 14):
            for room in range(5, 16):
                texts = [list(range(first)), list(range(100, 100 + second))]
                assert cut(texts, room) == reference_cut(*texts, room), (first, second, room)
    assert cut([[1, 2, 3]], 2) == [[1, 2]]


def test_one_text_and_a_pair(vocabulary):
    task = Classification(vocabulary, 64, ("a", "b"), ("0", "1"))
    (item,) = task.items(Example(("the cat", "a dog"), 1))
    first, second = (vocabulary.encode(text) for text in ("the cat", "a dog"))
    cls, sep = vocabulary.cls_id, vocabulary.sep_id
    assert item.parts[0].tokens.tolist() == [cls, *first, sep, *second, sep]
    types = [0] * (len(first) + 2) + [1] * (len(second) + 1)
    assert item.parts[0].token_types.tolist() == types
    assert item.label == 1
    (item,) = task.items(Example(("the cat",)))
    assert item.parts[0].tokens.tolist() == [cls, *first, sep]
    assert item.label is None


def test_no_text_is_longer_than_asked(vocabulary):
    task = Classification(vocabulary, 11, ("a", "b"), ("0", "1"))
    for texts in (("the cat " * 9,), ("the cat " * 9, "a dog " * 9), ("", "who " * 20), ("", "")):
        (item,) = task.items(Example(texts))
        tokens = item.parts[0].tokens
        assert len(tokens) <= 11 and tokens.dtype == np.int32
        assert (tokens == vocabulary.sep_id).sum() == len(texts)
        assert tokens[-1] == vocabulary.sep_id


def test_classes_come_with_probabilities(vocabulary):
    task = Classification(vocabulary, 16, ("a",), ("no", "yes"))
    prediction = task.decode(Example(("a",)), [np.array([0.0, np.log(3)], np.float32)])
    assert prediction["label"] == "yes"
    np.testing.assert_allclose(prediction["probabilities"]["yes"], 0.75, rtol=1e-6)
    assert list(prediction["probabilities"]) == ["no", "yes"]


def test_scores_are_as_they_are(vocabulary):
    task = Classification(vocabulary, 16, ("a",), ())
    assert task.decode(Example(("a",)), [np.array([2.5], np.float32)]) == {"score": 2.5}


def test_only_labelled_examples_are_scored(vocabulary):
    task = Classification(vocabulary, 16, ("a",), ("no", "yes"))
    examples = [Example(("a",), 1), Example(("b",)), Example(("c",), 0)]
    predictions = [{"label": label} for label in ("yes", "yes", "yes")]
    gold, said = task.answers(examples, predictions)
    assert (gold.tolist(), said.tolist()) == ([1, 0], [1, 1])
