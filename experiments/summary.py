"""A table in numbers: medians and spreads over seeds, differences from a row, averages of tasks."""

import math
import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

from experiments.columns import COLUMNS, TASKS, Column, Found
from experiments.results import Results
from experiments.scales import Scale
from experiments.table import Row, Table, row_cells

ENOUGH = 3  # seeds, to say that a difference is more than chance


class Entry(NamedTuple):
    """One number of a row: here, a value a seed, and in the paper."""

    values: tuple[float, ...]
    paper: float | None

    @property
    def median(self) -> float | None:
        """Over the seeds."""
        return statistics.median(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds, from two on."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def variance(self) -> float:
        """Of the mean over the seeds."""
        return statistics.variance(self.values) / len(self.values)


class Line(NamedTuple):
    """A row of a table: its entries by column."""

    row: Row
    entries: Mapping[str, Entry]
    seeds: int


class Summary(NamedTuple):
    """A table in numbers."""

    table: Table
    scale: Scale
    columns: Mapping[str, Column]
    lines: tuple[Line, ...]

    @property
    def reference(self) -> Line:
        """The line that the others are compared with."""
        return self.lines[self.table.reference]


def summarise(table: Table, scale: Scale, results: Results, **choice: Any) -> Summary:
    """Reads what there is; a row without results keeps the paper's numbers.

    Args:
      choice: `text`, `seeds` and `tasks`, as of `cells`.
    """
    found = [_found(table, row, scale, results, **choice) for row in table.rows]
    columns = {name: COLUMNS[name] for name in table.columns}
    tasks = [name for name in TASKS if name in columns and _everywhere(columns[name], found)]
    for name in TASKS:
        if name not in tasks:
            columns.pop(name, None)
    columns["average"] = _average(tasks)
    lines = [
        Line(row, {name: _entry(column, runs, row) for name, column in columns.items()}, len(runs))
        for row, runs in zip(table.rows, found, strict=True)
    ]
    return Summary(table, scale, columns, tuple(lines))


def _found(
    table: Table, row: Row, scale: Scale, results: Results, text: str, seeds: int, tasks: tuple
) -> list[Found]:
    """What was found for a row, by seed; a seed without pretraining is left out."""
    if row.model is None:
        return []
    runs = []
    for seed in range(seeds):
        cells = row_cells(table, row.model, scale, text, seed, tasks)
        read = {name: results.read(cell) for name, cell in cells.items()}
        runs.append({name: result for name, result in read.items() if result is not None})
    return [run for run in runs if "pretrain" in run]


def _everywhere(column: Column, found: list[list[Found]]) -> bool:
    """Whether all rows that have results have this number."""
    runs = [run for row in found for run in row]
    return bool(runs) and all(column.value(run) is not None for run in runs)


def _average(tasks: list[str]) -> Column:
    """The mean of the tasks that have results, or the paper's of all five where none has."""
    columns = [COLUMNS[name] for name in tasks]

    def value(found: Found) -> float | None:
        return _mean([column.value(found) for column in columns])

    def paper(row: Mapping[str, Any]) -> float | None:
        return _mean([column.paper(row) for column in columns]) if tasks else row.get("avg")

    title = f"average of {', '.join(column.title for column in columns)}" if tasks else "average"
    return Column(title, "share", value, paper)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _entry(column: Column, runs: list[Found], row: Row) -> Entry:
    values = (column.value(run) for run in runs)
    return Entry(tuple(value for value in values if value is not None), column.paper(row.paper))


def difference(entry: Entry, reference: Entry) -> float | None:
    """Of the medians here; None where one is missing."""
    if entry.median is None or reference.median is None:
        return None
    return entry.median - reference.median


def is_told_apart(entry: Entry, reference: Entry) -> bool:
    """Whether a difference is more than twice its standard error, with seeds enough to say so."""
    if min(len(entry.values), len(reference.values)) < ENOUGH:
        return False
    error = math.sqrt(entry.variance + reference.variance)
    return abs(difference(entry, reference)) > 2 * error
