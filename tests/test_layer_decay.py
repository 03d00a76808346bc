"""Rates by layer: the head takes the whole rate, and each layer below a share of it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from albert_jax.model.albert import AlbertForPretraining, abstract_batch
from albert_jax.model.config import AlbertConfig
from albert_jax.training.layer_decay import layer_scales, with_layer_decay


def shapes(sharing, layers=4):
    config = AlbertConfig(
        vocab_size=11, embedding_size=2, hidden_size=4, num_layers=layers, num_heads=2, ffn_size=6,
        max_positions=8, sharing=sharing,
    )  # fmt: skip
    init = AlbertForPretraining(config).init
    return jax.eval_shape(init, jax.random.key(0), abstract_batch(1, 8, 1, 1))["params"]


def scales(sharing, decay=0.5):
    params = shapes(sharing)
    found = layer_scales(params, decay)
    jax.tree.map(
        lambda p, s: np.broadcast_shapes(p.shape, s.shape) == p.shape or 1 / 0, params, found
    )
    return jax.tree.map(np.ravel, found)


def test_layers_of_their_own():
    found = scales("none")["albert"]
    wanted = [0.5**4, 0.5**3, 0.5**2, 0.5]
    np.testing.assert_allclose(found["encoder"]["ffn"]["output"]["kernel"], wanted)
    np.testing.assert_allclose(found["encoder"]["attention"]["norm"]["scale"], wanted)
    np.testing.assert_allclose(found["embeddings"]["tokens"], 0.5**5)
    np.testing.assert_allclose(found["pooler"]["kernel"], 1)


def test_shared_layers_are_one():
    found = scales("all")["albert"]
    np.testing.assert_allclose(found["encoder"]["ffn"]["output"]["bias"], 0.5)
    np.testing.assert_allclose(found["embeddings"]["projection"]["kernel"], 0.25)


def test_what_all_layers_share_takes_the_middle():
    found = scales("attention")["albert"]["encoder"]
    np.testing.assert_allclose(found["ffn"]["output"]["kernel"], [0.5**4, 0.5**3, 0.5**2, 0.5])
    np.testing.assert_allclose(found["attention"]["output"]["kernel"], 0.5**2.5)


def test_updates_are_scaled_and_the_state_is_not():
    params = jax.tree.map(lambda x: np.ones(x.shape, np.float32), shapes("none"))
    plain = optax.adam(0.1)
    slowed = with_layer_decay(plain, params, 0.5)

    def updated(optimizer):
        return jax.jit(lambda p: optimizer.update(p, optimizer.init(p), p))(params)

    (found, after), (wanted, state) = updated(slowed), updated(plain)
    scaled = jax.tree.map(jnp.multiply, wanted, layer_scales(params, 0.5))
    jax.tree.map(np.testing.assert_array_equal, found, scaled)
    jax.tree.map(np.testing.assert_array_equal, after, state)
