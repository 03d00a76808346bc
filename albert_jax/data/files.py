"""One file of text, of any format, as a stream of documents.

In text and JSONL a paragraph ends at a blank line or at a line that closes a sentence, so that
text with a sentence a line, a paragraph a line, and lines wrapped at column 70 all come out whole.
"""

import bz2
import gzip
import io
import json
import re
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from etils import epath

from albert_jax.data import wikitext
from albert_jax.errors import UserError

KINDS = (".txt", ".jsonl", ".xml")
_OPENERS = {".gz": gzip.open, ".bz2": bz2.open}
_CLOSERS = frozenset(".!?:;\"'\u201d\u2019\u00bb)]\u2026")  # what a sentence may end in

Advance = Callable[[int], object]


class Text(NamedTuple):
    """A document as it was read; the paragraphs are cut by the worker that tokenises it."""

    body: str
    is_wikitext: bool = False

    def paragraphs(self) -> list[str]:
        """The text without markup, cut into paragraphs."""
        body = wikitext.plain(self.body) if self.is_wikitext else self.body
        return list(_paragraphs(body))


def _paragraphs(body: str) -> Iterator[str]:
    """Cuts at blank lines and after lines that close a sentence."""
    lines: list[str] = []
    for line in map(str.rstrip, body.split("\n")):
        if line:
            lines.append(line)
        if lines and (not line or line[-1] in _CLOSERS):
            yield " ".join(lines)
            lines = []
    if lines:
        yield " ".join(lines)


def read(path: epath.Path, holds_many: bool, field: str, advance: Advance) -> Iterator[Text]:
    """Reads the documents of a file.

    Args:
      path: the file; its ending tells the format.
      holds_many: whether blank lines separate documents, if it is plain text.
      field: the key that holds the text, in JSONL.
      advance: told the bytes read.

    Raises:
      UserError: the file cannot be read; the message names the place in it.
    """
    try:
        with _open(path, advance) as handle:
            if kind(path) == ".jsonl":
                yield from _read_jsonl(handle, path, field)
            elif kind(path) == ".xml":
                yield from _read_dump(handle, path)
            elif holds_many:
                yield from _read_blocks(handle, path)
            else:
                yield from document(decode(handle.read(), path))
    except (FileNotFoundError, PermissionError) as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{path}: damaged or cut short ({error}); fetch it again") from error


def _open(path: epath.Path, advance: Advance) -> BinaryIO:
    counted = io.BufferedReader(_Counted(path.open("rb"), advance), 1 << 18)
    opener = _OPENERS.get(path.suffix)
    return opener(counted, "rb") if opener else counted


class _Counted(io.RawIOBase):
    """A file that tells how many bytes were read from it, before any decompression."""

    def __init__(self, file: BinaryIO, advance: Advance):
        self._file, self._advance = file, advance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._advance(len(data))
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def decode(data: bytes, place: epath.PathLike, offset: int = 0) -> str:
    """UTF-8, or an error that names the place and the byte in it."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UserError(
            f"{place}: not UTF-8 at byte {offset + error.start}; "
            "convert it, as in iconv -f latin1 -t utf-8"
        ) from error


def document(body: str) -> Iterator[Text]:
    """The document, unless it is blank."""
    body = body.removeprefix("\ufeff")
    if not body.isspace() and body:
        yield Text(body)


def _read_blocks(handle: BinaryIO, path: epath.Path) -> Iterator[Text]:
    lines, offset = [], 0
    for line in handle:
        if line.strip():
            lines.append(decode(line, path, offset))
        elif lines:
            yield from document("".join(lines))
            lines = []
        offset += len(line)
    yield from document("".join(lines))


def _read_jsonl(handle: BinaryIO, path: epath.Path, field: str) -> Iterator[Text]:
    offset = 0
    for number, line in enumerate(handle, start=1):
        if line.strip():
            yield from document(_field(decode(line, path, offset), field, f"{path}:{number}"))
        offset += len(line)


def _field(line: str, field: str, place: str) -> str:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{place}: not JSON ({error.msg}); a line holds one object") from error
    if not isinstance(record, dict) or not isinstance(record.get(field), str):
        found = sorted(record) if isinstance(record, dict) else type(record).__name__
        raise UserError(f"{place}: no text under {field!r}, found {found}; set corpus.field")
    return record[field]


def _read_dump(handle: BinaryIO, path: epath.Path) -> Iterator[Text]:
    """The articles of a MediaWiki dump; redirects and other namespaces are skipped."""
    try:
        events = ElementTree.iterparse(handle, events=("start", "end"))
        _, root = next(events)
        for event, element in events:
            if event == "end" and element.tag.endswith("}page"):
                yield from _article(element)
                root.clear()
    except (ElementTree.ParseError, StopIteration) as error:
        raise UserError(f"{path}: not a whole XML dump ({error}); fetch it again") from error


def _article(page: ElementTree.Element) -> Iterator[Text]:
    is_article = page.findtext("{*}ns") == "0" and page.find("{*}redirect") is None
    body = page.findtext("{*}revision/{*}text") or ""
    if is_article and body.strip():
        yield Text(body, is_wikitext=True)


def kind(path: epath.Path) -> str:
    """The ending that tells the format, compression aside; dumps end in .xml-p1p41242.bz2."""
    stem = path.stem if path.suffix in _OPENERS else path.name
    return re.sub(r"^\.xml-.*", ".xml", epath.Path(stem).suffix)
