"""`albert_jax.load`: what a folder is taken for, and what it gives."""

import json

import jax
import numpy as np
import pytest
from etils import epath

import albert_jax
from albert_jax.commands.config import pretraining
from albert_jax.commands.load import is_run
from albert_jax.errors import UserError
from albert_jax.interop.names import flat
from albert_jax.training.checkpoint import CheckpointConfig, Checkpoints
from tests import tiny
from tests.models import assert_same, random_model, sentencepiece_model


def make_run(workdir, params):
    """A workdir with one checkpoint of `params`, and the fields of config and metrics that are read."""
    config = tiny.get_config()
    for name, value in dict(vocab_size=40, embedding_size=4, hidden_size=8, ffn_size=12).items():
        config.model[name] = value
    config.model.num_layers = 4
    run = pretraining(config, None).to_dict()
    starts = [{"commit": "first"}, {"commit": "second"}]
    (workdir / "config.json").write_text(json.dumps({"config": run, "starts": starts}))
    lines = [{"step": 1, "kind": "train"}, {"step": 2, "kind": "held_out", "mlm_loss": 3.5}]
    (workdir / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    (workdir / "vocabulary.model").write_bytes(sentencepiece_model())
    checkpoints = Checkpoints(workdir / "checkpoints", CheckpointConfig())
    checkpoints.save(2, {"params": jax.tree.map(jax.numpy.asarray, params)}, {})
    checkpoints.close()


def test_a_run_is_loaded_with_where_it_is_from(tmp_path):
    params = random_model().params
    make_run(epath.Path(tmp_path), params)
    model = albert_jax.load(tmp_path)
    assert is_run(epath.Path(tmp_path))
    assert_same(flat(model.params), flat(params))
    assert (model.head, model.origin["commit"], model.origin["data"]) == (
        "pretraining",
        "second",
        "sotu",
    )
    assert model.origin["metrics"]["mlm_loss"] == 3.5
    assert model.vocabulary.normalisation.ascii_punctuation


@pytest.mark.parametrize("to", ["native", "huggingface", "tf1"])
def test_an_export_is_no_run(tmp_path, to):
    albert_jax.save(random_model(), tmp_path / "out", to)
    assert not is_run(epath.Path(tmp_path / "out"))


def test_a_config_without_the_kind_of_model_is_named(tmp_path):
    albert_jax.save(random_model(), tmp_path / "out", "huggingface")
    config = tmp_path / "out/config.json"
    config.write_text(config.read_text().replace("model_type", "type"))
    with pytest.raises(UserError, match=r"config\.json: model_type is missing; write what"):
        albert_jax.load(tmp_path / "out")


def test_an_original_config_beside_other_weights_is_left_alone(tmp_path):
    model = random_model()
    albert_jax.save(model, tmp_path / "out", "huggingface")
    (tmp_path / "out" / "albert_config.json").write_text("{}")
    assert_same(flat(albert_jax.load(tmp_path / "out").params), flat(model.params))


def test_a_folder_that_is_no_checkpoint(tmp_path):
    with pytest.raises(UserError, match=r"is no checkpoint: it has no config\.json"):
        albert_jax.load(tmp_path)
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(UserError, match=r"config\.json cannot be read"):
        albert_jax.load(tmp_path)


def test_encode_makes_a_batch():
    model = random_model()
    batch = model.encode(["the cat", ("the [MASK] dog", "a cat")])
    ids = model.vocabulary.encode
    cls, sep, mask = (getattr(model.vocabulary, f"{role}_id") for role in ("cls", "sep", "mask"))
    second = [cls, *ids("the"), mask, *ids("dog"), sep, *ids("a cat"), sep]
    assert batch["tokens"][1].tolist() == second
    assert batch["token_types"][1].tolist() == [0] * (second.index(sep) + 1) + [1] * (
        len(ids("a cat")) + 1
    )
    assert batch["example_ids"].sum(axis=1).tolist() == [2 + len(ids("the cat")), len(second)]
    assert batch["mlm_positions"].tolist() == [[0], [second.index(mask)]]
    assert batch["positions"].dtype == np.int32 and batch["cls_positions"].tolist() == [[0], [0]]
    with pytest.raises(UserError, match=r"text 1 has \d+ pieces, the model takes 32"):
        model.encode(["the cat", "the cat " * 40])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", ("a", "b", "c")], r"text 1 is of 3 texts, and the model has 2 token types"),
        ([None], "text 0 is None; it must be a text, or a pair"),
        ([("a", 3)], r"text 0 is \('a', 3\); it must"),
        ([()], r"text 0 is \(\); it must"),
        ("abc", r"the inputs are one text; give a list of texts, as in encode\(\[text\]\)"),
        ({"text": "a"}, r"the inputs are one record; give a list of records, as in encode\("),
    ],
)
def test_what_encode_cannot_read_is_said(texts, message):
    with pytest.raises(UserError, match=message):
        random_model().encode(texts)


def test_no_text_is_an_empty_batch():
    assert {v.shape[0] for v in random_model().encode([]).values()} == {0}


def test_load_takes_a_model_apart(tmp_path):
    albert_jax.save(random_model(), tmp_path / "out")
    config, params, vocabulary = albert_jax.load(tmp_path / "out")
    assert config.hidden_size == 8 and set(params) == {"albert", "mlm", "sentence"}
    assert vocabulary.size == 38
    with pytest.raises(AttributeError):
        albert_jax.lode  # noqa: B018
