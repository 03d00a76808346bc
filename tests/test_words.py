"""Words of raw text."""

import pytest

from albert_jax.tasks import words


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Ann's dog, Bob.", "Ann|'s|dog|,|Bob|."),
        ("the so-called U.S. visit", "the|so-called|U.S.|visit"),
        ("(@ann, #tag) 'quoted'", "(|@ann|,|#tag|)|'|quoted|'"),
        ("see http://t.co/a,b now", "see|http://t.co/a,b|now"),
        ("$1,000.5 in 1999.", "$|1,000.5|in|1999|."),
        ("東京に行く。", "東|京|に|行|く|。"),
        ("cafe\u0301 हिन्दी", "cafe\u0301|हिन्दी"),
        ("a-b-c -d e-", "a-b-c|-|d|e|-"),
        ("«où»—“so”…", "«|où|»|—|“|so|”|…"),
        (" \t\n", ""),
        ("", ""),
    ],
)
def test_words(text, expected):
    assert [text[start:end] for start, end in words.spans(text)] == expected.split("|") * bool(
        expected
    )


def test_nothing_but_whitespace_is_left_out():
    text = "".join(map(chr, range(1, 0x3100))) + "\U0001f600\u200d\ufe0f"
    kept = "".join(text[start:end] for start, end in words.spans(text))
    assert kept == "".join(text.split())
    ends = [0, *(end for _, end in words.spans(text))]
    assert all(end <= start for end, (start, _) in zip(ends, words.spans(text), strict=False))
