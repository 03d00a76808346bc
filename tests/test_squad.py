"""Questions -> windows -> answers in the raw text, with a model that knows the labels."""

import json
from pathlib import Path

import numpy as np
import pytest
from etils import epath

from albert_jax.data.normalisation import Normalisation
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.model.spans import Beam
from albert_jax.tasks.squad import NO_ANSWER, Squad, SquadConfig
from albert_jax.tasks.squad_files import Gold, Question
from albert_jax.tasks.squad_metrics import normalise
from albert_jax.tasks.table import family
from tests.models import sentencepiece_model

SHARED = Path(__file__).parents[2] / "shared/data"
CONTEXT = (
    "The  ca\u0301t \u2014 a (\ufb01ne) one \u2014 sat\u2026 on\tthe mat. "
    "\ud55c\uad6d saw the U.S. dog. \U0001f642"
)
SHORT = dict(length=40, stride=6, question_length=8)


def squad(name="squad2", **changes):
    return Squad(SquadConfig(name=name, **SHORT | changes), Vocabulary(*VOCABULARY))


VOCABULARY = sentencepiece_model(), Normalisation()


def asked(*texts, context=CONTEXT, id="q"):
    golds = tuple(Gold(t, context.index(t), context.index(t) + len(t)) for t in texts)
    return Question(id, "who sat on the mat?", context, golds)


def knowing(task, items, sure=20.0):
    """What a model says that gives every label `sure` times the rest."""
    return [(_beam if task.head.kind == "beam" else _logits)(item, sure) for item in items]


def _logits(item, sure):
    logits = np.random.default_rng(0).normal(size=(len(item.parts[0].tokens), 2))
    if item.label == NO_ANSWER:
        logits[0] += sure / 2  # a window without the answer is less sure of it than one that has it
    else:
        logits[list(item.label), [0, 1]] += sure
        logits[0] -= sure
    return logits.astype(np.float32)


def _beam(item, sure):
    rng, (start, end) = np.random.default_rng(0), item.label
    starts, ends = rng.permutation(len(item.parts[0].tokens))[:5], rng.integers(0, 20, (5, 5))
    starts[2], ends[2, 3] = start, end
    scores, end_scores = rng.normal(-9, 1, 5), rng.normal(-9, 1, (5, 5))
    scores[2] = end_scores[2, 3] = -0.1 if end else -5.0
    return Beam(starts, scores, ends, end_scores, np.float32(-sure if end else sure))


@pytest.mark.parametrize("head", ["span", "beam"])
@pytest.mark.parametrize(
    "text",
    [
        "The  ca\u0301t", "ca\u0301t", "(\ufb01ne)", "\ufb01ne", "sat\u2026", "\u2026", "\u2014 a",
        "\ud55c\uad6d", "U.S.", "mat. \ud55c\uad6d saw", "dog. \U0001f642", "\U0001f642", "on\tthe mat",
    ],
)  # fmt: skip
def test_the_answer_is_the_raw_text(head, text):
    task, question = squad(head=head), asked(text)
    prediction = task.decode(question, knowing(task, task.items(question)))
    assert prediction["answer"] == text == CONTEXT[prediction["start"] : prediction["end"]]
    assert prediction["start"] == CONTEXT.index(text) and prediction["score"] > 0.5
    assert prediction["null_odds"] < 0
    assert sum(entry["probability"] for entry in prediction["n_best"]) == pytest.approx(1)
    item, *ends = task.place(question, knowing(task, task.items(question)))
    assert task.items(question)[item].label == tuple(ends)


@pytest.mark.parametrize("head", ["span", "beam"])
def test_no_answer(head):
    task, question = squad(head=head), asked()
    items = task.items(question)
    assert [item.label for item in items] == [NO_ANSWER] * len(items)
    prediction = task.decode(question, knowing(task, items))
    assert [prediction[key] for key in ("answer", "start", "end")] == ["", 0, 0]
    assert prediction["null_odds"] > 0 and prediction["score"] > 0.99
    assert task.place(asked(), knowing(task, items)) is None
    assert prediction["n_best"][0]["text"] == "" != prediction["n_best"][1]["text"]
    reluctant = squad(head=head, null_threshold=1e3).decode(question, knowing(task, items))
    assert reluctant["answer"] == reluctant["n_best"][1]["text"]


def test_squad1_always_answers():
    task = squad("squad1")
    prediction = task.decode(asked(), knowing(task, task.items(asked())))
    assert prediction["answer"] and "null_odds" not in prediction


def test_windows_hold_the_question_and_all_of_the_text():
    task, question = squad(), asked("U.S.")
    vocabulary = Vocabulary(*VOCABULARY)
    (parts,) = zip(*(item.parts for item in task.items(question)), strict=True)
    wanted, seen = vocabulary.encode(CONTEXT), np.zeros(len(vocabulary.encode(CONTEXT)), bool)
    for number, part in enumerate(parts):
        first = int(np.flatnonzero(part.token_types)[0])
        assert part.tokens[1 : first - 1].tolist() == vocabulary.encode(question.question)[:8]
        assert [part.tokens[i] for i in (0, first - 1, -1)] == [2, 3, 3]
        assert len(part.tokens) <= 40 and part.token_types[first:].all()
        inside = slice(6 * number, 6 * number + len(part.tokens) - first - 1)
        assert part.tokens[first:-1].tolist() == wanted[inside]
        seen[inside] = True
    assert seen.all()


def test_a_span_counts_where_most_is_around_its_start():
    task, question = squad("squad1"), asked()
    outputs = [np.zeros((len(item.parts[0].tokens), 2)) for item in task.items(question)]
    outputs[0][10 + 26, 0] = 9.0  # the last but two of its window
    outputs[4][10 + 14, 0] = 5.0  # in the middle of its own, which begins with piece 24
    offsets = Vocabulary(*VOCABULARY).encode_offsets(CONTEXT)[1]
    prediction = task.decode(question, outputs)
    assert (prediction["start"], prediction["end"]) == tuple(offsets[38])
    assert task.place(question, outputs) == (4, 24, 24)


def test_no_answer_is_as_likely_as_in_the_window_where_it_is_least():
    """And there is an answer as long as the odds are not above the threshold."""
    question = asked()
    task = squad()
    outputs = [np.zeros((len(item.parts[0].tokens), 2)) for item in task.items(question)]
    for output, null in zip(outputs, (3.0, 1.5, 2.0, 2.0, 2.0, 4.0), strict=True):
        output[0] = null
    assert task.decode(question, outputs)["null_odds"] == 3.0
    assert task.decode(question, outputs)["answer"] == ""
    assert squad(null_threshold=3.0).decode(question, outputs)["answer"] != ""
    task = squad(head="beam")
    beams = [_beam(item, 1.0) for item in task.items(question)]
    beams = [beam._replace(no_answer=np.float32(5 - n)) for n, beam in enumerate(beams)]
    assert task.decode(question, beams)["null_odds"] == 6 - len(beams)


def test_every_span_is_labelled_wherever_it_stands_whole():
    vocabulary, task = Vocabulary(*VOCABULARY), squad("squad1")
    offsets = vocabulary.encode_offsets(CONTEXT)[1].tolist()
    solid = [k for k, (start, end) in enumerate(offsets) if start < end]
    firsts = [
        k for k in solid if offsets[k] != offsets[k - 1]
    ]  # not amid the pieces of one character
    lasts = [k for k in solid if offsets[k] not in offsets[k + 1 :]]
    for first in firsts:
        for last in (k for k in lasts if k >= first):
            start, end = offsets[first][0], offsets[last][1]
            items = task.items(asked()._replace(golds=(Gold("gold", start, end),)))
            whole = [b for b in range(0, 36, 6) if b <= first and last < b + 29]
            labels = [item.label for item in items if item.label != NO_ANSWER]
            assert labels == [(10 + first - b, 10 + last - b) for b in whole] or not whole


def test_labels_of_windows():
    task, question = squad("squad1"), asked("mat")
    items = task.items(question)
    having = [item for item in items if item.label != NO_ANSWER]
    assert 0 < len(having) < len(items)
    for item in having:
        start, end = item.label
        assert Vocabulary(*VOCABULARY).decode(item.parts[0].tokens[start : end + 1]) == "mat"
    skipping = squad("squad1", skip_answerless=True).items(question)
    labels = [None if item.label == NO_ANSWER else item.label for item in items]
    assert [item.label for item in skipping] == labels
    assert squad(skip_answerless=True).items(question)[0].label == items[0].label
    for golds in (None, (Gold("nowhere"),)):
        unknown = task.items(question._replace(golds=golds))
        assert [item.label for item in unknown] == [None] * len(items)


def test_an_answer_longer_than_what_windows_share_is_trained_where_most_of_it_stands():
    task, question = squad(length=24, stride=12), asked(CONTEXT[:-3])
    labels = [item.label for item in task.items(question)]
    assert [label for label in labels if label != NO_ANSWER] == [(10, 22)]  # all of a window


def test_spaces_around_an_answer_are_no_part_of_it():
    task = squad("squad1")
    assert [i.label for i in task.items(asked(" U.S. "))] == [
        i.label for i in task.items(asked("U.S."))
    ]


def test_a_piece_that_holds_more_than_the_answer_is_the_label():
    task, question = squad("squad1"), asked("sat", context="who was(sat)?")
    cut = question._replace(golds=(Gold("a", 9, 10),))
    (item,) = task.items(cut)
    assert item.label[0] == item.label[1] > 0


@pytest.mark.parametrize("context", ["", " \n", "\u0301"])
def test_a_text_without_a_piece_has_no_answer(context):
    for head in ("span", "beam"):
        task, question = squad(head=head), Question("q", "who?", context)
        (item,) = task.items(question)
        if head == "span":
            output = np.zeros((len(item.parts[0].tokens), 2), np.float32)
        else:
            output = _beam(item._replace(label=(0, 0)), 1.0)
        prediction = task.decode(question, [output])
        assert prediction["answer"] == "" and prediction["score"] > 0.5
        assert squad("squad1").decode(question, [np.zeros((7, 2))])["answer"] == ""
        labelled = task.items(question._replace(golds=(Gold("x", 0, 1),)))
        assert [item.label for item in labelled] == [None]


def test_records_of_the_users_own():
    task = squad()
    texts = {"question": "who?", "context": "x"}
    assert task.example(texts, "f:1") == Question(None, "who?", "x")
    for own in ({}, {"id": 7}, {"id": 7.5}, {"id": "7"}):
        example = task.example(texts | own, "f:1")
        prediction = task.decode(example, knowing(task, task.items(example._replace(golds=()))))
        assert [prediction.get("id"), "id" in prediction] == [own.get("id"), bool(own)]
    with pytest.raises(UserError, match=r'f:2: no text under "context", but NoneType'):
        task.example({"question": "who?"}, "f:2")


def test_scores_tuned_and_untuned_apart():
    """Three questions; the odds are right about all, but the threshold is too low for one."""
    task = squad()
    examples = [asked("mat", id="a"), asked("dog", id="b"), asked(id="c")]
    predictions = [
        _said("a", "the mat", 2.0), _said("b", "U.S. dog", -1.0), _said("c", "\ufb01ne", 3.0)
    ]  # fmt: skip
    found = task.score(examples, predictions)
    assert {name: round(value, 2) for name, value in found.items()} == {
        "exact": 33.33, "f1": 55.56,
        "HasAns_exact": 0, "HasAns_f1": 33.33, "NoAns_exact": 100, "NoAns_f1": 100,
        "best_exact": 66.67, "best_exact_thresh": 2, "best_f1": 88.89, "best_f1_thresh": 2,
    }  # fmt: skip
    assert task.metric == "best_f1"  # as run_squad_v2.py picks its checkpoint
    hidden = task.score([*examples, asked()._replace(golds=None)], [*predictions, predictions[0]])
    assert hidden == found


@pytest.mark.parametrize("name", ["squad1", "squad2"])
def test_there_is_no_score_without_known_answers(name):
    assert squad(name).score([asked()._replace(golds=None)], [_said("q", "mat", 0.0)]) == {}


def _said(id, span, odds):
    n_best = [{"text": ""}, {"text": span}]
    return {"id": id, "answer": "" if odds > 0 else span, "null_odds": odds, "n_best": n_best}


def test_scores_of_squad1():
    examples = [asked("mat", "the mat"), asked("dog")]
    predictions = [{"answer": "The mat!"}, {"answer": "U.S. dog"}]
    assert squad("squad1").score(examples, predictions) == {
        "exact": 50.0, "f1": pytest.approx(250 / 3)
    }  # fmt: skip


def test_official_files_of_predictions(tmp_path):
    questions = [asked("mat", id="a"), asked(id="b")]
    for name in ("squad1", "squad2"):
        task = squad(name)
        predictions = [task.decode(q, knowing(task, task.items(q))) for q in questions]
        task.write(epath.Path(tmp_path / name), "dev", questions, predictions)
    read = {p.relative_to(tmp_path).as_posix(): p for p in tmp_path.rglob("*.json")}
    names = {f"squad{v}/dev/{n}predictions.json" for v in (1, 2) for n in ("", "nbest_")}
    assert read.keys() == names | {"squad2/dev/null_odds.json"}
    content = {name: json.loads(path.read_text()) for name, path in read.items()}
    assert content["squad2/dev/predictions.json"] == {"a": "mat", "b": ""}
    assert content["squad2/dev/null_odds.json"].keys() == {"a", "b"}
    assert content["squad2/dev/nbest_predictions.json"]["a"][0]["text"] == "mat"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": "both"}, "task.head is 'both'; it must be one of span, beam"),
        ({"stride": 0}, "task.stride is 0; it must be at least 1"),
        ({"n_best": 0}, "task.n_best is 0"),
        (
            {"length": 11},
            "task.length is 11; with a task.question_length of 8 it must be at least 12",
        ),
    ],
)
def test_settings_that_cannot_be(change, message):
    with pytest.raises(UserError, match=message):
        squad(**change)


def test_answers_that_are_learnt_otherwise_are_told(tmp_path, caplog):
    texts = ["cat", "ca", "at sat", "cat sat on"]  # "cat" is one piece, so is "sa"
    context = "The cat sat on the mat."
    questions = [
        {"id": f"q{n}", "question": "?", "answers": [{"text": t, "answer_start": context.index(t)}]}
        for n, t in enumerate(texts)
    ]
    content = {"data": [{"paragraphs": [{"context": context, "qas": questions}]}]}
    for split in ("train", "dev"):
        (tmp_path / f"{split}.json").write_text(json.dumps(content))
    task = squad(data_dir=str(tmp_path), answer_length=2)
    assert len(task.examples("dev")) == 4 and not caplog.text
    assert len(task.examples("train")) == 4
    assert [record.message.removeprefix(f"{tmp_path}: ") for record in caplog.records] == [
        "the answers to 2 questions begin or end inside a piece; all of it is learnt: q1, q2",
        "the answers to 2 questions are longer than task.answer_length, 2 pieces: q2, q3",
    ]


def test_the_table_knows_both():
    assert family("squad1") == family("squad2") == (SquadConfig, Squad)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not here")
@pytest.mark.parametrize(("name", "folder"), [("squad1", "v1-local"), ("squad2", "v2-local")])
def test_real_answers_come_back(name, folder):
    """All answers but those that begin or end inside a word that is one piece."""
    model = (SHARED / "vocabulary/30k-clean.model").read_bytes()
    data_dir = str(SHARED / "squad" / folder)
    task = Squad(SquadConfig(name=name, data_dir=data_dir), Vocabulary(model, Normalisation()))
    examples, cut = task.examples("dev"), 0
    predictions = [task.decode(e, knowing(task, task.items(e), sure=60.0)) for e in examples]
    for example, prediction in zip(examples, predictions, strict=True):
        answer = prediction["answer"]
        assert answer == example.context[prediction["start"] : prediction["end"]]
        gold = example.gold.text if example.golds else ""
        if normalise(answer) != normalise(gold):
            assert gold in answer
            cut += 1
    assert cut <= 0.002 * len(examples)
    assert task.score(examples, predictions)["exact"] >= 99.8
