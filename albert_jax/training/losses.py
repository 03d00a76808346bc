"""Losses and accuracies as (sum, weight).

A sum is divided by its weight once, after accumulation and across devices, so that packing, accumulation
and device count never change a value. The reference divides per TPU core and adds 1e-5 to the weight; the
number of predictions a core is nearly constant, so the difference is in the fifth digit.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from albert_jax.model.albert import Batch

Sums = dict[str, jax.Array]


class Objective(NamedTuple):
    """What a step minimises, of one or several parts with a name each.

    Attributes:
      sums: (the model's outputs, batch) -> {NAME_loss, NAME_accuracy, ...}, summed, float32 scalars.
      weights: batch -> {NAME: what the sums of this name are divided by}; no parameters in it.
    """

    sums: Callable[[Any, Batch], Sums]
    weights: Callable[[Batch], Sums]


def pretraining_sums(logits: tuple[jax.Array, jax.Array], batch: Batch) -> Sums:
    """Loss and correct predictions of both objectives, summed, float32 scalars.

    Args:
      logits: masked-LM [B, M, V] and sentence [B, N, 2].
      batch: targets [B, M], labels [B, N] and their weights; weight 0 marks an unused slot.
    """
    mlm_logits, sentence_logits = logits
    mlm = _sums(mlm_logits, batch["mlm_targets"], batch["mlm_weights"])
    sentence = _sums(sentence_logits, batch["sentence_labels"], batch["sentence_weights"])
    return {f"mlm_{k}": v for k, v in mlm.items()} | {
        f"sentence_{k}": v for k, v in sentence.items()
    }


def weights(batch: Batch) -> Sums:
    """How many predictions of each kind a batch holds: what the sums are divided by."""
    return {name: batch[f"{name}_weights"].sum() for name in ("mlm", "sentence")}


PRETRAINING = Objective(pretraining_sums, weights)


def means(sums: Sums, weights: Sums) -> Sums:
    """Sums -> {mlm,sentence}_{loss,accuracy} or what else there is; 0 where nothing was predicted."""
    return {name: value / _divisor(weights, name.split("_")[0]) for name, value in sums.items()}


def total(sums: Sums, weights: Sums) -> jax.Array:
    """The loss that is minimised: every part with weight 1 (Lan et al. 2020; the released code)."""
    parts = [sums[f"{name}_loss"] / _divisor(weights, name) for name in sorted(weights)]
    return sum(parts[1:], start=parts[0])


def _divisor(weights: Sums, objective: str) -> jax.Array:
    weight = weights[objective]
    return weight + (weight == 0)


def _sums(logits: jax.Array, targets: jax.Array, weights: jax.Array) -> Sums:
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
    correct = logits.argmax(axis=-1) == targets
    return {"loss": (losses * weights).sum(), "accuracy": (correct * weights).sum()}
