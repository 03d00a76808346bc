"""Held-out losses and accuracies, beside what a guess without a model would reach."""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax.sharding import Mesh

from albert_jax.training import losses
from albert_jax.training.sharding import to_devices
from albert_jax.training.state import Params

NumpyBatch = dict[str, np.ndarray]


def evaluate(
    step: Callable, params: Params, batches: Sequence[NumpyBatch], mesh: Mesh
) -> dict[str, float]:
    """Means over all batches: {mlm,sentence}_{loss,accuracy}; every prediction counts once."""
    parts = [jax.device_get(step(params, to_devices(batch, mesh))) for batch in batches]
    sums, weights = jax.tree.map(lambda *values: np.sum(values, dtype=np.float64), *parts)
    return {name: float(value) for name, value in losses.means(sums, weights).items()}


def baselines(batches: Sequence[NumpyBatch], frequent: int) -> dict[str, float]:
    """Accuracies of guessing: always the most frequent piece, always the more frequent label.

    Args:
      batches: the held-out batches.
      frequent: the most frequent piece of the training text (prepare's statistics).
    """
    targets, labels = _real(batches, "mlm", "targets"), _real(batches, "sentence", "labels")
    majority = max((labels == label).mean() for label in (0, 1)) if labels.size else 0.0
    return {
        "mlm_baseline": float((targets == frequent).mean()) if targets.size else 0.0,
        "sentence_baseline": float(majority),
    }


def _real(batches: Sequence[NumpyBatch], objective: str, name: str) -> np.ndarray:
    values = [b[f"{objective}_{name}"][b[f"{objective}_weights"] > 0] for b in batches]
    return np.concatenate(values) if values else np.zeros(0)
