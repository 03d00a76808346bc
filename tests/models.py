"""Small models with random parameters, and the vocabulary that goes with them."""

import dataclasses
import functools

import jax
import numpy as np
import safetensors.numpy

from albert_jax.data.vocabulary import Normalisation, Vocabulary, train
from albert_jax.interop.pretrained import Pretrained
from albert_jax.model.albert import Albert, AlbertForPretraining, abstract_batch
from albert_jax.model.config import AlbertConfig

SENTENCES = ["the cat sat on the mat.", "the dog (a big one) was walking.", "who saw the u.s. cat?"]


@functools.cache
def sentencepiece_model():
    """A `.model` of 38 pieces."""
    return train(SENTENCES * 20, 38)


def random_model(seed=0, head="pretraining", classes=None, **changes):
    """A model of ours with random parameters."""
    fields = dict(
        vocab_size=40, embedding_size=4, hidden_size=8, num_layers=4, num_heads=2, ffn_size=12
    )
    config = AlbertConfig(**fields | dict(max_positions=32, dtype="float32") | changes)
    init = AlbertForPretraining(config).init
    shapes = jax.eval_shape(init, jax.random.key(0), abstract_batch(1, 8, 1, 1))["params"]
    rng = np.random.default_rng(seed)
    params = jax.tree.map(lambda x: rng.normal(0, 0.3, x.shape).astype(np.float32), shapes)
    if classes:
        kernel, bias = rng.normal(size=(8, classes)), rng.normal(size=classes)
        dense = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
        params = {"albert": params["albert"], "classifier": {"classifier": dense}}
    return Pretrained(config, params, Vocabulary(sentencepiece_model(), Normalisation()), head)


@functools.cache
def telling_model():
    """Unlike those of `random_model`, its hidden states differ from text to text."""
    config = AlbertConfig(
        vocab_size=40, embedding_size=8, hidden_size=16, num_layers=2, num_heads=2, ffn_size=32,
        max_positions=32, dtype="float32", initializer_range=0.7,
    )  # fmt: skip
    shapes = abstract_batch(1, 8, 1, 1)
    batch = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)
    params = jax.jit(Albert(config).init)(jax.random.key(0), batch)["params"]
    vocabulary = Vocabulary(sentencepiece_model(), Normalisation())
    return Pretrained(config, {"albert": jax.device_get(params)}, vocabulary, "encoder")


def hidden(model, batch):
    """The same bits for models that share in other words: a rolled scan is the same program."""
    apply = Albert(dataclasses.replace(model.config, scan_unroll=1)).apply
    return np.asarray(apply({"params": model.params["albert"]}, batch)[0])


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def edit_weights(folder, edit):
    """Changes the tensors of a saved model, by name, in its file."""
    path = folder / "model.safetensors"
    tensors = safetensors.numpy.load_file(path)
    edit(tensors)
    safetensors.numpy.save_file(tensors, path)
