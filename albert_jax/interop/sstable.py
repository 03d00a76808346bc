"""Sorted tables of keys and values, the format of LevelDB and of a TensorFlow checkpoint's `.index`.

A table is blocks of prefix-compressed entries, an index of the blocks and a footer; every block ends in
its kind and a masked CRC-32C (LevelDB, doc/table_format.md). TensorFlow writes blocks uncompressed.
"""

from collections.abc import Iterable, Iterator

import google_crc32c

from albert_jax.interop.protobuf import encode_varint, varint

MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
FOOTER, TRAILER = 48, 5  # bytes
LONGEST = 1 << 12  # bytes of a key; in a block each can repeat most of the one before
RESTART = 16  # entries from one that is written in full to the next


def read(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The entries in the order of their keys. Raises ValueError on damage."""
    if table[-8:] != MAGIC or len(table) < FOOTER:
        raise ValueError("it does not end like a table")
    footer = table[-FOOTER:]
    _, _, at = _handle(footer, 0)  # of the block of metadata, empty here
    offset, size, _ = _handle(footer, at)
    before = None
    for _, handle in _entries(_block(table, offset, size)):
        offset, size, _ = _handle(handle, 0)
        for key, value in _entries(_block(table, offset, size)):
            if before is not None and key <= before:
                raise ValueError("its names are not in order")
            before = key
            yield key, value


def write(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A table of one block; the entries are sorted by key already."""
    entries, table = list(entries), bytearray()
    content, metadata = _append(table, entries), _append(table, [])
    index = _append(table, [(_after(entries[-1][0]), content)])
    return bytes(table) + (metadata + index).ljust(FOOTER - len(MAGIC), b"\0") + MAGIC


def masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and shifted, so that the sum of data that holds sums is no accident."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _handle(data: bytes, at: int) -> tuple[int, int, int]:
    """Offset and size of a block, and where the two numbers end."""
    offset, at = varint(data, at)
    size, at = varint(data, at)
    return offset, size, at


def _block(table: bytes, offset: int, size: int) -> bytes:
    content = table[offset : offset + size + 1]
    crc = table[offset + size + 1 : offset + size + TRAILER]
    if len(crc) < 4 or int.from_bytes(crc, "little") != masked_crc(content):
        raise ValueError("a checksum does not match")
    if content[-1]:
        raise ValueError(
            "it is compressed, as TensorFlow 1.0 and 1.1 wrote; save it with a later one"
        )
    return content[:-1]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each entry: how much of the key before is kept, the rest of the key, the value."""
    restarts = int.from_bytes(block[-4:], "little")
    end, at, key = len(block) - 4 * (restarts + 1), 0, b""
    if end < 0:
        raise ValueError("a block is cut off")
    while at < end:
        shared, at = varint(block, at)
        rest, at = varint(block, at)
        size, at = varint(block, at)
        if at + rest + size > end:
            raise ValueError("an entry is cut off")
        if shared + rest > LONGEST:
            raise ValueError("a name is too long")
        key = key[:shared] + block[at : at + rest]
        at += rest + size
        yield key, block[at - size : at]


def _append(table: bytearray, entries: list[tuple[bytes, bytes]]) -> bytes:
    """Adds a block and its trailer; the handle of the block."""
    content = _join(entries)
    handle = encode_varint(len(table)) + encode_varint(len(content))
    content += b"\0"  # the kind: not compressed
    table += content + masked_crc(content).to_bytes(4, "little")
    return handle


def _join(entries: list[tuple[bytes, bytes]]) -> bytes:
    """The content of a block."""
    block, restarts, before = bytearray(), [], b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % RESTART == 0:
            restarts.append(len(block))
        else:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        block += b"".join(map(encode_varint, (shared, len(key) - shared, len(value))))
        block += key[shared:] + value
        before = key
    restarts = restarts or [0]
    return bytes(block) + b"".join(n.to_bytes(4, "little") for n in (*restarts, len(restarts)))


def _after(key: bytes) -> bytes:
    """A short key that no key up to this one exceeds."""
    for at, byte in enumerate(key):
        if byte < 0xFF:
            return key[:at] + bytes([byte + 1])
    return key
