"""The official scores of the benchmarks, in numpy.

GLUE scores with scikit-learn and scipy, taggers are scored with seqeval. All three are compared
with in the tests, and none is needed to fine-tune. A score is a fraction or a correlation, not a
percentage. Of no examples every score is 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The share of equal labels."""
    labels, predictions = _pair(labels, predictions)
    return float(np.mean(labels == predictions)) if labels.size else 0.0


def f1(labels: ArrayLike, predictions: ArrayLike) -> float:
    """F1 of class 1, which MRPC and QQP are scored by; 0 if the class is nowhere."""
    return _f1_of(1, *_pair(labels, predictions))


def macro_f1(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The mean F1 of the classes that occur as a label or as a prediction."""
    labels, predictions = _pair(labels, predictions)
    classes = np.union1d(labels, predictions)
    return float(np.mean([_f1_of(c, labels, predictions) for c in classes] or [0.0]))


def matthews(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The correlation of classes, two or more; 0 if labels or predictions are all of one class."""
    labels, predictions = _pair(labels, predictions)
    classes = np.union1d(labels, predictions)
    # Floats, since the product below is too large for integers from some 80,000 examples on.
    true = np.array([(labels == c).sum() for c in classes], float)
    said = np.array([(predictions == c).sum() for c in classes], float)
    count = labels.size
    spread = (count**2 - true @ true) * (count**2 - said @ said)
    right = (labels == predictions).sum()
    return float((right * count - true @ said) / np.sqrt(spread)) if spread else 0.0


def pearson(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The linear correlation. Where scipy says NaN (a constant column, a NaN in one) or refuses
    (fewer than two examples) it is 0."""
    labels, predictions = _pair(np.asarray(labels, float), np.asarray(predictions, float))
    if labels.size < 2 or np.all(labels == labels[0]) or np.all(predictions == predictions[0]):
        return 0.0
    if not (np.isfinite(labels).all() and np.isfinite(predictions).all()):
        return 0.0
    x, y = labels - labels.mean(), predictions - predictions.mean()
    return float(np.clip((x / np.linalg.norm(x)) @ (y / np.linalg.norm(y)), -1.0, 1.0))


def spearman(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The correlation of ranks, equal values sharing their mean rank. 0 where `pearson` is."""
    labels, predictions = np.asarray(labels, float), np.asarray(predictions, float)
    return pearson(_ranks(labels), _ranks(predictions))


class EntityScores(NamedTuple):
    """Of whole entities: type, first and last word must be right. 0 where nothing is counted."""

    precision: float
    recall: float
    f1: float


def entity_scores(
    labels: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]]
) -> EntityScores:
    """Micro-averaged over all entities of all sentences, as conlleval and seqeval's default do.

    Args:
      labels: the tags of each sentence's words.
      predictions: the same, sentence by sentence of the same length.
    """
    true = {(i, *entity) for i, tags in enumerate(labels) for entity in entities(tags)}
    said = {(i, *entity) for i, tags in enumerate(predictions) for entity in entities(tags)}
    right = len(true & said)
    return EntityScores(
        precision=right / len(said) if said else 0.0,
        recall=right / len(true) if true else 0.0,
        f1=2 * right / (len(true) + len(said)) if right else 0.0,
    )


class Entity(NamedTuple):
    """The words `start` to `stop`, `stop` not among them."""

    kind: str
    start: int
    stop: int


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of a sentence, in the lenient reading of conlleval.

    Tags are "O" or B, I, E or S, a dash and a type; a bare "B" has the type "_". IOB1, BIO and
    IOBES are read alike: an I or E that continues nothing of its type begins an entity.
    """
    found, before = [], "O"
    for i, tag in enumerate(tags):
        if tag[0] != "O":
            kind = _kind(tag)
            if tag[0] in "BS" or before[0] in "OES" or _kind(before) != kind:
                found.append(Entity(kind, i, i + 1))
            else:
                found[-1] = found[-1]._replace(stop=i + 1)
        before = tag
    return found


def _kind(tag: str) -> str:
    return tag[1:].removeprefix("-") or "_"


def _pair(labels: ArrayLike, predictions: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays [n]; numpy would broadcast a length of one without a word."""
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ValueError(f"labels of {labels.shape} against predictions of {predictions.shape}")
    return labels, predictions


def _f1_of(c: ArrayLike, labels: np.ndarray, predictions: np.ndarray) -> float:
    """F1 of one class: 2 TP / (2 TP + FP + FN)."""
    counted = (labels == c).sum() + (predictions == c).sum()
    return float(2 * ((labels == c) & (predictions == c)).sum() / counted) if counted else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, the mean rank for equal values; NaN for NaN."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return np.where(np.isnan(values), np.nan, ranks[place])
