"""Notices a fine-tuned model that has learnt nothing, as ALBERT's larger sizes do with some seeds.

(google-research/google-research#151, huggingface/transformers#2104: a lower learning rate or a longer
warm-up is what helped.)
"""

import math
from collections.abc import Sequence
from statistics import median

import numpy as np

from albert_jax.tasks.item import Item
from albert_jax.tasks.task import Prediction

REMEDY = (
    "lower schedule.learning_rate, lengthen schedule.warmup_steps, or try another training.seed"
)
FALLEN = 0.97  # a median loss below this share of the first one counts as learning
LEARNT = 0.1  # one below this is small, wherever it began: 0.9 of the probability is right
FEWEST = 20  # readings, and predictions, that something is said of
SAME = 1e-3  # the deviation of scores that are all the same


def same_answer(predictions: Sequence[Prediction]) -> str | None:
    """The one answer that all predictions give, in words, or None."""
    if len(predictions) < FEWEST:
        return None
    first = predictions[0]
    if "answer" in first:  # its score is a probability; that of a good reader is always 1
        return None if any(prediction["answer"] for prediction in predictions) else "no answer"
    if "score" in first:
        scores = [prediction["score"] for prediction in predictions]
        return f"a score of {np.mean(scores):.3g}" if np.std(scores) < SAME else None
    if "entities" in first:
        return None if any(prediction["entities"] for prediction in predictions) else "no entity"
    if "label" not in first or any(p["label"] != first["label"] for p in predictions):
        return None
    return f"the label {first['label']}"


def flat(losses: Sequence[float], guess: float = math.inf) -> str | None:
    """What says that the training loss has not fallen, or None; compares the first and last tenth.

    A run from a head that is tuned already begins with a small loss, and may keep it. One that jumped in the
    beginning has fallen, but if not below what guessing costs, it has learnt nothing.

    Args:
      losses: at every reading of the run.
      guess: of `guessing`.
    """
    if len(losses) < FEWEST:
        return None
    tenth = max(5, len(losses) // 10)
    first, last = median(losses[:tenth]), median(losses[-tenth:])
    if last < max(FALLEN * min(first, guess), LEARNT):
        return None
    if guess < first:
        return (
            f"the training loss has not fallen below guessing's {guess:.3f}: {last:.3f} in the end"
        )
    return f"the training loss has not fallen: {first:.3f} in the beginning, {last:.3f} in the end"


def guessing(items: Sequence[Item]) -> float:
    """The loss of who knows only how frequent each class is, in nats; infinite where there are no classes."""
    classes = [item.label for item in items if len(item.parts) == 1 and np.ndim(item.label) == 0]
    if len(classes) < len(items) or isinstance(classes[0], float):
        return math.inf
    shares = np.unique(classes, return_counts=True)[1] / len(classes)
    return float(-(shares * np.log(shares)).sum())
