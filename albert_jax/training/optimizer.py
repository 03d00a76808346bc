"""LAMB and AdamW as google-research/albert defines them, and optax's own for comparison.

The released code (lamb_optimizer.py, optimization.py) differs from optax in four ways: the moments
are not corrected for their bias towards 0, LayerNorms and biases take neither weight decay nor the
trust ratio, a trust ratio belongs to one matrix, and what has no gradient is left alone, as the head
of sentence order where that is no objective. Here layers that do not share parameters are stacked on a
leading axis of one leaf; they still have a trust ratio each.

Clipping stands apart from the update, because a step may clip the gradient of every microbatch.
"""

import dataclasses
import math
import re
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from albert_jax.errors import UserError
from albert_jax.training.state import TOKENS, Params, leaf_name

NAMES = ("lamb", "adamw", "optax_lamb", "optax_adamw")


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """The section `optimizer`; the defaults are the reference's.

    `groups` holds (pattern, decay, adapt): the first pattern that `re.search` finds in a path such
    as albert/encoder/ffn/output/kernel says whether it takes weight decay and a trust ratio.
    """

    name: str = "lamb"  # or "adamw"; optax_lamb and optax_adamw are optax's own
    b1: float = 0.9
    b2: float = 0.999
    epsilon: float = 1e-6  # added outside the root
    weight_decay: float = 0.01
    bias_correction: bool = False  # optax's own always correct
    clip_norm: float = 1.0  # of the whole gradient; 0 does not clip
    embedding_rate: float = 1.0  # of the token embeddings: this times that of all others
    groups: tuple[tuple[str, bool, bool], ...] = (
        ("bias|(^|/|_)norm/", False, False),
        (".", True, True),
    )

    def __post_init__(self):
        _require(self.name in NAMES, self, "name", f"one of {', '.join(NAMES)}")
        for name in ("b1", "b2"):
            _require(0 <= getattr(self, name) < 1, self, name, "in [0, 1)")
        _require(self.epsilon > 0, self, "epsilon", "positive")
        for name in ("weight_decay", "clip_norm"):
            _require(getattr(self, name) >= 0, self, name, "0 or more")
        _require(self.embedding_rate > 0, self, "embedding_rate", "positive")
        optax_own = self.name.startswith("optax_")
        _require(
            self.bias_correction or not optax_own, self, "bias_correction", "true for optax's own"
        )


@dataclasses.dataclass(frozen=True)
class Group:
    """What a set of parameters takes, beside the plain update."""

    pattern: str
    decay: bool
    adapt: bool


class Moments(NamedTuple):
    """Finished updates, int32 [], and the running means of the gradient and of its square."""

    count: jax.Array  # type: ignore[assignment]  # hides tuple.count, which nobody calls
    m: Params
    v: Params


def make(
    config: OptimizerConfig, schedule: optax.Schedule, params: Params
) -> optax.GradientTransformation:
    """The optimizer; update t (from 0) has the learning rate `schedule(t)`.

    Args:
      params: the parameters, or their shapes, that it will be used on.

    Raises:
      UserError: a parameter belongs to no group, or a group is empty.
    """
    groups = assign(config, params)
    own = not config.name.startswith("optax_")
    optimizer = (_own if own else _optax_own)(config, schedule, groups)
    if config.embedding_rate == 1:
        return optimizer
    return scaled(optimizer, _embedding_scales(config, params))


def scaled(optimizer: optax.GradientTransformation, scales: Params) -> optax.GradientTransformation:
    """The optimizer, its updates multiplied by `scales`, which broadcast to the parameters."""

    def update(grads: Params, state: optax.OptState, params: Params):
        updates, state = optimizer.update(grads, state, params)
        return jax.tree.map(jnp.multiply, updates, scales), state

    return optax.GradientTransformation(optimizer.init, update)


def _embedding_scales(config: OptimizerConfig, params: Params) -> Params:
    def scale(path: tuple, leaf: jax.Array) -> jax.Array:
        rate = config.embedding_rate if leaf_name(path) == TOKENS else 1.0
        return jnp.full((1,) * leaf.ndim, rate)

    return jax.tree.map_with_path(scale, params)


def _optax_own(config: OptimizerConfig, schedule: optax.Schedule, groups: dict):
    alias = optax.lamb if config.name == "optax_lamb" else optax.adamw
    return alias(
        schedule,
        b1=config.b1,
        b2=config.b2,
        eps=config.epsilon,
        weight_decay=config.weight_decay,
        mask=jax.tree.map(lambda group: group.decay, groups),
    )


def assign(config: OptimizerConfig, params: Params) -> dict:
    """A tree like `params` that holds the Group of every leaf: the first whose pattern matches."""
    groups = [Group(*group) for group in config.groups]
    used = set()

    def find(path: tuple, _) -> Group:
        name = leaf_name(path)
        for group in groups:
            if re.search(group.pattern, name):
                used.add(group)
                return group
        raise UserError(f"optimizer.groups has no pattern that matches {name}; add one")

    tree = jax.tree.map_with_path(find, params)
    for group in groups:
        if group not in used:
            raise UserError(
                f"optimizer.groups: {group.pattern!r} is the first match of no parameter; "
                "mend or remove the pattern"
            )
    return tree


def describe(config: OptimizerConfig, params: Params) -> str:
    """A table for the log: every parameter, its shape, and what it takes."""
    rows = [("parameter", "shape", "weight decay", "trust ratio")]
    groups = jax.tree.leaves(assign(config, params))
    for (path, leaf), group in zip(jax.tree.leaves_with_path(params), groups, strict=True):
        shape = " x ".join(map(str, leaf.shape))
        decay = f"{config.weight_decay:g}" if group.decay else "-"
        rows.append((leaf_name(path), shape, decay, "yes" if _adapts(config, group) else "-"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def clip(grads: Params, norm: float) -> tuple[Params, jax.Array]:
    """Gradients scaled down to a global norm of `norm` (0: left alone), and their norm before."""
    before = optax.tree.norm(grads)
    if norm == 0:
        return grads, before
    scale = norm / jnp.maximum(before, norm)
    return jax.tree.map(lambda g: g * scale, grads), before


def average(previous: Params | None, params: Params, decay: float) -> Params | None:
    """One update of the moving average of parameters; None stays None."""
    if previous is None:
        return None
    return jax.tree.map(lambda a, p: a + (1 - decay) * (p - a), previous, params)


def _own(config: OptimizerConfig, schedule: optax.Schedule, groups: dict):
    """LAMB or AdamW, see `_direction`; one pass for the moments and one for the update."""

    def init(params: Params) -> Moments:
        zeros = [jax.tree.map(jnp.zeros_like, params) for _ in range(2)]
        return Moments(jnp.zeros((), jnp.int32), *zeros)

    def update(grads: Params, state: Moments, params: Params) -> tuple[Params, Moments]:
        b1, b2 = config.b1, config.b2
        m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.m, grads)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state.v, grads)
        rate = schedule(state.count)
        count = state.count + 1

        def leaf(group: Group, p: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
            u = jnp.where(_has_gradient(v), _direction(config, group, p, m, v, count), 0.0)
            return -rate * (trust_ratio(p, u) * u if _adapts(config, group) else u)

        return jax.tree.map(leaf, groups, params, m, v), Moments(count, m, v)

    return optax.GradientTransformation(init, update)


def _direction(config: OptimizerConfig, group: Group, p, m, v, count: jax.Array) -> jax.Array:
    """Adam's normalised step, plus the weight decay, which the trust ratio thus sees too."""
    if config.bias_correction:
        m = m / _corrected(config.b1, count)
        v = v / _corrected(config.b2, count)
    u = m / (jnp.sqrt(v) + config.epsilon)
    return u + config.weight_decay * p if group.decay else u


def _has_gradient(v: jax.Array) -> jax.Array:
    """Whether a matrix has had any so far: [..., I, O] -> [..., 1, 1].

    Weight decay alone would have a trust ratio that takes a share of the matrix with every update of
    LAMB, until nothing is left that could ever learn.
    """
    return jnp.any(v > 0, _of_matrix(v), keepdims=True)


def _of_matrix(leaf: jax.Array) -> tuple[int, ...]:
    """The last two axes: a third, leading one counts the layers that are stacked in one leaf."""
    return tuple(range(leaf.ndim))[-2:]


def _corrected(decay: float, count: jax.Array) -> jax.Array:
    """1 - decay^count, without the digits that the subtraction would lose in float32."""
    return -jnp.expm1(count * (math.log(decay) if decay else -math.inf))


def trust_ratio(param: jax.Array, update: jax.Array) -> jax.Array:
    """|param| / |update|, 1 where either is 0, of each matrix: [..., I, O] -> [..., 1, 1].

    A vector has one norm.
    """
    p, u = (jnp.sqrt(jnp.sum(x * x, _of_matrix(x), keepdims=True)) for x in (param, update))
    return jnp.where((p > 0) & (u > 0), p / jnp.where(u > 0, u, 1.0), 1.0)


def _adapts(config: OptimizerConfig, group: Group) -> bool:
    """optax.lamb has no mask: it gives every leaf a trust ratio."""
    return config.name == "optax_lamb" or (config.name == "lamb" and group.adapt)


def _require(holds: bool, config: OptimizerConfig, name: str, remedy: str):
    if not holds:
        raise UserError(f"optimizer.{name} is {getattr(config, name)!r}; it must be {remedy}")
