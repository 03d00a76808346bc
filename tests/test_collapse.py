"""What is said of a model that has learnt nothing, and that nothing is said of one that has."""

import numpy as np
import pytest

from albert_jax.tasks.collapse import flat, guessing, same_answer
from albert_jax.tasks.item import Item, Part


def labels(*names):
    return [{"label": name, "probabilities": {}} for name in names]


def test_one_class_for_all():
    assert same_answer(labels(*["1"] * 20)) == "the label 1"
    assert same_answer(labels(*["1"] * 19, "0")) is None
    assert same_answer(labels(*["1"] * 3)) is None  # too few to say


def test_one_score_for_all():
    assert same_answer([{"score": 2.5 + 1e-6 * i} for i in range(30)]) == "a score of 2.5"
    assert same_answer([{"score": 2.5 + 0.01 * i} for i in range(30)]) is None


def test_no_answer_to_any_question():
    silent, sure = said(""), said("the cat")
    assert same_answer([silent] * 30) == "no answer"
    assert same_answer([silent] * 29 + [sure]) is None


def test_a_reader_that_is_sure_has_not_collapsed():
    assert same_answer([said("the cat"), said("a dog")] * 15) is None
    assert same_answer([said("the cat")] * 30) is None


def said(answer):
    """A reader's prediction as `decode` makes it."""
    span = {"start": 0, "end": len(answer)}
    entry = {"text": answer, **span, "probability": 0.9999}
    found = {"answer": answer, **span, "score": 0.9999, "n_best": [entry], "null_odds": -9.2}
    return {"id": "q"} | found


def test_other_answers_are_not_judged():
    assert same_answer([{"summary": "the cat sat.", "sentences": []}] * 30) is None


def test_a_loss_that_has_not_fallen():
    noise = np.random.default_rng(0).normal(0, 0.05, 300)
    stuck, learning = 0.69 + noise, np.linspace(0.69, 0.3, 300) + noise
    assert flat(stuck).startswith("the training loss has not fallen: 0.6")
    assert flat(np.linspace(0.6, 0.9, 300)) is not None
    assert flat(learning) is None
    assert flat(stuck[:10]) is None  # too few to say


def test_a_loss_that_jumped_and_fell_to_that_of_guessing():
    """As four layers did on SST-2 at too high a rate."""
    jumped = np.concatenate([np.full(60, 0.75), np.full(240, 0.69)])
    assert flat(jumped) is None
    said = "the training loss has not fallen below guessing's 0.686: 0.690 in the end"
    assert flat(jumped, 0.686) == said
    assert flat(np.linspace(0.75, 0.6, 300), 0.686) is None
    assert flat(np.full(300, 0.69), 0.7).startswith("the training loss has not fallen: 0.690")


def test_guessing_knows_how_frequent_a_class_is():
    part = Part(np.zeros(3, np.int32), np.zeros(3, np.int32))
    found = [Item((part,), label) for label in (0, 1, 1, 1)]
    assert guessing(found) == pytest.approx(-0.25 * np.log(0.25) - 0.75 * np.log(0.75))
    others = {
        "options": Item((part, part), 1),
        "score": Item((part,), 0.5),
        "span": Item((part,), (1, 2)),
    }
    assert all(guessing([item] * 4) == np.inf for item in others.values())


def test_a_loss_that_is_small_from_the_start_need_not_fall():
    tuned = np.full(300, 0.001)
    assert flat(tuned) is None
    assert flat(np.linspace(0.001, 0.69, 300)) is not None  # it has forgotten what it knew
