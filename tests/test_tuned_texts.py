"""Similarity, search and summaries through the commands: fine-tuned, scored, used."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import albert_jax
from tests import tuning
from tests.commands import call
from tests.models import telling_model

PATTERNS = ("the {} sat", "a {} was walking", "who saw the {}?", "the big {} sat on the mat.")
ABOUT = {
    animal: [f"{pattern.format(animal)} {end}" for pattern in PATTERNS for end in "abcdef"]
    for animal in ("cat", "dog")
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    albert_jax.save(telling_model(), folder / "checkpoint")
    return folder


def write(path: Path, records):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def finetune(folder, task, *flags):
    """The scores of a run on the files in FOLDER/TASK."""
    flags = [
        f"--data_dir={folder / task}",
        "--config.schedule.learning_rate=3e-3",
        "--config.model.hidden_dropout=0.0",
        "--config.model.attention_dropout=0.0",
        "--config.training.evaluate_every=30",
        *flags,
    ]
    call(*tuning.finetune(folder / f"{task}-run", *flags, task=task, init=folder / "checkpoint"))
    return json.loads((folder / f"{task}-run" / "results.json").read_text())


def evaluate(folder, model, task, capsys):
    capsys.readouterr()
    call("evaluate", f"--model={model}", f"--task={task}", f"--data_dir={folder / task}")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    return {name: float(value) for name, value in lines}


def test_graded_pairs(folder, capsys):
    """Texts about the same animal are alike, whatever else they say."""
    rng = np.random.default_rng(0)
    records = []
    for _ in range(150):
        first, second = rng.choice(["cat", "dog"], 2)
        texts = rng.choice(ABOUT[first]), rng.choice(ABOUT[second])
        records.append(
            {"sentence1": texts[0], "sentence2": texts[1], "score": 5.0 * (first == second)}
        )
    write(folder / "similarity" / "train.jsonl", records[:100])
    write(folder / "similarity" / "dev.jsonl", records[100:])
    before = evaluate(folder, folder / "checkpoint", "similarity", capsys)
    results = finetune(folder, "similarity")
    assert before["spearman"] < 60 and results["dev"]["spearman"] > 80
    after = evaluate(folder, folder / "similarity-run", "similarity", capsys)
    assert after == pytest.approx(results["dev"], abs=0.006)


@pytest.mark.slow
def test_pairs_that_belong_together(folder, capsys):
    """Each text and the same with one word more."""
    words = ["big", "mat", "walking", "saw", "sat"]
    texts = [
        " ".join([animal, *some])
        for animal in ("cat", "dog")
        for some in itertools.permutations(words, 2)
    ]
    records = [{"sentence1": text, "sentence2": f"the u.s. {text} was"} for text in texts]
    write(folder / "pairs" / "train.jsonl", records)
    write(folder / "pairs" / "dev.jsonl", records[::2])
    before = evaluate(folder, folder / "checkpoint", "pairs", capsys)
    results = finetune(folder, "pairs", "--config.training.steps=60")
    assert before["mrr"] < 25 and results["dev"]["mrr"] > 50
    (folder / "corpus.txt").write_text("\n".join(r["sentence2"] for r in records))
    call(
        "search", f"--model={folder / 'pairs-run'}", f"--corpus={folder / 'corpus.txt'}",
        "cat saw mat", "--top=1",
    )  # fmt: skip
    assert " the u.s. cat " in capsys.readouterr().out


def test_trained_summaries(folder, capsys):
    """What is said of cats matters."""
    rng = np.random.default_rng(0)
    records = []
    for _ in range(60):
        said = [f"{rng.choice(ABOUT[animal])}." for animal in rng.choice(["cat", "dog"], 9)]
        taken = [sentence for sentence in said if "cat" in sentence]
        text = " ".join(sentence.capitalize() for sentence in said)
        records.append({"document": text, "summary": " ".join(taken)})
    write(folder / "summary" / "train.jsonl", records[:40])
    write(folder / "summary" / "dev.jsonl", records[40:])
    results = finetune(folder, "summary", "--config.task.sentences=9", "--config.training.steps=60")
    # every sentence is in the summary, so what counts is the order of their scores
    (folder / "in.jsonl").write_text(json.dumps(records[-1]) + "\n" + '{"document": ""}\n')
    call(
        "predict", f"--model={folder / 'summary-run'}", "--task=summary:sentences=9",
        f"--input={folder / 'in.jsonl'}", f"--output={folder / 'out.jsonl'}",
    )  # fmt: skip
    first, blank = map(json.loads, (folder / "out.jsonl").read_text().splitlines())
    assert results["dev"]["rouge1"] > 50 and blank == {"line": 2, "summary": "", "sentences": []}
    scores = {"cat": [], "dog": []}
    for sentence in first["sentences"]:
        begin, end = sentence["start"], sentence["end"]
        assert records[-1]["document"][begin:end] == sentence["text"]
        scores["cat" if "cat" in sentence["text"].lower() else "dog"].append(sentence["score"])
    assert min(scores["cat"]) > max(scores["dog"])


def test_summaries_without_training(folder, capsys):
    text = "The cat sat. The cat sat on the mat. Who saw the dog? The cat was big."
    write(folder / "centroid" / "dev.jsonl", [{"document": text, "summary": "the cat sat"}])
    write(folder / "centroid" / "train.jsonl", [{"document": text, "summary": "the cat sat"}])
    scores = evaluate(folder, folder / "checkpoint", "centroid", capsys)
    assert list(scores) == ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    (folder / "in.txt").write_text(f"{text}\n\n")
    call(
        "predict", f"--model={folder / 'checkpoint'}", "--task=centroid:sentences=2",
        f"--input={folder / 'in.txt'}", f"--output={folder / 'out.jsonl'}",
    )  # fmt: skip
    first, blank = map(json.loads, (folder / "out.jsonl").read_text().splitlines())
    assert len(first["sentences"]) == 2 and blank["summary"] == ""
    assert all(text[s["start"] : s["end"]] == s["text"] for s in first["sentences"])
    with pytest.raises(SystemExit, match="no training example has a label"):
        finetune(folder, "centroid")
