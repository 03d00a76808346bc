"""Pictures of results: what is drawn, and by which names."""

import re

import pytest

from experiments.comparison import compare
from experiments.plots import PICTURES
from tests import results
from tests.test_comparison import CHOICE, MICRO, TABLE


@pytest.fixture
def comparison(tmp_path):
    found = results.write(tmp_path, TABLE, MICRO, CHOICE, lambda row, *_: 0.2 + 0.1 * row)
    return compare(TABLE, MICRO, found, CHOICE)


def words(svg: str) -> list[str]:
    """What is written in a picture."""
    return re.findall(r"<text[^>]*>([^<]+)", svg)


def test_curves_have_the_loss_beside_the_accuracy_and_what_guessing_scores(comparison):
    picture = PICTURES["curves"](comparison)
    assert {"masked LM, loss in nats", "masked LM, % of held-out", "one", "other"} <= set(
        words(picture.svg)
    )
    assert len(re.findall(r"stroke-dasharray: \d", picture.svg)) == 1
    assert "Dashed: what guessing scores" in picture.caption


def test_an_axis_of_sizes_has_the_names_of_the_rows(comparison):
    drawn = words(PICTURES["embeddings"](comparison).svg)
    assert "E, size of the embeddings in the paper" in drawn
    assert {"64", "(16 here)", "128", "(32 here)"} <= set(drawn)


def test_without_results_there_is_no_picture(comparison):
    empty = comparison._replace(lines=[line._replace(runs=[]) for line in comparison.lines])
    assert [PICTURES[name](empty) for name in PICTURES] == [None] * len(PICTURES)
