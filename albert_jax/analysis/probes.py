"""What happens between layers: how far each moves its input (Lan et al. 2020, figure 1)."""

import jax
import jax.numpy as jnp

Distances = dict[str, jax.Array]


def layer_distances(layers: jax.Array, example_ids: jax.Array) -> tuple[Distances, jax.Array]:
    """Distance and angle between the input and the output of every block, summed over the tokens.

    Args:
      layers: the input of the first block and the output of each, [blocks + 1, B, L, D].
      example_ids: 0 where there is no token, [B, L].

    Returns:
      {"l2": [blocks], "degrees": [blocks]}, float32, and the number of tokens, [].
    """
    x = layers.astype(jnp.float32)
    before, after = x[:-1], x[1:]  # [blocks, B, L, D]
    l2 = jnp.linalg.norm(after - before, axis=-1)
    norms = jnp.linalg.norm(before, axis=-1) * jnp.linalg.norm(after, axis=-1)
    cosine = (before * after).sum(axis=-1) / jnp.maximum(norms, 1e-12)
    degrees = jnp.degrees(jnp.arccos(jnp.clip(cosine, -1.0, 1.0)))
    mask = (example_ids > 0)[None]  # [1, B, L]
    found = {"l2": l2, "degrees": degrees}  # [blocks, B, L]
    return {n: jnp.where(mask, x, 0.0).sum(axis=(1, 2)) for n, x in found.items()}, mask.sum()
