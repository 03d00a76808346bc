"""A comparison as a grid of words: what Markdown, LaTeX and HTML have in common."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from experiments.columns import Column
from experiments.comparison import Comparison, Entry, Line, difference, is_told_apart

NONE = "–"


class Item(NamedTuple):
    """What stands in one place; strong where a difference is more than chance."""

    text: str
    strong: bool = False


class Grid(NamedTuple):
    """A table in words; its name is the one that commands know it by."""

    name: str
    title: str
    about: str
    header: list[str]
    rows: list[list[Item]]
    notes: list[str]


def _count(value: float) -> str:
    return f"{value / 1e6:.3g}M" if value >= 1e6 else f"{value / 1e3:.0f}k"


def _hours(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


FORMS: dict[str, Callable[[float], str]] = {  # by the kind of a column
    "share": "{:.1f}".format,  # in per cent; compared by differences
    "count": _count,
    "number": "{:,.0f}".format,
    "ratio": "{:.1f}x".format,  # of the reference row's
    "hours": _hours,
    "decimal": "{:.2g}".format,
    "rate": "{:.0e}".format,
}
COMPARED = ("share", "pair")  # a pair is two shares, compared by their mean


def grid(comparison: Comparison) -> Grid:
    """For each column the paper's numbers beside those found here, as far as there are any."""
    header, places = ["task" if comparison.lines[0].row.task else "model"], []
    for name, column in comparison.columns.items():
        entries = [line.entries[name] for line in comparison.lines]
        if any(entry.paper is not None for entry in entries):
            header.append(f"{column.title}, paper")
            places.append((name, _of_paper))
        if any(entry.values for entry in entries):
            header.append(f"{column.title}, here")
            places.append((name, _of_here))
        if _is_repeated(comparison, column, entries):
            header.append(f"{column.title}, here - paper")
            places.append((name, _over_paper))
    rows = [
        [Item(line.row.label), *(write(comparison, line, name) for name, write in places)]
        for line in comparison.lines
    ]
    if comparison.table.is_run:
        header.append("seeds")
        for row, line in zip(rows, comparison.lines, strict=True):
            row.append(Item(str(line.seeds) if line.row.model else NONE))
    notes = _notes(comparison, list(dict.fromkeys(name for name, _ in places)))
    table = comparison.table
    return Grid(table.name, table.title, table.about, header, rows, notes)


def _is_repeated(comparison: Comparison, column: Column, entries: Sequence[Entry]) -> bool:
    """Whether numbers here should be those of the paper: at its scale alone."""
    is_same = comparison.table.is_run and comparison.scale.name == "paper"
    known = any(entry.values and entry.paper is not None for entry in entries)
    return is_same and column.kind in COMPARED and known


def _of_paper(comparison: Comparison, line: Line, name: str) -> Item:
    kind, entry = comparison.columns[name].kind, line.entries[name]
    reference = comparison.reference(line)
    if entry.paper is None:
        return Item(NONE)
    text = _written(kind, entry.paper, [part.paper for part in entry.parts])
    base = reference.entries[name].paper if reference else None
    if kind not in COMPARED or reference is line or base is None:
        return Item(text)
    return Item(f"{text} ({entry.paper - base:+.1f})")


def _of_here(comparison: Comparison, line: Line, name: str) -> Item:
    kind, entry = comparison.columns[name].kind, line.entries[name]
    reference = comparison.reference(line)
    if entry.median is None:
        return Item(NONE)
    base = reference.entries[name] if reference else None
    if kind == "ratio":
        return Item(FORMS[kind](entry.median / base.median) if base and base.median else NONE)
    text = _written(kind, entry.median, [part.median for part in entry.parts])
    if kind not in COMPARED:
        return Item(text)
    if entry.spread is not None:
        text += f" ± {entry.spread:.1f}"
    if len(entry.values) < line.seeds:
        text += f" ({len(entry.values)} seed{'s' * (len(entry.values) > 1)})"
    if reference is line or base is None or not base.values:
        return Item(text)
    return Item(f"{text} ({difference(entry, base):+.1f})", is_told_apart(entry, base))


def _over_paper(comparison: Comparison, line: Line, name: str) -> Item:
    """How much more is found here."""
    entry = line.entries[name]
    if entry.median is None or entry.paper is None:
        return Item(NONE)
    return Item(f"{entry.median - entry.paper:+.1f}")


def _written(kind: str, number: float, parts: Sequence[float | None]) -> str:
    """A number, or the two of a pair."""
    if kind != "pair":
        return FORMS[kind](number)
    return "/".join(FORMS["share"](part) for part in parts if part is not None)


def _references(comparison: Comparison) -> str:
    """The rows that others are compared with; if several, with the numbers of these."""
    groups: dict[str, list[int]] = {}
    for number, line in enumerate(comparison.lines, start=1):
        if reference := comparison.reference(line):
            groups.setdefault(reference.row.label, []).append(number)
    if len(groups) < 2:
        return "".join(groups)
    return "; ".join(f"{label} (rows {rows[0]} to {rows[-1]})" for label, rows in groups.items())


def _notes(comparison: Comparison, shown: list[str]) -> list[str]:
    """How to read the grid."""
    notes = []
    if references := _references(comparison):
        notes.append(f"In per cent; in brackets the difference from the row {references}.")
    if not comparison.is_empty:
        notes.append(
            "Here: the median over the seeds ± their standard deviation. A difference in bold is more "
            "than three standard errors, from at least three seeds a row; any other may be chance."
        )
    if comparison.table.is_run:
        scale = comparison.scale
        advice = ": compare differences between rows, not the numbers of a row"
        more = advice if scale.name != "paper" else ""
        notes.append(f"Here is the scale {scale.name}, {scale.about}{more}.")
    columns = [comparison.columns[name] for name in shown]
    return notes + [f"{column.title}: {column.about}" for column in columns if column.about]
