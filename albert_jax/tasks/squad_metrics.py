"""Exact match and F1 of answers, as the official scripts of SQuAD 1.1 and 2.0 define them.

The two scripts differ where nothing is left of an answer without punctuation and articles: in 1.1 such an
answer shares no word with its like, F1 0; in 2.0 it is no answer, and equal to its like.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np

_PUNCTUATION = str.maketrans("", "", string.punctuation)  # of ASCII
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalise(answer: str) -> str:
    """Lower case, without punctuation, then without articles, one space between words."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def answered(golds: Sequence[Sequence[str]], said: Sequence[str]) -> np.ndarray:
    """SQuAD 1.1: exact match and F1 of each question, the best over its gold answers, [2, Q]."""
    scores = [[_compare(s, gold) for gold in own] for s, own in zip(said, golds, strict=True)]
    return np.array([np.max(own, axis=0, initial=0.0) for own in scores]).reshape(-1, 2).T


def answered_or_not(golds: Sequence[Sequence[str]], said: Sequence[str]) -> np.ndarray:
    """SQuAD 2.0: the same, with "" where there is no answer; questions without gold have none."""
    golds = [[gold for gold in own if normalise(gold)] or [""] for own in golds]
    exact, f1 = answered(golds, said)
    return np.stack([exact, np.maximum(exact, f1)])


def best_threshold(
    scores: np.ndarray, has_answer: np.ndarray, is_empty: np.ndarray, odds: np.ndarray
) -> tuple[float, float]:
    """The best mean score that a threshold of no answer could reach, and that threshold.

    Questions are answered from the lowest odds up to the threshold; the rest gets no answer. Among
    equal odds the threshold may fall between, as in the official script.

    Args:
      scores: [Q] of the answers.
      has_answer: bool [Q], whether there is a gold answer.
      is_empty: bool [Q], where nothing is answered whatever the threshold.
      odds: [Q] for there being no answer.
    """
    gains = np.where(has_answer, scores, np.where(is_empty, 0.0, -1.0))
    order = np.argsort(odds, kind="stable")
    sums = np.cumsum(np.append(np.sum(~has_answer), gains[order]))
    best = int(np.argmax(sums))
    return float(sums[best]) / len(scores), float(odds[order][best - 1]) if best else 0.0


def _compare(said: str, gold: str) -> tuple[float, float]:
    said, gold = normalise(said), normalise(gold)
    return float(said == gold), _f1(Counter(said.split()), Counter(gold.split()))


def _f1(said: Counter, gold: Counter) -> float:
    """The harmonic mean of precision and recall of words."""
    common = (said & gold).total()
    if not common:
        return 0.0
    precision, recall = common / said.total(), common / gold.total()
    return 2 * precision * recall / (precision + recall)
