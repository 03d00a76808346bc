"""What corpus.source says, without looking it up."""

import pytest

from albert_jax.data import text
from experiments.source import mixture, parts, without_folders


def test_a_mixture_has_parts_and_another_text_is_one():
    assert parts("a.txt=2,gs://b/c=0.5,d") == [("a.txt", "=2"), ("gs://b/c", "=0.5"), ("d", "")]
    assert parts("some,text.txt") == [("some,text.txt", "")]
    assert parts("a=1, b=2") == [("a", "=1"), ("b", "=2")]
    assert parts("year=2024/text.txt") == [("year=2024/text.txt", "")]


@pytest.mark.parametrize("source", ["a.txt", "a=2,b/c=0.5", "tfds:wikipedia/en=1,sotu", "x=y=3"])
def test_parts_are_those_that_prepare_reads(source):
    read = [(part.source, part.weight) for part in text.parts(source)]
    assert [(place, float(weight[1:] or 1)) for place, weight in parts(source)] == read


def test_texts_together_are_a_mixture():
    assert mixture("a", "b=2,c=1") == "a=1,b=2,c=1"
    assert mixture("year=2024/a") == "year=2024/a=1"


def test_a_name_has_no_folders():
    assert without_folders("../x/novels=1,sotu=2") == "novels=1,sotu=2"
    assert without_folders("books/=1,x/news.jsonl=0.5") == "books=1,news.jsonl=0.5"
    assert without_folders("x/books/") == "books"
    assert without_folders("tfds:wikipedia/en") != without_folders("tfds:other/en")
