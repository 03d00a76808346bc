"""Layer-wise decay of the learning rate: the nearer to the input, the smaller the steps.

Howard and Ruder 2018; as in ELECTRA (Clark et al. 2020) the head and the pooler take the whole rate, the
last layer `decay` times that, and so on down to the embeddings. Layers that share their parameters are
one layer.
"""

import jax
import jax.numpy as jnp
import optax

from albert_jax.training.optimizer import scaled
from albert_jax.training.state import Params, leaf_name

ENCODER, EMBEDDINGS = "albert/encoder/", "albert/embeddings/"


def with_layer_decay(
    optimizer: optax.GradientTransformation, params: Params, decay: float
) -> optax.GradientTransformation:
    """The optimizer, its updates scaled by `layer_scales`."""
    return scaled(optimizer, layer_scales(params, decay))


def layer_scales(params: Params, decay: float) -> Params:
    """What the rate of every parameter is multiplied by, in a shape that broadcasts to it.

    Args:
      params: parameters or their shapes; layers of their own are on a leading axis.
      decay: per layer, in (0, 1].
    """
    depth = max(_copies(path, leaf) for path, leaf in jax.tree.leaves_with_path(params))

    def scale(path: tuple, leaf: jax.Array) -> jax.Array:
        name = leaf_name(path)
        if name.startswith(EMBEDDINGS):
            return jnp.full((1,) * leaf.ndim, decay ** (depth + 1))
        if not name.startswith(ENCODER):
            return jnp.ones((1,) * leaf.ndim)
        copies = _copies(path, leaf)
        middle = (jnp.arange(copies) + 0.5) / copies  # of the layers that a copy stands for
        layers = decay ** (depth * (1 - middle) + 0.5)
        return layers.reshape(
            (copies,) + (1,) * (leaf.ndim - 1) if copies > 1 else (1,) * leaf.ndim
        )

    return jax.tree.map_with_path(scale, params)


def _copies(path: tuple, leaf: jax.Array) -> int:
    """Layers with parameters of their own in a leaf: the length of its leading axis, or 1."""
    name = leaf_name(path)
    alone = 2 if name.endswith("kernel") else 1
    return leaf.shape[0] if name.startswith(ENCODER) and leaf.ndim > alone else 1
