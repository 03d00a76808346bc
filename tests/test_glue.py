"""GLUE's official files and quirks: columns, labels, metrics, files of submissions."""

from pathlib import Path

import numpy as np
import pytest
from etils import epath

from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import source
from albert_jax.tasks.glue import TASKS
from albert_jax.tasks.source import Record
from albert_jax.tasks.table import family
from tests import glue_files
from tests.models import sentencepiece_model

REAL = Path("../shared/data/glue_data")
COUNTS = {  # of the published files
    "cola": (8551, 1043, 1063),
    "sst2": (67349, 872, 1821),
    "mrpc": (3668, 408, 1725),
    "stsb": (5749, 1500, 1379),
    "rte": (2490, 277, 3000),
    "wnli": (635, 71, 146),
}
LABELS = {  # of the literal train files, as class numbers in the reference's order
    "cola": [1, 0],
    "sst2": [1, 0],
    "mrpc": [1, 0],
    "stsb": [5.0, 1.25],
    "qqp": [0, 1],
    "mnli": [1, 2, 0],
    "qnli": [0, 1],
    "rte": [0, 1],
    "wnli": [1, 0],
}


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary(sentencepiece_model(), Normalisation())


@pytest.fixture
def open_task(vocabulary, tmp_path):
    def opened(name, folder=tmp_path, **fields):
        section, kind = family(name)
        return kind(section(name=name, data_dir=str(folder), **fields), vocabulary)

    glue_files.write(tmp_path)
    return opened


def predicted(task, examples, numbers):
    """Predictions of these classes, or of these scores, through `decode`."""
    if not task.head.labels:
        outputs = [np.array([number], np.float32) for number in numbers]
    else:
        outputs = [np.eye(task.head.size, dtype=np.float32)[number] for number in numbers]
    return [task.decode(e, [o]) for e, o in zip(examples, outputs, strict=True)]


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_in_the_order_of_the_reference(open_task, name):
    task = open_task(name)
    assert [example.label for example in task.examples("train")] == LABELS[name]
    assert all(example.label is not None for example in task.examples("dev"))
    assert all(example.label is None for example in task.examples("test"))


@pytest.mark.parametrize("name", TASKS)
def test_the_files_may_lie_in_the_folder_itself(open_task, tmp_path, name):
    folder = tmp_path / {"ax": "diagnostic"}.get(name, TASKS[name].folder)
    assert open_task(name, folder).examples("dev") == open_task(name).examples("dev")


def test_texts_are_those_of_the_columns(open_task):
    first = {name: open_task(name).examples("train")[0].texts for name in LABELS}
    assert first["cola"] == ('The "cat sat.',)  # no header; quotes are text
    assert first["mrpc"] == ('the " cat', "the cat")  # a byte order mark, carriage returns
    assert first["qnli"] == ("who sat?", "the cat sat")
    assert first["mnli"] == first["stsb"] == ("the cat sat", "the cat sat")
    assert open_task("ax").examples("dev")[0].texts == ("the cat", "no cat")
    assert open_task("ax").examples("test")[0].texts == ("the cat", "no cat")


def test_broken_lines_of_qqp_are_left_out_and_counted(open_task, caplog):
    assert len(open_task("qqp").examples("train")) == 2
    (message,) = caplog.messages
    assert message.endswith("train.tsv: 1 lines have not 6 columns and are left out, line 3 first")


def test_a_broken_line_of_qqp_would_move_the_answers_of_test(open_task, tmp_path):
    path = tmp_path / "QQP/test.tsv"
    path.write_text(path.read_text() + "7\tcut off\n")
    with pytest.raises(UserError, match=r"test\.tsv:\d+: 2 columns, not 3"):
        open_task("qqp").examples("test")


def test_mnli_has_two_parts(open_task, tmp_path):
    task = open_task("mnli")
    dev = task.examples("dev")
    assert [example.part for example in dev] == ["matched", "mismatched", "mismatched"]
    predictions = predicted(task, dev, [2, 1, 0])
    assert task.score(dev, predictions) == {"accuracy": 100.0, "accuracy_mismatched": 50.0}
    (tmp_path / "MNLI/dev_mismatched.tsv").unlink()
    assert [example.part for example in task.examples("dev")] == ["matched"]


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        ("cola", ["matthews", "accuracy"]),
        ("sst2", ["accuracy"]),
        ("mrpc", ["accuracy", "f1"]),
        ("stsb", ["pearson", "spearman"]),
        ("ax", ["matthews", "accuracy"]),
    ],
)
def test_metrics_are_the_official_ones_and_the_first_picks(open_task, name, metrics):
    task = open_task(name)
    examples = task.examples("train" if name != "ax" else "dev") * 2
    values = [example.label for example in examples]
    assert list(task.score(examples, predicted(task, examples, values))) == metrics
    assert task.metric == metrics[0]


def test_scores_are_percentages(open_task):
    mrpc = open_task("mrpc")
    examples = mrpc.examples("train") * 2  # 1 0 1 0
    values = mrpc.score(examples, predicted(mrpc, examples, [1, 1, 0, 0]))
    assert values == {"accuracy": 50.0, "f1": 50.0}
    stsb = open_task("stsb")
    examples = stsb.examples("train")
    values = stsb.score(examples, predicted(stsb, examples, [-1.0, 7.0]))
    np.testing.assert_allclose([values["pearson"], values["spearman"]], [-100, -100])


@pytest.mark.parametrize(
    ("name", "file", "numbers", "lines"),
    [
        ("cola", "CoLA", [1, 0], ["0\t1", "1\t0"]),
        ("sst2", "SST-2", [1], ["0\t1"]),
        ("stsb", "STS-B", [7.3], ["0\t5.000"]),
        ("rte", "RTE", [1], ["0\tnot_entailment"]),
        ("qnli", "QNLI", [0], ["0\tentailment"]),
        ("ax", "AX", [0], ["0\tcontradiction"]),
    ],
)
def test_files_of_a_submission(open_task, tmp_path, name, file, numbers, lines):
    task = open_task(name)
    examples = task.examples("test")
    task.write(epath.Path(tmp_path / "out"), "test", examples, predicted(task, examples, numbers))
    text = (tmp_path / "out" / "test" / f"{file}.tsv").read_text()
    assert text == "\n".join(["index\tprediction", *lines]) + "\n"


def test_mnli_is_submitted_in_two_files(open_task, tmp_path):
    task = open_task("mnli")
    examples = task.examples("test")
    task.write(epath.Path(tmp_path / "out"), "test", examples, predicted(task, examples, [1, 2]))
    texts = {p.name: p.read_text() for p in (tmp_path / "out" / "test").iterdir()}
    assert texts == {
        "MNLI-m.tsv": "index\tprediction\n0\tentailment\n",
        "MNLI-mm.tsv": "index\tprediction\n0\tneutral\n",
    }


@pytest.mark.parametrize(
    ("name", "file", "text", "message"),
    [
        ("sst2", "SST_2_train", "sentence\tlabel\na cat\n", "train.tsv:2: 1 columns, not 2"),
        ("sst2", "SST_2_train", "sentence\tlabel\na\t2\n", "train.tsv:2: the label '2' is none of 0, 1"),
        ("sst2", "SST_2_train", "text\tlabel\na\t1\n", "train.tsv:2: no text under 'sentence'; found"),
        ("sst2", "SST_2_train", "sentence\tlabel\n", "no example in the split train"),
        ("cola", "CoLA_train", "gj04\t1\tThe cat.\n", "train.tsv:1: 3 columns, not 4"),
        ("stsb", "STS_B_train", "sentence1\tsentence2\tscore\na\tb\tx\n", "train.tsv:2: the score 'x' is no"),
        ("rte", "RTE_train", "sentence1\tsentence2\na\tb\n", "train.tsv:2: no label under 'label'"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_named_with_its_line(open_task, tmp_path, name, file, text, message):
    glue_files.write(tmp_path, **{file: text})
    with pytest.raises(UserError, match=message):
        open_task(name).examples("train")


def test_a_missing_file_is_named(open_task, tmp_path):
    (tmp_path / "SST-2/train.tsv").unlink()
    with pytest.raises(
        UserError, match=r"SST-2/train.tsv: no such file; task.data_dir must hold SST-2/"
    ):
        open_task("sst2").examples("train")
    with pytest.raises(UserError, match=r"task.length is 4; it must be at least 8"):
        open_task("sst2", length=4)
    (tmp_path / "diagnostic/diagnostic.tsv").unlink()
    with pytest.raises(UserError, match=r"diagnostic.tsv: .* task.data_dir must hold diagnostic/"):
        open_task("ax").examples("test")
    with pytest.raises(UserError, match=r"^AX has no examples to train on; it is for models of"):
        open_task("ax").examples("train")


def test_a_record_of_the_user_has_the_official_columns(open_task):
    task = open_task("qnli")
    example = task.example({"question": "who sat?", "sentence": "the cat"}, "input:1")
    assert (example.texts, example.label) == (("who sat?", "the cat"), None)
    with pytest.raises(UserError, match="input:2: no text under 'question'; found 'sentence'"):
        task.example({"sentence": "the cat"}, "input:2")


@pytest.mark.parametrize(
    ("name", "values", "texts", "label"),
    [
        ("mnli", {"premise": "p", "hypothesis": "h", "label": "neutral"}, ("p", "h"), 2),
        ("mrpc", {"sentence1": "p", "sentence2": "h", "label": "equivalent"}, ("p", "h"), 1),
        ("cola", {"sentence": "p", "label": "unacceptable"}, ("p",), 0),
        ("stsb", {"sentence1": "p", "sentence2": "h", "label": 2.5}, ("p", "h"), 2.5),
        ("wnli", {"sentence1": "p", "sentence2": "h", "label": "entailment"}, ("p", "h"), 1),
    ],
)
def test_tfds_has_other_names_for_the_same(open_task, monkeypatch, name, values, texts, label):
    """As tensorflow_datasets/text/glue.py names them."""
    asked = []

    def from_tfds(builder, split):
        asked.append((builder, split))
        hidden = {"label": None} if split.startswith("test") else {}
        return [Record(values | hidden, "here")]

    monkeypatch.setattr(source, "from_tfds", from_tfds)
    task = open_task(name, "tfds:glue")
    (example,) = task.examples("train")
    assert (example.texts, example.label) == (texts, label)
    assert task.examples("test")[0].label is None
    assert {example.label for example in task.examples("dev")} == {label}
    dev = ["validation_matched", "validation_mismatched"] if name == "mnli" else ["validation"]
    assert [split for _, split in asked if split.startswith("val")] == dev
    assert {builder for builder, _ in asked} == {f"glue/{name}"}


@pytest.mark.skipif(not REAL.exists(), reason="no GLUE here")
@pytest.mark.parametrize("name", [name for name in COUNTS if name != "sst2"])
def test_the_published_files_have_all_their_examples(open_task, name):
    task = open_task(name, REAL)
    assert tuple(len(task.examples(split)) for split in ("train", "dev", "test")) == COUNTS[name]
