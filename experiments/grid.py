"""A summary as a grid of words: what Markdown, LaTeX and HTML have in common."""

from typing import NamedTuple

from experiments.summary import Line, Summary, difference, is_told_apart

NONE = "–"


class Item(NamedTuple):
    """What stands in one place; strong where a difference is more than chance."""

    text: str
    strong: bool = False


class Grid(NamedTuple):
    """A table in words."""

    title: str
    about: str
    header: list[str]
    rows: list[list[Item]]
    notes: list[str]


def grid(summary: Summary) -> Grid:
    """For each column the paper's numbers beside those found here, as far as there are any."""
    header, places = ["model"], []
    for name, column in summary.columns.items():
        entries = [line.entries[name] for line in summary.lines]
        if any(entry.paper is not None for entry in entries):
            header.append(f"{column.title}, paper")
            places.append((name, _of_paper))
        if any(entry.values for entry in entries):
            header.append(f"{column.title}, here")
            places.append((name, _of_here))
    header.append("seeds")
    rows = [
        [Item(line.row.label)]
        + [write(summary, line, name) for name, write in places]
        + [Item(str(line.seeds) if line.row.model else NONE)]
        for line in summary.lines
    ]
    table = summary.table
    return Grid(table.title, table.about, header, rows, _notes(summary))


def _of_paper(summary: Summary, line: Line, name: str) -> Item:
    column, entry = summary.columns[name], line.entries[name]
    reference = summary.reference.entries[name].paper
    if entry.paper is None:
        return Item(NONE)
    text = number(column.kind, entry.paper)
    if column.kind == "share" and line is not summary.reference and reference is not None:
        text += f" ({entry.paper - reference:+.1f})"
    return Item(text)


def _of_here(summary: Summary, line: Line, name: str) -> Item:
    column, entry = summary.columns[name], line.entries[name]
    reference = summary.reference.entries[name]
    if entry.median is None:
        return Item(NONE)
    if column.kind == "ratio":
        return Item(number("ratio", entry.median / reference.median) if reference.values else NONE)
    text = number(column.kind, entry.median)
    if column.kind != "share":
        return Item(text)
    if entry.spread is not None:
        text += f" ± {entry.spread:.1f}"
    if line is summary.reference or not reference.values:
        return Item(text)
    return Item(f"{text} ({difference(entry, reference):+.1f})", is_told_apart(entry, reference))


def number(kind: str, value: float) -> str:
    """A number as a reader wants it."""
    if kind == "count":
        return f"{value / 1e6:.3g}M" if value >= 1e6 else f"{value / 1e3:.0f}k"
    if kind == "ratio":
        return f"{value:.1f}x"
    if kind == "hours":
        return f"{value:.2g}" if value < 10 else f"{value:.0f}"
    return f"{value:.1f}"


def _notes(summary: Summary) -> list[str]:
    """How to read the grid."""
    reference = summary.reference.row.label
    notes = [
        f"Shares in per cent. In brackets: the difference from the row {reference}.",
        "Here: the median over the seeds ± their standard deviation. A difference in bold is more "
        "than twice its standard error, from at least three seeds a row; any other may be chance.",
    ]
    if summary.scale.name != "paper":
        notes.append(
            f"Here is the scale {summary.scale.name}, {summary.scale.about}: compare differences "
            "between rows, not the numbers of a row."
        )
    return notes + [
        f"{column.title}: {column.about}" for column in summary.columns.values() if column.about
    ]


def empty(summary: Summary) -> bool:
    """Whether nothing has been found for any row."""
    return not any(line.seeds for line in summary.lines)
