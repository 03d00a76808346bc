"""Sentences of documents: as windows of pieces, as labels, as summaries."""

import itertools
import json

import numpy as np
import pytest

from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks.summary import Document, Summary, SummaryConfig, windows
from tests.models import sentencepiece_model

TEXT = "  The cat sat.\nWho saw the dog?\n\nA mat (big) was walking.  The U.S. cat sat on a mat. "
SENTENCES = [
    "The cat sat.",
    "Who saw the dog?",
    "A mat (big) was walking.",
    "The U.S. cat sat on a mat.",
]


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary(sentencepiece_model(), Normalisation())


def task(vocabulary, **changes):
    return Summary(SummaryConfig(name="summary", **changes), vocabulary)


def outputs(items, scores):
    """Logits of a model that gives sentences these scores, in the order in which they are asked."""
    scores, found = iter(scores), []
    for item in items:
        logits = np.full((len(item.parts[0].tokens), 2), -50.0, np.float32)
        for place in np.flatnonzero(item.label >= 0):
            logits[place] = 0, next(scores)
        found.append(logits)
    assert next(scores, None) is None
    return found


def test_sentences_stand_behind_each_other_and_are_asked_at_their_first_pieces(vocabulary):
    wanted = "A big mat was walking"
    (item,) = task(vocabulary, length=200).items(Document(TEXT, wanted))
    (part,) = item.parts
    pieces = [vocabulary.encode(sentence) for sentence in SENTENCES]
    assert part.tokens.tolist() == [vocabulary.cls_id, *itertools.chain(*pieces), vocabulary.sep_id]
    assert part.tokens.dtype == item.label.dtype == np.int32 and not part.token_types.any()
    places = 1 + np.cumsum([0, *map(len, pieces[:-1])])
    assert np.flatnonzero(item.label >= 0).tolist() == places.tolist()
    assert item.label[places].tolist() == [0, 0, 1, 0]


def test_every_sentence_is_asked_once_whatever_the_window(vocabulary):
    for length in range(16, 80):
        items = task(vocabulary, length=length).items(Document(TEXT, "the dog"))
        assert max(len(item.parts[0].tokens) for item in items) <= length
        asked = [label for item in items for label in item.label[item.label >= 0].tolist()]
        assert asked == [0, 1, 0, 0]
        firsts = [
            item.parts[0].tokens[place]
            for item in items
            for place in np.flatnonzero(item.label >= 0)
        ]
        assert firsts == [vocabulary.encode(sentence)[0] for sentence in SENTENCES]


def test_a_sentence_without_pieces_has_a_place_of_its_own(vocabulary):
    assert vocabulary.encode("\u0301") == []
    (item,) = task(vocabulary).items(Document("The cat sat.\n\n\u0301\n\nThe dog.", "the dog"))
    assert item.label[item.label >= 0].tolist() == [0, 0, 1]


def test_windows_repeat_what_was_before():
    assert list(windows([3] * 6, room=12)) == [(0, 0, 4), (2, 4, 6)]
    assert list(windows([1, 10, 1, 10], room=12)) == [(0, 0, 3), (2, 3, 4)]
    assert list(windows([5, 5, 5, 5], room=10)) == [(0, 0, 2), (2, 2, 4)]
    assert list(windows([12, 12], room=12)) == [(0, 0, 1), (1, 1, 2)]
    assert list(windows([2] * 10, room=8)) == [(0, 0, 4), (3, 4, 7), (6, 7, 10)]
    assert list(windows([], room=8)) == []


def test_windows_are_full_and_cover_everything_once():
    rng = np.random.default_rng(0)
    for _ in range(200):
        lengths = rng.integers(1, 21, rng.integers(1, 30)).tolist()
        found = list(windows(lengths, room=20))
        assert [n for _, begin, end in found for n in range(begin, end)] == [*range(len(lengths))]
        for first, begin, end in found:
            assert first <= begin < end and sum(lengths[first:end]) <= 20
            assert first == 0 or sum(lengths[first - 1 : end]) > 20 or end < len(lengths)


def test_the_best_sentences_in_the_order_of_the_document(vocabulary):
    summary = task(vocabulary, length=40, sentences=2)
    example = Document(TEXT, "the cat")
    found = summary.decode(example, outputs(summary.items(example), [-1, 4, -3, 2]))
    assert found["summary"] == "Who saw the dog? The U.S. cat sat on a mat."
    for sentence, text, score in zip(
        found["sentences"], [SENTENCES[1], SENTENCES[3]], [4, 2], strict=True
    ):
        assert TEXT[sentence["start"] : sentence["end"]] == sentence["text"] == text
        assert sentence["score"] == pytest.approx(1 / (1 + np.exp(-score)))
    assert json.loads(json.dumps(found)) == found


def test_a_summary_is_one_line_whatever_its_sentences_are(vocabulary):
    summary = task(vocabulary, sentences=1)
    example = Document("The cat\nsat.", "the cat")
    found = summary.decode(example, outputs(summary.items(example), [1]))
    assert found["summary"] == "The cat sat." and found["sentences"][0]["text"] == "The cat\nsat."


def test_the_first_of_equal_sentences_is_taken(vocabulary):
    summary = task(vocabulary, sentences=1)
    example = Document(TEXT, "the cat")
    found = summary.decode(example, outputs(summary.items(example), [1, 1, 1, 1]))
    assert found["summary"] == SENTENCES[0]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (dict(sentences=0, words=7), [0, 1]),  # 5 words do not fit beside 4, 3 do
        (dict(sentences=1, words=7), [1]),
        (dict(sentences=0, words=100), [0, 1, 2, 3]),
        (dict(sentences=9), [0, 1, 2, 3]),
        (dict(sentences=3, words=2), []),
    ],
)
def test_limits_of_sentences_and_words(vocabulary, limits, expected):
    summary = task(vocabulary, **limits)
    example = Document(TEXT, "the cat")
    found = summary.decode(example, outputs(summary.items(example), [0, 3, 2, 1]))
    assert [s["text"] for s in found["sentences"]] == [SENTENCES[i] for i in expected]


def test_a_sentence_that_does_not_fit_makes_room_for_the_next(vocabulary):
    summary = task(vocabulary, sentences=0, words=3)
    found = summary.decode(
        Document(TEXT, ""), outputs(summary.items(Document(TEXT, "")), [2, 3, 1, 0])
    )
    assert [s["text"] for s in found["sentences"]] == [SENTENCES[0]]


@pytest.mark.parametrize("text", ["", " \n\n ", "\u200b \u0301", "\U0001f600 \u0e01\u0e34!"])
def test_any_text_is_read(vocabulary, text):
    summary = task(vocabulary)
    items = summary.items(Document(text, "the cat"))
    found = summary.decode(Document(text), outputs(items, [0.0] * (1 if text.strip() else 0)))
    assert found["summary"] == text.strip()


def test_a_document_without_a_summary_has_no_labels(vocabulary):
    summary = task(vocabulary, document="body")
    example = summary.example({"body": TEXT, "summary": "not read"}, "here")
    assert example == Document(TEXT)
    assert [item.label for item in summary.items(example)] == [None]
    with pytest.raises(UserError, match=r"^here: no text under 'body'; found 'text'$"):
        summary.example({"text": TEXT}, "here")


def test_scores_are_means_in_percent(vocabulary):
    summary = task(vocabulary)
    right = {"sentences": [{"text": "The cat\nsat."}, {"text": "It ran."}]}
    half = {"sentences": [{"text": "dogs bark"}]}
    examples = [
        Document("", "The cat sat. It ran."),
        Document("", "dogs sleep"),
        Document("", None),
    ]
    found = summary.score(examples, [right, half, right])
    assert found["rouge1"] == pytest.approx(75) and found["rouge2"] == pytest.approx(50)
    assert found["rougeLsum"] == pytest.approx(75)
    swapped = {"sentences": right["sentences"][::-1]}
    found = summary.score(examples[:1], [swapped])
    assert found["rougeLsum"] == pytest.approx(100) and found["rougeL"] < 70
    assert summary.score(examples[2:], [right]) == {}


def test_files_and_predictions(vocabulary, tmp_path):
    pairs = [{"document": TEXT, "summary": "The cat sat."}, {"document": "Ä.", "summary": "b"}]
    for name in ("train", "dev", "test"):
        lines = [json.dumps(pair, ensure_ascii=False) for pair in pairs]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    (tmp_path / "test.jsonl").write_text(json.dumps({"document": "Ä."}))
    summary = task(vocabulary, data_dir=str(tmp_path))
    assert summary.examples("train") == [Document(TEXT, "The cat sat."), Document("Ä.", "b")]
    assert summary.examples("test") == [Document("Ä.")]
    prediction = {"summary": "Ä.", "sentences": []}
    summary.write(tmp_path, "test", [Document("Ä.")], [prediction])
    assert json.loads((tmp_path / "test/summaries.jsonl").read_text()) == prediction
    (tmp_path / "dev.jsonl").write_text('{"document": "a"}')
    with pytest.raises(UserError, match=r"dev.jsonl:1: no text under 'summary'; found 'document'$"):
        summary_again = task(vocabulary, data_dir=str(tmp_path))
        summary_again.examples("dev")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(length=15), r"^task.length is 15; it must be at least 16$"),
        (dict(words=-1), r"^task.words is -1; it must be 0 or more$"),
        (dict(sentences=0), r"^task.sentences and task.words are both 0"),
        (dict(dev_share=2.0), r"^task.dev_share is 2"),
    ],
)
def test_settings_are_checked(changes, message):
    with pytest.raises(UserError, match=message):
        SummaryConfig(name="summary", **changes)
