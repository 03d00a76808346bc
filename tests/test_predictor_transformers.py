"""Answers against the pipelines of transformers, from the same exported folder: `make test-peers`."""

import dataclasses
import re

import numpy as np
import pytest

import albert_jax
from tests.models import random_model

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

TEXTS = ["the cat sat on the mat", "who saw the cat?", "Walking", "a dog was on the mat " * 2]


def exported(folder, head, labels, **settings):
    """A predictor from an exported model with random parameters."""
    model = random_model(head=head, classes=len(labels), max_positions=64)
    albert_jax.save(dataclasses.replace(model, labels=labels), folder, "huggingface")
    return albert_jax.predictor(albert_jax.load(folder), settings=settings)


def test_classes_of_texts(tmp_path):
    predict = exported(tmp_path / "M", "sequence", ("bad", "so so", "good"))
    theirs = transformers.pipeline("text-classification", str(tmp_path / "M"), top_k=None)
    for found, expected in zip(predict(TEXTS), theirs(TEXTS), strict=True):
        scores = {one["label"]: one["score"] for one in expected}
        ours = found["probabilities"]
        np.testing.assert_allclose([*ours.values()], [scores[k] for k in ours], atol=1e-5)


def test_tags_of_words(tmp_path):
    predict = exported(tmp_path / "M", "token", ("O", "B-X", "B-Y"), overlap=8)
    theirs = transformers.pipeline("token-classification", str(tmp_path / "M"), ignore_labels=[])
    for text, found, expected in zip(TEXTS, predict(TEXTS), theirs(TEXTS), strict=True):
        tags = {one["start"]: one["entity"] for one in expected}
        starts = [match.start() for match in re.finditer(r" ?\w+|[^\w\s]", text)]  # as theirs are
        assert found["tags"] == [tags[start] for start in starts]
