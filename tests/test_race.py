"""RACE's layouts of files, its levels of school, its answers."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from albert_jax.data.normalisation import Normalisation
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks.race import Race, RaceConfig
from tests.learning import learn
from tests.models import sentencepiece_model

WORDS = Vocabulary(sentencepiece_model(), Normalisation())
SHARED = Path(__file__).parents[2] / "shared/data/race"


def passage(name, *answers):
    return {
        "id": name,
        "article": f"The article of {name}.",
        "questions": ["The state is _ .", "Who was it?"][: len(answers)],
        "options": [["one", "two", "three", "four"]] * len(answers),
        "answers": list(answers),
    }


def write(path, *passages, indent=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(passage, indent=indent) for passage in passages))


def race(folder, **changes):
    return Race(RaceConfig(name="race", data_dir=str(folder), **changes), WORDS)


def answers(task, split="train"):
    """Passage, level and label of each question."""
    return [(q.passage, q.level, q.label) for q in task.examples(split)]


@pytest.fixture
def official(tmp_path):
    """As it is distributed; file names are numbers, the level is in the folder's name and in ids."""
    write(tmp_path / "RACE/train/middle/7.txt", passage("middle7.txt", "A", "D"))
    write(tmp_path / "RACE/train/high/10.txt", passage("high10.txt", "B"))
    write(tmp_path / "RACE/train/high/9.txt", passage("high9.txt", "C"))
    (tmp_path / "RACE/train/high/.DS_Store").write_bytes(b"\x00\x01")
    return tmp_path


ALL = [("middle7.txt", "middle", 0), ("middle7.txt", "middle", 3)]
ALL += [("high10.txt", "high", 1), ("high9.txt", "high", 2)]


def test_the_official_layout(official):
    assert answers(race(official)) == ALL
    assert answers(race(official / "RACE")) == ALL
    question = race(official).examples("train")[1]
    assert question.context == "The article of middle7.txt."
    assert question.question == "Who was it?"
    assert question.options == ("one", "two", "three", "four")


def test_one_level_of_school(official):
    assert answers(race(official, level="high")) == ALL[2:]
    assert answers(race(official, level="middle")) == ALL[:2]


@pytest.mark.parametrize("ending", ["txt", "json"])
def test_the_flat_layout_knows_levels_by_ids_if_at_all(tmp_path, ending):
    write(tmp_path / f"train/a.{ending}", passage("asc1.json", "A"), indent=2)
    write(tmp_path / f"train/b.{ending}", passage("high1.txt", "B"), indent=2)
    assert answers(race(tmp_path)) == [("asc1.json", "", 0), ("high1.txt", "high", 1)]
    with pytest.raises(UserError, match="no question of level middle in the split train"):
        answers(race(tmp_path, level="middle"))


def test_all_in_one_file_is_read_once_though_the_passages_lie_beside_it(official):
    write(
        official / "RACE/train/high/all.txt", passage("high10.txt", "B"), passage("high9.txt", "C")
    )
    assert answers(race(official)) == ALL
    write(official / "flat/train/all.txt", passage("middle7.txt", "A", "D"), passage("x", "B"))
    assert answers(race(official / "flat")) == [*ALL[:2], ("x", "", 1)]


def test_blank_lines_are_no_passages(tmp_path):
    write(tmp_path / "train/all.txt", passage("x", "B"), passage("y", "A"))
    lines = (tmp_path / "train/all.txt").read_text()
    (tmp_path / "train/all.txt").write_text(f"\n \n{lines}\n\n")
    assert answers(race(tmp_path)) == [("x", "", 1), ("y", "", 0)]
    write(tmp_path / "dev/1.txt", passage("x", "B"), indent=2)
    (tmp_path / "dev/1.txt").write_text("\n" + (tmp_path / "dev/1.txt").read_text())
    assert answers(race(tmp_path), "dev") == [("x", "", 1)]


@pytest.mark.parametrize("questions", [None, 5, True, 1.5, "who?", {}])
@pytest.mark.parametrize("split", ["dev", "test"])
def test_questions_are_a_list_with_or_without_answers(tmp_path, questions, split):
    hidden = {k: v for k, v in passage("x", "A").items() if k != "answers"}
    write(tmp_path / split / "1.txt", hidden | {"questions": questions})
    with pytest.raises(UserError, match=r"1.txt:1: 0 questions, 1 lists of options and 0 answers"):
        answers(race(tmp_path), split)


def test_options_have_letters(tmp_path):
    record = {"article": "a", "question": "b", "options": [*"abcdefghijklmnopqrstuvwxyz"]}
    (question, *_) = [race(tmp_path).example(record, "own.jsonl:1")]
    race(tmp_path).write(tmp_path / "out", "test", [question], [{"label": 25}])
    assert json.loads((tmp_path / "out/test.json").read_text()) == {"": ["Z"]}
    record["options"].append("one more")
    with pytest.raises(UserError, match=r"own.jsonl:1: 27 options, the letters are 26; use the"):
        race(tmp_path).example(record, "own.jsonl:1")


def test_a_test_set_may_hide_its_answers(tmp_path):
    hidden = {k: v for k, v in passage("high1.txt", "A").items() if k != "answers"}
    write(tmp_path / "test/high/1.txt", hidden)
    assert answers(race(tmp_path), "test") == [("high1.txt", "high", None)]
    write(tmp_path / "dev/high/1.txt", hidden)
    with pytest.raises(UserError, match="1 questions, 1 lists of options and 0 answers"):
        answers(race(tmp_path), "dev")


def test_scores_of_all_and_of_each_level(official):
    task = race(official)
    examples = task.examples("train")
    said = [{"label": label} for label in (0, 0, 1, 2)]
    assert task.score(examples, said) == {
        "accuracy": 75.0,
        "accuracy_middle": 50.0,
        "accuracy_high": 100.0,
    }
    assert task.score(examples[2:], said[2:]) == {"accuracy": 100.0, "accuracy_high": 100.0}
    unknown = [example._replace(level="") for example in examples]
    assert task.score(unknown, said) == {"accuracy": 75.0}


def test_answers_are_written_by_passage(official, tmp_path):
    task = race(official)
    said = [{"label": label} for label in (0, 3, 1, 2)]
    task.write(tmp_path / "out", "dev", task.examples("train"), said)
    found = json.loads((tmp_path / "out/dev.json").read_text())
    assert found == {"middle7.txt": ["A", "D"], "high10.txt": ["B"], "high9.txt": ["C"]}


def test_a_question_of_the_users_own(official):
    record = {"article": "a", "question": "b", "options": ["c", "d"], "number": 3}
    question = race(official).example(record, "own.jsonl:1")
    assert question[:4] == ("a", "b", ("c", "d"), None)
    with pytest.raises(UserError, match=r"own.jsonl:1: the options are None; they must be a list"):
        race(official).example({"article": "a"}, "own.jsonl:1")


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "1.txt: no passage in it"),
        ('{\n"id": "x",\n"article" 3}', r"1.txt:1: not JSON"),
        ('{"id": 1}', "1.txt:1: no passage of RACE, which has id, article, questions"),
        ("[3]", "1.txt:1: list; a line must be an object"),
        (json.dumps(passage("x", "E")), "1.txt:1: the label is option 4, counted from 0, of 4"),
        (json.dumps(passage("x", "")), "1.txt:1: the answer is ''; it must be the letter"),
        (json.dumps(passage("x", 2)), "1.txt:1: the answer is 2; it must be the letter"),
        (
            json.dumps(passage("x", "A") | {"answers": ["A", "B"]}),
            "1.txt:1: 1 questions, 1 lists of options and 2 answers",
        ),
        (
            json.dumps(passage("x", "A") | {"options": ["abcd"]}),
            "the options are 'abcd'; they must",
        ),
        (json.dumps(passage("x", "A") | {"questions": None}), "1.txt:1: 0 questions, 1 lists"),
        (json.dumps(passage("x")), "1.txt:1: 0 questions"),
        (
            f"{json.dumps(passage('x', 'A'))}\n\n{{]",
            r"1.txt:3: not JSON \(Expecting property name",
        ),
    ],
)
def test_a_malformed_file_is_named(tmp_path, text, reason):
    (tmp_path / "train").mkdir()
    (tmp_path / "train/1.txt").write_text(text)
    with pytest.raises(UserError, match=reason):
        answers(race(tmp_path))


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no folder RACE/dev or dev in it; set task.data_dir"):
        answers(race(tmp_path), "dev")
    with pytest.raises(UserError, match=r"task.level is 'low'; it must be middle, high or empty"):
        race(tmp_path, level="low")


def test_from_files_to_predictions(tmp_path):
    """The cat is the answer, and the model learns it."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 32), ("dev", 8), ("test", 2)):
        for level in ("middle", "high"):
            for number in range(count):
                options = rng.permutation(["the cat", "the mat", "a big one", "walking"]).tolist()
                written = passage(f"{level}{number}.txt", "ABCD"[options.index("the cat")])
                written["options"] = [options]
                write(tmp_path / "RACE" / split / level / f"{number}.txt", written)
    results = learn("race", tmp_path, tmp_path / "W", "--config.task.question_length=16")
    assert results["dev"] == {"accuracy": 100.0, "accuracy_middle": 100.0, "accuracy_high": 100.0}
    said = json.loads((tmp_path / "W/predictions/test.json").read_text())
    gold = race(tmp_path, question_length=16).examples("test")
    assert said == {question.passage: ["ABCD"[question.label]] for question in gold}


def test_a_malformed_file_is_one_line(tmp_path):
    write(tmp_path / "train/middle/1.txt", passage("middle1.txt", "E"))
    with pytest.raises(SystemExit) as ended:
        learn("race", tmp_path, tmp_path / "W", "--config.task.question_length=16")
    assert ended.value.code == (
        f"albert-jax: {tmp_path}/train/middle/1.txt:1: the label is option 4, counted from 0, of 4"
    )


def test_tfds_has_each_level_apart(monkeypatch):
    """As tensorflow_datasets/datasets/race declares and decodes them."""
    import tensorflow_datasets as tfds

    text, texts = tfds.features.Text(), tfds.features.Sequence(tfds.features.Text())
    features = tfds.features.FeaturesDict(
        dict(article=text, questions=texts, answers=texts, example_id=text)
        | {"options": tfds.features.Sequence(texts)}
    )
    stored = {
        "article": b"The cat sat.",
        "questions": np.array([b"who?", b"where?"], object),
        "options": [
            np.array(row, object) for row in ([b"one", b"two", b"three"], [b"four", b"five"])
        ],
        "answers": np.array([b"C", b"A"], object),
        "example_id": b"high1.txt",
    }
    asked = []

    class Builder:
        info = SimpleNamespace(features=features)

        def __init__(self, name):
            self.name = name

        def as_data_source(self, split):
            asked.append((self.name, split))
            return [features.decode_example_np(stored)]

    monkeypatch.setattr(tfds, "builder", Builder)
    first, second = Race(RaceConfig(name="race", data_dir="tfds:race/high"), WORDS).examples("dev")
    assert asked == [("race/high", "dev")]
    assert first == ("The cat sat.", "who?", ("one", "two", "three"), 2, "high1.txt", "high")
    assert (second.options, second.label) == (("four", "five"), 0)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared")
def test_every_passage_of_a_real_sample():
    task = race(SHARED)
    counts = {split: len(task.examples(split)) for split in ("train", "dev")}
    assert counts == {"train": 5903, "dev": 592}
    items = [item for example in task.examples("dev") for item in task.items(example)]
    assert len(items) == 592
    assert {len(item.parts) for item in items} == {4}
    assert max(len(part.tokens) for item in items for part in item.parts) == 512


def test_a_folder_in_place_of_a_passage_is_named(tmp_path):
    (tmp_path / "train/high/1.txt").mkdir(parents=True)
    with pytest.raises(
        UserError, match=r"1.txt: cannot be read \(Is a directory\); check the path"
    ):
        race(tmp_path).examples("train")
