"""Held-out losses and accuracies, beside what a guess without a model would reach."""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax.experimental import multihost_utils
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
      batches: this process's rows of the held-out batches.
      frequent: the most frequent piece of the training text (prepare's statistics).
    """
    targets, labels = _real(batches, "mlm", "targets"), _real(batches, "sentence", "labels")
    mine = [(targets == frequent).sum(), targets.size, (labels == 1).sum(), labels.size]
    counts = multihost_utils.process_allgather(np.array(mine, np.int32)).reshape(-1, 4)
    hits, predictions, ones, pairs = counts.sum(0).tolist()  # of all processes
    return {
        "mlm_baseline": hits / max(predictions, 1),
        "sentence_baseline": max(ones, pairs - ones) / max(pairs, 1),
    }


def _real(batches: Sequence[NumpyBatch], objective: str, name: str) -> np.ndarray:
    values = [b[f"{objective}_{name}"][b[f"{objective}_weights"] > 0] for b in batches]
    return np.concatenate(values) if values else np.zeros(0)
