"""What hypothesis makes up for the property tests: nasty text, sentences of ids, tables.

In `make test` the cases are always the same few; HYPOTHESIS_PROFILE=long looks for new ones.
"""

import os

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from albert_jax.data.documents import Document
from albert_jax.data.segments import Symbols

settings.register_profile("short", max_examples=60, derandomize=True, deadline=None, database=None)
settings.register_profile("long", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))

NASTY = (
    *" \t\n\r\x0b\x1c\x85\u00a0\u2003\u2028\u3000",  # spaces of all kinds
    *"\u0301\u0308\u20dd\u093f",  # combining
    *"\u200b\u200d\u2060\ufeff\u00ad\ufe0f",  # of no width
    *"\u202e\u2066\u2069\u200f",  # that turn the direction
    *"\0\x07\x1b\x7f\ufffd\uffff",  # that are no text
    *"\u2026\u2014\u201c\u2019\u2044\u00bd\ufb03\ufdfa",  # that become several
    *"İıßΣςÅKÅﬀ가각ｱ日本",  # of which case or form is a trap
    *"▁<[].,:'\"`-0129aZ$\u20ac",
    *("[MASK]", "1,000,", "U.S. ", "Mr. ", "``", "''", "the cat", " sat. "),
)
PIECES = st.one_of(st.sampled_from(NASTY), st.characters(), st.text("abcdefgh tse.", max_size=8))
TEXT = st.lists(PIECES, max_size=20).map("".join)  # never half a character
HALVES = st.lists(PIECES | st.sampled_from("\ud800\udfff\ud83d"), max_size=20).map("".join)

CLS, SEP, MASK, FIRST = 2, 3, 4, 5  # FIRST: the first piece that is no special one


def visible(text: str) -> str:
    """A text without its spaces."""
    return "".join(text.split())


@st.composite
def documents(draw, most: int = 6) -> list[Document]:
    """Documents whose tokens are all different, so that each can be followed."""
    lengths = st.lists(st.integers(1, 25), min_size=1, max_size=9)
    made, token = [], FIRST
    for sentences in draw(st.lists(lengths, min_size=1, max_size=most)):
        tokens = np.arange(token, token := token + sum(sentences), dtype=np.int32)
        made.append(Document(tokens, np.array(sentences, np.int32)))
    return made


def symbols(found: list[Document], rng: np.random.Generator) -> Symbols:
    """A vocabulary for documents of different tokens: any of its pieces may begin a word."""
    size = FIRST + sum(len(document.tokens) for document in found)
    starts = rng.random(size) < 0.6
    starts[:FIRST] = True
    return Symbols(starts, CLS, SEP, MASK)
