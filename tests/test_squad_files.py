"""Official files -> questions, and what is said of damaged ones."""

import json
import logging

import pytest
from etils import epath

from albert_jax.errors import UserError
from albert_jax.tasks import source, squad_files
from albert_jax.tasks.source import Record
from albert_jax.tasks.squad_files import Gold, Question

CONTEXT = "The cat\u00a0sat on  the mat. The cat was a big one."


def question(id="q1", answers=(("cat", 4),), **more):
    answers = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": id, "question": "who sat?", "answers": answers} | more


def official(*questions, context=CONTEXT):
    paragraph = {"context": context, "qas": list(questions)}
    return {"version": "v2.0", "data": [{"title": "cats", "paragraphs": [paragraph]}]}


def write(folder, name, content):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return str(folder)


def test_questions_in_order_with_their_answers(tmp_path):
    several = question("q0", [("cat", 29), ("The cat", 25)])
    none = question("q2", [], is_impossible=True, plausible_answers=[{"text": "x"}])
    folder = write(tmp_path, "train-v2.0.json", official(several, none))
    golds = (Gold("cat", 29, 32), Gold("The cat", 25, 32))
    assert squad_files.read(folder, "train", 2) == [
        Question("q0", "who sat?", CONTEXT, golds),
        Question("q2", "who sat?", CONTEXT, ()),
    ]


def test_an_answer_that_stands_elsewhere_is_found_near_by(tmp_path, caplog):
    moved = [("cat", 26), ("sat on the", 0), ("dog", 4), ("", 3), ("cat", 4 - len(CONTEXT))]
    questions = [question(f"q{i}", [answer]) for i, answer in enumerate(moved)]
    folder = write(tmp_path, "train-v1.1.json", official(*questions))
    with caplog.at_level(logging.WARNING):
        found = squad_files.read(folder, "train", 1)
    assert [q.gold and CONTEXT[q.gold.start : q.gold.end] for q in found] == [
        "cat", "sat on  the", None, None, "cat",
    ]  # fmt: skip
    assert found[0].gold.start == 29 and found[4].gold.start == 4
    assert "train-v1.1.json: the answers to 2 questions do not stand in their text" in caplog.text
    assert caplog.text.rstrip().endswith("they are no labels: q2, q3")


def test_an_answer_is_not_moved_into_a_word(tmp_path):
    context = "To concatenate: a (cat) sat. So did cats."
    moved = [("cat", 4), ("cat", 40), ("(cat)", 0), ("at", 12), ("cat", 6)]
    questions = [question(f"q{i}", [answer]) for i, answer in enumerate(moved)]
    folder = write(tmp_path, "train.json", official(*questions, context=context))
    starts = [q.gold.start for q in squad_files.read(folder, "train", 1)]
    assert starts == [19, 19, 18, 11, 6]  # "at" is no word there; the last is where it says


def test_the_first_answer_that_stands_in_the_text_is_the_label(tmp_path):
    folder = write(tmp_path, "dev.json", official(question(answers=[("dog", 0), ("mat", 21)])))
    (found,) = squad_files.read(folder, "dev", 1)
    assert found.gold == Gold("mat", 20, 23)


def test_hidden_answers_of_a_test_set(tmp_path):
    hidden = {"id": "q", "question": "who?"}
    folder = write(tmp_path, "test-v1.1.json", official(hidden, question("p", [])))
    assert [q.golds for q in squad_files.read(folder, "test", 1)] == [None, None]
    assert [q.golds for q in squad_files.read(folder, "test", 2)] == [None, ()]


def test_the_file_of_the_version_is_taken(tmp_path):
    write(tmp_path, "dev-v1.1.json", official(question("one")))
    folder = write(tmp_path, "dev-v2.0.json", official(question("two")))
    assert [squad_files.read(folder, "dev", version)[0].id for version in (1, 2)] == ["one", "two"]
    assert squad_files.read(f"{folder}/dev-v2.0.json", "test", 1)[0].id == "two"
    write(tmp_path, "dev-v1.0.json", official(question("three")))
    with pytest.raises(
        UserError, match=r"dev-v1\.0\.json, dev-v1\.1\.json in it; it must hold one"
    ):
        squad_files.read(folder, "dev", 1)
    with pytest.raises(UserError, match=r"no file \*train\*\.json in it"):
        squad_files.read(folder, "train", 1)
    with pytest.raises(UserError, match=r"nowhere: no such folder; set task\.data_dir"):
        squad_files.read(str(tmp_path / "nowhere"), "train", 1)


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        (
            "train-v2.0.json",
            "dev",
            r"a file with train in its name is not read as dev; .* --split=train",
        ),
        ("train-v2.0.json", "test", r"is not read as test; name a folder that has \*test\*\.json"),
        (
            "dev-v2.0.json",
            "train",
            r"a file without train in its name is not read as train; .*=dev",
        ),
        (
            "mine.json",
            "train",
            r"mine\.json: a file without train in its name is not read as train",
        ),
    ],
)
def test_one_file_is_not_train_and_dev(tmp_path, name, split, message):
    path = f"{write(tmp_path, name, official(question()))}/{name}"
    with pytest.raises(UserError, match=message):
        squad_files.read(path, split, 2)
    for other in {"train", "dev", "test"} - {split}:
        if ("train" in name) == (other == "train"):
            assert len(squad_files.read(path, other, 2)) == 1


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("split", ["train", "dev"])
def test_only_test_may_be_without_answers(tmp_path, split, version):
    hidden = {"id": "q", "question": "who?"}
    folder = write(tmp_path, f"{split}.json", official(hidden))
    with pytest.raises(UserError, match=rf'no question has "answers"; {split} needs them'):
        squad_files.read(folder, split, version)
    write(tmp_path, f"{split}.json", official(hidden, question("p")))
    assert squad_files.read(folder, split, version)[0].golds is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"data": [\n\n}', r"dev\.json:3: not JSON .*; fetch it again"),
        ("[]", r'dev\.json: no list "data"; is this a file of SQuAD'),
        ({"data": [{"title": "x"}]}, r'data\[0\]: no list "paragraphs"'),
        ({"data": [{"paragraphs": [{"context": "x"}]}]}, r'paragraphs\[0\]: no list "qas"'),
        (official({"question": "who?"}), r'qas\[0\]: no "id" of a question'),
        (official(question(), question()), r"two questions have the id 'q1'; ids must differ"),
        (official(question(question=3)), r'qas\[0\]: no text under "question", but int'),
        (official(question(), context=None), r'qas\[0\]: no text under "context", but NoneType'),
        (official(question() | {"answers": ["cat"]}), r'an answer without "text" or'),
        (official(question() | {"answers": {}}), r'qas\[0\]: no list "answers"'),
        (
            official(question(answers=[("cat", None)])),
            r'an answer without "text" or "answer_start"',
        ),
        (official(question(answers=())), r"question q1 has no answer; .* are task squad2"),
        (official(), r"dev\.json: no question in it"),
        ("[" * 100_000, r"dev\.json: not a file of SQuAD"),
    ],
)
def test_damage_is_named(tmp_path, content, message):
    folder = write(tmp_path, "dev.json", content)
    with pytest.raises(UserError, match=message):
        squad_files.read(folder, "dev", 1)


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "dev.json").write_bytes(b'{"data": "\xff"}')
    with pytest.raises(UserError, match=r"dev\.json: not UTF-8 at byte 10"):
        squad_files.read(str(epath.Path(tmp_path)), "dev", 1)


def test_questions_of_tfds(monkeypatch):
    def records(name, split):
        assert (name, split) == ("squad/v2.0", "validation")
        answers = {"text": [b"cat", b"big"], "answer_start": [4, 36]}
        texts = {"id": "q1", "question": "who?", "context": CONTEXT}
        yield Record(texts | {"answers": answers}, "here")
        yield Record(texts | {"id": "q2", "answers": {"text": [], "answer_start": []}}, "here")

    monkeypatch.setattr(source, "from_tfds", records)
    found = squad_files.read("tfds:squad/v2.0", "dev", 2)
    assert [q.golds for q in found] == [(Gold("cat", 4, 7), Gold("big", 39, 42)), ()]
