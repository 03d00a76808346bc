"""What happens between layers: how far each moves its input (Lan et al. 2020, figure 1)."""

import jax
import jax.numpy as jnp

Distances = dict[str, jax.Array]


def layer_distances(layers: jax.Array, example_ids: jax.Array) -> Distances:
    """Distance and angle between the input and the output of every block, averaged over the tokens.

    Args:
      layers: the input of the first block and the output of each, [blocks + 1, B, L, D].
      example_ids: 0 where there is no token, [B, L].

    Returns:
      {"l2": [blocks], "degrees": [blocks]}, float32.
    """
    x = layers.astype(jnp.float32)
    before, after = x[:-1], x[1:]  # [blocks, B, L, D]
    l2 = jnp.linalg.norm(after - before, axis=-1)
    norms = jnp.linalg.norm(before, axis=-1) * jnp.linalg.norm(after, axis=-1)
    cosine = (before * after).sum(axis=-1) / jnp.maximum(norms, 1e-12)
    degrees = jnp.degrees(jnp.arccos(jnp.clip(cosine, -1.0, 1.0)))
    mask = (example_ids > 0)[None]  # [1, B, L]
    return {name: _mean(value, mask) for name, value in (("l2", l2), ("degrees", degrees))}


def _mean(values: jax.Array, mask: jax.Array) -> jax.Array:
    """values [blocks, B, L] -> [blocks], over the places of mask [1, B, L]."""
    return jnp.where(mask, values, 0.0).sum(axis=(1, 2)) / mask.sum()
