"""Answers from Python."""

import dataclasses

import jax
import numpy as np
import pytest

import albert_jax
from albert_jax.errors import UserError
from tests.models import random_model

TEXTS = ["the cat sat.", "", "a dog was walking on the mat. " * 9, "\N{SNOWMAN} \ud83d\x00", "who?"]


def classifier(classes=2, **changes):
    model = random_model(head="sequence", classes=classes)
    return dataclasses.replace(model, **changes)


def values(prediction):
    return list(prediction["probabilities"].values())


def test_answers_do_not_depend_on_company_or_devices():
    model = classifier(labels=("bad", "good"))
    predict = albert_jax.predictor(model)
    together = predict(TEXTS)
    assert all(p["label"] == max(p["probabilities"], key=p["probabilities"].get) for p in together)
    assert all(list(p["probabilities"]) == ["bad", "good"] for p in together)
    assert len({round(values(p)[0], 6) for p in together}) == len(TEXTS)
    many = albert_jax.predictor(model, devices=jax.devices())(TEXTS)
    for text, one, other in zip(TEXTS, together, many, strict=True):
        (alone,) = predict([text])
        np.testing.assert_allclose(values(alone), values(one), rtol=1e-4)
        np.testing.assert_allclose(values(other), values(one), rtol=1e-4)


def test_a_text_is_read_up_to_the_positions_of_the_model():
    predict = albert_jax.predictor(classifier())
    (one,), (other,) = (predict(["the cat " * 30 + word]) for word in ("sat", "walking"))
    assert one == other


@pytest.mark.parametrize(
    ("name", "head", "classes"),
    [("text", "sequence", 2), ("sst2", "sequence", 2), ("choice", "choice", 1)],
)
def test_a_text_is_read_as_far_as_a_model_takes_that_does_not_say(name, head, classes):
    """Tasks cut at 128 or 256 pieces by default, which a model from elsewhere knows nothing of."""
    model = random_model(head=head, classes=classes, max_positions=300)
    tuned = dataclasses.replace(model, task={"name": "text", "length": 64})
    for one, settings, length in [(model, {}, 300), (model, {"length": 40}, 40), (tuned, {}, 64)]:
        task = albert_jax.predictor(one, name, settings=settings).task
        assert task._length == length


@pytest.mark.parametrize(
    ("task", "head", "classes"),
    [("squad2", "span", 2), ("choice", "choice", 1), ("tagging", "token", 3)],
)
def test_a_short_model_needs_no_settings(task, head, classes):
    model = random_model(head=head, classes=classes)
    model = dataclasses.replace(model, labels=("O", "B-CAT", "I-CAT")[:classes])
    assert albert_jax.predictor(model, task).name == task
    with pytest.raises(UserError, match=r"^task.length is '3'; it must be of type int"):
        albert_jax.predictor(model, task, settings={"length": "3"})


def test_texts_tuples_and_records():
    predict = albert_jax.predictor(classifier(), "mrpc")
    assert predict.task.columns == ("#1 String", "#2 String")
    one, other = predict([("a cat", "the cat"), {"#1 String": "a cat", "#2 String": "the cat"}])
    np.testing.assert_allclose(values(one), values(other), rtol=1e-5)
    assert predict([]) == []
    with pytest.raises(
        UserError, match=r"^input 1: 1 texts, the task reads 2: #1 String, #2 String"
    ):
        predict([("a", "b"), "c"])
    with pytest.raises(UserError, match=r"^input 0: no text under '#2 String'; found '#1 String'"):
        predict([{"#1 String": "a"}])
    with pytest.raises(UserError, match=r"^the inputs are one text; give a list of texts"):
        predict("a cat")
    with pytest.raises(UserError, match=r"^the inputs are one record; give a list of records"):
        predict({"#1 String": "a", "#2 String": "b"})
    for value in (None, float("nan"), 3):
        with pytest.raises(UserError, match=rf"^input 0 is {value}; it must be a text, a tuple of"):
            predict([value])


def test_the_task_is_what_the_model_was_tuned_for():
    task = {"name": "text", "text": "review", "length": 16, "labels": ["bad", "good"]}
    predict = albert_jax.predictor(classifier(task=task, labels=("bad", "good")))
    assert predict.task.columns == ("review",)
    changed = albert_jax.predictor(predict.model, settings={"text": "comment"})
    assert changed.task.columns == ("comment",)
    assert albert_jax.predictor(predict.model, "sst2", labels=("0", "1")).task.columns == (
        "sentence",
    )
    with pytest.raises(UserError, match=r"^task.txt is not a setting"):
        albert_jax.predictor(predict.model, settings={"txt": "comment"})


def test_the_usual_task_of_a_head():
    assert list(albert_jax.predictor(classifier(1))(["a cat"])[0]) == ["score"]
    tagger = random_model(head="token", classes=3)
    tagger = dataclasses.replace(tagger, labels=("O", "B-CAT", "I-CAT"))
    overlap = {"overlap": 8}
    predict = albert_jax.predictor(tagger, "tagging", settings=overlap)
    (found,) = predict(["Who saw the U.S. cat?"])
    assert found["tokens"][0] == "Who" and set(found["tags"]) <= set(tagger.labels)


def test_classes_are_put_in_the_order_of_the_task():
    model = classifier(3, labels=("entailment", "neutral", "contradiction"))
    (plain,) = albert_jax.predictor(model, "text")(["a cat"])
    predict = albert_jax.predictor(model, "ax")
    (found,) = predict([("a cat", "a dog")])
    assert list(found["probabilities"]) == ["contradiction", "entailment", "neutral"]
    said = albert_jax.predictor(classifier(3), "ax", labels=model.labels)
    assert said([("a cat", "a dog")]) == [found]
    assert set(plain["probabilities"]) == set(found["probabilities"])


@pytest.mark.parametrize(
    ("model", "task", "message"),
    [
        (
            random_model(),
            None,
            "the model has a head of pretraining (pretraining) and none of a task",
        ),
        (
            random_model(),
            "sst2",
            "sst2 needs a head of the kind sequence, the model's is pretraining",
        ),
        (
            random_model(),
            "text",
            "text needs a head of the kind classes, the model's is pretraining",
        ),
        (classifier(), "squad1", "squad1 needs a head of the kind span, the model's is sequence"),
        (classifier(), "stsb", "stsb needs 1 outputs, the model has 2"),
        (classifier(3), "sst2", "sst2 needs 2 outputs, the model has 3"),
        (classifier(), "sst3", "task 'sst3' is unknown"),
    ],
)
def test_what_does_not_go_together_is_said(model, task, message):
    settings = {"question_length": 8} if task == "squad1" else {}
    with pytest.raises(UserError) as error:
        albert_jax.predictor(model, task, settings=settings)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("task", "head", "classes"), [("mrpc", "sequence", 2), ("squad1", "span", 2)]
)
def test_a_model_of_one_token_type_reads_no_pairs(task, head, classes):
    """The second text's type has no row in its table, which made every answer no number."""
    model = random_model(head=head, classes=classes, num_types=1)
    with pytest.raises(UserError, match=rf"^{task} reads two texts, and the model has one token t"):
        albert_jax.predictor(model, task)


def test_compiling_leaves_nothing_to_compile():
    predict = albert_jax.predictor(
        random_model(head="sequence", classes=2, max_positions=128)
    ).compile()
    forward = predict._forward
    assert forward._cache_size() == 3  # rows of 32, 64 and 128
    predict(["the cat", "the cat " * 60])
    predict(["a dog was walking on the mat"])
    assert forward._cache_size() == 3
