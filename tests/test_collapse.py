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


def test_a_loss_that_is_small_from_the_start_need_not_fall():
    tuned = np.full(300, 0.001)
    assert flat(tuned) is None
    assert flat(np.linspace(0.001, 0.69, 300)) is not None  # it has forgotten what it knew
