"""Vocabularies of the `tokenizers` library, where it is installed, and what is said where it is not."""

import json
import pickle
import random
import sys

import numpy as np
import pytest

from albert_jax.data.normalisation import Normalisation
from albert_jax.data.tokenizer_json import TokenizerJson, wordpiece
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.interop import tokenizer
from tests.models import sentencepiece_model

PIECES = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("the", "cat", "##s", "sat", "on", "a", ".", "[", "]", "mask", "é"),
]


def without(text, piece):
    content = json.loads(text)
    vocabulary = content["model"]["vocab"]
    vocabulary[f"{piece}x"] = vocabulary.pop(piece)
    return json.dumps(content)


def added(number, piece, **changes):
    token = {"id": number, "content": piece, "special": True, "normalized": False}
    return token | dict.fromkeys(("single_word", "lstrip", "rstrip"), False) | changes


@pytest.fixture
def bert():
    pytest.importorskip("tokenizers")
    return wordpiece("\n".join(PIECES) + "\n", lower=True, strip_accents=None, chinese=True)


def test_the_library_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UserError, match=r"needs the tokenizers library: pip install 'albert-jax\["):
        TokenizerJson("{}")


def test_wordpiece(bert):
    vocabulary = TokenizerJson(bert)
    assert [vocabulary.pieces[i] for i in vocabulary.encode("The  cats sat.")] == [
        "the", "cat", "##s", "sat", "."
    ]  # fmt: skip
    assert vocabulary.encode_batch(["the", ""]) == [[5], []]
    assert (vocabulary.pad_id, vocabulary.mask_id, vocabulary.size) == (0, 4, 16)
    assert vocabulary.is_special.tolist() == [True] * 5 + [False] * 11
    assert vocabulary.word_starts.tolist() == [piece != "##s" for piece in PIECES]
    assert vocabulary.decode([2, 5, 6, 7, 3]) == "[CLS] the cats [SEP]"


def test_a_mask_that_is_typed_is_text(bert):
    described = json.loads(bert) | {"added_tokens": [added(4, "[MASK]")]}
    vocabulary = TokenizerJson(json.dumps(described))
    assert [vocabulary.pieces[i] for i in vocabulary.encode("the [MASK]")] == [
        "the",
        "[",
        "mask",
        "]",
    ]


def test_pieces_that_a_user_added_are_found_in_a_text(bert):
    own = [added(16, "[E1]"), added(17, "covid19", special=False, normalized=True)]
    vocabulary = TokenizerJson(json.dumps(json.loads(bert) | {"added_tokens": own}))
    assert vocabulary.encode("[E1] the COVID19 [MASK]") == [16, 5, 17, 12, 14, 13]
    assert vocabulary.encode_batch(["cat[E1]"]) == [[6, 16]]
    assert vocabulary.size == 18 and vocabulary.is_special.sum() == 5


def test_padding_and_cutting_of_the_file_are_left_out(bert):
    content = json.loads(bert)
    content["truncation"] = {
        "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0
    }  # fmt: skip
    assert len(TokenizerJson(json.dumps(content)).encode("the cat sat on the cat")) == 6


def test_a_vocabulary_of_windows(bert):
    typed = "\r\n".join(PIECES) + "\r\n"
    assert wordpiece(typed, lower=True, strip_accents=None, chinese=True) == bert


def test_a_piece_that_is_there_twice_is_named():
    with pytest.raises(UserError, match=r"^here: the piece 'cat' is in lines 7 and 17; bring"):
        wordpiece("\n".join([*PIECES, "cat"]), "here", lower=True, strip_accents=None, chinese=True)


def test_it_goes_to_other_processes(bert):
    copy = pickle.loads(pickle.dumps(TokenizerJson(bert, "here")))
    assert (copy.name, copy.encode("a cat")) == ("here", TokenizerJson(bert).encode("a cat"))


def test_damage_is_named(bert):
    with pytest.raises(UserError, match=r"here: not a tokenizer\.json, or a damaged one"):
        TokenizerJson(bert[:-20], "here")
    with pytest.raises(UserError, match=r"here: it has no \[SEP\], which the model needs"):
        TokenizerJson(without(bert, "[SEP]"), "here")


def test_offsets_are_those_of_the_raw_text(bert):
    vocabulary = TokenizerJson(bert)
    typed = " The\u00a0 CA\u0301ts\tA\u0301\u0323."
    ids, spans = vocabulary.encode_offsets(typed)
    assert ids == vocabulary.encode(typed) == [5, 6, 7, 10, 11]
    assert [typed[a:b] for a, b in spans] == ["The", "CA\u0301t", "s", "A\u0301\u0323", "."]
    assert vocabulary.encode_offsets("")[1].shape == (0, 2)


def test_half_a_character_is_no_failure(bert):
    vocabulary = TokenizerJson(bert)
    assert vocabulary.encode("cat \ud83d") == vocabulary.encode("cat \ufffd")
    assert vocabulary.encode_batch(["\ud83d"]) == [vocabulary.encode("\ufffd")]


def test_offsets_of_an_exported_sentencepiece_model_are_the_models_own(tmp_path):
    """Two ways back to the raw text, ours and the library's, on what both normalise alike."""
    pytest.importorskip("tokenizers")
    ours = Vocabulary(sentencepiece_model(), Normalisation())
    tokenizer.write(tmp_path, ours, 512)
    theirs = TokenizerJson((tmp_path / "tokenizer.json").read_text())
    words = ["The", "cat", "(\ufb01ne)", "e\u0301t\u00e9", "\u2026", "\u0130s", "\ufdfa", "\u00bd"]
    words += ["\ud55c\uad6d", "\u304b\u3099", "\u2014", "u.s."]
    chance = random.Random(0)
    for _ in range(500):
        typed = "".join(chance.choice(words) + chance.choice(["", " ", " \n"]) for _ in range(6))
        ids, spans = theirs.encode_offsets(typed)
        assert ids == ours.encode(typed)
        np.testing.assert_array_equal(spans, ours.encode_offsets(typed)[1], err_msg=repr(typed))
