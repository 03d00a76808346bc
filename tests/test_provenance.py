"""The line under a table: how much has run, on what, by what."""

from pathlib import Path

import pytest

from experiments import provenance
from experiments.comparison import compare
from experiments.results import Results
from experiments.scales import SCALES
from experiments.tables import TABLES
from tests import results
from tests.test_comparison import CHOICE, MICRO, TABLE


@pytest.fixture
def found(tmp_path):
    return results.write(tmp_path, TABLE, MICRO, CHOICE, lambda *_: 0.5)


def test_the_line_under_a_table(found):
    assert provenance.sentence(compare(TABLE, MICRO, found, CHOICE)) == (
        "18 of 18 results are there; text: sotu; 1,000 updates and 2.0 million tokens a run, in its last "
        "stage; commit 0123456; device: 1 cpu; guessing the commonest scores 5.0 % of masked words."
    )


def test_a_missing_result_is_counted(found):
    cells = [
        MICRO.pretraining(row.model, seed, CHOICE) for row in TABLE.rows[:2] for seed in (0, 1)
    ]
    for cell in cells:
        found.path(cell).unlink()
    comparison = compare(TABLE, MICRO, found, CHOICE)
    states = provenance.states(comparison)
    assert {name for name, done in states.items() if not done} == {cell.identity for cell in cells}
    assert provenance.sentence(comparison).startswith("14 of 18 results are there; text")


def test_more_seeds_than_are_chosen_are_not_counted(found):
    choice = CHOICE._replace(seeds=1)
    comparison = compare(TABLE, MICRO, found, choice)
    assert comparison.lines[0].seeds == 3
    assert provenance.sentence(comparison).startswith(
        "6 of 6 results are there, and 12 of further seeds; text"
    )


def test_without_results_there_is_only_the_count(found):
    for path in found.path(MICRO.pretraining(TABLE.rows[0].model, 0, CHOICE)).parent.glob("*.json"):
        path.unlink()
    sentence = provenance.sentence(compare(TABLE, MICRO, found, CHOICE))
    assert sentence == "0 of 18 results are there."


def test_a_table_that_needs_no_run_says_so(found):
    scale = SCALES["paper"]
    comparison = compare(TABLES["table1"], scale, found, scale.default)
    assert provenance.sentence(comparison) == "Nothing is run for this table."
    assert provenance.states(comparison) == {}


def test_a_command_says_what_differs_from_the_scales_own():
    plain = provenance.command(["table3"], MICRO, MICRO.default, Results())
    assert plain == "python -m experiments run table3 --scale=micro"
    assert (
        provenance.command(["table3"], MICRO, MICRO.default._replace(tasks=()), Results(Path("r")))
        == f"{plain} --tasks= --results=r"
    )


def test_a_commit_is_shown_with_what_is_not_in_it():
    commits = ("0123456789", "0123456789-dirty", None)
    made = [{"commit": c, "devices": {"kind": "cpu", "count": 1}} for c in commits]
    (said, _) = provenance._made_by(made)
    assert said == "commits 0123456, 0123456-dirty, unknown"


def test_a_text_is_named_without_folders():
    assert provenance.text_name("../data/novels=1,../data/wikipedia=1") == "novels + wikipedia"
    assert provenance.text_name("a=2,tfds:wikipedia/en=1") == "a=2 + tfds:wikipedia/en"
