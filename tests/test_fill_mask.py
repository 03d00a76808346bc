"""Guesses for the masks of a text, by a model that was never trained."""

import io
import sys

import jax
import numpy as np
import pytest

import albert_jax
from albert_jax.commands import fill_mask
from albert_jax.commands.fill_mask import encode, fill
from albert_jax.commands.load import Pretrained
from albert_jax.data.vocabulary import Normalisation, Vocabulary, train
from albert_jax.errors import UserError
from albert_jax.model.albert import AlbertForPretraining, abstract_batch
from albert_jax.model.config import AlbertConfig
from tests.commands import call

SENTENCES = ["the cat sat on the mat.", "the dog (a big one) was walking.", "who saw the catwalk?"]


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary(train(SENTENCES * 20, 38), Normalisation())


@pytest.fixture(scope="module")
def model(vocabulary):
    config = AlbertConfig(
        vocab_size=vocabulary.size, embedding_size=8, hidden_size=16, num_layers=2, num_heads=2,
        ffn_size=32, max_positions=30, dtype="float32", initializer_range=0.5,
    )  # fmt: skip
    init = AlbertForPretraining(config).init
    shapes = jax.eval_shape(init, jax.random.key(0), abstract_batch(1, 8, 1, 1))["params"]
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), shapes)
    return Pretrained(config, params, vocabulary)


def spelled(vocabulary, text):
    return "".join(vocabulary.pieces[i] for i in encode(vocabulary, text))


def test_a_terminal_that_cannot_show_a_piece_has_it_spelled(model, tmp_path, monkeypatch):
    albert_jax.save(model, tmp_path / "M")
    terminal = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    call("fill-mask", f"--model={tmp_path / 'M'}", "--top=30", "the [MASK]")
    terminal.flush()
    assert rb"\u2581" in terminal.buffer.getvalue()


def test_a_text_stands_between_its_marks(vocabulary):
    ids = encode(vocabulary, "The cat [MASK] on [MASK] mat.")
    assert ids.dtype == np.int32 and (ids[0], ids[-1]) == (vocabulary.cls_id, vocabulary.sep_id)
    assert vocabulary.decode(ids[1:-1]) == "the cat[MASK] on[MASK] mat."


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("the [MASK].", "[CLS]▁the[MASK].[SEP]"),
        ("the [MASK] .", "[CLS]▁the[MASK]▁.[SEP]"),
        ("the [MASK]walk", "[CLS]▁the[MASK]walk[SEP]"),
        ("the [MASK] walk", "[CLS]▁the[MASK]▁walk[SEP]"),
        ("the [MASK][MASK]", "[CLS]▁the[MASK][MASK][SEP]"),
        ("[MASK] cat", "[CLS][MASK]▁cat[SEP]"),
    ],
)
def test_a_space_is_where_the_text_has_one(vocabulary, text, pieces):
    assert spelled(vocabulary, text) == pieces


def test_a_text_without_a_mask_is_named(vocabulary):
    with pytest.raises(UserError, match=r"^'the cat' has no \[MASK\]"):
        encode(vocabulary, "the cat")


def test_guesses_are_the_likeliest_in_order(model):
    tokens = encode(model.vocabulary, "the [MASK] sat on [MASK] mat. [MASK]")
    masks = fill(model, tokens, top=model.vocabulary.size)
    assert len(masks) == 3
    for guesses in masks:
        probabilities = [guess.probability for guess in guesses]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1)
        assert {guess.id for guess in guesses} == set(range(model.vocabulary.size))
        assert all(guess.piece == model.vocabulary.pieces[guess.id] for guess in guesses)
    assert masks[0] != masks[1] != masks[2]
    best = fill(model, tokens, top=2)
    assert best == [guesses[:2] for guesses in masks]


def test_a_text_longer_than_the_model_takes_is_named(model):
    tokens = encode(model.vocabulary, "the cat sat on the [MASK]. " * 9)
    with pytest.raises(UserError, match=r"^the text has \d+ pieces, the model takes 30"):
        fill(model, tokens, top=1)


def test_the_page_has_the_text_and_the_guesses(model, monkeypatch, capsys):
    monkeypatch.setattr(fill_mask, "load", lambda workdir: model)
    tokens = encode(model.vocabulary, "the [MASK].")
    [[first, second]] = fill(model, tokens, top=2)
    fill_mask.main(["--model=W", "--top=2", "the [MASK]."])
    text, guesses = capsys.readouterr().out.splitlines()
    assert text == f"the{first.piece}.".replace("▁", " ")
    assert guesses == f"  1:  {first.piece} {first.probability:.1%}  " + (
        f"{second.piece} {second.probability:.1%}"
    )


def test_a_text_is_needed():
    with pytest.raises(UserError, match="needs a text"):
        fill_mask.main(["--model=W"])
