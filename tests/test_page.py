"""The page of an explanation: all that is in it, and nothing from outside."""

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from albert_jax.analysis.attribution import Attribution
from albert_jax.analysis.page import Explanation, Neighbour, Word, by_word, page

EVIL = '</script><script src="http://x/y.js">alert("1")</script><img src=x onerror=\'a\'>&amp;'
WORDS = [
    Word("[CLS]", (0,), True, -1),
    Word("great", (1, 2), True, 0),
    Word(EVIL, (3,), True, 0),
    Word(".", (4,), False, 0),
    Word("[SEP]", (5,), True, -1),
    Word("why", (6,), True, 1),
]
VALUES = np.array([0.5, 1.0, 1.0, -1.5, 0.001, 0.0, 0.25])


def explanation(**changes):
    fields = dict(
        model=f"model {EVIL}",
        task="text",
        answer=f"good {EVIL}",
        shares=[("good", 0.9), (EVIL, 0.1)],
        what="good rather than bad, in logits",
        words=WORDS,
        pieces=["[CLS]", "gre", "at", EVIL, ".", "[SEP]", "why"],
        attribution=Attribution(VALUES, 2.0, 0.7, 16),
        span=None,
        maps=np.full((2, 3, 7, 7), 1 / 7, np.float32),
        neighbours=[Neighbour(0.98, EVIL, f"a text {EVIL}")],
        notes=["window 1 of 2"],
    )
    return Explanation(**fields | changes)


class Reader(HTMLParser):
    """Tags with their attributes, and the text outside of scripts and styles by the tag around it."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.stack = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "br"):
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] not in ("script", "style"):
            self.texts.append(data)


def test_tags_are_closed_and_nothing_comes_from_outside():
    html = page(explanation())
    reader = Reader(html)
    assert reader.stack == []
    names = [tag for tag, _ in reader.tags]
    assert not {"link", "img", "iframe", "object"} & set(names) and names.count("script") == 2
    keys = {key for _, attributes in reader.tags for key in attributes}
    assert not {"src", "href", "onerror", "onload", "onclick"} & keys
    assert "url(" not in html and "@import" not in html
    assert ("meta", "default-src 'none'") in [
        (tag, a.get("content", "")[:18]) for tag, a in reader.tags
    ]


def test_what_comes_from_texts_is_shown_as_it_is():
    texts = "\n".join(Reader(page(explanation())).texts)
    for shown in (f"good {EVIL}", f"model {EVIL} · text", f"a text {EVIL}", "window 1 of 2"):
        assert shown in texts
    assert texts.count(EVIL) >= 7


def test_a_word_has_the_sum_of_its_pieces_and_a_colour_by_its_share_of_the_strongest():
    assert {word.text: value for word, value in by_word(explanation())}["great"] == 2.0
    spans = re.findall(
        r'<span class="word([^"]*)"( style="--w:([\d.]+)")? title="([^"]+)">([^<]*)<',
        page(explanation()),
    )
    found = {text: (kind.strip(), weight, title) for kind, _, weight, title, text in spans}
    assert found["great"] == ("plus", "1.000", "+2.000")
    assert found["why"] == ("plus", "0.125", "+0.250")
    assert found["."] == ("", "", "+0.001")
    (evil,) = [value for text, value in found.items() if text.startswith("&lt;/script")]
    assert evil == ("minus", "0.750", "\N{MINUS SIGN}1.500")
    assert "[CLS]" not in found


def test_spaces_are_where_the_text_has_them():
    (first, second) = re.findall(r'<p class="text">(.*?)</p>', page(explanation()), re.DOTALL)
    plain = re.sub("<[^>]+>", "", first)
    assert plain.startswith("great &lt;") and plain.endswith("&amp;amp;.") and "why" in second


def test_the_answer_in_the_text_is_marked():
    html = page(explanation(span=(3, 4)))
    assert re.findall(r'class="(word[^"]* answer)"', html) == ["word minus answer", "word answer"]


def test_the_maps_can_be_read_back():
    rng = np.random.default_rng(0)
    maps = rng.dirichlet(np.ones(7), (2, 3, 7)).astype(np.float32)
    html = page(explanation(maps=maps))
    data = json.loads(re.search(r'id="attention">(.*?)</script>', html)[1])
    assert (data["layers"], data["heads"], data["pieces"][3]) == (2, 3, EVIL)
    roots = np.frombuffer(base64.b64decode(data["maps"]), np.uint8).reshape(2, 3, 7, 7)
    np.testing.assert_allclose((roots / 255) ** 2, maps, atol=0.005)


def test_very_long_texts_keep_means_over_heads_or_no_maps():
    maps = np.zeros((4, 8, 400, 400), np.float16)
    assert '"heads": 1,' in page(explanation(maps=maps))
    assert "What the heads look at" not in page(
        explanation(maps=np.zeros((20, 2, 400, 400), np.float16))
    )


@pytest.mark.parametrize("section", ["The nearest training examples", "How sure the model is"])
def test_sections_without_content_are_left_out(section):
    assert section in page(explanation())
    assert section not in page(explanation(neighbours=(), shares=()))


def test_the_numbers_behind_it():
    texts = Reader(page(explanation())).texts
    for shown in ("2.0000", "0.7000", "+1.3000", "+1.2510", "1.15%", "16"):
        assert shown in texts
