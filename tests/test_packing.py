import numpy as np
import pytest

from albert_jax.data.packing import pack

L, N, EXTRA = 96, 7, 3


def anywhere(chunk: int, offset: int, room: int) -> tuple[int, ...]:
    return (room,) if room >= 8 else ()


def nowhere(chunk: int, offset: int, room: int) -> tuple[int, ...]:
    return ()


def lengths(name: str) -> np.ndarray:
    rng = np.random.default_rng(4)
    return {
        "uniform": rng.integers(1, L - EXTRA + 1, 500),
        "short": rng.integers(10, 30, 500),
        "just over half": np.full(300, L // 2 + 1),
        "full": np.full(50, L - EXTRA),
        "one": np.array([5]),
        "none": np.zeros(0, np.int64),
    }[name]


@pytest.mark.parametrize("name", ["uniform", "short", "just over half", "full", "one", "none"])
@pytest.mark.parametrize("cut", [anywhere, nowhere])
def test_rows_keep_both_capacities_and_every_token(name, cut):
    chunks = lengths(name)
    packed = pack(chunks, L, N, EXTRA, cut)
    assert np.bincount(packed.row, packed.length + EXTRA, 1).max() <= L
    assert np.bincount(packed.row, minlength=1).max() <= N
    order = np.lexsort((packed.offset, packed.source))
    ends = (packed.offset + packed.length)[order]
    last = np.diff(packed.source[order], append=-1) != 0
    np.testing.assert_array_equal(packed.offset[order][1:], np.where(last, 0, ends)[:-1])
    np.testing.assert_array_equal(ends[last], chunks)
    if cut is nowhere:
        assert len(packed.source) == len(chunks)


@pytest.mark.parametrize("name", ["uniform", "just over half", "full"])
def test_cuts_fill_the_rows(name):
    packed = pack(lengths(name), L, N, EXTRA, anywhere)
    rows = packed.row.max() + 1
    assert (packed.length + EXTRA).sum() / (rows * L) > 0.975
    assert len(np.unique(packed.row)) == rows


def test_a_chunk_that_fits_is_not_cut():
    packed = pack(np.array([40, 50, 43, 37]), L, N, EXTRA, anywhere)
    assert sorted(packed.length) == [37, 40, 43, 50]
    assert packed.row.max() == 1


def test_slots_close_a_row():
    packed = pack(np.full(10, 2), L, 4, EXTRA, anywhere)
    assert np.bincount(packed.row).tolist() == [4, 4, 2]
