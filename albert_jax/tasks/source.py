"""Where examples of tables come from: the rows of a file or of a TFDS dataset, as dicts by column.

.tsv     tabs separate, quotes are text, as in the official files of the benchmarks
.csv     commas separate, quotes quote
.jsonl   an object a line

A blank line is no row, but in .tsv of one column an empty text. One row is held at a time. Half a
character, as "\\ud83d" in JSON can be, is U+FFFD from here on.
"""

import contextlib
import csv
import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from etils import epath

from albert_jax.data import files
from albert_jax.errors import CHECK_PATH, UserError

TFDS = "tfds:"
KINDS = (".tsv", ".csv", ".jsonl")
BLANK = [""]  # the cells of a blank line of .tsv
_SURROGATES = re.compile("[\ud800-\udfff]")


class Record(NamedTuple):
    """A row by its columns, and where it stands, as an error names it."""

    values: dict[str, Any]
    place: str


def read(
    path: epath.Path, columns: Sequence[str] = (), skip_ragged: bool = False
) -> Iterator[Record]:
    """The rows of a file, whose ending tells the format.

    Args:
      path: the file.
      columns: their names, if the file has no header; not for JSONL.
      skip_ragged: leave out rows that have not as many columns as there are names, and say how many.

    Raises:
      UserError: no such file, not UTF-8, of another format, or a row has not as many columns.
    """
    if path.suffix not in KINDS:
        if not path.exists():
            raise UserError(f"{path}: there is no such file or folder; {CHECK_PATH}")
        raise UserError(f"{path}: its ending must be one of {', '.join(KINDS)}")
    try:
        with path.open("rb") as file:
            lines = files.lines(file, path)
            yield from rows(lines, path.suffix, str(path), columns, skip_ragged)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror or error}); {CHECK_PATH}"
        ) from error


def rows(
    lines: Iterable[bytes],
    kind: str,
    place: str,
    columns: Sequence[str] = (),
    skip_ragged: bool = False,
) -> Iterator[Record]:
    """The rows of a file that is open, or of standard input; see `read`.

    Args:
      lines: as a binary file gives them.
      kind: one of KINDS, or ".txt": a text a line, under the name "text".
      place: what errors call the file.
    """
    texts = _decoded(lines, place)
    if kind == ".txt":
        return (Record({"text": text.rstrip("\r\n")}, f"{place}:{n}") for n, text in texts)
    if kind == ".jsonl":
        return _objects(texts, place)
    cells = _quoted(texts, place) if kind == ".csv" else _plain(texts)
    return _table(cells, columns, place, skip_ragged)


def from_tfds(name: str, split: str) -> Iterator[Record]:
    """The examples of a TFDS dataset; bytes as text, sequences of any depth as lists, class labels as the
    names of the classes.

    A label that is hidden, -1, is None.

    Raises:
      UserError: there is no such dataset or split, or it cannot be read.
    """
    import tensorflow_datasets as tfds

    with _failure_is_told(f"tfds:{name}, split {split}"):
        builder = tfds.builder(name)
        examples = builder.as_data_source(split)
    features = {  # of a sequence its elements'
        key: getattr(feature, "feature", feature) for key, feature in builder.info.features.items()
    }
    names = {
        key: feature.names
        for key, feature in features.items()
        if isinstance(feature, tfds.features.ClassLabel)
    }
    for number, example in enumerate(examples):
        place = f"tfds:{name}, split {split}, example {number}"
        values = {key: _plain_value(v, names.get(key), place) for key, v in example.items()}
        yield Record(values, place)


def tfds_splits(name: str) -> list[str]:
    """The splits of a TFDS dataset."""
    import tensorflow_datasets as tfds

    with _failure_is_told(f"tfds:{name}"):
        return list(tfds.builder(name).info.splits)


def text(record: Record, column: str) -> str:
    """The text in a column. Raises UserError: there is no such column, or no text in it."""
    if column not in record.values:
        found = ", ".join(map(repr, record.values))
        raise UserError(f"{record.place}: no text under {column!r}; found {found}")
    if not isinstance(record.values[column], str):
        kind = type(record.values[column]).__name__
        raise UserError(f"{record.place}: {column!r} is no text but {kind}; mend the line")
    return record.values[column]


@contextlib.contextmanager
def _failure_is_told(place: str) -> Iterator[None]:
    """TFDS raises a dozen kinds, from network to NotFound."""
    try:
        yield
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"{place}: cannot be read ({reason}); check the name") from error


def _decoded(lines: Iterable[bytes], place: str) -> Iterator[tuple[int, str]]:
    """Lines as text, numbered, with their ends."""
    for number, line in enumerate(lines, 1):
        text = files.decode(line, f"{place}:{number}")
        yield number, text.removeprefix("\ufeff") if number == 1 else text


def _plain(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Lines cut at tabs."""
    for number, line in lines:
        yield number, line.rstrip("\r\n").split("\t")


def _quoted(lines: Iterator[tuple[int, str]], place: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(files.LONGEST)
    found = csv.reader((line for _, line in lines), strict=True)
    try:
        for row in found:
            if row:
                yield found.line_num, row
    except csv.Error as error:
        raise UserError(f"{place}:{found.line_num}: not CSV ({error}); check its quotes") from error


def _table(
    rows: Iterator[tuple[int, list[str]]], columns: Sequence[str], place: str, skip: bool
) -> Iterator[Record]:
    """Rows under the names of their columns, which are in the first row if they are not given."""
    columns, skipped = list(columns) or next((row for _, row in rows if row != BLANK), []), []
    for number, row in rows:
        if len(row) == len(columns):
            yield Record(dict(zip(columns, row, strict=True)), f"{place}:{number}")
        elif row == BLANK:
            continue
        elif not skip:
            wanted = f"{len(columns)} ({', '.join(columns)})"
            raise UserError(f"{place}:{number}: {len(row)} columns, not {wanted}; mend the line")
        else:
            skipped.append(number)
    if skipped:
        logging.getLogger(__name__).warning(
            "%s: %d lines have not %d columns and are left out, line %d first",
            *(place, len(skipped), len(columns), skipped[0]),
        )


def _objects(lines: Iterator[tuple[int, str]], place: str) -> Iterator[Record]:
    for number, line in lines:
        if line.strip():
            try:
                values = whole(json.loads(line))
            except (ValueError, RecursionError) as error:  # also numbers and depths beyond Python
                reason = getattr(error, "msg", error)
                raise UserError(
                    f"{place}:{number}: not JSON ({reason}); a line is an object"
                ) from error
            if not isinstance(values, dict):
                raise UserError(
                    f"{place}:{number}: {type(values).__name__}; a line must be an object"
                )
            yield Record(values, f"{place}:{number}")


def whole(value: Any) -> Any:
    """JSON without halves of characters, which no file can hold."""
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [whole(one) for one in value]
    if isinstance(value, dict):
        return {whole(key): whole(one) for key, one in value.items()}
    return value


def listed(value: Any) -> list | None:
    """A list, or what a text in JSON spells as one, as in a table; None of anything else."""
    try:
        value = whole(json.loads(value)) if isinstance(value, str) else value
    except (ValueError, RecursionError):  # also numbers and depths beyond Python
        return None
    return value if isinstance(value, list) else None


def _plain_value(value: Any, names: list[str] | None, place: str) -> Any:
    if isinstance(value, list | np.ndarray):  # an array is a list inside of a list
        return [_plain_value(one, names, place) for one in value]
    if names is not None:
        return names[value] if value >= 0 else None
    return files.decode(value, place) if isinstance(value, bytes) else value
