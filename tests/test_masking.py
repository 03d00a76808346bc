import random
from itertools import groupby, permutations

import numpy as np
import pytest

from albert_jax.data.masking import choose_words, mask_examples, reference_budgets, row_budgets
from albert_jax.data.segments import Examples, bounds
from tests.speeches import speeches

SIGMAS = 4.5  # one false alarm in 150,000 comparisons
CLS, SEP, MASK = 2, 3, 4


def transcription(word_lengths: list[int], budget: int, longest: int, draw: random.Random):
    """The reference's masking of one example, word by word; returns the chosen words."""
    chosen, spent = set(), 0
    starts = list(range(len(word_lengths)))
    draw.shuffle(starts)
    sizes = list(range(1, longest + 1))
    for start in starts:
        if spent >= budget:
            break
        n = draw.choices(sizes, [1 / size for size in sizes])[0]
        gram = list(range(start, min(start + n, len(word_lengths))))
        while len(gram) > 1 and spent + sum(word_lengths[word] for word in gram) > budget:
            gram.pop()
        size = sum(word_lengths[word] for word in gram)
        if spent + size <= budget and not chosen & set(gram):
            chosen |= set(gram)
            spent += size
    return chosen


def features(chosen: set[int], word_lengths: list[int]) -> list[float]:
    flags = [word in chosen for word in range(len(word_lengths))]
    runs = [len(list(group)) for flag, group in groupby(flags) if flag]
    sizes = [runs.count(1), runs.count(2), runs.count(3), sum(run > 3 for run in runs)]
    tokens = sum(word_lengths[word] for word in chosen)
    return [*sizes, tokens, len(chosen), flags[0], flags[1], flags[-2], flags[-1]]


@pytest.mark.parametrize(("length", "budget"), [(509, 20), (509, 77), (61, 9)])
def test_ngrams_follow_the_reference(length, budget):
    documents, symbols = speeches()
    starts = symbols.word_starts[documents[0].tokens[:length]].copy()
    starts[0] = True
    word_lengths = np.diff(np.append(np.flatnonzero(starts), length))
    words, draws = len(word_lengths), 400
    plain = random.Random(1)
    theirs = [
        features(transcription(word_lengths.tolist(), budget, 3, plain), word_lengths)
        for _ in range(draws)
    ]
    ours = choose_words(
        np.tile(word_lengths, draws),
        np.arange(draws + 1) * words,
        np.full(draws, budget),
        3,
        np.random.default_rng(2),
    ).reshape(draws, words)
    ours = [features(set(np.flatnonzero(row).tolist()), word_lengths) for row in ours]
    ours, theirs = np.array(ours, float), np.array(theirs, float)
    error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / draws)
    assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) <= SIGMAS * error).all()
    assert ours[:, 4].max() <= budget


def test_three_words_by_hand():
    draws = 20_000
    chosen = choose_words(
        np.ones(3 * draws, int),
        np.arange(draws + 1) * 3,
        np.full(draws, 2),
        2,
        np.random.default_rng(1),
    )
    left, p = (~chosen.reshape(draws, 3)).mean(axis=0), exact_left_out()
    assert (np.abs(left - p) <= SIGMAS * np.sqrt(p * (1 - p) / draws)).all()


def exact_left_out() -> np.ndarray:
    """Chance that each of three one-token words stays, budget 2, n in {1, 2} with odds 2 : 1."""
    left = np.zeros(3)
    for order in permutations(range(3)):
        for sizes in np.ndindex(2, 2, 2):
            chance = np.prod([(2 / 3, 1 / 3)[size] for size in sizes]) / 6
            taken = set()
            for start, size in zip(order, sizes, strict=True):
                gram = {word for word in (start, start + 1)[: size + 1] if word < 3}
                while len(taken) + len(gram) > 2 and len(gram) > 1:
                    gram.remove(max(gram))
                if len(taken) + len(gram) <= 2 and not taken & gram:
                    taken |= gram
            left[list({0, 1, 2} - taken)] += chance
    return left


def test_a_word_that_is_too_long_is_skipped():
    chosen = choose_words(
        np.array([3, 1, 3]), np.array([0, 3]), np.array([2]), 3, np.random.default_rng(0)
    )
    assert chosen.tolist() == [False, True, False]


def masked_speech(seed: int):
    documents, symbols = speeches()
    lengths = np.array([37, 512, 5, 200] * 30)
    tokens = documents[3].tokens[np.arange(lengths.sum()) % len(documents[3].tokens)].copy()
    edges = bounds(lengths)
    tokens[edges[:-1]], tokens[edges[1:] - 1] = CLS, SEP
    examples = Examples(tokens, np.zeros_like(tokens), lengths)
    budgets = reference_budgets(lengths, 77, 0.15)
    rng = np.random.default_rng(seed)
    return examples, budgets, mask_examples(examples, budgets, symbols, 3, rng), symbols


def test_masked_tokens():
    examples, budgets, masked, _ = masked_speech(0)
    assert (np.diff(masked.positions) > 0).all()
    assert not np.isin(examples.tokens[masked.positions], (CLS, SEP)).any()
    np.testing.assert_array_equal(masked.targets, examples.tokens[masked.positions])
    hidden = masked.tokens.copy()
    hidden[masked.positions] = masked.targets
    np.testing.assert_array_equal(hidden, examples.tokens)
    edges = bounds(examples.lengths)
    counts = np.diff(np.searchsorted(masked.positions, edges))
    assert (counts <= budgets).all()
    assert counts.sum() > 0.99 * budgets.sum()


def test_whole_words_are_masked():
    examples, _, masked, symbols = masked_speech(1)
    flags = np.zeros(len(examples.tokens), bool)
    flags[masked.positions] = True
    plain = ~np.isin(examples.tokens, (CLS, SEP))
    inner = plain[1:] & plain[:-1] & ~symbols.word_starts[examples.tokens[1:]]
    np.testing.assert_array_equal(flags[1:][inner], flags[:-1][inner])


def test_eighty_ten_ten():
    kept = hidden = total = 0
    replaced = []
    for seed in range(8):
        _, _, masked, symbols = masked_speech(seed)
        tokens = masked.tokens[masked.positions]
        other = (tokens != MASK) & (tokens != masked.targets)
        hidden += (tokens == MASK).sum()
        kept += (tokens == masked.targets).sum()
        replaced.append(tokens[other])
        total += len(tokens)
    size = len(symbols.word_starts)
    for share, expected in ((hidden / total, 0.8 + 0.1 / size), (kept / total, 0.1 + 0.1 / size)):
        assert abs(share - expected) <= SIGMAS * np.sqrt(expected * (1 - expected) / total)
    replaced = np.concatenate(replaced)
    assert set(range(5)) - {MASK} <= set(replaced.tolist())  # special symbols too
    assert abs(replaced.mean() - (size - 1) / 2) <= SIGMAS * size / np.sqrt(12 * len(replaced))


def test_masks_are_drawn_from_the_generator():
    same, again, other = masked_speech(5)[2], masked_speech(5)[2], masked_speech(6)[2]
    np.testing.assert_array_equal(same.tokens, again.tokens)
    assert (same.tokens != other.tokens).any()


def test_reference_budgets():
    lengths = np.array([5, 30, 70, 512])
    assert reference_budgets(lengths, 20, 0.15).tolist() == [1, 4, 10, 20]  # 4.5 rounds to even
    assert reference_budgets(np.array([3]), 20, 0.15).tolist() == [1]


def test_row_budgets_add_up():
    lengths, row = np.array([10, 10, 10, 10, 50, 40, 3]), np.array([0, 0, 0, 0, 1, 1, 2])
    budgets = row_budgets(lengths, row, 100, 15, 0.15)
    assert np.bincount(row, budgets).tolist() == [6, 14, 0]
    assert (np.abs(budgets - 0.15 * lengths) <= 1).all()
    few = row_budgets(lengths, row, 100, 7, 0.15)
    assert np.bincount(row, few).tolist() == [3, 6, 0]
