"""SuperGLUE's official files: columns, labels, metrics, files of submissions."""

from pathlib import Path

import numpy as np
import pytest
from etils import epath

from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import source
from albert_jax.tasks.source import Record
from albert_jax.tasks.superglue import TASKS
from albert_jax.tasks.table import family
from tests import task_files
from tests.models import sentencepiece_model
from tests.task_files import BOOLQ

FILES = {
    **task_files.FILES["boolq"],
    **task_files.FILES["cb"],
    "BoolQ/test.jsonl": '{"question": "who sat", "passage": "The cat.", "idx": 0}\n' * 2,
    "CB/test.jsonl": '{"premise": "the cat sat", "hypothesis": "a cat", "idx": 0}\n',
}


def write(folder: Path):
    """The files where they belong."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def open_task(tmp_path):
    def opened(name, folder=tmp_path, **fields):
        section, kind = family(name)
        vocabulary = Vocabulary(sentencepiece_model(), Normalisation())
        return kind(section(name=name, data_dir=str(folder), **fields), vocabulary)

    write(tmp_path)
    return opened


def answered(task, examples, numbers):
    """Predictions of these classes."""
    rows = np.eye(task.head.size, dtype=np.float32)[numbers]
    return [task.decode(e, [row]) for e, row in zip(examples, rows, strict=True)]


@pytest.mark.parametrize(("name", "labels"), [("boolq", [1, 0]), ("cb", [0, 2])])
def test_labels_are_in_the_order_of_the_release(open_task, name, labels):
    task = open_task(name)
    assert [example.label for example in task.examples("train")] == labels
    assert {example.label for example in task.examples("test")} == {None}
    assert task.columns == TASKS[name].texts


@pytest.mark.parametrize("name", TASKS)
def test_the_files_may_lie_in_the_folder_itself(open_task, tmp_path, name):
    task = open_task(name, tmp_path / TASKS[name].folder)
    assert task.examples("dev") == open_task(name).examples("dev")


def test_the_question_is_whole_and_the_passage_is_cut(open_task):
    task = open_task("boolq", length=16)
    (item,) = task.items(task.example({"question": "who sat", "passage": "the cat " * 50}, ""))
    (part,) = item.parts
    assert len(part.tokens) == 16
    question = task.items(task.example({"question": "who sat", "passage": ""}, ""))[0].parts[0]
    assert (part.tokens[part.token_types == 0] == question.tokens[question.token_types == 0]).all()


def test_metrics_are_the_official_ones(open_task):
    task = open_task("cb")
    examples = task.examples("train") * 2  # 0 2 0 2
    values = task.score(examples, answered(task, examples, [0, 2, 0, 0]))
    assert values["accuracy"] == 75.0
    assert values["macro_f1"] == pytest.approx(100 * (4 / 5 + 2 / 3) / 2)
    assert list(open_task("boolq").score(examples[:1], [{"label": "false"}])) == ["accuracy"]


@pytest.mark.parametrize(
    ("name", "numbers", "lines"),
    [
        ("boolq", [1, 0], ['{"idx": 0, "label": "true"}', '{"idx": 1, "label": "false"}']),
        ("cb", [2], ['{"idx": 0, "label": "neutral"}']),
    ],
)
def test_files_of_a_submission(open_task, tmp_path, name, numbers, lines):
    task = open_task(name)
    examples = task.examples("test")
    task.write(epath.Path(tmp_path), "test", examples, answered(task, examples, numbers))
    path = tmp_path / "test" / f"{TASKS[name].folder}.jsonl"
    assert path.read_text().splitlines() == lines


def test_tfds_spells_labels_in_another_way(open_task, monkeypatch):
    asked = []

    def from_tfds(name, split):
        asked.append((name, split))
        yield Record({"question": "q", "passage": "p", "label": "True"}, "tfds")

    monkeypatch.setattr(source, "from_tfds", from_tfds)
    assert [e.label for e in open_task("boolq", "tfds:super_glue").examples("dev")] == [1]
    assert asked == [("super_glue/boolq", "validation")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no example in the split train"),
        (BOOLQ.format("cat", 0, '"maybe"'), r"train.jsonl:1: the label 'maybe' is none of false, true"),
        (BOOLQ.format("cat", 0, "null"), r"train.jsonl:1: no label under 'label'"),
        ('{"question": "who"}\n', r"train.jsonl:1: no text under 'passage'; found 'question'"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_named_with_its_line(open_task, tmp_path, text, message):
    task = open_task("boolq")
    (tmp_path / "BoolQ/train.jsonl").write_text(text)
    with pytest.raises(UserError, match=message):
        task.examples("train")


def test_a_missing_file_is_named(open_task, tmp_path):
    (tmp_path / "CB/val.jsonl").unlink()
    with pytest.raises(UserError, match=r"CB/val.jsonl: no such file; task.data_dir must hold CB/"):
        open_task("cb").examples("dev")
