"""From what the model says of windows to answers: spans of pieces by score, and their raw text.

A span starts where its window is the one that shows most around the start, as in google-research/albert,
squad_utils.py. That code looks at pairs of the 20 best starts and ends only; here all spans are compared.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Limits(NamedTuple):
    """Which spans may be answers."""

    count: int  # type: ignore[assignment]  # spans wanted, the best; hides tuple.count
    length: int  # the longest, in pieces


class Window(NamedTuple):
    """A window and where it stands in the text."""

    start: int  # its first piece, counted in the text
    first: int  # where this piece is in the part that the model reads
    may_start: np.ndarray  # bool [n], a span may start here
    may_end: np.ndarray  # bool [n]


class Spans(NamedTuple):
    """Candidates, best first."""

    start: np.ndarray  # int [C], the first piece, counted in the text
    end: np.ndarray  # int [C], the last piece
    score: np.ndarray  # [C]


class Answer(NamedTuple):
    """A candidate as text, `context[start:end]`."""

    text: str
    start: int
    end: int
    score: float
    window: int = 0  # that says it, by number
    first: int = 0  # piece, counted in the text
    last: int = 0


def of_logits(window: Window, logits: np.ndarray, limits: Limits) -> Spans:
    """The spans of a window by start logit + end logit, from those of its part [l, 2]."""
    inside = logits[window.first : window.first + len(window.may_start)].astype(np.float64)
    start = np.where(window.may_start, inside[:, 0], -np.inf)
    end = np.where(window.may_end, inside[:, 1], -np.inf)
    ends = np.pad(end, (0, limits.length), constant_values=-np.inf)
    table = start[:, None] + sliding_window_view(ends, limits.length)[:-1]  # [n, length]
    starts, lengths = np.indices(table.shape)
    found = _best(starts.ravel(), (starts + lengths).ravel(), table.ravel(), limits.count)
    return found._replace(start=found.start + window.start, end=found.end + window.start)


def of_beam(window: Window, beam: Any, limits: Limits) -> Spans:
    """The spans of a window by log P(start) + log P(end | start), from a model.spans.Beam of its part."""
    starts = np.repeat(beam.starts, beam.ends.shape[-1]) - window.first
    ends = beam.ends.ravel() - window.first
    scores = beam.start_scores[:, None].astype(np.float64) + beam.end_scores
    fits = (starts >= 0) & (ends >= starts) & (ends < len(window.may_end))
    fits &= ends - starts < limits.length
    starts, ends, scores = starts[fits], ends[fits], scores.ravel()[fits]
    scores[~(window.may_start[starts] & window.may_end[ends])] = -np.inf
    return _best(starts + window.start, ends + window.start, scores, limits.count)


def texts(found: list[Spans], offsets: np.ndarray, context: str, count: int) -> list[Answer]:
    """The best spans of all windows as text, best first; of those with the same text the best.

    Args:
      found: by window.
      offsets: int [n, 2], begin and end of each piece of the text in `context`.
      context: the raw text.
      count: answers wanted.
    """
    answers: dict[str, Answer] = {}
    start, end, score = (np.concatenate(column) for column in zip(*found, strict=True))
    window = np.repeat(np.arange(len(found)), [len(spans.score) for spans in found])
    for i in np.argsort(-score, kind="stable"):
        begin, stop = int(offsets[start[i], 0]), int(offsets[end[i], 1])
        text, place = context[begin:stop], map(int, (window[i], start[i], end[i]))
        answers.setdefault(text, Answer(text, begin, stop, float(score[i]), *place))
        if len(answers) == count:
            break
    return list(answers.values())


def _best(start: np.ndarray, end: np.ndarray, score: np.ndarray, count: int) -> Spans:
    """At most `count` candidates; none that scores minus infinity."""
    possible = np.flatnonzero(score > -np.inf)
    if len(possible) > count:
        possible = possible[np.argpartition(-score[possible], count - 1)[:count]]
    order = possible[np.lexsort((possible, -score[possible]))]
    return Spans(start[order], end[order], score[order])
