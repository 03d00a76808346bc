"""TensorFlow checkpoints of the V2 format, read and written without TensorFlow.

PREFIX.index is a sorted table of protocol buffers (tensorflow/core/protobuf/tensor_bundle.proto),
PREFIX.data-00000-of-00001 the raw bytes they point to. No reader without TensorFlow is kept up on PyPI
(tensorflow-checkpoint-reader stopped in 2023, and cannot write); tensorstore has no driver for it.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
from etils import epath

from albert_jax.errors import UserError
from albert_jax.interop import sstable
from albert_jax.interop.protobuf import FIXED32, encode, fields

DTYPES = {  # tensorflow/core/framework/types.proto
    1: np.dtype("float32"),
    2: np.dtype("float64"),
    3: np.dtype("int32"),
    9: np.dtype("int64"),
    14: np.dtype(ml_dtypes.bfloat16),
    19: np.dtype("float16"),
}
DTYPE, SHAPE, SHARD, OFFSET, SIZE, CRC, SLICES = range(1, 8)  # fields of BundleEntryProto
SHARDS, ENDIANNESS, VERSION = range(1, 4)  # fields of BundleHeaderProto
LITTLE = 0
MOST_AXES = 8


class Entry(NamedTuple):
    """Where a tensor lies and what it is."""

    dtype: np.dtype
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int  # bytes
    crc: int  # masked CRC-32C of the bytes


class Bundle:
    """A checkpoint that is open; tensors are read when asked for."""

    def __init__(self, prefix: epath.Path):
        """Raises UserError: there is no index, or it is not whole."""
        self._prefix, self._index = prefix, prefix.parent / f"{prefix.name}.index"
        if not self._index.exists():
            raise UserError(f"{self._index}: no such file; name a folder with a TF1 checkpoint")
        try:
            (key, header), *entries = sstable.read(self._index.read_bytes())
            self._shards = _shards(key, header)
            self._entries = {name.decode(): value for name, value in entries}
        except (ValueError, TypeError) as error:
            raise self._damaged(self._index, error) from error

    @property
    def names(self) -> list[str]:
        """The tensors' names, sorted."""
        return list(self._entries)

    def read(self, name: str) -> np.ndarray:
        """One tensor, its checksum verified. Raises UserError: the bytes are not as written."""
        try:
            entry = _entry(self._entries[name])
        except (ValueError, TypeError) as error:
            raise UserError(f"{self._index}: {name}: {error}") from error
        path = (
            self._prefix.parent / f"{self._prefix.name}.data-{entry.shard:05}-of-{self._shards:05}"
        )
        if not path.exists():
            raise UserError(
                f"{path}: no such file, and {name} is in it; bring it from the original"
            )
        if entry.offset + entry.size > path.stat().length:
            raise self._damaged(path, f"it ends before {name} does")
        with path.open("rb") as file:
            file.seek(entry.offset)
            data = file.read(entry.size)
        if sstable.masked_crc(data) != entry.crc:
            raise self._damaged(path, f"{name} is not as it was written")
        return np.frombuffer(data, entry.dtype).reshape(entry.shape).copy()

    def _damaged(self, path: epath.Path, why: object) -> UserError:
        return UserError(f"{path} is damaged ({why}); bring it from the original again")


def write(prefix: epath.Path, tensors: Mapping[str, np.ndarray]):
    """PREFIX.index and PREFIX.data-00000-of-00001, as tf.train.Saver writes them."""
    numbers = {dtype: number for number, dtype in DTYPES.items()}
    header = encode(SHARDS, 1) + encode(VERSION, encode(1, 1))  # little-endian; producer 1
    entries, offset = [(b"", header)], 0
    with (prefix.parent / f"{prefix.name}.data-00000-of-00001").open("wb") as file:
        for name in sorted(tensors, key=str.encode):
            tensor = np.ascontiguousarray(tensors[name]).reshape(tensors[name].shape)
            data = tensor.tobytes()
            file.write(data)
            place = encode(OFFSET, offset) if offset else b""
            entry = encode(DTYPE, numbers[tensor.dtype]) + encode(SHAPE, _shape(tensor.shape))
            entry += (
                place + encode(SIZE, len(data)) + encode(CRC, sstable.masked_crc(data), FIXED32)
            )
            entries.append((name.encode(), entry))
            offset += len(data)
    (prefix.parent / f"{prefix.name}.index").write_bytes(sstable.write(entries))


def _shards(key: bytes, header: bytes) -> int:
    values = dict(fields(header))
    if key or not isinstance(values.get(SHARDS), int):
        raise ValueError("it does not begin with a header")
    if values.get(ENDIANNESS, LITTLE) != LITTLE:
        raise ValueError("its numbers are big-endian")
    return values[SHARDS]


def _entry(message: bytes) -> Entry:
    values = dict(fields(message))
    if SLICES in values:
        raise ValueError("it is partitioned into slices; save the variable in one piece")
    number = values.get(DTYPE, 0)
    if number not in DTYPES:
        raise ValueError(f"its type, number {number} of TensorFlow's, is not one of numbers")
    shape = tuple(_dimensions(fields(values.get(SHAPE, b""))))
    shard, offset, size, crc = numbers = [values.get(key, 0) for key in (SHARD, OFFSET, SIZE, CRC)]
    if not all(isinstance(one, int) for one in (*numbers, *shape)) or len(shape) > MOST_AXES:
        raise ValueError("its place or its shape is none")
    if math.prod(shape) * DTYPES[number].itemsize != size:
        raise ValueError(f"{size} bytes are not a {DTYPES[number]}{list(shape)}")
    return Entry(DTYPES[number], shape, shard, offset, size, crc)


def _dimensions(shape: Iterable[tuple[int, Any]]) -> Iterable[int]:
    """The sizes in a TensorShapeProto; protocol buffers leave out zeros."""
    return (dict(fields(dimension)).get(1, 0) for number, dimension in shape if number == 2)


def _shape(shape: Iterable[int]) -> bytes:
    return b"".join(encode(2, encode(1, size) if size else b"") for size in shape)
