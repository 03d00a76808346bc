"""A grid as Markdown, LaTeX or HTML."""

import html
import re

from experiments.grid import Grid, Item

_LATEX = {character: f"\\{character}" for character in "%&_#${}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
}


def markdown(grid: Grid, level: int = 2) -> str:
    """A heading, what it is about, the table and its notes."""
    lines = [
        f"{'#' * level} {grid.title}",
        "",
        grid.about,
        "",
        _line(grid.header),
        _line(["---"] + ["--:"] * (len(grid.header) - 1)),
        *(_line([_strong(item, "**", "**") for item in row]) for row in grid.rows),
        "",
        *(f"{note}  " for note in grid.notes),
    ]
    return "\n".join(lines) + "\n"


def anchor(title: str) -> str:
    """What a link to a heading in Markdown says, as GitHub makes it of its words."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _line(words: list[str]) -> str:
    return f"| {' | '.join(word.replace('|', chr(92) + '|') for word in words)} |"


def _strong(item: Item, before: str, after: str) -> str:
    return f"{before}{item.text}{after}" if item.strong else item.text


def latex(grid: Grid) -> str:
    """A `table` environment, for booktabs."""
    rows = [[_strong(_latex_item(item), r"\textbf{", "}") for item in row] for row in grid.rows]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\begin{{tabular}}{{l{'r' * (len(grid.header) - 1)}}}",
            r"\toprule",
            " & ".join(map(latex_text, grid.header)) + r" \\",
            r"\midrule",
            *(" & ".join(row) + r" \\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            rf"\caption{{{latex_text(' '.join([f'{grid.title}.', grid.about, *grid.notes]))}}}",
            rf"\label{{tab:{grid.name}}}",
            r"\end{table}",
            "",
        ]
    )


def _latex_item(item: Item) -> Item:
    return item._replace(text=latex_text(item.text))


def latex_text(text: str) -> str:
    """Text with the characters that LaTeX reads otherwise written out."""
    return "".join(_LATEX.get(character, character) for character in text)


def html_table(grid: Grid) -> str:
    """A heading, what it is about, the table and its notes; every word escaped."""
    head = "".join(f"<th>{html.escape(word)}</th>" for word in grid.header)
    rows = "".join(f"<tr>{''.join(map(_html_item, row))}</tr>" for row in grid.rows)
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in grid.notes)
    return (
        f"<h2>{html.escape(grid.title)}</h2><p>{html.escape(grid.about)}</p>"
        f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"<ul class=notes>{notes}</ul>"
    )


def _html_item(item: Item) -> str:
    text = html.escape(item.text)
    return f"<td><strong>{text}</strong></td>" if item.strong else f"<td>{text}</td>"
