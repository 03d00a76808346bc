import pytest

from albert_jax.data import wikitext


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("The '''cat''' is a [[mammal|small animal]].", "The cat is a small animal."),
        ("{{Infobox|x=[[y]]}}\nIt purrs.<ref>A {{cite}} book</ref>", "It purrs."),
        ("[[File:Cat.jpg|thumb|A [[cat]] here]]\nIt sleeps.", "It sleeps."),
        ("== Habits ==\nIt eats.\n\n=== More ===\nIt runs.", "It eats.\n\nIt runs."),
        ("It eats:\n* fish\n* [[mice]]\n# one\nAnd more.", "It eats:\n\nAnd more."),
        ('{| class="wikitable"\n| a cell\n|}\nIt walks.', "It walks."),
        ("A cat&nbsp;&amp; a dog<!-- hidden -->.", "A cat\u00a0& a dog."),
        ("The ''Eagle'''s crew", "The Eagle's crew"),
        ("[[Category:Animals]]\n[[de:Katze]]\nA cat.", "A cat."),
        ("[[Star Wars: Episode IV]] is a film.", "Star Wars: Episode IV is a film."),
        ("E is <math>mc^2</math>.", "E is ."),
    ],
)
def test_only_running_text_is_left(markup, expected):
    assert wikitext.plain(markup) == expected


def test_markup_that_is_never_closed_ends_somewhere():
    assert "A cat" in wikitext.plain("A cat {{sat on '''the [[mat")
