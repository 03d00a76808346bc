"""Spans out of logits and beams, against all pairs one by one."""

from itertools import pairwise

import numpy as np
import pytest

from albert_jax.model.spans import Beam
from albert_jax.tasks.answers import Limits, Spans, Window, of_beam, of_logits, texts

FIRST, START = 4, 10  # where the text begins in the part; where the window begins in the text


def window(may_start, may_end):
    return Window(START, FIRST, np.array(may_start, bool), np.array(may_end, bool))


def pairs(window, limits, score):
    """All spans that may be answers, best first, by the definition."""
    count = len(window.may_start)
    found = [
        (start + START, end + START, score(start + FIRST, end + FIRST))
        for start in range(count)
        for end in range(start, min(count, start + limits.length))
        if window.may_start[start] and window.may_end[end]
    ]
    return sorted(found, key=lambda span: -span[2])[: limits.count]


@pytest.mark.parametrize("length", [1, 3, 40])
def test_spans_of_logits_are_the_best_of_all(length):
    rng, limits = np.random.default_rng(length), Limits(20, length)
    for count in (1, 2, 17, 30):
        logits = rng.normal(size=(FIRST + count + 1, 2)).astype(np.float32)
        asked = window(rng.random(count) < 0.7, rng.random(count) < 0.9)
        found = of_logits(asked, logits, limits)
        wanted = pairs(asked, limits, lambda s, e, z=logits: float(z[s, 0]) + float(z[e, 1]))
        assert list(zip(found.start, found.end, strict=True)) == [span[:2] for span in wanted]
        np.testing.assert_allclose(found.score, [span[2] for span in wanted])


def test_the_best_span_may_have_a_start_that_is_not_among_the_best():
    logits = np.zeros((FIRST + 50, 2), np.float32)
    logits[FIRST + 30 :, 0] = 1.0  # all ends before these are far better
    logits[FIRST : FIRST + 20, 1] = 5.0
    found = of_logits(window([True] * 50, [True] * 50), logits, Limits(1, 50))
    assert found.score.tolist() == [5.0] and found.start[0] < START + 20


def test_no_text_and_nothing_allowed_have_no_spans():
    logits = np.zeros((FIRST + 4, 2), np.float32)
    for asked in (window([], []), window([0, 0, 0], [1, 1, 1])):
        assert len(of_logits(asked, logits, Limits(20, 30)).score) == 0


def test_spans_of_a_beam_are_those_that_may_be_answers():
    rng, limits = np.random.default_rng(0), Limits(20, 6)
    asked = window([1] * 9 + [0], [1] * 9 + [0])
    for _ in range(50):
        starts = rng.choice(FIRST + 14, 5, replace=False)  # also [CLS], question, beyond the text
        ends = np.stack([rng.choice(FIRST + 14, 5, replace=False) for _ in range(5)])
        scores = -rng.random((5, 5)), -rng.random(5)
        found = of_beam(asked, Beam(starts, scores[1], ends, scores[0], np.float32(0)), limits)
        given = {
            (int(s), int(e)): scores[1][k] + scores[0][k, j]
            for k, s in enumerate(starts)
            for j, e in enumerate(ends[k])
        }
        wanted = pairs(asked, limits, lambda s, e, g=given: g.get((s, e), -np.inf))
        wanted = [span for span in wanted if span[2] > -np.inf]
        assert list(zip(found.start, found.end, found.score, strict=True)) == wanted


def test_texts_are_the_raw_text_each_once_best_first():
    context = "Was  it \u00c9t\u00e9 or \u00c9t\u00e9?"
    offsets = np.array([(0, 3), (5, 7), (8, 11), (12, 14), (15, 18), (18, 19)])
    one = Spans(np.array([2, 0]), np.array([2, 1]), np.array([2.0, 1.0]))
    two = Spans(np.array([4, 4]), np.array([4, 5]), np.array([3.0, 1.5]))
    found = texts([one, two], offsets, context, 20)
    assert [answer.text for answer in found] == ["\u00c9t\u00e9", "\u00c9t\u00e9?", "Was  it"]
    assert found[0].start == 15 and found[0].score == 3.0
    assert all(context[a.start : a.end] == a.text for a in found)
    assert all(a.score >= b.score for a, b in pairwise(found))
    assert texts([one, two], offsets, context, 2) == found[:2]
