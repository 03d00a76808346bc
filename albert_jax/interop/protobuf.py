"""The wire format of protocol buffers, as far as checkpoints and SentencePiece models need it.

Reading a handful of fields takes no generated classes, and so no protobuf of a certain version.
"""

from collections.abc import Iterator
from typing import Any

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
_WIDTH = {FIXED64: 8, FIXED32: 4}


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, and where it ends. Raises ValueError where the data ends before."""
    value = shift = 0
    while at < len(data) and shift < 70:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at
    raise ValueError("a number is cut off")


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """(field number, int or bytes) in order; a submessage is its bytes. Raises ValueError on damage."""
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = varint(message, at)
            yield number, value
            continue
        if wire == BYTES:
            size, at = varint(message, at)
        elif wire in _WIDTH:
            size = _WIDTH[wire]
        else:
            raise ValueError(f"wire type {wire} is unknown")
        if at + size > len(message):
            raise ValueError("a field is cut off")
        piece, at = message[at : at + size], at + size
        yield number, piece if wire == BYTES else int.from_bytes(piece, "little")


def encode_varint(value: int) -> bytes:
    """A number of 0 or more in seven bits a byte, the lowest first."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def encode(number: int, value: int | bytes, wire: int | None = None) -> bytes:
    """One field; bytes as a submessage, numbers as varints unless `wire` is FIXED32."""
    if isinstance(value, bytes):
        return encode_varint(number << 3 | BYTES) + encode_varint(len(value)) + value
    if wire == FIXED32:
        return encode_varint(number << 3 | FIXED32) + value.to_bytes(4, "little")
    return encode_varint(number << 3 | VARINT) + encode_varint(value)
