"""Documents -> segment pairs: what the sentence objective sees.

A block of documents is laid end to end, and a segment is a span of it, so that cutting, swapping
and truncating are arithmetic on four integers a pair; tokens are copied once, when `assemble`
writes `[CLS] A [SEP] B [SEP]`. Label 0 means "in order", 1 "swapped, or from another document".
"""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from albert_jax.data.documents import Document

_SHORTEST_CUT = 8  # tokens; a narrower gap at the end of a row stays padding
_TRIES = 10  # the reference draws another document that often before it takes the same one


class Text(NamedTuple):
    """Documents laid end to end.

    Attributes:
      tokens: int32 [T].
      sentence_bounds: int64 [S + 1], where sentences start in `tokens`, and T.
      document_bounds: int64 [D + 1], where documents start in `sentence_bounds`, and S.
    """

    tokens: np.ndarray
    sentence_bounds: np.ndarray
    document_bounds: np.ndarray


class Pairs(NamedTuple):
    """Segment pairs as spans of `Text.tokens`; each field int64 [G].

    `second_length` 0 means that there is no second segment; then `weight` is 0 too.
    """

    first_start: np.ndarray
    first_length: np.ndarray
    second_start: np.ndarray
    second_length: np.ndarray
    label: np.ndarray
    weight: np.ndarray

    def take(self, order: np.ndarray) -> "Pairs":
        return Pairs(*(field[order] for field in self))

    def lengths(self) -> np.ndarray:
        """Positions that the examples take, specials included, [G]."""
        second = np.where(self.second_length > 0, self.second_length + 1, 0)
        return self.first_length + 2 + second


class Examples(NamedTuple):
    """Model inputs laid end to end: tokens and token_types int32 [T], lengths int64 [G]."""

    tokens: np.ndarray
    token_types: np.ndarray
    lengths: np.ndarray


class Symbols(NamedTuple):
    """What the data needs to know of a vocabulary: word_starts is bool [V], the rest are ids."""

    word_starts: np.ndarray
    cls: int = 2
    sep: int = 3
    mask: int = 4


def bounds(lengths: np.ndarray) -> np.ndarray:
    """Where consecutive spans of these lengths start, and where the last one ends; [G + 1]."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The integers of all spans [start, start + length), one span after another."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - ends + lengths, lengths) + np.arange(total)


def lay_out(documents: Sequence[Document]) -> Text:
    """Joins the documents of a block; empty ones vanish."""
    documents = [document for document in documents if len(document.tokens)]
    if not documents:
        return Text(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(1, np.int64))
    return Text(
        np.concatenate([document.tokens for document in documents]),
        bounds(np.concatenate([document.sentence_lengths for document in documents])),
        bounds(np.array([len(document.sentence_lengths) for document in documents])),
    )


def cut_documents(
    text: Text, room: int, shortest: int, short_share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts documents between sentences into chunks of at most `room` tokens; no token is lost.

    Only a sentence longer than `room` is cut itself. A document that fits stays whole. Another
    starts with a chunk of random length and goes on with chunks of a length drawn from the last
    sixteenth of `room`, so that chunks begin elsewhere in every epoch. A share of the documents is
    cut shorter, at a length drawn from [shortest, room], as the reference does for every document
    pass.

    Returns:
      starts and lengths of the chunks in `text.tokens`, each int64 [C].
    """
    lengths = np.diff(text.sentence_bounds[text.document_bounds])
    short = rng.random(len(lengths)) < short_share
    least = np.where(short, shortest, np.where(lengths > room, room - room // 16, room))
    target = rng.integers(least, room + 1)
    first = np.where(lengths > target, rng.integers(1, target + 1), target)
    cuts = [0]
    for document, (low, high) in enumerate(pairwise(text.document_bounds.tolist())):
        bound = text.sentence_bounds[low : high + 1].tolist()
        cuts += _cuts(bound, int(first[document]), int(target[document]), room)
    return np.array(cuts[:-1], np.int64), np.diff(np.array(cuts, np.int64))


def _cuts(bound: list[int], first: int, target: int, room: int) -> Iterator[int]:
    """Where the chunks of a document end, given where its sentences do."""
    sentence, limit = 0, first
    while sentence < len(bound) - 1:
        end = max(bisect_right(bound, bound[sentence] + limit) - 1, sentence + 1)
        yield from range(bound[sentence] + room, bound[end], room)  # inside one long sentence
        yield bound[end]
        sentence, limit = end, target


def cut_chunk(bound: list[int], start: int, end: int, room: int) -> tuple[int, ...]:
    """Where to cut the chunk [start, end) so that its first part fits into `room`.

    After as many whole sentences as fit; if none does, inside the first sentence, whose rest is then
    cut off too. So a part that holds several sentences, and an order to predict, begins and ends
    with whole ones: a loose end would tell a swapped pair from one in order.

    Args:
      bound: where sentences start, and where the last one ends.

    Returns:
      the cuts, counted from `start`; none where the room is not worth it.
    """
    if room < _SHORTEST_CUT:
        return ()
    last = bisect_right(bound, start + room) - 1
    if bound[last] > start:
        return (bound[last] - start,)
    sentence = bound[last + 1] - start
    return (room, sentence) if start + sentence < end else (room,)


def split_chunks(
    text: Text, starts: np.ndarray, lengths: np.ndarray, objective: str, rng: np.random.Generator
) -> Pairs:
    """Splits each chunk in two at one of its sentence boundaries, drawn uniformly.

    `sop` swaps half of the pairs. `nsp` replaces the second segment of half of them by that of a
    pair of another document. `none`, a chunk inside one sentence, and one for whose second segment
    there is no other as short, give one segment with weight 0.
    """
    low = np.searchsorted(text.sentence_bounds, starts, side="right")
    high = np.searchsorted(text.sentence_bounds, starts + lengths, side="left")
    paired = (high > low) & (objective != "none")
    pick = low + (rng.random(len(low)) * (high - low)).astype(np.int64)
    middle = np.where(paired, text.sentence_bounds[pick], starts + lengths)
    label = paired & (rng.random(len(low)) < 0.5)
    first, second = (starts, middle - starts), (middle, starts + lengths - middle)
    if objective == "sop":
        first, second = (
            (np.where(label, second[0], first[0]), np.where(label, second[1], first[1])),
            (np.where(label, first[0], second[0]), np.where(label, first[1], second[1])),
        )
    if objective == "nsp":
        other = _elsewhere(text, *second, paired, rng)
        paired &= ~label | (other >= 0)
        label &= paired
        first = (starts, np.where(paired, first[1], lengths))
        second = (
            np.where(label, second[0][other], second[0]),
            np.where(label, second[1][other], second[1] * paired),
        )
    return Pairs(*first, *second, label.astype(np.int64), paired.astype(np.int64))


def _elsewhere(
    text: Text,
    starts: np.ndarray,
    lengths: np.ndarray,
    paired: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """For each second segment one of another document, of its length or the next that is shorter; -1 if none.

    So the second segments of both labels are whole sentences, and of the same lengths: a loose end
    or a gap would tell them apart.
    """
    document = np.searchsorted(text.sentence_bounds[text.document_bounds], starts, side="right")
    order = np.lexsort((rng.random(len(starts)), lengths))
    order = order[paired[order]]
    found = np.full(len(order), -1)
    for back in range(1, _TRIES):
        here, other = order[back:], order[:-back]
        fits = (found[back:] < 0) & (document[here] != document[other])
        found[back:] = np.where(fits, other, found[back:])
    elsewhere = np.full(len(starts), -1)
    elsewhere[order] = found
    return elsewhere


def reference_pairs(
    text: Text,
    length: int,
    objective: str,
    short_share: float,
    random_negatives: bool,
    rng: np.random.Generator,
) -> Pairs:
    """Segment pairs as google-research/albert makes them, create_pretraining_data.py.

    Whole sentences are gathered up to a target length, drawn once a document; the pair is cut to
    `length`, specials included, by dropping tokens from either end of the longer segment. Under
    `sop` and `random_negatives` a one-sentence chunk takes its second segment from another
    document, with label 1; so label 1 is over half. Otherwise it stays alone with weight 0. The
    other document comes from the same block, which is a random sample of the corpus.
    """
    draw = random.Random(int(rng.integers(2**63)))
    spans = [
        span
        for document in range(len(text.document_bounds) - 1)
        for span in _document_pairs(
            text, document, length, objective, short_share, random_negatives, draw
        )
    ]
    a_start, a_end, b_start, b_end, label = np.array(spans, np.int64).reshape(-1, 5).T
    pairs = Pairs(a_start, a_end - a_start, b_start, b_end - b_start, label, 1 * (b_end > b_start))
    return _truncate(pairs, np.where(pairs.weight, length - 3, length - 2), rng)


def _document_pairs(
    text: Text,
    document: int,
    length: int,
    objective: str,
    short_share: float,
    random_negatives: bool,
    draw: random.Random,
) -> Iterator[tuple[int, int, int, int, int]]:
    """Yields (start, end) of the first and of the second segment, and the label."""
    sentence, stop = text.document_bounds[document : document + 2].tolist()
    bound = text.sentence_bounds[sentence : stop + 1].tolist()
    sentence, stop = 0, stop - sentence
    room = length - 3
    target = draw.randint(2, room) if draw.random() < short_share else room
    while sentence < stop:
        end = min(bisect_left(bound, bound[sentence] + target, sentence + 1), stop)
        count = end - sentence
        if objective == "none" or (count == 1 and objective == "sop" and not random_negatives):
            yield bound[sentence], bound[end], 0, 0, 0
            sentence = end
            continue
        middle = sentence + (draw.randint(1, count - 1) if count > 1 else 1)
        first, second = (bound[sentence], bound[middle]), (bound[middle], bound[end])
        if count == 1 or (objective == "nsp" and draw.random() < 0.5):
            second = _random_segment(text, document, target - (first[1] - first[0]), draw)
            yield *first, *second, 1
            sentence = middle  # the sentences that were not used come again
            continue
        if objective == "sop" and draw.random() < 0.5:
            yield *second, *first, 1
        else:
            yield *first, *second, 0
        sentence = end


def _random_segment(text: Text, document: int, target: int, draw: random.Random) -> tuple[int, int]:
    """Sentences of another document of the block, from a random one on, up to `target` tokens."""
    for _ in range(_TRIES):
        other = draw.randrange(len(text.document_bounds) - 1)
        if other != document:
            break
    low, high = text.document_bounds[other : other + 2].tolist()
    start = draw.randrange(low, high)
    first = int(text.sentence_bounds[start])
    end = int(np.searchsorted(text.sentence_bounds[: high + 1], first + target))
    return first, int(text.sentence_bounds[min(max(end, start + 1), high)])


def _truncate(pairs: Pairs, room: np.ndarray, rng: np.random.Generator) -> Pairs:
    """Drops tokens one by one from the longer segment, the second on ties, in closed form.

    Each token goes from the front or the back with equal chance: a binomial number from the front.
    """
    a, b = pairs.first_length, pairs.second_length
    excess = np.maximum(a + b - room, 0)
    uneven = np.minimum(excess, np.abs(a - b))  # these all come from the longer one
    rest = excess - uneven  # then in turns, the second first
    from_a = np.where(a > b, uneven, 0) + rest // 2
    from_b = np.where(a > b, 0, uneven) + rest - rest // 2
    return pairs._replace(
        first_start=pairs.first_start + rng.binomial(from_a, 0.5),
        first_length=a - from_a,
        second_start=pairs.second_start + rng.binomial(from_b, 0.5),
        second_length=b - from_b,
    )


def assemble(text: Text, pairs: Pairs, symbols: Symbols) -> Examples:
    """Writes `[CLS] A [SEP] B [SEP]`, or `[CLS] A [SEP]`, with token types 0 and 1."""
    a, b = pairs.first_length, pairs.second_length
    tail = pairs.lengths() - a - 2  # B and its [SEP]
    edges = bounds(pairs.lengths())
    starts, ends = edges[:-1], edges[1:]
    tokens = np.empty(edges[-1], np.int32)
    tokens[starts] = symbols.cls
    tokens[starts + a + 1] = symbols.sep
    tokens[ends - 1] = symbols.sep
    tokens[ranges(starts + 1, a)] = text.tokens[ranges(pairs.first_start, a)]
    tokens[ranges(starts + a + 2, b)] = text.tokens[ranges(pairs.second_start, b)]
    token_types = np.zeros(edges[-1], np.int32)
    token_types[ranges(ends - tail, tail)] = 1
    return Examples(tokens, token_types, ends - starts)
