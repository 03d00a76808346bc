"""How much each token moved a score: integrated gradients (Sundararajan et al. 2017) on the input embeddings.

The path is a straight line from a baseline, the same example with [MASK] for every word, to the example.
Attributions add up to the difference of the two scores ("completeness"); how well they do tells whether
the integral was computed well enough, so points are added until it does.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

PARALLEL = 8  # points of the path that go through the model together
FEWEST, MOST = 16, 512  # points of the path
TOLERANCE = 0.01  # of the error

Score = Callable[[jax.Array], jax.Array]  # inputs of the first block [P, L, D] -> [P]


class Attribution(NamedTuple):
    """What every token contributed, and what the contributions should add up to.

    Attributes:
      tokens: float64 [L]; positive speaks for the answer.
      score: of the example.
      baseline: score of the baseline.
      points: of the path, used for the integral.
    """

    tokens: np.ndarray
    score: float
    baseline: float
    points: int

    @property
    def difference(self) -> float:
        """What the attributions add up to if the integral is exact."""
        return self.score - self.baseline

    @property
    def error(self) -> float:
        """How far their sum is from that, as a share of all that moved, up or down."""
        moved = max(float(np.abs(self.tokens).sum()), abs(self.difference), 1e-9)
        return abs(float(self.tokens.sum()) - self.difference) / moved


def integrated_gradients(score: Score, x: jax.Array, baseline: jax.Array) -> Attribution:
    """The attribution of every token of one example.

    Args:
      score: differentiable; the rows of its argument do not touch each other.
      x: float32 [L, D], the example.
      baseline: float32 [L, D], where the path begins.
    """
    step = x - baseline

    @jax.jit
    def part(places: jax.Array, weights: jax.Array) -> jax.Array:
        points = baseline[None] + places[:, None, None] * step[None]  # [P, L, D]
        gradients = jax.grad(lambda points: score(points).sum())(points)
        return jnp.einsum("p,pld,ld->l", weights, gradients, step)

    ends = np.asarray(jax.jit(score)(jnp.stack([baseline, x])), np.float64)
    count = FEWEST
    while True:
        parts = (np.asarray(part(*chunk), np.float64) for chunk in _path(count))
        tokens = sum(parts, start=np.zeros(len(x)))
        found = Attribution(tokens, float(ends[1]), float(ends[0]), count)
        if found.error <= TOLERANCE or count >= MOST:
            return found
        count *= 2


def _path(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Places on [0, 1] and weights of the Gauss-Legendre rule with `count` points, in chunks."""
    places, weights = np.polynomial.legendre.leggauss(count)
    places, weights = (1 + places) / 2, weights / 2
    return [
        (places[i : i + PARALLEL].astype(np.float32), weights[i : i + PARALLEL].astype(np.float32))
        for i in range(0, count, PARALLEL)
    ]
