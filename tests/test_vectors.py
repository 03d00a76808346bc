"""Vectors in files, and the nearest of them."""

import numpy as np
import pytest
from etils import epath

from albert_jax.data import vectors
from albert_jax.data.vectors import Hit, Vectors, batched, nearest, write
from albert_jax.errors import UserError


@pytest.fixture
def path(tmp_path):
    return epath.Path(tmp_path) / "new" / "vectors.npy"


def blocks(array, size=7):
    return [array[start : start + size] for start in range(0, len(array), size)]


def test_what_is_written_is_what_numpy_reads_and_we_read(path, monkeypatch):
    monkeypatch.setattr(vectors, "BLOCK", 4)
    array = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    write(path, iter(array), 10, 3)
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), array)
    assert [p.name for p in path.parent.iterdir()] == ["vectors.npy"]
    found = Vectors(path)
    assert (found.count, found.size) == (10, 3)
    assert [len(block) for block in found.blocks()] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(list(found.blocks())), array)
    np.testing.assert_array_equal(np.concatenate(list(batched(array))), array)
    assert [len(block) for block in batched(array)] == [4, 4, 2]


@pytest.mark.parametrize("kind", ["<f2", "<f8", ">f4"])
def test_any_floats_are_read(path, kind):
    path.parent.mkdir()
    np.save(path, np.arange(6).reshape(2, 3).astype(kind))
    (block,) = Vectors(path).blocks()
    assert block.dtype == np.float32 and block.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_no_vectors_are_an_array_too(path):
    write(path, [], 0, 3)
    assert np.load(path).shape == (0, 3) and list(Vectors(path).blocks()) == []


def test_a_file_appears_whole_or_not_at_all(path):
    with pytest.raises(UserError, match=r"vectors.npy: 1 vectors came, not 2; was the input"):
        write(path, [np.zeros(3)], 2, 3)
    assert not path.exists()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3), r"float64 of shape \(3,\); vectors must be rows of floats"),
        (np.zeros((3, 2), int), r"int64 of shape \(3, 2\); vectors must"),
        (np.zeros((3, 2), order="F"), "in C order"),
        (np.array([[None]]), "object of shape"),
    ],
)
def test_other_arrays_are_refused(path, array, message):
    path.parent.mkdir()
    np.save(path, array)
    with pytest.raises(UserError, match=message):
        Vectors(path)


def test_damaged_files_are_named(path):
    with pytest.raises(UserError, match=r"vectors.npy: cannot be read"):
        Vectors(path)
    write(path, np.ones((5, 3)), 5, 3)
    whole = path.read_bytes()
    path.write_bytes(whole[:-13])
    with pytest.raises(UserError, match=r"vectors.npy: cut short at vector 3; embed again$"):
        list(Vectors(path).blocks())
    for damaged in (b"", b"text, not numbers", whole[:20], whole[:10] + b"?" + whole[11:]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"vectors.npy: not a .npy file, or a damaged one"):
            Vectors(path)


@pytest.mark.parametrize("top", [1, 5, 30, 100])
def test_the_nearest_are_those_of_a_full_sort(top):
    rng = np.random.default_rng(0)
    array = rng.integers(-2, 3, (50, 2)).astype(np.float32)  # many are equally near
    queries = rng.integers(-2, 3, (4, 2)).astype(np.float32)
    found = nearest(queries, blocks(array), top)
    for query, hits in zip(queries, found, strict=True):
        scores = array @ query
        order = np.argsort(-scores, kind="stable")[:top]
        assert hits == [Hit(int(i), float(scores[i])) for i in order]


def test_nothing_is_found_in_nothing():
    assert nearest(np.zeros((2, 3)), [], 5) == [[], []]
