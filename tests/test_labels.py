"""A model's classes, matched by name with those of a task."""

import dataclasses

import numpy as np
import pytest

from albert_jax.commands.labels import named, ordered, size
from albert_jax.errors import UserError
from tests.models import random_model

NLI = ("contradiction", "entailment", "neutral")


def classifier(*labels, head="sequence", classes=3):
    return dataclasses.replace(random_model(head=head, classes=classes), labels=labels)


def test_mnli_of_transformers_in_the_order_of_the_original():
    model = classifier("ENTAILMENT", "NEUTRAL", "CONTRADICTION")
    found = ordered(model, "mnli", NLI)
    before, after = (m.params["classifier"]["classifier"] for m in (model, found))
    for ours, theirs in enumerate([2, 0, 1]):
        np.testing.assert_array_equal(after["kernel"][:, ours], before["kernel"][:, theirs])
        assert after["bias"][ours] == before["bias"][theirs]
    assert found.labels == NLI
    assert found.params["albert"] is model.params["albert"]


@pytest.mark.parametrize(
    ("labels", "order"),
    [
        (("LABEL_0", "LABEL_1"), [0, 1]),
        (("LABEL_1", "LABEL_0"), [1, 0]),
        (("NEGATIVE", "POSITIVE"), [0, 1]),
        (("acceptable", "unacceptable"), [1, 0]),
        (("not duplicate", "duplicate"), [0, 1]),
        (("entailment", "not-entailment"), [1, 0]),
    ],
)
def test_two_classes_by_any_of_their_names(labels, order):
    model = classifier(*labels, classes=2)
    bias = ordered(model, "sst2", ("0", "1")).params["classifier"]["classifier"]["bias"]
    np.testing.assert_array_equal(bias, model.params["classifier"]["classifier"]["bias"][order])


@pytest.mark.parametrize(
    "labels", [("LABEL_0", "LABEL_1", "LABEL_2"), ("yes", "no", "maybe"), ("a", "a", "b")]
)
def test_classes_that_are_not_clear_are_an_error(labels):
    with pytest.raises(UserError, match=r"those of mnli contradiction.*such as --labels=contra"):
        ordered(classifier(*labels), "mnli", NLI)
    with pytest.raises(UserError, match="the model's classes are good, bad"):
        ordered(classifier("good", "bad", classes=2), "sst2", ("0", "1"))


@pytest.mark.parametrize("said", [(), ("a", "b", "a")])
def test_two_classes_of_one_name_are_an_error(said):
    """Of two in an answer one would be lost."""
    with pytest.raises(UserError, match=r"^2 of the model's classes are called 'a'; give each"):
        named(classifier("a", "a", "b"), said)


def test_names_that_are_missing_or_said():
    assert named(classifier()).labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    assert named(classifier("a", "b", "c")).labels == ("a", "b", "c")
    assert named(classifier("a", "b", "c"), ("x", "y", "z")).labels == ("x", "y", "z")
    assert named(classifier("a", "b", "half \ud83d")).labels == ("a", "b", "half \ufffd")
    with pytest.raises(UserError, match=r"--labels names 2 classes, the model has 3"):
        named(classifier(), ("x", "y"))


def test_what_has_no_classes_gets_no_names():
    for model in (random_model(), classifier(head="span", classes=2)):
        assert named(model, ("x",)) is model
    assert size(classifier(classes=1)) == 1 and named(classifier("x", classes=1)).labels == ()
