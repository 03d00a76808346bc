"""Multiple choice in the user's own tables."""

import json

import numpy as np
import pytest

from albert_jax.commands.model_flags import task_settings
from albert_jax.data.normalisation import Normalisation
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks.choice import Choice, ChoiceConfig
from tests.learning import learn
from tests.models import sentencepiece_model

WORDS = Vocabulary(sentencepiece_model(), Normalisation())
ROW = {"context": "a text", "question": "who?", "options": ["one", "two", "three"], "label": 2}


def choice(folder, **changes):
    return Choice(ChoiceConfig(name="choice", data_dir=str(folder), **changes), WORDS)


def write(path, *rows):
    path.write_text("\n".join(json.dumps(row) for row in rows))


def test_a_list_of_options(tmp_path):
    write(tmp_path / "train.jsonl", ROW, ROW | {"options": ["x", "y"], "label": "B"})
    write(tmp_path / "dev.jsonl", ROW | {"label": "a"})
    first, second = choice(tmp_path).examples("train")
    assert first[:4] == ("a text", "who?", ("one", "two", "three"), 2)
    assert (second.options, second.label) == (("x", "y"), 1)
    assert choice(tmp_path).examples("dev")[0].label == 0


def test_a_column_for_each_option_without_a_question(tmp_path):
    """SWAG's columns."""
    lines = ["startphrase,ending0,ending1,label", '"He sat, and",ate.,sang.,1']
    for split in ("train", "dev"):
        (tmp_path / f"{split}.csv").write_text("\n".join(lines))
    task = choice(tmp_path, context="startphrase", question="", options="ending0, ending1")
    assert task.examples("dev")[0][:4] == ("He sat, and", "", ("ate.", "sang."), 1)


def test_a_list_in_csv_is_json(tmp_path):
    row = 'context,question,options,label\na,b,"[""x, y"", ""z""]",0\n'
    (tmp_path / "train.csv").write_text(row)
    (tmp_path / "dev.csv").write_text(row)
    assert choice(tmp_path).examples("train")[0].options == ("x, y", "z")


def test_columns_of_options_as_a_command_says_them(tmp_path):
    _, settings = task_settings("choice:options=a,b,context=,question=q")
    task = choice(tmp_path, **settings)
    assert task.columns == ("q", "a", "b")


@pytest.mark.parametrize(
    "cell", ["[" * 100_000, "[" + "9" * 5000 + "]", "[" * 900 + "]" * 900, "one", "{}", ""]
)
def test_a_cell_without_a_list_is_named(tmp_path, cell):
    record = {"context": "a", "question": "b", "options": cell}
    with pytest.raises(UserError, match=r"^in.csv:2: (no list under 'options'|context, question)"):
        choice(tmp_path).example(record, "in.csv:2")


def test_half_a_character_in_a_cell_is_mended(tmp_path):
    record = {"context": "a", "question": "b", "options": '["x\\ud83d", "y"]'}
    assert choice(tmp_path).example(record, "in.csv:2").options == ("x\ufffd", "y")


def test_a_test_set_may_hide_its_labels(tmp_path):
    hidden = {key: value for key, value in ROW.items() if key != "label"}
    write(tmp_path / "train.jsonl", ROW)
    write(tmp_path / "test.jsonl", hidden, hidden)
    assert [q.label for q in choice(tmp_path).examples("test")] == [None, None]
    write(tmp_path / "test.jsonl", ROW)
    assert choice(tmp_path).examples("test")[0].label == 2
    assert choice(tmp_path).example(hidden, "input.jsonl:1").label is None


def test_columns_of_a_record(tmp_path):
    assert choice(tmp_path).columns == ("context", "question", "options")
    task = choice(tmp_path, context="", question="q", options="a, b")
    assert task.columns == ("q", "a", "b")
    assert task.example({"q": "x", "a": "y", "b": "z"}, "here:1")[:3] == ("", "x", ("y", "z"))


def test_predictions_are_written_a_line_each(tmp_path):
    said = [{"label": 1, "option": "zwölf", "probabilities": [0.25, 0.75]}] * 2
    choice(tmp_path).write(tmp_path / "out", "dev", [], said)
    lines = (tmp_path / "out/dev.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == said


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"options": "one"}, "no list under 'options'; found 'context', 'question', 'options'"),
        ({"options": ["one"]}, "1 options; a choice is of two or more"),
        ({"label": 3}, "the label is option 3, counted from 0, of 3"),
        ({"label": -1}, "'-1' under 'label' is no option; it must be a number from 0 or a letter"),
        ({"label": "one"}, "'one' under 'label' is no option"),
        ({"label": None}, "'None' under 'label' is no option"),
        ({"label": "9" * 5000}, "'9999999999999999999999999999999999999999' under 'label' is no"),
        ({"context": 7}, "'context' is no text but int"),
    ],
)
def test_a_malformed_row_is_named(tmp_path, changes, reason):
    write(tmp_path / "train.jsonl", ROW, ROW | changes)
    write(tmp_path / "dev.jsonl", ROW)
    with pytest.raises(UserError, match=f"train.jsonl:2: {reason}"):
        choice(tmp_path).examples("train")


def test_from_files_to_predictions(tmp_path):
    """Questions of two and of three options in one table; the cat is the answer."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 64), ("dev", 16), ("test", 3)):
        found = [
            rng.permutation(["the cat", "the mat", "walking"][: 2 + i % 2]) for i in range(count)
        ]
        rows = ({"options": o.tolist(), "label": o.tolist().index("the cat")} for o in found)
        write(tmp_path / f"{split}.jsonl", *(ROW | row for row in rows))
    results = learn("choice", tmp_path, tmp_path / "W", "--config.task.question_length=16")
    assert results["dev"] == results["test"] == {"accuracy": 100.0}
    lines = (tmp_path / "W/predictions/test.jsonl").read_text().splitlines()
    assert [json.loads(line)["option"] for line in lines] == ["the cat"] * 3
    assert [len(json.loads(line)["probabilities"]) for line in lines] == [2, 3, 2]
