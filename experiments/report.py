"""All tables and pictures on one page: HTML that needs no other file, or Markdown."""

import base64
import html
import time
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from albert_jax.errors import UserError
from experiments.comparison import Comparison
from experiments.formats import html_table, markdown
from experiments.grid import Grid, grid
from experiments.plots import PICTURES, Picture

FINDINGS = (
    Path(__file__).parent / "results" / "findings.toml"
)  # by scale and table, written by hand
TITLE = "ALBERT: the paper's tables, run again"
ABOUT = (
    "Lan et al. (2020) asked how a BERT can have fewer parameters: with factorised embeddings, with layers "
    "that share their parameters, and with sentence order as the second objective of pretraining. Every "
    "table of theirs stands here beside what this project finds when it runs the same comparison."
)
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
    """A table with its pictures and what can be said of it."""

    name: str
    grid: Grid
    pictures: list[Picture]
    finding: str


def part(comparison: Comparison) -> Part:
    """What the report shows of a table."""
    drawn = [PICTURES[name](comparison) for name in comparison.table.pictures]
    return Part(
        comparison.table.name,
        grid(comparison),
        [picture for picture in drawn if picture],
        finding(comparison.scale.name, comparison.table.name),
    )


def finding(scale: str, table: str, path: Path = FINDINGS) -> str:
    """The sentence on what a table shows at a scale; "" where none is written yet."""
    if not path.exists():
        return ""
    try:
        found = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is no TOML ({error}); correct it") from error
    return found.get(scale, {}).get(table, "")


def html_page(parts: Iterable[Part]) -> str:
    """The page; every word of it is escaped, every picture is inside."""
    parts = list(parts)
    links = "".join(f'<a href="#{part.name}">{html.escape(part.name)}</a>' for part in parts)
    body = "".join(f'<section id="{part.name}">{_html_part(part)}</section>' for part in parts)
    date = time.strftime("%Y-%m-%d", time.gmtime())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(TITLE)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{html.escape(TITLE)}</h1><p>{html.escape(ABOUT)}</p>"
        f"<nav>{links}</nav>{body}<footer class=notes>{date}</footer></body></html>\n"
    )


def _html_part(part: Part) -> str:
    text = html_table(part.grid)
    if part.finding:
        text += f"<p class=finding>{html.escape(part.finding)}</p>"
    return text + "".join(map(_html_picture, part.pictures))


def _html_picture(picture: Picture) -> str:
    """The SVG as a data address: ids of several in one page would clash."""
    data = base64.b64encode(picture.svg.encode()).decode()
    caption = html.escape(picture.caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption class=notes>{caption}</figcaption></figure>"
    )


def markdown_page(parts: Iterable[Part]) -> str:
    """The tables and findings, without pictures."""
    texts = [f"# {TITLE}\n\n{ABOUT}\n"]
    for part in parts:
        found = f"\n**Finding.** {part.finding}\n" if part.finding else ""
        texts.append(markdown(part.grid) + found)
    return "\n".join(texts)
