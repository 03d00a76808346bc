import numpy as np
import pytest

from albert_jax.data.batch_config import recommended, reference
from albert_jax.data.documents import Document
from albert_jax.data.rows import BlockRows
from albert_jax.data.segments import Symbols, bounds
from tests.speeches import speeches

CLS, SEP, MASK = 2, 3, 4


def made(config, documents=None, seed=0):
    found, symbols = speeches()
    documents = found if documents is None else documents
    return BlockRows(config, symbols).random_map(documents, np.random.default_rng(seed))


def unmasked(rows):
    """The tokens before masking, put back from the targets."""
    tokens = rows["tokens"].copy()
    row, slot = np.nonzero(rows["mlm_weights"])
    tokens[row, rows["mlm_positions"][row, slot]] = rows["mlm_targets"][row, slot]
    return tokens


def examples(rows):
    """Yields tokens and token_types of every example, its label and its label's weight."""
    tokens = unmasked(rows)
    for r, slot in zip(
        *np.nonzero(rows["example_ids"].max(1)[:, None] > np.arange(99)), strict=True
    ):
        mine = rows["example_ids"][r] == slot + 1
        label, weight = rows["sentence_labels"][r, slot], rows["sentence_weights"][r, slot]
        yield tokens[r, mine], rows["token_types"][r, mine], label, weight


@pytest.mark.parametrize(
    "config",
    [
        recommended(4, 128),
        recommended(4, 128, objective="nsp"),
        recommended(4, 128, objective="none", examples_per_row=3),
        recommended(4, 96, chunking="reference"),
        recommended(4, 96, examples_per_row=1),
        reference(4, 128),
        reference(4, 64, objective="nsp", predictions=7),
    ],
)
def test_layout(config):
    rows = made(config)
    count = len(rows["tokens"])
    L, M, N = config.length, config.predictions, config.examples_per_row
    for name, array in rows.items():
        kind, _, _ = name.partition("_")
        width = {"mlm": M, "cls": N, "sentence": N}.get(kind, L)
        assert array.shape == (count, width), name
        assert array.dtype == (np.float32 if name.endswith("weights") else np.int32), name
        assert array.flags.c_contiguous
    ids, real = rows["example_ids"], rows["example_ids"] > 0
    steps = np.diff(ids, axis=1)
    assert ids.min(axis=1).min() >= 0 and (ids[:, 0] == 1).all()
    assert ((steps == 0) | (steps == 1) | (ids[:, 1:] == 0)).all()
    for name in ("tokens", "token_types", "positions"):
        assert not rows[name][~real].any(), name
    begins = real & (np.diff(ids, axis=1, prepend=0) != 0)
    assert (rows["positions"][begins] == 0).all() and (rows["tokens"][begins] == CLS).all()
    inner = real[:, 1:] & ~begins[:, 1:]
    assert (np.diff(rows["positions"], axis=1)[inner] == 1).all()
    row, position = np.nonzero(begins)
    np.testing.assert_array_equal(rows["cls_positions"][row, ids[row, position] - 1], position)
    used = rows["mlm_weights"] == 1
    assert (np.diff(used.astype(int), axis=1) <= 0).all() and set(
        np.unique(rows["mlm_weights"])
    ) <= {0, 1}
    assert not rows["mlm_positions"][~used].any() and not rows["mlm_targets"][~used].any()
    assert np.isin(rows["mlm_targets"][used], (0, CLS, SEP, MASK)).sum() == 0
    for tokens, types, label, weight in examples(rows):
        middle = np.flatnonzero(tokens == SEP)
        assert len(middle) == types[-1] + 1 and middle[-1] == len(tokens) - 1
        np.testing.assert_array_equal(types, np.arange(len(types)) > middle[0])
        assert weight == types[-1] and (label == 0 or weight)


def numbered():
    """The speeches with every token a number of its own, counted through from 5."""
    found, _ = speeches()
    starts = 5 + bounds(np.array([len(document.tokens) for document in found]))
    documents = [
        Document(np.arange(a, a + len(d.tokens), dtype=np.int32), d.sentence_lengths)
        for a, d in zip(starts, found, strict=False)
    ]
    return documents, Symbols(np.random.default_rng(0).random(starts[-1]) < 0.7)


def test_lossless_rows_hold_every_token_in_order():
    documents, symbols = numbered()
    starts = [int(document.tokens[0]) for document in documents]
    config = recommended(4, 128)
    rows = BlockRows(config, symbols).random_map(documents, np.random.default_rng(1))
    chunks = []
    for tokens, types, label, _ in examples(rows):
        parts = [tokens[types == 0][1:-1], tokens[types == 1][:-1]]
        chunks.append(np.concatenate(parts[::-1] if label else parts))
    assert all((np.diff(chunk) == 1).all() for chunk in chunks)
    np.testing.assert_array_equal(
        np.sort(np.concatenate(chunks)), np.arange(5, len(symbols.word_starts))
    )
    ends = set(starts[1:])
    assert not any(ends & set(chunk[1:].tolist()) for chunk in chunks)


@pytest.mark.parametrize("length", [64, 512])
def test_nothing_but_the_order_tells_a_swapped_pair(length):
    """Both segments of a labelled pair begin and end with whole sentences; a loose end is a clue."""
    documents, symbols = numbered()
    edges = {0} | {
        int(end) for d in documents for end in d.tokens[0] + np.cumsum(d.sentence_lengths)
    }
    firsts = edges | {int(d.tokens[0]) for d in documents}
    rows = BlockRows(recommended(4, length), symbols).random_map(
        documents, np.random.default_rng(2)
    )
    labelled = [(t, types) for t, types, _, weight in examples(rows) if weight]
    assert len(labelled) > 500
    for tokens, types in labelled:
        for segment in (tokens[types == 0][1:-1], tokens[types == 1][:-1]):
            assert int(segment[0]) in firsts and int(segment[-1]) + 1 in edges


@pytest.mark.parametrize(("length", "least"), [(512, 0.98), (128, 0.975), (32, 0.94)])
def test_recommended_rows_are_full_and_masked_at_fifteen_percent(length, least):
    config = recommended(4, length)
    rows = made(config)
    real = (rows["example_ids"] > 0).sum()
    assert real / rows["tokens"].size >= least
    masked = rows["mlm_weights"].sum()
    assert abs(masked / real - round(0.15 * length) / length) < 0.002


def test_short_documents_fill_rows_too():
    found, _ = speeches()
    short = [
        Document(d.tokens[: d.sentence_lengths[:n].sum()], d.sentence_lengths[:n])
        for d in found
        for n in range(2, 14)
    ]
    rows = made(recommended(4, 512), short)
    assert (rows["example_ids"] > 0).mean() >= 0.98


def test_reference_rows_mask_twenty():
    rows = made(reference(4, 512))
    real = (rows["example_ids"] > 0).sum(axis=1)
    masked = rows["mlm_weights"].sum(axis=1)
    assert masked.max() == 20 and (rows["example_ids"].max(axis=1) == 1).all()
    assert (masked <= np.minimum(20, np.maximum(1, np.rint(0.15 * real)))).all()
    assert (masked[real > 200] >= 19).all()
    assert (rows["sentence_weights"] == 1).all()


def test_rows_of_a_document_are_spread():
    found, _ = speeches()
    marked = [d._replace(tokens=np.full_like(d.tokens, 5 + i)) for i, d in enumerate(found[:9])]
    first = unmasked(made(recommended(4, 128), marked))[:, 1]
    assert (np.diff(first) != 0).mean() > 0.7


def test_too_few_predictions_mask_less():
    rows = made(recommended(4, 128, predictions=6))
    masked = rows["mlm_weights"].sum(axis=1)
    assert masked.max() == 6 and masked.mean() > 5.5
