"""Attention maps against what the blocks themselves compute with them."""

from functools import partial

import jax
import numpy as np
import pytest

from albert_jax.analysis.attention_maps import attention_maps
from albert_jax.model.albert import Albert
from albert_jax.model.attention import Attention
from tests.models import random_model

SHARING = [
    dict(),
    dict(sharing="none"),
    dict(sharing="attention"),
    dict(num_groups=2, inner_layers=2),
]


@pytest.mark.parametrize("changes", SHARING)
def test_maps_times_values_are_what_the_block_goes_on_with(changes):
    model = random_model(**changes)
    config, params = model.config, model.params["albert"]
    batch = model.encode(["the cat sat on the mat."])
    maps = attention_maps(config, params, batch)
    length = batch["tokens"].shape[1]
    assert maps.shape == (config.num_blocks, config.num_heads, length, length)
    np.testing.assert_allclose(maps.sum(-1), np.ones(maps.shape[:-1]), rtol=1e-5)
    layers = jax.jit(partial(Albert(config).apply, method="layers"))
    inputs = np.asarray(layers({"params": params}, batch))
    attention = jax.jit(Attention(config).apply, static_argnums=3)
    for block, one in enumerate(maps):
        own = params["encoder"]["attention"]
        if config.num_copies["attention"] > 1:
            which = block if changes.get("sharing") == "none" else config.shared_copy(block)
            own = {n: {m: p[which] for m, p in leaf.items()} for n, leaf in own.items()}
        x = inputs[block, 0]
        values = x @ own["value"]["kernel"] + own["value"]["bias"][None]
        values = values.reshape(length, config.num_heads, config.head_size)
        context = np.einsum("hlm,mhk->lhk", one, values).reshape(length, -1)
        y = x + context @ own["output"]["kernel"] + own["output"]["bias"][None]
        y = (y - y.mean(-1, keepdims=True)) / np.sqrt(y.var(-1, keepdims=True) + 1e-12)
        y = y * own["norm"]["scale"][None] + own["norm"]["bias"][None]
        expected = attention({"params": own}, x[None], batch["example_ids"], True)
        np.testing.assert_allclose(y, expected[0], rtol=1e-4, atol=1e-4)
