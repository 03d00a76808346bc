"""SQuAD from its files to scores by the commands: tuning with both heads, then each use of the model."""

import json
import tempfile
from functools import cache
from pathlib import Path

import pytest

import albert_jax
from tests.commands import call
from tests.models import random_model

FOLDER = tempfile.TemporaryDirectory(prefix="albert-jax-reading-")
CONTEXTS = [
    *("the cat sat on the mat.", "the dog was walking.", "a big dog sat."),
    *("who saw the Ca\u0301t?", "a  cat was walking.", "the mat was big."),
]
PERFECT = (
    "exact",
    "f1",
    "HasAns_exact",
    "HasAns_f1",
    "NoAns_exact",
    "NoAns_f1",
    "best_exact",
    "best_f1",
)


def answer(context):
    return next((word for word in ("cat", "Ca\u0301t") if word in context), "")


def official(split):
    """The question is always who; the answer the cat, where there is one."""
    paragraphs = []
    for number, context in enumerate(CONTEXTS):
        text = answer(context)
        golds = [{"text": text, "answer_start": context.index(text)}] if text else []
        asked = {"id": f"{split}{number}", "question": "who?", "answers": golds}
        asked["is_impossible"] = not golds
        paragraphs.append({"context": context, "qas": [asked]})
    return json.dumps({"version": "v2.0", "data": [{"title": "t", "paragraphs": paragraphs}]})


def write(folder, *splits):
    folder.mkdir(parents=True, exist_ok=True)
    for split in splits:
        (folder / f"{split}-v2.0.json").write_text(official(split))
    return folder


def finetune(name, init, *flags):
    workdir = Path(FOLDER.name) / name
    call(
        "finetune",
        "--config=configs/finetune.py:task=squad2,size=tiny",
        f"--init={init}",
        f"--data_dir={write(Path(FOLDER.name) / 'data', 'train', 'dev')}",
        f"--workdir={workdir}",
        "--config.task.length=32",
        "--config.task.question_length=4",
        "--config.task.stride=8",
        "--config.model.dtype=float32",
        "--config.schedule.learning_rate=2e-2",
        "--config.training.batch_size=16",
        *flags,
    )
    return workdir


@cache
def tuned(head):
    """A workdir; the model is of a few thousand parameters."""
    init = Path(FOLDER.name) / f"init-{head}"
    albert_jax.save(random_model(hidden_size=16, num_layers=2, ffn_size=32), init)
    steps = ("--config.training.steps=320", "--config.training.evaluate_every=320")
    return finetune(head, init, f"--config.task.head={head}", *steps)


def scores(folder):
    return json.loads((folder / "results.json").read_text())["dev"]


@pytest.mark.parametrize("head", ["span", "beam"])
def test_tuning_ends_with_answers_in_the_raw_text(head):
    workdir = tuned(head)
    found = scores(workdir)
    assert {name: found[name] for name in PERFECT} == dict.fromkeys(PERFECT, 100)
    folder = workdir / "predictions/dev"
    said = json.loads((folder / "predictions.json").read_text())
    assert said == {f"dev{i}": answer(context) for i, context in enumerate(CONTEXTS)}
    odds = json.loads((folder / "null_odds.json").read_text())
    assert [odds[f"dev{i}"] > 0 for i in range(6)] == [not answer(c) for c in CONTEXTS]


@pytest.mark.parametrize("head", ["span", "beam"])
def test_predictions_need_no_training_file(head, tmp_path, capsys):
    data_dir = write(tmp_path / "data", "dev")
    flags = [f"--model={tuned(head)}", f"--data_dir={data_dir}"]
    capsys.readouterr()
    call("evaluate", *flags, f"--output={tmp_path / 'out'}")
    assert scores(tmp_path / "out") == scores(tuned(head))
    said = dict(line.split() for line in capsys.readouterr().out.splitlines()[1:])
    assert said["f1"] == said["best_f1"] == "100.00"
    predicted, written = (
        (folder / "dev/predictions.json").read_text()
        for folder in (tmp_path / "out", tuned(head) / "predictions")
    )
    assert predicted == written


@pytest.mark.parametrize("head", ["span", "beam"])
def test_questions_of_the_users_own(head, tmp_path):
    long = "the dog was walking. " * 20 + "the CAT sat."
    contexts = [*CONTEXTS, "", " \t", long, "\ud55c \U0001f642 ca\u0301t \ud55c"]
    records = [{"question": "who?", "context": context} for context in contexts]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    call(
        "predict",
        f"--model={tuned(head)}",
        f"--input={tmp_path / 'in.jsonl'}",
        f"--output={tmp_path / 'out.jsonl'}",
    )
    said = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(said) == len(contexts)
    for context, line in zip(contexts, said, strict=True):
        assert line["answer"] == context[line["start"] : line["end"]]
    wanted = [*map(answer, CONTEXTS), "", ""]
    assert [line["answer"] for line in said[: len(wanted)]] == wanted
    assert max(entry["start"] for entry in said[8]["n_best"]) > 100  # it is read to its end


@pytest.mark.slow
def test_a_tuned_head_is_tuned_further(capsys):
    steps = ("--config.training.steps=1", "--config.schedule.learning_rate=1e-9")
    again = finetune("again", tuned("beam"), "--config.task.head=beam", *steps)
    assert scores(again)["exact"] == 100
    assert "stays as initialised" not in capsys.readouterr().out


def test_the_head_of_a_hugging_face_reader(tmp_path):
    """What AlbertForQuestionAnswering keeps is read as the span head, and gives the same answers."""
    model = albert_jax.load(tuned("span"))
    albert_jax.save(model, tmp_path / "hf", "huggingface")
    config = json.loads((tmp_path / "hf/config.json").read_text())
    assert config["architectures"] == ["AlbertForQuestionAnswering"]
    inputs = [("who?", context) for context in CONTEXTS]
    settings = {"question_length": 4, "stride": 8}
    found = [
        albert_jax.predictor(m, "squad2", settings=settings)(inputs)
        for m in (model, albert_jax.load(tmp_path / "hf"))
    ]
    assert [p["answer"] for p in found[0]] == list(map(answer, CONTEXTS))
    for ours, theirs in zip(*found, strict=True):
        assert ours["answer"] == theirs["answer"]
        assert ours["null_odds"] == pytest.approx(theirs["null_odds"], abs=1e-4)
