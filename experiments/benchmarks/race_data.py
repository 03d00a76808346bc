"""The same real text in the batches of each racer: full rows, and texts of their own lengths.

A text is a paragraph of the presidents' messages, cut at the row length. In "full" rows the paragraphs are
joined and cut, and everybody gets the same rows. In "real" rows we pack the paragraphs, and the others pad
a batch of them to its longest, as transformers' collators do.
"""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from albert_jax.data import text
from albert_jax.data.packing import pack
from albert_jax.data.vocabulary import Normalisation, Vocabulary, train

Batch = dict[str, np.ndarray]
Rows = list[list[np.ndarray]]  # a row holds the texts packed into it
TOKENS = 400_000  # of the text, enough for every case
MASKED = 0.15
IGNORED = -100


@functools.cache
def texts(length: int, tokens: int = TOKENS) -> list[np.ndarray]:
    """Paragraphs as int32 ids with [CLS] and [SEP], in the order of the text."""
    paragraphs = [p for speech in text.documents("sotu") for p in speech.paragraphs()]
    vocabulary = Vocabulary(train(paragraphs, 8000, sample=20_000), Normalisation())
    found, count = [], 0
    for ids in vocabulary.encode_batch(paragraphs):
        ids = [vocabulary.cls_id, *ids[: length - 2], vocabulary.sep_id]
        found.append(np.array(ids, np.int32))
        count += len(ids)
        if count >= tokens:
            break
    return found


def full_rows(paragraphs: Sequence[np.ndarray], length: int) -> Rows:
    """All text one after another, a row every `length` positions."""
    joined = np.concatenate(paragraphs)
    count = len(joined) // length
    return [[row] for row in joined[: count * length].reshape(count, length)]


def packed_rows(paragraphs: Sequence[np.ndarray], length: int, slots: int) -> Rows:
    """Whole texts, as many as fit."""
    lengths = np.array([len(ids) for ids in paragraphs])
    packed = pack(lengths, length, slots, extra=0, cut=lambda *_: ())
    rows: Rows = [[] for _ in range(packed.row.max() + 1)]
    for source, row in zip(packed.source, packed.row, strict=True):
        rows[row].append(paragraphs[source])
    order = np.random.default_rng(0).permutation(len(rows))  # the fullest are not all first
    return [rows[i] for i in order]


def tokens_in(batches: Sequence[Rows]) -> int:
    """Positions that are not padding."""
    return sum(len(ids) for rows in batches for row in rows for ids in row)


def ours(rows: Rows, length: int, slots: int) -> Batch:
    """Rows in the layout of our batches."""
    shape, predictions = (len(rows), length), int(np.ceil(MASKED * length))
    names = ("tokens", "token_types", "positions", "example_ids")
    batch = {name: np.zeros(shape, np.int32) for name in names}
    for name, width in (("mlm", predictions), ("sentence", slots)):
        target = "labels" if name == "sentence" else "targets"
        batch[f"{name}_{target}"] = np.zeros((len(rows), width), np.int32)
        batch[f"{name}_weights"] = np.zeros((len(rows), width), np.float32)
    batch["mlm_positions"] = np.zeros((len(rows), predictions), np.int32)
    batch["cls_positions"] = np.zeros((len(rows), slots), np.int32)
    for i, row in enumerate(rows):
        start = 0
        for slot, ids in enumerate(row):
            here = slice(start, start + len(ids))
            batch["tokens"][i, here], batch["example_ids"][i, here] = ids, slot + 1
            batch["positions"][i, here] = np.arange(len(ids))
            batch["cls_positions"][i, slot], batch["sentence_weights"][i, slot] = start, 1
            start += len(ids)
        masked = _masked(start)
        batch["mlm_positions"][i, : len(masked)] = masked
        batch["mlm_targets"][i, : len(masked)] = batch["tokens"][i, masked]
        batch["mlm_weights"][i, : len(masked)] = 1
    return batch


def transformers(rows: Rows) -> Batch:
    """A text a row, padded to the longest; labels only where something is masked."""
    lengths = [sum(map(len, row)) for row in rows]
    tokens = np.zeros((len(rows), max(lengths)), np.int64)
    mask, labels = np.zeros_like(tokens), np.full_like(tokens, IGNORED)
    for i, row in enumerate(rows):
        tokens[i, : lengths[i]], mask[i, : lengths[i]] = np.concatenate(row), 1
        masked = _masked(lengths[i])
        labels[i, masked] = tokens[i, masked]
    order = np.zeros(len(rows), np.int64)
    return dict(input_ids=tokens, attention_mask=mask, labels=labels, sentence_order_label=order)


def keras(rows: Rows) -> Batch:
    """The same for keras-hub, which takes the masked positions."""
    padded = transformers(rows)
    most = int(np.ceil(MASKED * padded["input_ids"].shape[1]))
    positions = np.zeros((len(rows), most), np.int32)
    weights = np.zeros((len(rows), most), np.float32)
    for i, labels in enumerate(padded["labels"]):
        (masked,) = np.nonzero(labels != IGNORED)
        positions[i, : len(masked)], weights[i, : len(masked)] = masked[:most], 1
    tokens = padded["input_ids"].astype(np.int32)
    return dict(
        token_ids=tokens,
        segment_ids=np.zeros_like(tokens),
        padding_mask=padded["attention_mask"].astype(np.int32),
        mask_positions=positions,
        y=np.take_along_axis(tokens, positions, axis=1),
        weights=weights,
    )


def batches_of(rows: Rows, size: int, count: int) -> Iterator[Rows]:
    """`count` batches of `size` rows, from the beginning."""
    for i in range(count):
        yield rows[i * size : (i + 1) * size]


def save(path: Path, batches: Sequence[Batch]):
    """As experiments/benchmarks/racers/protocol.py reads it."""
    named: dict[str, Any] = {
        f"{i}/{name}": array for i, batch in enumerate(batches) for name, array in batch.items()
    }
    np.savez(path, **named)


def _masked(length: int) -> np.ndarray:
    """Positions of 15 % of a row, every seventh or so."""
    return np.arange(1, length, 7)[: int(MASKED * length)]
