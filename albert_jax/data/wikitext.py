"""Wikipedia's markup down to its running text.

Only the passages are kept, as for BERT (Devlin et al. 2019, section 3.1): no lists, tables,
headings, templates, references, files or categories.
"""

import re

import mwparserfromhell
from mwparserfromhell import nodes

_DROPPED_TAGS = {
    *("ref", "references", "table", "gallery", "imagemap", "templatestyles"),
    *("math", "chem", "hiero", "score", "timeline", "graph", "mapframe"),
    *("syntaxhighlight", "source", "code", "pre"),
}
_LIST_MARKS = frozenset("*#:;")
_LIST_ITEM = "\0"  # stands at the start of a list's line, which is dropped
_NAMESPACE = re.compile(r":?[\w-]+:\S")  # File:, Category:, the same article in another language
_STYLE = re.compile(r"''(?='s\b)|'{2,}|__[A-Z]+__")


def plain(markup: str) -> str:
    """The running text of an article, a blank line between its paragraphs."""
    code = mwparserfromhell.parse(markup, skip_style_tags=True)
    code.nodes = [_kept(node) for node in code.nodes if not _is_dropped(node)]
    text = _STYLE.sub("", code.strip_code())
    lines = (line.strip() for line in text.split("\n") if _LIST_ITEM not in line)
    return "\n\n".join(line for line in lines if line)


def _is_dropped(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Tag):
        return str(node.tag).strip().lower() in _DROPPED_TAGS
    if isinstance(node, nodes.Wikilink):
        return _NAMESPACE.match(str(node.title).strip()) is not None
    return isinstance(node, nodes.Template | nodes.Heading | nodes.Comment | nodes.Argument)


def _kept(node: nodes.Node) -> nodes.Node:
    """The node itself, or the mark of a list item."""
    is_item = isinstance(node, nodes.Tag) and node.wiki_markup in _LIST_MARKS
    return nodes.Text(_LIST_ITEM) if is_item else node
