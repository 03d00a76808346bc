"""What a model costs: parameters by module and floating-point operations by module.

A multiply and an add are two operations. Only matrix products count; the rest is a few per cent. "ALBERT is
small" is said of its parameters only: sharing saves none of the operations.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from albert_jax.model.albert import AlbertForPretraining, abstract_batch
from albert_jax.model.config import AlbertConfig

Counts = dict[str, int]
CUT = ("attention", "feed-forward")  # what the axis `tensor` of a mesh cuts (training/sharding.py)
ENCODER = ("embeddings", "encoder", "pooler")  # what fine-tuning keeps
HEADS = {
    "mlm": "masked-LM head",
    "sentence": "sentence head",
}  # by their parameters; others as these
BACKWARD = 2  # the backward pass costs two products for each one of the forward pass


def parameters(config: AlbertConfig) -> Counts:
    """Parameters of the pretraining model by module; nothing is allocated."""
    init = AlbertForPretraining(config).init
    return by_module(jax.eval_shape(init, jax.random.key(0), abstract_batch(1, 8, 1, 1))["params"])


def by_module(params: Mapping[str, Any]) -> Counts:
    """Parameters of a model with any heads, by module."""
    modules = {name: params["albert"][name] for name in ENCODER if name in params["albert"]}
    modules |= {HEADS.get(name, name): tree for name, tree in params.items() if name != "albert"}
    return {name: sum(x.size for x in jax.tree.leaves(tree)) for name, tree in modules.items()}


def forward_flops(config: AlbertConfig, length: int, predictions: int, examples: int) -> Counts:
    """Operations of the forward pass over one row, by module.

    Args:
      length: positions of the row, L; attention is computed over all of them.
      predictions: masked positions, M.
      examples: packed examples, N.
    """
    d, e, f = config.hidden_size, config.embedding_size, config.ffn_size
    projection = 2 * length * e * d if config.has_projection else 0
    attention = 2 * length * (4 * d * d) + 2 * length * (2 * length * d)
    ffn = 2 * length * (2 * d * f)
    return {
        "embeddings": projection,
        "attention": config.num_blocks * attention,
        "feed-forward": config.num_blocks * ffn,
        "pooler": 2 * examples * d * d,
        "masked-LM head": 2 * predictions * (d * e + e * config.vocab_size),
        "sentence head": 2 * examples * d * 2,
    }


def training_flops(config: AlbertConfig, length: int, predictions: int, examples: int) -> int:
    """Operations of forward and backward pass over one row, nothing computed twice."""
    return (1 + BACKWARD) * sum(forward_flops(config, length, predictions, examples).values())


def whole_flops(config: AlbertConfig, length: int, predictions: int, examples: int) -> int:
    """Those of `training_flops` that every device of the axis `tensor` does, for itself."""
    forward = forward_flops(config, length, predictions, examples)
    return (1 + BACKWARD) * sum(n for name, n in forward.items() if name not in CUT)


def state_bytes(parameters: Counts) -> int:
    """Bytes of float32 parameters with two moments each: what every device holds."""
    return 3 * jnp.dtype(jnp.float32).itemsize * sum(parameters.values())
