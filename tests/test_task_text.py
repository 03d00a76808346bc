"""The user's own tables, and the two known ones."""

import json
from pathlib import Path

import pytest
from etils import epath

from albert_jax.commands.config import finetuning
from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks.text import Text, TextConfig
from configs.finetune import get_config
from tests.models import sentencepiece_model

REAL = Path("../shared/data/text")
ROWS = [("spam", "buy a cat"), ("ham", "the cat sat"), ("ham", "the dog sat"), ("odd", "who?")]


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary(sentencepiece_model(), Normalisation())


def task(vocabulary, folder, **fields):
    return Text(TextConfig(**{"name": "text", "data_dir": str(folder)} | fields), vocabulary)


def write(path, rows=ROWS, header="label,text"):
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")


def test_classes_are_those_of_the_training_file_in_order(vocabulary, tmp_path):
    for split in ("train", "dev"):
        write(tmp_path / f"{split}.csv")
    text = task(vocabulary, tmp_path)
    assert text.head.labels == ("ham", "odd", "spam")
    assert [example.label for example in text.examples("dev")] == [2, 0, 0, 1]
    assert text.examples("train")[0].texts == ("buy a cat",)
    given = task(vocabulary, tmp_path, labels=("spam", "ham", "odd"))
    assert [example.label for example in given.examples("dev")] == [0, 1, 1, 2]


def test_own_columns_pairs_and_scores(vocabulary, tmp_path):
    for split in ("train", "dev"):
        write(tmp_path / f"{split}.csv", [("a", "b", "0.5"), ("c", "d", "3")], "q,a,stars")
    text = task(vocabulary, tmp_path, name="score", text="q", pair="a", label="stars")
    assert text.head.labels == () and text.head.size == 1
    assert [(e.texts, e.label) for e in text.examples("train")] == [
        (("a", "b"), 0.5),
        (("c", "d"), 3.0),
    ]
    assert text.metric == "pearson"


def test_a_test_file_may_have_no_labels(vocabulary, tmp_path):
    for split in ("train", "dev"):
        write(tmp_path / f"{split}.csv")
    write(tmp_path / "test.csv", [("the cat",), ("a dog",)], "text")
    text = task(vocabulary, tmp_path)
    assert [example.label for example in text.examples("test")] == [None, None]
    write(tmp_path / "test.csv")
    assert [e.label for e in task(vocabulary, tmp_path).examples("test")] == [2, 0, 0, 1]


def test_classes_are_those_of_rows_that_become_dev_too(vocabulary, tmp_path):
    rows = [("ham", "a cat"), ("spam", "a dog")] * 10
    rows += [(f"rare{number}", "one mat") for number in range(10)]
    write(tmp_path / "all.csv", rows)
    text = task(vocabulary, tmp_path / "all.csv")
    assert len(text.head.labels) == 12
    assert sum(len(text.examples(split)) for split in ("train", "dev")) == 30


@pytest.mark.parametrize("labels", [(), ("ham", "spam")])
def test_an_empty_label_is_no_class(vocabulary, tmp_path, labels):
    write(tmp_path / "train.csv", [("ham", "a cat"), ("", "a dog"), ("spam", "a mat")])
    write(tmp_path / "dev.csv", [("ham", "a cat")])
    text = task(vocabulary, tmp_path, labels=labels)
    assert text.head.labels == ("ham", "spam")
    with pytest.raises(UserError, match=r"train.csv:3: the label '' is none of ham, spam; mend"):
        text.examples("train")


def test_numbers_and_false_are_labels_of_test(vocabulary, tmp_path):
    rows = [{"text": "a cat", "label": value} for value in (0, False, 1)]
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [e.label for e in task(vocabulary, tmp_path).examples("test")] == [0, 2, 1]


def test_scores_and_the_file_of_predictions(vocabulary, tmp_path):
    for split in ("train", "dev"):
        write(tmp_path / f"{split}.csv")
    text = task(vocabulary, tmp_path)
    examples = text.examples("dev")
    predictions = [{"label": label} for label in ("spam", "ham", "odd", "odd")]
    values = text.score(examples, predictions)
    assert values["accuracy"] == 75.0 and set(values) == {"accuracy", "macro_f1", "matthews"}
    text.write(epath.Path(tmp_path / "out"), "dev", examples, predictions)
    lines = (tmp_path / "out" / "dev.tsv").read_text().splitlines()
    assert lines == ["index\tprediction", "0\tspam", "1\tham", "2\todd", "3\todd"]


@pytest.mark.parametrize(
    ("rows", "fields", "message"),
    [
        ([("ham", "a"), ("ham", "b")], {}, "1 classes under 'label'; two are needed"),
        (ROWS, {"labels": ("ham", "spam")}, r"train.csv:5: the label 'odd' is none of ham, spam"),
        (ROWS, {"text": "body"}, "no text under 'body'; found 'label', 'text'"),
        (ROWS, {"name": "score"}, "train.csv:2: the score 'spam' is no number"),
        (ROWS, {"length": 3}, "task.length is 3; it must be at least 8"),
        (ROWS, {"name": "score", "labels": ("a",)}, "a score has none, use task.name=text"),
    ],
)
def test_what_is_wrong_is_named(vocabulary, tmp_path, rows, fields, message):
    for split in ("train", "dev"):
        write(tmp_path / f"{split}.csv", rows)
    with pytest.raises(UserError, match=message):
        task(vocabulary, tmp_path, **fields).examples("train")


def known(vocabulary, name, data_dir):
    """One of the known tables, with the settings of its config."""
    return Text(finetuning(get_config(f"task={name}").to_dict(), str(data_dir)).task, vocabulary)


@pytest.mark.skipif(not REAL.exists(), reason="no data here")
def test_the_known_tables(vocabulary):
    news = known(vocabulary, "ag_news", REAL / "ag_news")
    assert news.head.labels == ("Business", "Sci/Tech", "Sports", "World")
    counts = [len(news.examples(split)) for split in ("train", "dev", "test")]
    assert counts == [8982, 998, 7600]
    assert {example.label for example in news.examples("test")} == {0, 1, 2, 3}
    spam = known(vocabulary, "sms_spam", REAL / "sms_spam" / "sms.tsv")
    assert spam.head.labels == ("ham", "spam")
    assert sum(len(spam.examples(split)) for split in ("train", "dev")) == 5574
