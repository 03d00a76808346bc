"""A table in numbers: medians and spreads over seeds, differences from a row, averages of tasks."""

import itertools
import math
import statistics
from collections.abc import Mapping
from typing import NamedTuple

from experiments.cell import Cell
from experiments.columns import COLUMNS, Column, Found, mean, mean_of
from experiments.results import Results
from experiments.scale import Choice, Scale
from experiments.table import AVERAGED, Row, Table, row_cells

ENOUGH = 3  # seeds, to say that a difference is more than chance
ERRORS = (
    3.0  # standard errors that it must be then: Student's t, 5 %, from three seeds each, is 2.8
)


class Entry(NamedTuple):
    """One number of a row: here, a value a seed, and in the paper; of a mean, what it is the mean of."""

    values: tuple[float, ...]
    paper: float | None
    parts: tuple["Entry", ...] = ()

    @property
    def median(self) -> float | None:
        """Over the seeds; of a mean, as the paper has it, the mean of the medians."""
        if self.parts:
            return mean([part.median for part in self.parts])
        return statistics.median(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds, from two on."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def variance(self) -> float:
        """Of the mean over the seeds."""
        return statistics.variance(self.values) / len(self.values)


class Run(NamedTuple):
    """A row's model with one seed: its cells, by what they give, and what there is of them."""

    cells: Mapping[str, Cell]
    found: Found

    @property
    def is_pretrained(self) -> bool:
        """Whether its model has been."""
        return "pretrain" in self.found


class Line(NamedTuple):
    """A row of a table: its runs, by seed, and its entries, by column."""

    row: Row
    runs: list[Run]
    entries: Mapping[str, Entry]

    @property
    def pretrained(self) -> list[Run]:
        """The runs that there is anything to show of."""
        return [run for run in self.runs if run.is_pretrained]

    @property
    def seeds(self) -> int:
        """How many have been pretrained."""
        return len(self.pretrained)


class Comparison(NamedTuple):
    """A table in numbers."""

    table: Table
    scale: Scale
    choice: Choice
    results: Results
    columns: Mapping[str, Column]
    lines: list[Line]

    def reference(self, line: Line) -> Line | None:
        """The line that one of these is compared with, maybe itself; None if with none."""
        number = self.table.reference_of(self.lines.index(line))
        return None if number is None else self.lines[number]

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been run."""
        return not any(line.pretrained for line in self.lines)


def compare(table: Table, scale: Scale, results: Results, choice: Choice) -> Comparison:
    """Reads what there is; a row without results keeps the paper's numbers."""
    runs = [_runs(table, row, scale, results, choice) for row in table.rows]
    columns = {name: COLUMNS[name] for name in table.columns}
    if len(table.scored) > 1:
        columns["average"] = mean_of([COLUMNS[name] for name in AVERAGED], "average")._replace(
            paper=lambda row: row.get("avg")
        )
        common = [name for name in table.scored if _everywhere(columns[name], runs)]
        if common and set(common) != set(AVERAGED):
            columns["common"] = _average(common)
    lines = [
        Line(row, of_row, {name: _entry(column, of_row, row) for name, column in columns.items()})
        for row, of_row in zip(table.rows, runs, strict=True)
    ]
    return Comparison(table, scale, choice, results, columns, lines)


def _runs(table: Table, row: Row, scale: Scale, results: Results, choice: Choice) -> list[Run]:
    """What there is for a row, by seed: those of the choice, and any more that have been pretrained."""
    if row.model is None:
        return []
    if not table.is_run:
        return [Run({}, {"planned": _planned(row, scale, choice)})]
    cells = (row_cells(table, row.model, scale, choice, seed) for seed in itertools.count())
    runs = (Run(of_seed, _read(of_seed, results)) for of_seed in cells)
    wanted = itertools.islice(runs, choice.seeds)
    return [*wanted, *itertools.takewhile(lambda run: run.is_pretrained, runs)]


def _read(cells: Mapping[str, Cell], results: Results) -> Found:
    """What there is of one model and seed."""
    read = {name: results.read(cell) for name, cell in cells.items()}
    kept = {name: result for name, result in read.items() if result is not None}
    stages = (cell for cell in cells["pretrain"].with_needs() if cell.command == "pretrain")
    chain = [results.read(stage) for stage in stages]
    if None not in chain:
        kept["chain"] = {"results": chain}
    return {"planned": cells["pretrain"].settings, **kept}


def _planned(row: Row, scale: Scale, choice: Choice) -> dict:
    assert row.model is not None
    model = scale.pretraining(row.model, 0, choice)
    return (scale.tuned(model, row.task, 0, choice.data) if row.task else model).settings


def _everywhere(column: Column, runs: list[list[Run]]) -> bool:
    """Whether every row that was run has this number, of one seed at least."""
    rows = [row for row in runs if any(run.is_pretrained for run in row)]
    return bool(rows) and all(
        any(column.value(run.found) is not None for run in row) for row in rows
    )


def _average(names: list[str]) -> Column:
    """The mean of some columns, here and in the paper."""
    columns = [COLUMNS[name] for name in names]
    title = f"average of {', '.join(column.title for column in columns)}"
    return mean_of(columns, title, about="Of these alone, on both sides.")


def _entry(column: Column, runs: list[Run], row: Row) -> Entry:
    values = (column.value(run.found) for run in runs)
    known = tuple(value for value in values if value is not None)
    parts = tuple(_entry(part, runs, row) for part in column.parts)
    return Entry(known, column.paper(row.paper), parts)


def difference(entry: Entry, reference: Entry) -> float | None:
    """Of the medians here; None where one is missing."""
    if entry.median is None or reference.median is None:
        return None
    return entry.median - reference.median


def is_told_apart(entry: Entry, reference: Entry) -> bool:
    """Whether a difference is many times its standard error, from seeds enough to say so."""
    if min(len(entry.values), len(reference.values)) < ENOUGH:
        return False
    error = math.sqrt(entry.variance + reference.variance)
    found = difference(entry, reference)
    return found is not None and abs(found) > ERRORS * error
