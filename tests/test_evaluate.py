"""Scores of checkpoints that nothing trained, on literal examples in the official formats."""

import dataclasses
import json

import pytest

import albert_jax
from tests import glue_files, task_files, tuning
from tests.commands import call
from tests.models import random_model

SENTENCES = [
    "the cat sat",
    "a dog",
    "who saw the u.s. cat ?",
    "the mat (a big one)",
    "",
    "was walking",
]
PAIRS = [("a cat", "the cat"), ("the dog sat", "who"), ("the mat", "the mat was"), ("a", "b")]
MNLI_COLUMNS = [
    "index", "promptID", "pairID", "genre", "sentence1_binary_parse", "sentence2_binary_parse",
    "sentence1_parse", "sentence2_parse", "sentence1", "sentence2", "label1", "gold_label",
]  # fmt: skip


def exported(folder, classes, labels, head="sequence", to="native"):
    model = dataclasses.replace(random_model(head=head, classes=classes), labels=labels)
    albert_jax.save(model, folder, to)
    return model


def write_sst2(folder, labels):
    folder.mkdir(parents=True)
    rows = [f"{text}\t{label}\n" for text, label in zip(SENTENCES, labels, strict=True)]
    (folder / "dev.tsv").write_text("sentence\tlabel\n" + "".join(rows))
    rows = [f"{number}\t{text}\n" for number, text in enumerate(SENTENCES)]
    (folder / "test.tsv").write_text("index\tsentence\n" + "".join(rows))


def test_a_score_of_a_hugging_face_folder(tmp_path, capsys):
    """transformers calls the one output of a regression LABEL_0, which is no class."""
    exported(tmp_path / "M", 1, (), to="huggingface")
    assert albert_jax.load(tmp_path / "M").labels == ("LABEL_0",)
    glue_files.write(tmp_path / "data")
    flags = [f"--model={tmp_path / 'M'}", f"--data_dir={tmp_path / 'data'}"]
    call("evaluate", *flags, "--task=stsb")
    assert "pearson" in capsys.readouterr().out
    assert list(albert_jax.predictor(albert_jax.load(tmp_path / "M"))(["a cat"])[0]) == ["score"]


def test_results_of_a_run_are_not_written_over(tmp_path):
    exported(tmp_path / "M", 2, ("0", "1"))
    flags = [f"--model={tmp_path / 'M'}", f"--data_dir={tmp_path}", "--task=sst2"]
    with pytest.raises(SystemExit, match=r"--output=\S+M is a model's folder, with the results of"):
        call("evaluate", *flags, f"--output={tmp_path / 'M'}")


def test_the_original_release_does_not_tell_options_from_scores(tmp_path, capsys):
    exported(tmp_path / "M", 1, (), head="choice", to="tf1")
    assert albert_jax.load(tmp_path / "M").head == "sequence"
    data = task_files.write(tmp_path / "data", "race")
    call(
        "evaluate",
        f"--model={tmp_path / 'M'}",
        "--task=race:question_length=16",
        f"--data_dir={data}",
    )
    assert "accuracy_middle" in capsys.readouterr().out


def test_sst2_of_a_hugging_face_folder(tmp_path, capsys):
    model = exported(tmp_path / "M", 2, ("POSITIVE", "NEGATIVE"), to="huggingface")
    said = [p["label"] for p in albert_jax.predictor(model)(SENTENCES)]
    numbers = [{"POSITIVE": "1", "NEGATIVE": "0"}[label] for label in said]
    gold = [*numbers[:4], *("10"[int(n)] for n in numbers[4:])]  # the last two are wrong
    write_sst2(tmp_path / "data" / "SST-2", gold)
    flags = [f"--model={tmp_path / 'M'}", "--task=sst2", f"--data_dir={tmp_path / 'data'}"]
    call("evaluate", *flags, f"--output={tmp_path / 'out'}")
    assert capsys.readouterr().out == "M, dev: 6 examples\n  accuracy               66.67\n"
    rows = [f"{n}\t{number}" for n, number in enumerate(numbers)]
    written = (tmp_path / "out" / "dev" / "SST-2.tsv").read_text()
    assert written == "\n".join(["index\tprediction", *rows]) + "\n"
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["dev"] == {"accuracy": pytest.approx(200 / 3)} and results["examples"] == 6
    assert {"commit", "libraries", "devices"} <= results.keys()

    call("evaluate", *flags, "--split=test", f"--output={tmp_path / 'out'}")
    assert capsys.readouterr().out == "M, test: 6 examples, no labels\n"
    assert (tmp_path / "out" / "test" / "SST-2.tsv").read_text() == written


def test_mnli_whatever_the_order_of_the_model_s_classes(tmp_path, capsys):
    model = exported(tmp_path / "M", 3, ("entailment", "neutral", "contradiction"))
    found = albert_jax.predictor(model, "mnli")(PAIRS)
    for part in ("matched", "mismatched"):
        rows = [
            ["0"] * 8 + [*pair, "neutral", p["label"]] for pair, p in zip(PAIRS, found, strict=True)
        ]
        if part == "mismatched":
            rows[0][-1] = next(n for n in model.labels if n != found[0]["label"])
        lines = ["\t".join(row) + "\n" for row in [MNLI_COLUMNS, *rows]]
        (tmp_path / f"dev_{part}.tsv").write_text("".join(lines))
    call("evaluate", f"--model={tmp_path / 'M'}", "--task=mnli", f"--data_dir={tmp_path}")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "M, dev: 8 examples"
    assert [line.split() for line in lines[1:]] == [
        ["accuracy", "100.00"], ["accuracy_mismatched", "75.00"],
    ]  # fmt: skip

    exported(tmp_path / "unnamed", 3, ())
    flags = [f"--model={tmp_path / 'unnamed'}", "--task=mnli", f"--data_dir={tmp_path}"]
    with pytest.raises(
        SystemExit, match="the model's classes are LABEL_0, LABEL_1, LABEL_2, those"
    ):
        call("evaluate", *flags)
    call("evaluate", *flags, "--labels=entailment,neutral,contradiction")
    assert capsys.readouterr().out.splitlines()[1:] == lines[1:]


@pytest.mark.parametrize("data", ["", "dev.tsv"])
def test_predictions_are_not_written_over_the_tables(tmp_path, data):
    exported(tmp_path / "M", 2, ("bad", "good"))
    (tmp_path / "D").mkdir()
    (tmp_path / "D" / "dev.tsv").write_text("text\tlabel\na cat\tgood\n")
    flags = ["--task=text", f"--data_dir={tmp_path / 'D' / data}", f"--output={tmp_path / 'D'}"]
    with pytest.raises(SystemExit, match=r"--output=.*D holds the task's own files; name another"):
        call("evaluate", f"--model={tmp_path / 'M'}", *flags)
    assert "a cat" in (tmp_path / "D" / "dev.tsv").read_text()


def test_entities_of_a_tagger(tmp_path, capsys):
    labels = ("O", "B-CAT", "I-CAT")
    model = exported(tmp_path / "M", 3, labels, head="token")
    settings = {"overlap": 8}
    predict = albert_jax.predictor(model, "tagging", settings=settings)
    (found,) = predict(["the cat sat on the mat."])
    rows = [f"{w} {t}\n" for w, t in zip(found["tokens"], found["tags"], strict=True)]
    (tmp_path / "dev.txt").write_text("".join(rows))
    call(
        "evaluate",
        f"--model={tmp_path / 'M'}",
        "--task=tagging:overlap=8",
        f"--data_dir={tmp_path}",
    )
    scores = dict(line.split() for line in capsys.readouterr().out.splitlines()[1:])
    assert scores["accuracy"] == "100.00" and scores["f1"] == "100.00"


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A workdir of a finished run on SST-2."""
    workdir = tmp_path_factory.mktemp("tuned") / "W"
    call(*tuning.finetune(workdir))
    return workdir


@pytest.mark.parametrize("to", [None, "native", "huggingface"])
def test_a_tuned_model_and_its_exports_score_what_the_run_said(tuned, to, tmp_path, capsys):
    model, flags = tuned, []
    if to:
        model = tmp_path / "exported"
        call("convert", tuned, model, f"--to={to}")
    if to == "huggingface":  # which does not say what the model was tuned for
        flags = ["--task=sst2:length=32"]
    call(
        "evaluate",
        f"--model={model}",
        f"--data_dir={tuning.sst2()}",
        f"--output={tmp_path / 'out'}",
        *flags,
    )
    results = [
        json.loads((f / "results.json").read_text())["dev"] for f in (tuned, tmp_path / "out")
    ]
    assert results[0] == results[1] and results[0]["accuracy"] > 60
    written = [
        (f / "dev" / "SST-2.tsv").read_text() for f in (tuned / "predictions", tmp_path / "out")
    ]
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--split=devel"], "--split=devel: there is none; choose one of train, dev, test"),
        (["--split=train"], "no such file; task.data_dir must hold SST-2/, or its files"),
        (
            ["--task=squad1:question_length=8"],
            "squad1 needs a head of the kind span, the model's is sequence",
        ),
        (["--task=sst2:stride=3"], "--task: 'stride=3' is no setting of sst2"),
    ],
)
def test_what_the_user_can_mend_is_one_line(tmp_path, flags, message):
    exported(tmp_path / "M", 2, ("0", "1"))
    write_sst2(tmp_path / "SST-2", "010101")
    with pytest.raises(SystemExit) as error:
        call(
            "evaluate", f"--model={tmp_path / 'M'}", "--task=sst2", f"--data_dir={tmp_path}", *flags
        )
    assert message in str(error.value) and "\n" not in str(error.value)
