"""Our own export: everything there and back, and what is said of damage."""

import dataclasses
import json

import numpy as np
import pytest

import albert_jax
from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.interop.names import flat
from tests.models import assert_same, edit_weights, random_model, sentencepiece_model


@pytest.mark.parametrize("sharing", ["all", "attention", "ffn", "none"])
def test_there_and_back(tmp_path, sharing):
    steps = Normalisation(lower=False, ascii_punctuation=False)
    model = dataclasses.replace(
        random_model(sharing=sharing, num_layers=3),
        vocabulary=Vocabulary(sentencepiece_model(), steps),
        origin={"data": "sotu", "metrics": {"mlm_loss": 2.5}},
    )
    albert_jax.save(model, tmp_path / "out")
    back = albert_jax.load(tmp_path / "out")
    assert (back.config, back.head, back.origin) == (model.config, model.head, model.origin)
    assert back.vocabulary.normalisation == steps
    assert_same(flat(back.params), flat(model.params))


def test_a_classifier_keeps_its_labels(tmp_path):
    model = dataclasses.replace(random_model(head="token", classes=3), labels=("O", "B", "I"))
    albert_jax.save(model, tmp_path / "out")
    back = albert_jax.load(tmp_path / "out")
    assert (back.head, back.labels) == ("token", ("O", "B", "I"))
    assert_same(flat(back.params), flat(model.params))


def change(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c.update(format="albert-jax 9"), "is of format 'albert-jax 9'"),
        (lambda c: c.pop("head"), "head is missing"),
        (lambda c: c.update(head="tail"), "head is 'tail'; it must be one of encoder"),
        (lambda c: c["model"].update(colour=1), "model.colour is not a setting"),
        (lambda c: c["model"].update(hidden_size=16), r"is \[\d+.*\], its config makes it"),
    ],
)
def test_a_config_that_is_wrong_is_named(tmp_path, edit, message):
    albert_jax.save(random_model(), tmp_path / "out")
    change(tmp_path / "out/config.json", edit)
    with pytest.raises(UserError, match=message):
        albert_jax.load(tmp_path / "out")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.pop("albert/encoder/ffn/norm/bias"), "ffn/norm/bias is missing"),
        (lambda t: t.pop("mlm/bias"), "mlm/bias is missing"),
        (lambda t: t["mlm/bias"].fill(np.inf), "mlm/bias has numbers that are not finite; bring"),
        (lambda t: t.update(extra=np.ones(1, np.float32)), "extra has no place"),
    ],
)
def test_a_tensor_that_is_wrong_is_named(tmp_path, edit, message):
    albert_jax.save(random_model(), tmp_path / "out")
    edit_weights(tmp_path / "out", edit)
    with pytest.raises(UserError, match=message):
        albert_jax.load(tmp_path / "out")


@pytest.mark.parametrize("lost", ["classifier/classifier/bias", "classifier/classifier/kernel"])
def test_a_head_that_is_not_whole_is_named(tmp_path, lost):
    albert_jax.save(random_model(head="sequence", classes=3), tmp_path / "out")
    edit_weights(tmp_path / "out", lambda tensors: tensors.pop(lost))
    with pytest.raises(
        UserError, match=r"out/model.safetensors: the head for sequence has a kernel"
    ):
        albert_jax.load(tmp_path / "out")


def test_a_head_may_be_absent_as_a_whole(tmp_path):
    model = random_model()
    params = {"albert": model.params["albert"]}
    encoder = dataclasses.replace(model, params=params, head="encoder")
    albert_jax.save(encoder, tmp_path / "out")
    assert set(albert_jax.load(tmp_path / "out").params) == {"albert"}
