"""One file of text, of any format, as a stream of documents.

In text and JSONL a paragraph ends at a blank line or at a line that closes a sentence, so that
text with a sentence a line, a paragraph a line, and lines wrapped at column 70 all come out whole.
One document is held at a time, and none longer than LONGEST: a small compressed file can be huge.
"""

import bz2
import gzip
import io
import json
import re
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from etils import epath

from albert_jax.data import wikitext
from albert_jax.data.normalisation import printable
from albert_jax.errors import CHECK_PATH, UserError

KINDS = (".txt", ".jsonl", ".xml")
LONGEST = 1 << 28  # bytes of a document
LONGEST_PAGE = 1 << 25  # bytes of an article in XML, whose tags take 20 times their size in memory
_CHUNK = 1 << 16
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
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
                data = handle.read(LONGEST + 1)
                _check_length(len(data), path)
                yield from document(decode(data, path))
    except (FileNotFoundError, PermissionError) as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {CHECK_PATH}") from error
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


def _check_length(size: int, place: epath.PathLike, longest: int | None = None):
    if size > (longest := longest or LONGEST):
        raise UserError(
            f"{place}: a document of more than {longest >> 20} MiB; cut it up (in a file that is named "
            "alone, blank lines part documents)"
        )


def lines(handle: BinaryIO, path: epath.Path) -> Iterator[bytes]:
    """The lines of a file. Raises UserError: one is longer than LONGEST."""
    while line := handle.readline(LONGEST + 1):
        _check_length(len(line), path)
        yield line


def _read_blocks(handle: BinaryIO, path: epath.Path) -> Iterator[Text]:
    block: list[str] = []
    size = offset = 0
    for line in lines(handle, path):
        if line.strip():
            block.append(decode(line, path, offset))
            size += len(line)
            _check_length(size, path)
        elif block:
            yield from document("".join(block))
            block, size = [], 0
        offset += len(line)
    yield from document("".join(block))


def _read_jsonl(handle: BinaryIO, path: epath.Path, field: str) -> Iterator[Text]:
    offset = 0
    for number, line in enumerate(lines(handle, path), start=1):
        if line.strip():
            yield from document(_field(decode(line, path, offset), field, f"{path}:{number}"))
        offset += len(line)


def _field(line: str, field: str, place: str) -> str:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:  # also numbers and depths beyond Python
        reason = getattr(error, "msg", error)
        raise UserError(f"{place}: not JSON ({reason}); a line holds one object") from error
    if not isinstance(record, dict) or not isinstance(record.get(field), str):
        found = sorted(record) if isinstance(record, dict) else type(record).__name__
        raise UserError(f"{place}: no text under {field!r}, found {found}; set corpus.field")
    return printable(record[field])


def _read_dump(handle: BinaryIO, path: epath.Path) -> Iterator[Text]:
    """The articles of a MediaWiki dump; redirects and other namespaces are skipped."""
    tree, size = _Pages(), 0
    parser = ElementTree.XMLParser(target=tree)
    try:
        while chunk := handle.read(_CHUNK):
            parser.feed(chunk)
            size = 0 if tree.finished else size + len(chunk)
            for page in tree.taken():
                yield from _article(page)
            _check_length(size, path, LONGEST_PAGE)
        parser.close()
    except ElementTree.ParseError as error:
        raise UserError(f"{path}: not a whole XML dump ({error}); fetch it again") from error


class _Pages(ElementTree.TreeBuilder):
    """The pages that are finished; what was taken is forgotten."""

    def __init__(self):
        super().__init__()
        self._root: ElementTree.Element | None = None
        self.finished: list[ElementTree.Element] = []

    def start(self, tag: str, attributes: dict[str, str]) -> ElementTree.Element:
        element = super().start(tag, attributes)
        self._root = element if self._root is None else self._root
        return element

    def end(self, tag: str) -> ElementTree.Element:
        element = super().end(tag)
        if tag.endswith("}page"):
            self.finished.append(element)
        return element

    def doctype(self, *_):
        """Entities, which a document type can declare, make gigabytes of a few bytes."""
        raise ElementTree.ParseError("it has a document type, which dumps have not")

    def taken(self) -> list[ElementTree.Element]:
        """The pages that were finished since the last call."""
        pages, self.finished = self.finished, []
        if pages and self._root is not None:
            self._root.clear()
        return pages


def _article(page: ElementTree.Element) -> Iterator[Text]:
    is_article = page.findtext("{*}ns") == "0" and page.find("{*}redirect") is None
    body = page.findtext("{*}revision/{*}text") or ""
    if is_article and body.strip():
        yield Text(body, is_wikitext=True)


def kind(path: epath.Path) -> str:
    """The ending that tells the format, compression aside; dumps end in .xml-p1p41242.bz2."""
    stem = path.stem if path.suffix in _OPENERS else path.name
    return re.sub(r"^\.xml-.*", ".xml", epath.Path(stem).suffix)
