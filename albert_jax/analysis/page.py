"""An explanation as one HTML page that needs nothing else, in light and in dark.

All that comes from a model or a text is escaped, and the page forbids itself everything from outside.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from string import Template
from typing import NamedTuple

import numpy as np

from albert_jax.analysis.attribution import Attribution

SHOWN = 8  # words in each list of the strongest
MOST = 3_000_000  # attention probabilities in a page, a byte each
MINUS = "\N{MINUS SIGN}"
LEAST = 0.01  # of the strongest word; weaker ones have no colour


class Word(NamedTuple):
    """What is read as one word.

    Attributes:
      text: as the model reads it.
      pieces: numbers of its pieces.
      space: whether a space goes before it.
      segment: 0 or 1, the text that it belongs to; -1 of special pieces.
    """

    text: str
    pieces: tuple[int, ...]
    space: bool
    segment: int


class Neighbour(NamedTuple):
    """A training example and how near it is, a cosine."""

    similarity: float
    label: str
    text: str


@dataclass(frozen=True)
class Explanation:
    """What the page shows.

    Attributes:
      model, task: their names.
      answer: the model's.
      shares: of the classes or answers, the likeliest first: (name, probability).
      what: which score the attributions are of.
      words: of the part of the example that was read.
      pieces: all of them, in order.
      attribution: of the pieces.
      span: first and last piece of the answer, if it stands in the text.
      maps: attention probabilities [blocks, H, L, L].
      neighbours: the nearest first; none if they were not looked for.
      notes: anything else to know.
    """

    model: str
    task: str
    answer: str
    shares: Sequence[tuple[str, float]]
    what: str
    words: Sequence[Word]
    pieces: Sequence[str]
    attribution: Attribution
    span: tuple[int, int] | None
    maps: np.ndarray
    neighbours: Sequence[Neighbour] = ()
    notes: Sequence[str] = field(default_factory=tuple)


def page(explanation: Explanation) -> str:
    """The HTML of an explanation."""
    folder = resources.files("albert_jax.analysis")
    maps = _affordable(explanation.maps)
    sections = [
        _text(explanation),
        _strongest(explanation),
        _shares(explanation.shares),
        _neighbours(explanation.neighbours),
        _attention() if maps.size else "",
        _numbers(explanation),
    ]
    script = ""
    if maps.size:
        code = (folder / "attention.js").read_text()
        script = f"{_data(maps, explanation.pieces)}\n<script>\n{code}</script>"
    return Template((folder / "page.html").read_text()).substitute(
        title=escape(f"{explanation.answer} — {explanation.model}"),
        eyebrow=escape(f"{explanation.model} · {explanation.task}"),
        answer=escape(explanation.answer),
        summary=escape(_summary(explanation)),
        sections="\n".join(filter(None, sections)),
        script=script,
        footer="Colours are attributions of the words to the answer above, not opinions of the words. "
        "Made by albert_jax.",
    )


def _summary(explanation: Explanation) -> str:
    """How likely, of what, from what."""
    sure = [f"{explanation.shares[0][1]:.1%}"] if explanation.shares else []
    return " · ".join([*sure, explanation.what, *explanation.notes])


def by_word(explanation: Explanation) -> list[tuple[Word, float]]:
    """The words with the sums of their pieces' attributions."""
    values = explanation.attribution.tokens
    return [(word, float(values[list(word.pieces)].sum())) for word in explanation.words]


def _text(explanation: Explanation) -> str:
    words, top = by_word(explanation), _top(explanation)
    segments = sorted({word.segment for word, _ in words} - {-1})
    texts = [
        "".join(
            _word(w, value, top, explanation.span) for w, value in words if w.segment == segment
        )
        for segment in segments
    ]
    legend = '<div class="legend">against<i></i>for the answer</div>'
    body = "\n".join(f'<p class="text">{text.strip()}</p>' for text in texts)
    return _section("What the model read, and what moved it", body + legend)


def _word(word: Word, value: float, top: float, span: tuple[int, int] | None) -> str:
    weight = abs(value) / top
    classes = ["word"]
    if weight >= LEAST:
        classes.append("plus" if value > 0 else "minus")
    if span and span[0] <= word.pieces[0] <= span[1]:
        classes.append("answer")
    style = f' style="--w:{weight:.3f}"' if len(classes) > 1 else ""
    shown = f'<span class="{" ".join(classes)}"{style} title="{_signed(value, 3)}">{escape(word.text)}</span>'
    return f" {shown}" if word.space else shown


def _strongest(explanation: Explanation) -> str:
    found = [(word, value) for word, value in by_word(explanation) if word.segment >= 0]
    top = _top(explanation)
    sides = []
    for sign, name, title in ((1, "for", "For the answer"), (-1, "against", "Against it")):
        side = sorted(
            (pair for pair in found if sign * pair[1] > LEAST * top), key=lambda p: -sign * p[1]
        )
        rows = [
            _bar(word.text, abs(value) / top, _signed(value, 2)) for word, value in side[:SHOWN]
        ]
        body = f'<dl class="bars">{"".join(rows)}</dl>' if rows else '<p class="note">nothing</p>'
        sides.append(f'<div class="{name}"><h3>{title}</h3>{body}</div>')
    return _section("The words that counted most", f'<div class="two">{"".join(sides)}</div>')


def _shares(shares: Sequence[tuple[str, float]]) -> str:
    if not shares:
        return ""
    rows = [_bar(name, share, f"{share:.1%}") for name, share in shares]
    return _section("How sure the model is", f'<dl class="bars">{"".join(rows)}</dl>')


def _neighbours(neighbours: Sequence[Neighbour]) -> str:
    if not neighbours:
        return ""
    rows = [
        f'<span class="number">{near.similarity:.3f}</span><span class="chip">{escape(near.label)}</span>'
        f"<span>{escape(near.text)}</span>"
        for near in neighbours
    ]
    note = '<p class="note">By the cosine of what the model makes of the whole text; 1 is the same.</p>'
    return _section(
        "The nearest training examples", f'<div class="near">{"".join(rows)}</div>{note}'
    )


def _attention() -> str:
    body = (
        '<div class="grid" aria-label="a map for each layer and head"></div>'
        '<p class="note" id="head" aria-live="polite"></p><p class="looks"></p>'
        '<p class="note">A row for each layer, a column for each head. Choose a map, then point to a '
        "word to see where it looks. Attention shows where information may flow, not what counted.</p>"
        "<noscript>This view needs JavaScript; nothing is loaded from elsewhere.</noscript>"
    )
    return _section("What the heads look at", body)


def _numbers(explanation: Explanation) -> str:
    found = explanation.attribution
    rows = {
        f"Score of this text ({explanation.what})": f"{found.score:.4f}".replace("-", MINUS),
        "Score with every word hidden": f"{found.baseline:.4f}".replace("-", MINUS),
        "Difference": _signed(found.difference, 4),
        "Sum of all attributions": _signed(float(found.tokens.sum()), 4),
        "Convergence error": f"{found.error:.2%}",
        "Points of the path": f"{found.points}",
    }
    cells = "".join(f"<tr><td>{escape(k)}</td><td>{v}</td></tr>" for k, v in rows.items())
    note = (
        "Integrated gradients (Sundararajan et al. 2017) on the input embeddings, along a straight path "
        "from the same text with [MASK] for every word. Attributions must add up to the difference; "
        "the error is what is missing, as a share of all that moved."
    )
    return _section("Whether to believe it", f'<table>{cells}</table><p class="note">{note}</p>')


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{body}\n</section>"


def _bar(name: str, weight: float, value: str) -> str:
    return (
        f'<dt title="{escape(name)}">{escape(name)}</dt>'
        f'<dd><div class="bar"><b style="--w:{weight:.3f}"></b></div></dd>'
        f'<dd class="value">{value}</dd>'
    )


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", MINUS)


def _top(explanation: Explanation) -> float:
    """The attribution of the strongest word; colours and bars are shares of it."""
    return max((abs(value) for _, value in by_word(explanation)), default=0) or 1.0


def _affordable(maps: np.ndarray) -> np.ndarray:
    """The maps, or their means over the heads, or nothing: what a page can hold."""
    for kept in (maps, maps.mean(axis=1, keepdims=True)):
        if kept.size <= MOST:
            return kept
    return maps[:0]


def _data(maps: np.ndarray, pieces: Sequence[str]) -> str:
    """Square roots of the maps as bytes, in JSON that no "</script>" can end."""
    layers, heads = maps.shape[:2]
    roots = np.round(255 * np.sqrt(maps)).astype(np.uint8)
    content = {
        "layers": layers,
        "heads": heads,
        "pieces": list(pieces),
        "maps": base64.b64encode(roots.tobytes()).decode(),
    }
    text = json.dumps(content).replace("<", "\\u003c")
    return f'<script type="application/json" id="attention">{text}</script>'
