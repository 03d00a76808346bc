"""Where examples of tables come from: the rows of a file or of a TFDS dataset, as dicts by column.

.tsv     tabs separate, quotes are text, as in the official files of the benchmarks
.csv     commas separate, quotes quote
.jsonl   an object a line
"""

import contextlib
import csv
import io
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from etils import epath

from albert_jax.data import files
from albert_jax.errors import UserError

TFDS = "tfds:"
KINDS = (".tsv", ".csv", ".jsonl")


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
        raise UserError(f"{path}: its ending must be one of {', '.join(KINDS)}")
    try:
        text = files.decode(path.read_bytes(), path).removeprefix("\ufeff")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    if path.suffix == ".jsonl":
        return _objects(text, path)
    rows = _quoted(text, path) if path.suffix == ".csv" else _plain(text)
    return _table(rows, columns, path, skip_ragged)


def from_tfds(name: str, split: str) -> Iterator[Record]:
    """The examples of a TFDS dataset; bytes as text, class labels as the names of the classes.

    A label that is hidden, -1, is None.

    Raises:
      UserError: there is no such dataset or split, or it cannot be read.
    """
    import tensorflow_datasets as tfds

    with _failure_is_told(f"tfds:{name}, split {split}"):
        builder = tfds.builder(name)
        examples = builder.as_data_source(split)
    names = {
        key: feature.names
        for key, feature in builder.info.features.items()
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
    if not isinstance(record.values.get(column), str):
        found = ", ".join(map(repr, record.values))
        raise UserError(f"{record.place}: no text under {column!r}; found {found}")
    return record.values[column]


@contextlib.contextmanager
def _failure_is_told(place: str) -> Iterator[None]:
    """TFDS raises a dozen kinds, from network to NotFound."""
    try:
        yield
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"{place}: cannot be read ({reason})") from error


def _plain(text: str) -> Iterator[tuple[int, list[str]]]:
    """Lines cut at tabs; a last line may or may not end."""
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        yield number, line.removesuffix("\r").split("\t")


def _quoted(text: str, path: epath.Path) -> Iterator[tuple[int, list[str]]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in rows:
            if row:
                yield rows.line_num, row
    except csv.Error as error:
        raise UserError(f"{path}:{rows.line_num}: not CSV ({error}); check its quotes") from error


def _table(
    rows: Iterator[tuple[int, list[str]]], columns: Sequence[str], path: epath.Path, skip: bool
) -> Iterator[Record]:
    """Rows under the names of their columns, which are in the first row if they are not given."""
    columns, skipped = list(columns) or next(rows, (0, []))[1], []
    for number, row in rows:
        if len(row) == len(columns):
            yield Record(dict(zip(columns, row, strict=True)), f"{path}:{number}")
        elif not skip:
            wanted = f"{len(columns)} ({', '.join(columns)})"
            raise UserError(f"{path}:{number}: {len(row)} columns, not {wanted}; mend the line")
        else:
            skipped.append(number)
    if skipped:
        logging.getLogger(__name__).warning(
            "%s: %d lines have not %d columns and are left out, line %d first",
            *(path, len(skipped), len(columns), skipped[0]),
        )


def _objects(text: str, path: epath.Path) -> Iterator[Record]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                values = json.loads(line)
            except json.JSONDecodeError as error:
                raise UserError(
                    f"{path}:{number}: not JSON ({error.msg}); a line is an object"
                ) from error
            if not isinstance(values, dict):
                raise UserError(f"{path}:{number}: {type(values).__name__}, not an object")
            yield Record(values, f"{path}:{number}")


def _plain_value(value: Any, names: list[str] | None, place: str) -> Any:
    if names is not None:
        return names[value] if value >= 0 else None
    return files.decode(value, place) if isinstance(value, bytes) else value
