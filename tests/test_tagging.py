"""What the model reads of a sentence, and what becomes of its tags."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from albert_jax.data.normalisation import Normalisation
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import collapse, conll, metrics
from albert_jax.tasks.tagging import Tagging, TaggingConfig, windows
from tests.learning import learn
from tests.models import sentencepiece_model

WORDS = Vocabulary(sentencepiece_model(), Normalisation())
SHARED = Path(__file__).parents[2] / "shared/data"
LABELS = ("O", "B-PET", "I-PET")


def tagging(**changes):
    return Tagging(TaggingConfig(**dict(name="tagging", labels=LABELS) | changes), WORDS)


def perfect(task, example):
    """Outputs that are sure of the right tags, and of nothing else."""
    outputs = []
    for item in task.items(example):
        logits = np.random.default_rng(0).normal(size=(len(item.label), len(task.head.labels)))
        asked = item.label >= 0
        logits[asked, item.label[asked]] = 30
        outputs.append(logits.astype(np.float32))
    return outputs


def test_the_first_piece_of_a_word_has_its_tag():
    sentence = conll.sentence(["the", "walking", "cat"], ["O", "I-PET", "I-PET"])
    (item,) = tagging().items(sentence)
    (tokens, types) = item.parts[0]
    pieces = [WORDS.encode(word) for word in sentence.words]
    assert tokens.tolist() == [WORDS.cls_id, *itertools.chain(*pieces), WORDS.sep_id]
    assert not types.any()
    expected = [-1]
    for ids, label in zip(pieces, [0, 1, 2], strict=True):  # the first I is repaired to a B
        expected += [label] + [-1] * (len(ids) - 1)
    assert item.label.tolist() == [*expected, -1]
    assert item.label.dtype == np.int32


def test_words_without_a_piece_shift_nothing():
    words, tags = ["\u200b", "cat", "\u0301", "dog", " "], ["O", "B-PET", "O", "B-PET", "O"]
    assert [len(WORDS.encode(word)) > 0 for word in words] == [False, True, False, True, False]
    task, sentence = tagging(), conll.sentence(words, tags)
    (item,) = task.items(sentence)
    assert (item.label >= 0).sum() == 2
    assert task.decode(sentence, perfect(task, sentence))["tags"] == tags


def test_a_type_that_training_never_saw_is_not_learnt():
    (item,) = tagging().items(conll.sentence(["cat", "dog"], ["B-TOY", "O"]))
    assert item.label[item.label >= 0].tolist() == [0]


def test_without_tags_there_is_no_label():
    assert [item.label for item in tagging().items(conll.sentence(["cat"]))] == [None]


@pytest.mark.parametrize("words", [[], ["\u200b"]])
def test_of_nothing_an_empty_sequence_is_read(words):
    task, sentence = tagging(), conll.sentence(words)
    (item,) = task.items(sentence)
    assert item.parts[0].tokens.tolist() == [WORDS.cls_id, WORDS.sep_id]
    said = task.decode(sentence, [np.zeros((2, 3), np.float32)])
    assert said == {"tokens": words, "tags": ["O"] * len(words), "entities": []}


def covered(sizes, room, overlap):
    found = windows(sizes, room, overlap)
    assert all(sum(sizes[w.start : w.stop]) <= room for w in found)
    assert all(w.start <= w.first <= w.last <= w.stop for w in found)
    asked = [range(w.first, w.last) for w in found]
    assert list(itertools.chain(*asked)) == list(range(len(sizes)))
    assert all(a.stop < b.stop and a.start < b.start for a, b in itertools.pairwise(found))
    return found


def test_every_word_is_asked_once_whatever_the_windows():
    rng = np.random.default_rng(0)
    for _ in range(500):
        room = int(rng.integers(2, 20))
        sizes = np.minimum(rng.integers(0, rng.integers(2, 30), rng.integers(0, 60)), room)
        covered(sizes.tolist(), room, int(rng.integers(0, room // 2 + 1)))


def test_a_word_is_asked_where_more_is_around_it():
    found = covered([1] * 20, 10, 4)
    assert found == [(0, 10, 0, 8), (6, 16, 8, 14), (12, 20, 14, 20)]
    assert windows([], 10, 4) == [(0, 0, 0, 0)]
    assert windows([10, 10], 10, 4) == [(0, 1, 0, 1), (1, 2, 1, 2)]


def test_a_long_sentence_loses_no_word():
    rng = np.random.default_rng(0)
    words = rng.choice(["cat", "walking", "\u200b", "u.s.", "the" * 30], 200).tolist()
    tags = ["O" if word == "\u200b" else rng.choice(LABELS) for word in words]
    task = tagging(length=24, overlap=8)
    sentence = conll.sentence(words, conll.bio(tags))
    items = task.items(sentence)
    assert len(items) > 20 and all(len(item.parts[0].tokens) <= 24 for item in items)
    assert task.decode(sentence, perfect(task, sentence))["tags"] == list(sentence.tags)
    asked = sum(int((item.label >= 0).sum()) for item in items)
    assert asked == sum(word != "\u200b" for word in words)


def test_entities_of_raw_text_have_its_characters():
    task, text = tagging(), "Who saw  “the big cat’s” dog?\n"
    sentence = task.example({"text": text}, "input.jsonl:1")
    assert sentence.words == ["Who", "saw", "“", "the", "big", "cat", "’s", "”", "dog", "?"]
    tagged = sentence._replace(tags=("O",) * 4 + ("B-PET", "I-PET", "O", "O", "I-PET", "O"))
    found = task.decode(tagged, perfect(task, tagged))["entities"]
    assert [(e["type"], e["text"]) for e in found] == [("PET", "big cat"), ("PET", "dog")]
    assert all(text[e["start"] : e["end"]] == e["text"] for e in found)
    assert all(e["score"] > 0.999 for e in found)
    json.dumps(found)


def test_tokens_are_taken_as_they_are():
    sentence = tagging().example({"tokens": ["Ann's", "dog"], "text": "x"}, "input.jsonl:1")
    assert sentence.words == ["Ann's", "dog"] and sentence.text == "Ann's dog"
    with pytest.raises(UserError, match=r'input.jsonl:1: no text under "text", nor words under'):
        tagging().example({"body": "x"}, "input.jsonl:1")


def test_scores_are_of_entities():
    task = tagging()
    gold = [
        conll.sentence(["a", "b", "c"], tags.split()) for tags in ("I-PET O O", "B-PET I-PET O")
    ]
    said = [{"tags": tags.split()} for tags in ("B-PET O O", "B-PET O O")]
    scores = task.score([*gold, conll.sentence(["a"])], [*said, {"tags": ["O"]}])
    assert scores == {
        "precision": 50.0,
        "recall": 50.0,
        "f1": 50.0,
        "accuracy": pytest.approx(500 / 6),
    }


def test_labels_are_those_of_the_training_file_or_of_the_task(tmp_path):
    (tmp_path / "train.conll").write_text("a I-b\nc S-a\nd O\n")
    config = TaggingConfig(name="tagging", data_dir=str(tmp_path))
    assert Tagging(config, WORDS).head.labels == ("O", "B-a", "I-a", "B-b", "I-b")
    wnut = Tagging(TaggingConfig(name="wnut17"), WORDS)
    assert wnut.head.labels[:4] == ("O", "B-corporation", "I-corporation", "B-creative-work")
    assert wnut.head.size == 13
    assert Tagging(TaggingConfig(name="conll2003"), WORDS).head.size == 9


def test_a_training_file_has_tags(tmp_path):
    for split in ("train", "test"):
        (tmp_path / f"{split}.conll").write_text("a\nb\n")
    task = tagging(data_dir=str(tmp_path))
    with pytest.raises(UserError, match=r"train.conll: words without tags; a line holds"):
        task.examples("train")
    assert task.examples("test")[0].words == ["a", "b"]


def test_a_tfds_dataset_by_its_name(monkeypatch):
    found = [conll.sentence(["cat"], ["B-PET"])]
    monkeypatch.setattr(conll, "from_tfds", lambda *asked: found if asked == ("x", "dev") else [])
    assert tagging(data_dir="tfds:x").examples("dev") == found


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"length": 3}, "task.length is 3; it must be at least 4"),
        ({"overlap": 64}, "task.overlap is 64; it must be from 0 to 63"),
        ({"labels": ("O", "PER")}, "task.labels: 'PER' is not O, nor B or I with a dash"),
    ],
)
def test_settings_out_of_range(changes, reason):
    with pytest.raises(UserError, match=reason):
        tagging(**changes)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared")
@pytest.mark.parametrize("length", [16, 128])
def test_wnut17_is_decoded_as_it_was_encoded(length, tmp_path):
    """With the released vocabulary, for which a few words have no piece."""
    released = Vocabulary.load(SHARED / "vocabulary/30k-clean.model", Normalisation())
    config = TaggingConfig(
        name="wnut17", data_dir=str(SHARED / "ner/wnut17"), length=length, overlap=4
    )
    task = Tagging(config, released)
    examples = task.examples("dev")
    said = [task.decode(example, perfect(task, example)) for example in examples]
    assert metrics.entity_scores([e.tags for e in examples], [p["tags"] for p in said]).f1 == 1.0
    task.write(tmp_path, "dev", examples, said)
    assert [s.words for s in conll.read(tmp_path / "dev.conll")] == [e.words for e in examples]


def test_a_tagger_that_finds_nothing_has_collapsed():
    nothing, something = {"tags": ["O"], "entities": []}, {"tags": ["B-PET"], "entities": [{}]}
    assert collapse.same_answer([nothing] * 30) == "no entity"
    assert collapse.same_answer([nothing] * 30 + [something]) is None


def test_from_files_to_predictions(tmp_path):
    """In CoNLL-2003's own layout: a cat is a pet, and the model learns it."""
    rng, header = np.random.default_rng(0), "-DOCSTART- -X- O O\n\n"
    for name, count in (("eng.train", 60), ("eng.testa", 20), ("eng.testb", 4)):
        chosen = (rng.permutation(["the", "cat", "saw", "mat"]) for _ in range(count))
        lines = ("\n".join(f"{w} NN X {'I-PER' if w == 'cat' else 'O'}" for w in s) for s in chosen)
        (tmp_path / name).write_text(header + "\n\n".join(lines) + "\n")
    results = learn("conll2003", tmp_path, tmp_path / "W", "--config.task.overlap=8")
    assert results["dev"]["f1"] == results["test"]["f1"] == 100.0
    lines = (tmp_path / "W/predictions/test.conll").read_text().splitlines()
    assert len(lines) == 4 * 5
    assert set(lines) == {"the O O", "saw O O", "mat O O", "cat I-PER B-PER", ""}


def test_a_malformed_file_is_one_line(tmp_path):
    (tmp_path / "eng.train").write_text("the DT I-NP O\ncat NN I-NP PER\n")
    with pytest.raises(SystemExit) as ended:
        learn("conll2003", tmp_path, tmp_path / "W", "--config.task.overlap=8")
    assert ended.value.code == (
        f"albert-jax: {tmp_path}/eng.train:2: the tag 'PER' is not O, nor B, I, E or S with a dash "
        "and a type"
    )
