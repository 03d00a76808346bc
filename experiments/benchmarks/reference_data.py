"""Pretraining examples as google-research/albert makes them: a piece at a time, in plain Python, from pieces.

Written from a description of `create_pretraining_data.py` (its defaults: sentence order, random negatives
behind one-sentence chunks, n-grams of whole words, 20 predictions). It is here to be raced against, and to
have the same statistics as preset=reference.
"""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

SPECIAL = ("[CLS]", "[SEP]")
LETTERS = set("abcdefghijklmnopqrstuvwxyz")
PUNCTUATION = set('!"#$%&()*+,-./:;?@[\\]^_`{|}~')
MASK_SHARE, SHORT_SHARE, LONGEST = 0.15, 0.1, 3

Sentences = list[list[str]]


class Example(NamedTuple):
    """One row before padding."""

    pieces: list[str]
    types: list[int]
    positions: list[int]
    targets: list[str]
    label: int


def examples(
    documents: Sequence[Sentences], words: Sequence[str], length: int, predictions: int, seed: int
) -> Iterator[Example]:
    """The examples of one pass over the documents.

    Args:
      documents: sentences of pieces.
      words: the vocabulary, to draw random pieces from.
      length: of a row.
      predictions: at most, in a row.
      seed: of everything random.
    """
    draw = random.Random(seed)
    for index in range(len(documents)):
        for first, second, label in _pairs(documents, index, length - 3, draw):
            pieces = ["[CLS]", *first, "[SEP]", *second, "[SEP]"]
            types = [0] * (len(first) + 2) + [1] * (len(second) + 1)
            masked, positions, targets = _mask(pieces, words, predictions, draw)
            yield Example(masked, types, positions, targets, label)


def _pairs(documents, index: int, most: int, draw: random.Random) -> Iterator[tuple]:
    document = documents[index]
    target = draw.randint(2, most) if draw.random() < SHORT_SHARE else most
    chunk: Sentences = []
    size, i = 0, 0
    while i < len(document):
        chunk.append(document[i])
        size += len(document[i])
        if i == len(document) - 1 or size >= target:
            cut = draw.randint(1, len(chunk) - 1) if len(chunk) >= 2 else 1
            first = [piece for sentence in chunk[:cut] for piece in sentence]
            second: list[str] = []
            if len(chunk) == 1:
                label = 1
                second = _elsewhere(documents, index, target - len(first), draw)
            else:
                label = int(draw.random() < 0.5)
                second = [piece for sentence in chunk[cut:] for piece in sentence]
                if label:
                    first, second = second, first
            _truncate(first, second, most, draw)
            if first and second:
                yield first, second, label
            chunk, size = [], 0
        i += 1


def _elsewhere(documents, index: int, target: int, draw: random.Random) -> list[str]:
    for _ in range(10):
        other = draw.randint(0, len(documents) - 1)
        if other != index:
            break
    pieces: list[str] = []
    for sentence in documents[other][draw.randint(0, len(documents[other]) - 1) :]:
        pieces.extend(sentence)
        if len(pieces) >= target:
            break
    return pieces


def _truncate(first: list[str], second: list[str], most: int, draw: random.Random):
    while len(first) + len(second) > most:
        longer = first if len(first) > len(second) else second
        if draw.random() < 0.5:
            del longer[0]
        else:
            longer.pop()


def _starts_word(piece: str) -> bool:
    if piece.startswith(("▁", "<")) or (len(piece) == 1 and piece in PUNCTUATION):
        return True
    return any(letter not in LETTERS and letter not in PUNCTUATION for letter in piece)


def _mask(pieces: list[str], words: Sequence[str], predictions: int, draw: random.Random):
    candidates: list[list[int]] = []
    for i, piece in enumerate(pieces):
        if piece in SPECIAL:
            continue
        if candidates and not _starts_word(piece):
            candidates[-1].append(i)
        else:
            candidates.append([i])
    budget = min(predictions, max(1, round(len(pieces) * MASK_SHARE)))
    sizes = list(range(1, LONGEST + 1))
    grams = [[candidates[start : start + n] for n in sizes] for start in range(len(candidates))]
    draw.shuffle(grams)
    output = list(pieces)
    covered: set[int] = set()
    chosen: list[tuple[int, str]] = []
    for gram in grams:
        if len(chosen) >= budget:
            break
        n = draw.choices(sizes, [1 / size for size in sizes])[0]
        indices = [i for word in gram[n - 1] for i in word]
        while len(chosen) + len(indices) > budget and n > 1:
            n -= 1
            indices = [i for word in gram[n - 1] for i in word]
        if len(chosen) + len(indices) > budget or any(i in covered for i in indices):
            continue
        for i in indices:
            covered.add(i)
            if draw.random() < 0.8:
                output[i] = "[MASK]"
            elif draw.random() >= 0.5:
                output[i] = words[draw.randint(0, len(words) - 1)]
            chosen.append((i, pieces[i]))
    chosen.sort()
    return output, [i for i, _ in chosen], [piece for _, piece in chosen]


def features(example: Example, ids: dict[str, int], length: int, predictions: int) -> dict:
    """The lists of numbers of one record, padded."""
    tokens = [ids[piece] for piece in example.pieces]
    targets = [ids[piece] for piece in example.targets]
    over, unused = length - len(tokens), predictions - len(targets)
    return {
        "input_ids": tokens + [0] * over,
        "input_mask": [1] * len(tokens) + [0] * over,
        "segment_ids": example.types + [0] * over,
        "masked_lm_positions": example.positions + [0] * unused,
        "masked_lm_ids": targets + [0] * unused,
        "masked_lm_weights": [1.0] * len(targets) + [0.0] * unused,
        "next_sentence_labels": [example.label],
    }
