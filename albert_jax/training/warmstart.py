"""Parameters from another run into a new model: other depth, less sharing, longer rows, another objective.

Layers follow the paper's footnote 5: a deeper network starts from a shallower one. Where layers are shared
the parameters do not know the depth and are simply taken over; where they are stacked, layer l of n takes
layer floor(l * m / n) of m. New positions repeat those there are, as Longformer's did (Beltagy et al. 2020,
section 5): what attention has learned of distances holds among them at once.
"""

import jax
import jax.numpy as jnp
import numpy as np

from albert_jax.errors import UserError
from albert_jax.training.state import TOKENS, Params, leaf_name

ENCODER = "albert/encoder/"  # whose parameters may have a leading axis of layers
EMBEDDINGS = "albert/embeddings/"
POSITIONS = EMBEDDINGS + "positions"


def warm_start(fresh: Params, source: Params) -> tuple[Params, list[str]]:
    """`fresh` with what `source` has, and a line for each parameter that is not simply taken over.

    Raises:
      UserError: a parameter has a shape that no rule covers; the line names it.
    """
    found = {leaf_name(path): leaf for path, leaf in jax.tree.leaves_with_path(source)}
    notes = []

    def take(path: tuple, leaf: jax.Array) -> jax.Array:
        name = leaf_name(path)
        if name not in found:
            notes.append(f"{name}: not in the checkpoint, stays as initialised")
            return leaf
        value, note = _fit(name, np.asarray(found.pop(name)), leaf)
        if note:
            notes.append(f"{name}: {note}")
        return jnp.asarray(value, leaf.dtype)

    params = jax.tree.map_with_path(take, fresh)
    return params, notes + [f"{name}: in the checkpoint, not in this model" for name in found]


def with_tokens(vectors: np.ndarray, length: float, params: Params) -> Params:
    """`params` with other token embeddings: unit vectors float32 [V, E], made as long as `length`.

    Where a vector is 0, the embedding stays as it is.
    """
    given = vectors.any(axis=1, keepdims=True)

    def replaced(path: tuple, leaf: jax.Array) -> jax.Array:
        is_table = leaf_name(path) == TOKENS
        return jnp.where(given, length * vectors, leaf) if is_table else leaf

    return jax.tree.map_with_path(replaced, params)


def with_embeddings_scaled(factor: float, params: Params) -> Params:
    """`params` with the embeddings of tokens, positions and types and their projection times `factor`.

    Layers keep what they compute as they get wider if their deviation falls with 1 / sqrt(D); what
    comes before them has E inputs at any width, and should keep its own (Yang et al. 2022, table 3).
    """

    def scaled(path: tuple, leaf: jax.Array) -> jax.Array:
        name = leaf_name(path)
        is_norm = name.startswith(EMBEDDINGS + "norm")
        return factor * leaf if name.startswith(EMBEDDINGS) and not is_norm else leaf

    return jax.tree.map_with_path(scaled, params)


def _fit(name: str, value: np.ndarray, fresh: jax.Array) -> tuple[np.ndarray, str]:
    """`value` in the shape of `fresh`, and how it was done, if not as it is.

    Nothing else is asked of `fresh`, whose values may be spread over several hosts.
    """
    if value.shape == fresh.shape:
        return value, ""
    if name == POSITIONS and value.shape[1:] == fresh.shape[1:]:
        source = np.arange(len(fresh)) % len(value)
        return value[source], _positions_note(len(value), len(fresh))
    if _stacked(name, fresh) and _stacked(name, value) and value.shape[1:] == fresh.shape[1:]:
        source = np.arange(len(fresh)) * len(value) // len(fresh)
        return value[source], f"layers {source.tolist()} of the checkpoint"
    if _stacked(name, fresh) and value.shape == fresh.shape[1:]:
        return np.broadcast_to(value, fresh.shape), f"the shared layer, {len(fresh)} times"
    raise UserError(
        f"the checkpoint's {name} has shape {list(value.shape)}, this model's {list(fresh.shape)}; "
        "give the model the checkpoint's sizes (depth and positions may differ, and layers that "
        "share parameters may begin to have their own, not the other way round)"
    )


def _positions_note(known: int, wanted: int) -> str:
    if wanted < known:
        return f"the first {wanted} of {known} positions"
    return f"the {known} positions over and over, until there are {wanted}"


def _stacked(name: str, leaf: np.ndarray | jax.Array) -> bool:
    """Whether a parameter has a leading axis of layers, on top of a matrix or a vector."""
    alone = 2 if name.endswith("kernel") else 1
    return name.startswith(ENCODER) and leaf.ndim > alone
