"""A block of documents -> its rows: chunks, packing, pairs and masks come together here."""

import grain
import numpy as np

from albert_jax.data.batch_config import BatchConfig
from albert_jax.data.documents import Document
from albert_jax.data.masking import Masked, mask_examples, reference_budgets, row_budgets
from albert_jax.data.packing import pack
from albert_jax.data.segments import (
    Examples,
    Pairs,
    Symbols,
    Text,
    assemble,
    bounds,
    cut_chunk,
    cut_documents,
    lay_out,
    ranges,
    reference_pairs,
    split_chunks,
)


class BlockRows(grain.transforms.RandomMap):
    """Turns a list of documents into rows, in random order, in the layout of `lay_rows`."""

    def __init__(self, config: BatchConfig, symbols: Symbols):
        self._config, self._symbols = config, symbols

    def random_map(
        self, element: list[Document], rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        config, symbols = self._config, self._symbols
        text = lay_out(element)
        pairs, row = packed_pairs(text, config, rng)
        count = int(row.max(initial=-1)) + 1
        row = rng.permutation(count)[row]
        order = np.argsort(row, kind="stable")
        pairs, row = pairs.take(order), row[order]
        examples = assemble(text, pairs, symbols)
        budgets = _budgets(examples.lengths, row, config)
        masked = mask_examples(examples, budgets, symbols, config.max_ngram, rng)
        shape = (count, config.length, config.predictions, config.examples_per_row)
        return lay_rows(examples, masked, pairs, row, shape)


def packed_pairs(
    text: Text, config: BatchConfig, rng: np.random.Generator
) -> tuple[Pairs, np.ndarray]:
    """Segment pairs and the row of each, int64 [G].

    Lossless chunks are packed before they are split in two, because packing may cut them;
    reference pairs are packed as they are.
    """
    length, slots, objective = config.length, config.examples_per_row, config.objective
    if config.chunking == "reference":
        pairs = reference_pairs(
            text, length, objective, config.short_share, config.random_negatives, rng
        )
        packed = pack(pairs.lengths(), length, slots, extra=0, cut=_never)
        return pairs.take(packed.source), packed.row
    specials = 2 if objective == "none" else 3
    room, shortest = length - specials, max(2, length // slots - specials)
    starts, lengths = cut_documents(text, room, shortest, config.short_share, rng)
    bound, begin, end = (x.tolist() for x in (text.sentence_bounds, starts, starts + lengths))

    def cut(chunk: int, offset: int, room: int) -> tuple[int, ...]:
        return cut_chunk(bound, begin[chunk] + offset, end[chunk], room)

    packed = pack(lengths, length, slots, extra=specials, cut=cut)
    starts = starts[packed.source] + packed.offset
    return split_chunks(text, starts, packed.length, objective, rng), packed.row


def _never(*_) -> tuple[int, ...]:
    return ()


def _budgets(lengths: np.ndarray, row: np.ndarray, config: BatchConfig) -> np.ndarray:
    if config.examples_per_row == 1:
        return reference_budgets(lengths, config.predictions, config.mask_share)
    return row_budgets(lengths, row, config.length, config.predictions, config.mask_share)


def lay_rows(
    examples: Examples,
    masked: Masked,
    pairs: Pairs,
    row: np.ndarray,
    shape: tuple[int, int, int, int],
) -> dict[str, np.ndarray]:
    """Writes examples, sorted by `row` [G], into the arrays of the batch layout.

    `shape` is (R, L, M, N): rows, row length, predictions and examples a row. Returns tokens,
    token_types, positions and example_ids [R, L]; mlm_positions, mlm_targets and mlm_weights
    [R, M]; cls_positions, sentence_labels and sentence_weights [R, N]. Unused places are 0.
    """
    count, length, predictions, slots = shape
    edges = bounds(examples.lengths)[:-1]
    first = np.searchsorted(row, row)
    slot = np.arange(len(row)) - first
    offset = edges - edges[first]  # in the row
    place = ranges(row * length + offset, examples.lengths)
    numbers = np.repeat(slot + 1, examples.lengths)
    positions = ranges(np.zeros_like(edges), examples.lengths)

    target_row, target_position = np.divmod(place[masked.positions], length)
    target = target_row * predictions + np.arange(len(target_row))
    target -= np.searchsorted(target_row, target_row)
    pair = row * slots + slot
    return {
        "tokens": _scatter((count, length), place, masked.tokens),
        "token_types": _scatter((count, length), place, examples.token_types),
        "positions": _scatter((count, length), place, positions),
        "example_ids": _scatter((count, length), place, numbers),
        "mlm_positions": _scatter((count, predictions), target, target_position),
        "mlm_targets": _scatter((count, predictions), target, masked.targets),
        "mlm_weights": _scatter((count, predictions), target, 1, np.float32),
        "cls_positions": _scatter((count, slots), pair, offset),
        "sentence_labels": _scatter((count, slots), pair, pairs.label),
        "sentence_weights": _scatter((count, slots), pair, pairs.weight, np.float32),
    }


def _scatter(shape, place, values, dtype=np.int32) -> np.ndarray:
    array = np.zeros(shape, dtype)
    array.reshape(-1)[place] = values
    return array
