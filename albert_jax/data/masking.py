"""N-gram masking of whole words, for all examples of a block at once.

The reference (google-research/albert, create_pretraining_data.py) visits the words of an example in
random order, draws an n-gram at each and takes it if it still fits and touches nothing taken yet.
That walk is sequential within an example but not between examples, so step k of all examples is one
round of array arithmetic: the same distribution, many times faster.
"""

from typing import NamedTuple

import numpy as np

from albert_jax.data.segments import Examples, Symbols, bounds


class Masked(NamedTuple):
    """Masked examples.

    Attributes:
      tokens: int32 [T], the model's input.
      positions: int64 [P], the tokens to predict, ascending.
      targets: int32 [P], what stood there.
    """

    tokens: np.ndarray
    positions: np.ndarray
    targets: np.ndarray


def row_budgets(
    lengths: np.ndarray, row: np.ndarray, row_length: int, predictions: int, share: float
) -> np.ndarray:
    """Tokens to mask in each example of packed rows: a share of its length, int64 [G].

    Rounding is carried over within a row, so the share holds over the row and a row never wants
    more than `predictions`. Examples are sorted by `row` [G].
    """
    share = min(share, predictions / row_length)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    origin = starts[np.searchsorted(row, row)]  # of the row's first example
    return (np.rint(share * (ends - origin)) - np.rint(share * (starts - origin))).astype(np.int64)


def reference_budgets(lengths: np.ndarray, predictions: int, share: float) -> np.ndarray:
    """The reference's number for one example a row: at least one, [CLS] and [SEP] counted."""
    return np.minimum(predictions, np.maximum(1, np.rint(share * lengths))).astype(np.int64)


def mask_examples(
    examples: Examples,
    budgets: np.ndarray,
    symbols: Symbols,
    max_ngram: int,
    rng: np.random.Generator,
) -> Masked:
    """Chooses at most `budgets` [G] tokens of each example and hides them.

    Of the chosen tokens 80 % become [MASK], 10 % stay, 10 % turn into any piece of the vocabulary;
    each token is decided alone, even inside an n-gram. Specials are never chosen; an n-gram may
    reach across a [SEP], as in the reference.
    """
    tokens = examples.tokens
    candidates = np.flatnonzero((tokens != symbols.cls) & (tokens != symbols.sep))
    starts = symbols.word_starts[tokens[candidates]]
    edges = bounds(examples.lengths)
    starts[np.searchsorted(candidates, edges[:-1])] = True  # no word begins in another example
    words = np.flatnonzero(starts)
    word_lengths = np.diff(np.append(words, len(candidates)))
    example_words = np.searchsorted(candidates[words], edges)  # [G + 1]
    chosen = choose_words(word_lengths, example_words, budgets, max_ngram, rng)
    positions = candidates[np.repeat(chosen, word_lengths)]
    return _hide(tokens, positions, symbols, rng)


def choose_words(
    word_lengths: np.ndarray,
    example_words: np.ndarray,
    budgets: np.ndarray,
    max_ngram: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draws n-grams of words, p(n) proportional to 1/n, until the budgets are spent.

    An n-gram that would run over the budget is shortened word by word, over the end of the example
    cut there, and skipped if even its first word is too long or any of its words is taken.

    Args:
      word_lengths: [W], tokens a word.
      example_words: [G + 1], where each example's words start, and W.
      budgets: [G], tokens to choose.
      max_ngram: the longest n-gram, in words.
      rng: the source of all draws.

    Returns:
      bool [W], the chosen words.
    """
    chosen = np.zeros(len(word_lengths), bool)
    offsets = bounds(word_lengths)  # [W + 1]
    order = _shuffle_within(example_words, rng)
    ngram = np.cumsum(1 / np.arange(1, max_ngram + 1))
    walk = example_words[:-1].copy()  # the next start to visit, an index into `order`
    ends, left = example_words[1:], budgets.copy()
    while len(active := np.flatnonzero((left > 0) & (walk < ends))):
        start = order[walk[active]]
        walk[active] += 1
        n = 1 + np.searchsorted(ngram, ngram[-1] * rng.random(len(active)), side="right")
        fitting = np.searchsorted(offsets, offsets[start] + left[active], side="right") - 1
        end = np.minimum(np.minimum(start + n, ends[active]), fitting)
        taken = np.stack([np.minimum(start + j, end - 1) for j in range(max_ngram)])
        free = (end > start) & ~chosen[taken].any(axis=0)
        chosen[taken[:, free]] = True
        left[active[free]] -= offsets[end[free]] - offsets[start[free]]
    return chosen


def _shuffle_within(edges: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The integers 0 .. edges[-1], shuffled between each two edges."""
    group = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    return np.argsort(group + rng.random(len(group)))


def _hide(
    tokens: np.ndarray, positions: np.ndarray, symbols: Symbols, rng: np.random.Generator
) -> Masked:
    targets = tokens[positions]
    coin = rng.random(len(positions))
    other = rng.integers(len(symbols.word_starts), size=len(positions))
    hidden = tokens.copy()
    hidden[positions] = np.where(coin < 0.8, symbols.mask, np.where(coin < 0.9, targets, other))
    return Masked(hidden, positions, targets)
