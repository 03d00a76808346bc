"""All tables and pictures on one page: HTML that needs no other file, or Markdown with files of pictures."""

import base64
import html
import time
from collections.abc import Iterable
from typing import NamedTuple

from experiments import provenance, sizes
from experiments.comparison import Comparison
from experiments.findings import Finding, finding
from experiments.formats import anchor, html_table, markdown
from experiments.grid import Grid, grid
from experiments.plots import PICTURES, Picture

TITLE = "ALBERT: the paper's tables, run again"
ABOUT = (
    "Lan et al. (2020) asked how a BERT can have fewer parameters: with factorised embeddings, with layers "
    "that share their parameters, and with sentence order as the second objective of pretraining. Every "
    "table of theirs stands here beside what this project finds when it runs the same comparison."
)
FOUND = "What of the paper's findings holds here"
REST = "The rest runs, and goes on where it was stopped, with"
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#222;max-width:72rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #ddd}
th:first-child,td:first-child{text-align:left}th{vertical-align:bottom}
.wide{overflow-x:auto}.notes{color:#666;font-size:.8rem}
.finding{border-left:3px solid #c8553d;padding-left:.8rem}
nav a{margin-right:1rem}img{max-width:100%}h2{margin-top:3rem}
"""


class Part(NamedTuple):
    """A table with its pictures and what can be said of it.

    Attributes:
      comparison: it in numbers.
      grid: it in words.
      pictures: by their names in the table.
      finding: what it shows; None where nobody has said so yet.
    """

    comparison: Comparison
    grid: Grid
    pictures: dict[str, Picture]
    finding: Finding | None

    @property
    def name(self) -> str:
        """Of the table."""
        return self.grid.name


def part(comparison: Comparison) -> Part:
    """What the report shows of a table."""
    drawn = {name: PICTURES[name](comparison) for name in comparison.table.pictures}
    return Part(
        comparison,
        words(comparison),
        {name: picture for name, picture in drawn.items() if picture},
        finding(comparison.scale.name, comparison.table.name),
    )


def words(comparison: Comparison) -> Grid:
    """The table, with what it was made of."""
    found = grid(comparison)
    said = [provenance.sentence(comparison), *provenance.of_other_places(comparison)]
    return found._replace(notes=[*said, *found.notes])


class Front(NamedTuple):
    """What stands before the tables: how far they are, what they say, and what their rows' names mean."""

    progress: str
    found: list[Part]  # that have a finding
    command: str  # that runs the rest; "" if all is there
    sizes: Grid | None  # where they are not the paper's


def front(parts: Iterable[Part]) -> Front | None:
    """Of the tables that must be run; None if there is none."""
    parts = [part for part in parts if part.comparison.table.is_run]
    if not parts:
        return None
    scale, choice = parts[0].comparison.scale, parts[0].comparison.choice
    states = {part.name: provenance.states(part.comparison) for part in parts}
    left = [name for name, known in states.items() if not all(known.values())]
    cells = {name: done for known in states.values() for name, done in known.items()}
    more = {name for part in parts for name in provenance.further(part.comparison)}
    models = [line.row.model for part in parts for line in part.comparison.lines if line.row.model]
    return Front(
        provenance.progress(cells, more, scale),
        [part for part in parts if part.finding],
        provenance.command(left, scale, choice, parts[0].comparison.results) if left else "",
        None if scale.name == "paper" else sizes.grid(scale, models),
    )


def html_page(parts: Iterable[Part]) -> str:
    """The page; every word of it is escaped, every picture is inside."""
    parts = list(parts)
    links = "".join(f'<a href="#{part.name}">{html.escape(part.name)}</a>' for part in parts)
    body = "".join(f'<section id="{part.name}">{_html_part(part)}</section>' for part in parts)
    date = time.strftime("%Y-%m-%d", time.gmtime())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(TITLE)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{html.escape(TITLE)}</h1><p>{html.escape(ABOUT)}</p>"
        f"{_html_front(front(parts))}<nav>{links}</nav>{body}"
        f"<footer class=notes>{date}</footer></body></html>\n"
    )


def _html_front(front: Front | None) -> str:
    if front is None:
        return ""
    said = f"<p>{html.escape(front.progress)}</p>"
    if front.found:
        said += f"<h2>{html.escape(FOUND)}</h2><ul>{''.join(map(_html_summary, front.found))}</ul>"
    if front.command:
        said += f"<p>{REST} <code>{html.escape(front.command)}</code></p>"
    return said + (html_table(front.sizes) if front.sizes else "")


def _html_summary(part: Part) -> str:
    title = html.escape(part.grid.title)
    return f'<li><a href="#{part.name}">{title}</a>. {_html_verdicts(part)}</li>'


def _html_verdicts(part: Part) -> str:
    verdicts = part.finding.verdicts() if part.finding else ()
    return " ".join(f"<b>{name}.</b> {html.escape(text)}" for name, text in verdicts)


def _html_part(part: Part) -> str:
    text = html_table(part.grid)
    if part.finding:
        text += f"<div class=finding><p>{_html_verdicts(part)}</p>"
        text += f"<p>{html.escape(part.finding.details)}</p></div>"
    return text + "".join(map(_html_picture, part.pictures.values()))


def _html_picture(picture: Picture) -> str:
    """The SVG as a data address: ids of several in one page would clash."""
    data = base64.b64encode(picture.svg.encode()).decode()
    caption = html.escape(picture.caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption class=notes>{caption}</figcaption></figure>"
    )


def picture_files(parts: Iterable[Part]) -> dict[str, str | None]:
    """The SVG of every picture, by the name of its file; None where there is nothing to draw."""
    return {
        _file(part, name): part.pictures[name].svg if name in part.pictures else None
        for part in parts
        for name in part.comparison.table.pictures
    }


def _file(part: Part, picture: str) -> str:
    return f"{part.name}_{picture}.svg"


def markdown_page(parts: Iterable[Part], folder: str = "") -> str:
    """The tables and findings; with the files of pictures in that folder, as seen from the page."""
    parts = list(parts)
    texts = [f"# {TITLE}\n\n{ABOUT}\n", *_markdown_front(front(parts))]
    for part in parts:
        found = ""
        if part.finding:
            found = f"\n{_markdown_verdicts(part)}\n\n{part.finding.details}\n"
        pictures = _markdown_pictures(part, folder) if folder else ""
        texts.append(markdown(part.grid) + found + pictures)
    return "\n".join(texts)


def _markdown_pictures(part: Part, folder: str) -> str:
    return "".join(
        f"\n![{picture.caption}]({folder}/{_file(part, name)})\n\n{picture.caption}\n"
        for name, picture in part.pictures.items()
    )


def _markdown_front(front: Front | None) -> list[str]:
    """The parts before the tables, a blank line between them."""
    if front is None:
        return []
    texts = [f"{front.progress}\n"]
    if front.found:
        texts += [f"## {FOUND}\n", "".join(map(_markdown_summary, front.found))]
    if front.command:
        texts.append(f"{REST}\n\n    {front.command}\n")
    return [*texts, markdown(front.sizes)] if front.sizes else texts


def _markdown_summary(part: Part) -> str:
    title = part.grid.title
    return f"- [{title}](#{anchor(title)}). {_markdown_verdicts(part)}\n"


def _markdown_verdicts(part: Part) -> str:
    verdicts = part.finding.verdicts() if part.finding else ()
    return " ".join(f"**{name}.** {text}" for name, text in verdicts)
