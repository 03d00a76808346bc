"""The words of raw text, for taggers that were trained on words: whitespace and punctuation part them."""

import re

_SIGNS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # kana and Chinese characters
_MARKS = (  # ASCII and Latin-1 punctuation, general, arrows and symbols, Chinese, full-width
    r"!-/:-@\[-`{-~¡-©«-±´¶-¸»¿×÷"
    r"\u2010-\u205e\u2190-\u2bff\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40"
)
_LETTERS = rf"[^\s{_SIGNS}{_MARKS}]+"  # with combining marks, which \w leaves out
_WORD = re.compile(
    rf"""
      https?://\S+
    | (?<=\w)['’]\w+               # the 's of Ann's
    | (?:[^\W\d_]\.){{2,}}         # initials: U.S.
    | \d+(?:[.,]\d+)+              # 1,000.5
    | [{_SIGNS}]                   # one by one, they are not separated
    | [@#]?{_LETTERS}(?:-{_LETTERS})*  # @ann, #tag, so-called
    | \S                           # any other mark by itself
    """,
    re.VERBOSE,
)


def spans(text: str) -> tuple[tuple[int, int], ...]:
    """Where the words are: the first character and the one behind the last. They cover all but whitespace."""
    return tuple(match.span() for match in _WORD.finditer(text))
