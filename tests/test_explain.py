"""Explanations of small models, as pages."""

import dataclasses

import jax
import numpy as np
import pytest

import albert_jax
from albert_jax.commands.explain import explain, nearest, vectors_of, words
from albert_jax.errors import UserError
from albert_jax.model.albert import Albert
from albert_jax.model.tasks import AlbertForTask
from albert_jax.tasks.item import Item, Part
from tests.commands import call
from tests.models import random_model

TEXT = "The cat sat on the mat."
TRAIN = ["the dog", "the cat sat on the mat", "who saw the u.s. cat?", "a big one", "was walking"]


def classifier():
    model = random_model(head="sequence", classes=2)
    return dataclasses.replace(model, labels=("bad", "good"))


def reader(head="span"):
    model = random_model(head=head, classes=2, max_positions=64)
    module, batch = AlbertForTask(model.config, head, 2), model.encode([TEXT])
    shapes = jax.eval_shape(module.init, jax.random.key(0), batch)["params"]["classifier"]
    rng = np.random.default_rng(0)
    classifier = jax.tree.map(lambda x: rng.normal(0, 2, x.shape).astype(np.float32), shapes)
    return dataclasses.replace(model, params=model.params | {"classifier": classifier})


SQUAD = {"question_length": 8, "length": 40, "stride": 8}


def test_attributions_of_a_classifier_add_up_and_name_the_model_s_answer():
    predict = albert_jax.predictor(classifier())
    (said,) = predict([TEXT])
    found = explain(predict, TEXT, "M")
    best, other = sorted(said["probabilities"], key=lambda name: -said["probabilities"][name])
    assert (found.answer, found.what) == (best, f"{best} rather than {other}, in logits")
    assert found.shares == sorted(said["probabilities"].items(), key=lambda pair: -pair[1])
    odds = np.log(said["probabilities"][best] / said["probabilities"][other])
    assert found.attribution.score == pytest.approx(odds, abs=1e-4)
    assert found.attribution.error <= 0.01
    assert len(found.attribution.tokens) == len(found.pieces) == found.maps.shape[-1]
    assert (found.attribution.tokens != 0).sum() == len(found.pieces) - 2  # not [CLS] and [SEP]


def test_words_are_spelled_as_the_model_reads_them():
    predict = albert_jax.predictor(classifier(), "mrpc", labels=("0", "1"))
    example = predict.task.example(predict.record(("The cat, sat", "a dog."), ""), "")
    (item,) = predict.task.items(example)
    found = words(predict, item.parts[0])
    texts = [
        "".join(" " * word.space + word.text for word in found if word.segment == segment)
        for segment in (0, 1)
    ]
    vocabulary = predict.model.vocabulary
    assert texts == [
        " " + vocabulary.decode(vocabulary.encode(t)) for t in ("the cat, sat", "a dog.")
    ]
    assert [word.text for word in found if word.segment == -1] == ["[CLS]", "[SEP]", "[SEP]"]
    assert [n for word in found for n in word.pieces] == list(range(len(item.parts[0].tokens)))


@pytest.mark.parametrize("length", [30, 2])
@pytest.mark.parametrize("head", ["span", "beam"])
@pytest.mark.parametrize("task", ["squad1", "squad2"])
def test_the_answer_of_a_reader_is_where_the_page_marks_it(task, head, length):
    settings = SQUAD | {"answer_length": length, "head": head}
    predict = albert_jax.predictor(reader(head), task, settings=settings)
    given = ("who sat on the mat?", "the dog was walking. the cat sat on the mat. who saw it?")
    (said,) = predict([given])
    found = explain(predict, given, "M")
    assert found.answer == (said["answer"] or "no answer")
    if said["answer"]:
        first, last = found.span
        marked = "".join(found.pieces[first : last + 1]).replace("▁", " ").strip()
        assert marked == said["answer"] and last - first < length
    assert found.attribution.error <= 0.01
    assert sum(share for _, share in found.shares) <= 1 + 1e-6
    assert [note[:6] for note in found.notes] == ["window"]


def test_an_option():
    model = random_model(head="choice", classes=1, max_positions=64)
    predict = albert_jax.predictor(model, "choice", settings={"question_length": 16})
    record = {
        "context": "the mat",
        "question": "who?",
        "options": ["a cat", "the dog", "a big mat"],
    }
    (said,) = predict([record])
    found = explain(predict, record, "M")
    assert found.answer == said["option"]
    assert found.what == f"the score of option {said['label'] + 1} of 3"
    assert len(found.shares) == 3


def bags(items, method):
    """Instead of a model: which pieces there are."""
    for item in items:
        yield np.bincount(item.parts[0].tokens, minlength=40).astype(np.float32)[None]


def test_the_nearest_training_examples_come_with_label_and_text(tmp_path, monkeypatch):
    rows = [f"{text}\t{('bad', 'good')[n % 2]}\n" for n, text in enumerate(TRAIN)]
    for split in ("train", "dev"):
        (tmp_path / f"{split}.tsv").write_text("text\tlabel\n" + "".join(rows))
    predict = albert_jax.predictor(classifier(), settings={"data_dir": str(tmp_path)})
    monkeypatch.setattr(predict, "outputs", bags)
    for number, text in enumerate(TRAIN):
        (item,) = predict.task.items(predict.task.example({"text": text}, ""))
        found = nearest(predict, item.parts[0], 3)
        assert found[0] == (pytest.approx(1), ("bad", "good")[number % 2], text)
        assert len(found) == 3 and found[0].similarity > found[1].similarity >= found[2].similarity


@pytest.mark.parametrize("predict", [classifier(), reader()], ids=["classifier", "reader"])
def test_the_vector_of_a_text_is_what_the_head_reads_or_the_mean(predict):
    predict = albert_jax.predictor(predict, settings=SQUAD if predict.head == "span" else {})
    batch = predict.model.encode([TEXT])
    item = Item((Part(batch["tokens"][0], batch["token_types"][0]),))
    (found,) = vectors_of(predict, [item])
    apply = jax.jit(Albert(predict.model.config).apply)
    hidden, pooled = apply({"params": predict.model.params["albert"]}, batch)
    expected = pooled[0, 0] if predict.task.head.kind == "sequence" else hidden[0].mean(axis=0)
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), rtol=1e-4, atol=1e-6)


def test_the_command_writes_a_page(tmp_path, capsys):
    albert_jax.save(classifier(), tmp_path / "M")
    for split in ("train", "dev"):
        (tmp_path / f"{split}.tsv").write_text("text\tlabel\nthe <b>dog\tbad\n")
    flags = [
        f"--model={tmp_path / 'M'}",
        f"--output={tmp_path / 'page.html'}",
        f"--data_dir={tmp_path}",
    ]
    call("explain", *flags, "the \ud83d cat\x00 & a <i>dog")
    out = capsys.readouterr().out.splitlines()
    assert out[0].split()[0] in ("good", "bad") and "attributions add up to" in out[1]
    html = (tmp_path / "page.html").read_text()
    assert "<i>" not in html.split("<style>")[0] and "nearest training examples" in html
    assert html.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("texts", "flags", "message"),
    [
        ([], [], "explain needs 1 texts after the flags: text"),
        (["a", "b"], [], "explain needs 1 texts after the flags: text"),
        (["a"], ["--data_dir=none.tsv"], "none.tsv: cannot be read"),
        (["a"], ["--task=stsb"], "stsb needs 1 outputs, the model has 2"),
    ],
)
def test_what_the_user_can_mend_is_one_line(tmp_path, texts, flags, message):
    albert_jax.save(classifier(), tmp_path / "M")
    with pytest.raises(SystemExit) as error:
        call(
            "explain",
            f"--model={tmp_path / 'M'}",
            f"--output={tmp_path / 'p.html'}",
            *flags,
            *texts,
        )
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "p.html").exists()


def test_a_head_that_cannot_be_explained_is_named():
    tagger = random_model(head="token", classes=3, max_positions=128)
    tagger = dataclasses.replace(tagger, labels=("O", "B-X", "I-X"))
    predict = albert_jax.predictor(tagger)
    with pytest.raises(
        UserError, match=r"explain knows heads of the kinds .*; the task's is token"
    ):
        explain(predict, "the cat", "M")
