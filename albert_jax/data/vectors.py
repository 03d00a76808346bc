"""Vectors in .npy files, written and read as streams, and the nearest of them.

Search multiplies by every vector and so misses none. A million vectors of 384 numbers take two seconds
on two cores, most of them for reading; an index is worth its errors only far beyond that.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from etils import epath

from albert_jax.errors import CHECK_PATH, UserError

BLOCK = 1 << 14  # vectors held at a time
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class Hit(NamedTuple):
    """A vector that was found: its number, and its product with the query."""

    row: int
    score: float


def write(path: epath.Path, vectors: Iterable[np.ndarray], count: int, size: int):
    """Writes `count` vectors [size] as float32 [count, size]; the file takes its name when it is whole.

    Raises:
      UserError: there are not as many.
    """
    partial = path.parent / f"{path.name}.partial"
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with partial.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (count, size)}
        np.lib.format.write_array_header_1_0(file, header)
        for vector in vectors:
            file.write(np.asarray(vector, "<f4").tobytes())
            written += 1
    if written != count:
        raise UserError(f"{path}: {written} vectors came, not {count}; was the input changed?")
    partial.replace(path)


class Vectors:
    """The rows of a .npy file.

    Attributes:
      count, size: of the array [count, size].
    """

    def __init__(self, path: epath.Path):
        """Reads what the file says of itself. Raises UserError: it is not an array of vectors."""
        self._path = path
        with _opened(path) as file:
            (self.count, self.size), self._type, self._begin = _header(file, path)

    def blocks(self) -> Iterator[np.ndarray]:
        """All rows in order, as float32 [n, size]. Raises UserError: the file is cut short."""
        width = self.size * self._type.itemsize
        with _opened(self._path) as file:
            file.seek(self._begin)
            for start in range(0, self.count, BLOCK):
                rows = min(BLOCK, self.count - start)
                data = file.read(rows * width)
                if len(data) < rows * width:
                    raise UserError(
                        f"{self._path}: cut short at vector {start + len(data) // width}; embed again"
                    )
                yield np.frombuffer(data, self._type).reshape(rows, -1).astype(np.float32)


def nearest(queries: np.ndarray, blocks: Iterable[np.ndarray], top: int) -> list[list[Hit]]:
    """The vectors with the largest products with each query, the largest first, the earlier of equals.

    Args:
      queries: [Q, size].
      blocks: of all vectors, [n, size] each.
      top: how many for each query.
    """
    found: list[list[Hit]] = [[] for _ in queries]
    start = 0
    for block in blocks:
        for own, scores in zip(found, queries @ block.T, strict=True):
            own += [Hit(start + int(i), float(scores[i])) for i in _largest(scores, top)]
            own.sort(key=lambda hit: (-hit.score, hit.row))
            del own[top:]
        start += len(block)
    return found


def batched(vectors: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Vectors [size] as blocks [n, size]."""
    held = []
    for vector in vectors:
        held.append(vector)
        if len(held) == BLOCK:
            yield np.stack(held)
            held = []
    if held:
        yield np.stack(held)


def _largest(scores: np.ndarray, top: int) -> np.ndarray:
    """Where the `top` largest of scores [n] are; of equals the first."""
    if len(scores) <= top:
        return np.arange(len(scores))
    least = np.partition(scores, -top)[-top]
    kept = np.flatnonzero(scores >= least)
    return kept[np.argsort(-scores[kept], kind="stable")][:top]


def _opened(path: epath.Path):
    try:
        return path.open("rb")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror or error}); {CHECK_PATH}"
        ) from error


def _header(file, path: epath.Path) -> tuple[tuple[int, int], np.dtype, int]:
    """Shape, type of the numbers, and where they begin."""
    try:
        shape, is_fortran, kind = HEADERS[np.lib.format.read_magic(file)](file)
    except (
        Exception
    ) as error:  # numpy raises half a dozen kinds, KeyError is a version unknown here
        raise UserError(
            f"{path}: not a .npy file, or a damaged one; write one with embed"
        ) from error
    if len(shape) != 2 or is_fortran or kind.kind != "f":
        raise UserError(
            f"{path}: {kind} of shape {shape}; vectors must be rows of floats, in C order"
        )
    return shape, kind, file.tell()
