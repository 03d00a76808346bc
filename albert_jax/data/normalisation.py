"""What is done to a text before SentencePiece, and the way back to the raw text.

It is the normalisation of google-research/albert, tokenization.py, with one addition that can be turned
off: typographic punctuation becomes ASCII.
"""

import functools
import re
import sys
import unicodedata
from dataclasses import dataclass

import numpy as np

_SPACES = [code for code in range(0x3001) if chr(code).isspace()]  # there are none beyond
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_SURROGATES = re.compile("[\ud800-\udfff]")  # half a character, as "\ud83d" in JSON
_ASCII_PUNCTUATION = {
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"), '"'),
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032"), "'"),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-"),
    **dict.fromkeys(map(ord, "\u2014\u2015"), "--"),
    0x2026: "...",  # ellipsis
    0x2044: "/",  # what NFKD makes of the stroke in 1/2
}


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Which steps `normalise` takes."""

    lower: bool = True
    strip_accents: bool = True
    ascii_punctuation: bool = True


def normalise(text: str, steps: Normalisation) -> str:
    """Whitespace collapsed, then NFKD without combining characters, ASCII punctuation, lower case.

    The order is that of google-research/albert: NFKD before lower-casing.
    """
    if "  " in text or not text.isprintable():  # of all whitespace only " " is printable
        text = " ".join(text.split())
    text = text.strip()
    if not text.isascii():
        text = printable(text)
        if steps.strip_accents:
            text = unicodedata.normalize("NFKD", text)
        table = replacements(steps.strip_accents, steps.ascii_punctuation)
        # Only what is not ASCII is looked up, which makes English text five times faster.
        text = _NON_ASCII.sub(lambda run: run[0].translate(table), text)
    return text.lower() if steps.lower else text


def trace(text: str, steps: Normalisation) -> np.ndarray:
    """Which character of `text` each of the n characters of `normalise(text, steps)` comes from.

    Returns:
      int32 [n + 1], never falling; last comes the end of the last word. Characters that are dropped
      leave a gap, and those that become several are there several times.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    space = np.append(np.isin(codes, _SPACES), True)
    first = ~space
    first[1:] |= ~space[:-1]  # of the spaces behind a word one stays
    origin = first.nonzero()[0].astype(np.int32) if first.any() else np.zeros(1, np.int32)
    if text.isascii():
        return origin
    # Every step but the first works on one character at a time, or reorders what is dropped.
    found, which = np.unique(codes[origin[:-1]], return_inverse=True)
    sizes = [1 if c in _SPACES else len(normalise(chr(c), steps)) for c in found]
    return np.repeat(origin, np.append(np.array(sizes, int)[which], 1))


def printable(text: str) -> str:
    """A text that UTF-8 can hold: half a character becomes the replacement character."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


@functools.cache
def replacements(strip_accents: bool, ascii_punctuation: bool) -> dict[int, str | None]:
    """Combining characters to nothing, typographic punctuation to ASCII."""
    codes = range(0x80, sys.maxunicode + 1) if strip_accents else ()
    dropped = dict.fromkeys(code for code in codes if unicodedata.combining(chr(code)))
    return dropped | (_ASCII_PUNCTUATION if ascii_punctuation else {})
