"""What is said of a model that has learnt nothing, and that nothing is said of one that has."""

import numpy as np

from albert_jax.tasks.collapse import flat, same_answer


def labels(*names):
    return [{"label": name, "probabilities": {}} for name in names]


def test_one_class_for_all():
    assert same_answer(labels(*["1"] * 20)) == "the label 1"
    assert same_answer(labels(*["1"] * 19, "0")) is None
    assert same_answer(labels(*["1"] * 3)) is None  # too few to say


def test_one_score_for_all():
    assert same_answer([{"score": 2.5 + 1e-6 * i} for i in range(30)]) == "a score of 2.5"
    assert same_answer([{"score": 2.5 + 0.01 * i} for i in range(30)]) is None


def test_other_answers_are_not_judged():
    assert same_answer([{"answer": ""}] * 30) is None


def test_a_loss_that_has_not_fallen():
    noise = np.random.default_rng(0).normal(0, 0.05, 300)
    stuck, learning = 0.69 + noise, np.linspace(0.69, 0.3, 300) + noise
    assert flat(stuck).startswith("the training loss has not fallen: 0.6")
    assert flat(np.linspace(0.6, 0.9, 300)) is not None
    assert flat(learning) is None
    assert flat(stuck[:10]) is None  # too few to say
