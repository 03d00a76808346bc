"""Medians, spreads, differences and averages, and when a difference is more than chance."""

import json

import pytest

from experiments.comparison import Entry, compare, difference, is_told_apart
from experiments.results import Results
from experiments.scale import Choice, Model
from experiments.scales import SCALES
from experiments.table import Row, Table, row_cells, scores
from experiments.tables import TABLES
from tests import results

MICRO = SCALES["micro"]
TABLE = Table(
    name="two",
    title="Two",
    about="",
    rows=(
        Row("one", Model(emb=64), scores((90.0, 80.0), (70.0, 60.0), 50.0, 80.0, 40.0, 64.0)),
        Row("other", Model(emb=128), scores((92.0, 82.0), (72.0, 62.0), 52.0, 84.0, 42.0, 66.0)),
        Row("theirs", None, {"mnli": 77.0}),
    ),
    columns=("params", "speed", "mlm", "squad1", "mnli", "sst2"),
)
CHOICE = Choice(text="sotu", more_text="a.jsonl", seeds=3, tasks=("mnli", "sst2"), data="data")
VALUES = {"pretrain": (0.2, 0.3, 0.25), "mnli": (0.4, 0.5, 0.6), "sst2": (0.8, 0.7, 0.75)}


@pytest.fixture
def found(tmp_path):
    value = lambda row, name, seed: VALUES[name][seed] + 0.1 * row  # noqa: E731
    return results.write(tmp_path, TABLE, MICRO, CHOICE, value)


def test_the_middle_and_the_spread_of_the_seeds(found):
    one, other, theirs = compare(TABLE, MICRO, found, CHOICE).lines
    assert one.seeds == 3 and theirs.seeds == 0
    assert one.entries["mlm"].values == pytest.approx((20, 30, 25))
    assert one.entries["mlm"].median == 25 and one.entries["mlm"].spread == pytest.approx(5)
    assert difference(other.entries["mlm"], one.entries["mlm"]) == pytest.approx(10)
    assert theirs.entries["mnli"] == Entry((), 77.0)
    assert theirs.entries["mnli"].median is None


def test_seeds_that_are_there_are_shown_if_fewer_are_chosen(found):
    for seeds in (1, 2, 4):
        one, *_ = compare(TABLE, MICRO, found, CHOICE._replace(seeds=seeds)).lines
        assert one.seeds == 3 and one.entries["mlm"].median == 25
        assert one.entries["mnli"].values == pytest.approx((40, 50, 60))


def test_the_average_is_of_the_tasks_that_were_run(found):
    comparison = compare(TABLE, MICRO, found, CHOICE)
    average = comparison.lines[0].entries["common"]
    assert comparison.columns["common"].title == "average of MNLI, SST-2"
    assert average.paper == 65  # of 50 and 80, not the 64 of all five
    assert comparison.columns["common"].about == "Of these alone, on both sides."
    assert comparison.lines[0].entries["average"].paper == 64
    assert comparison.lines[0].entries["average"].median is None


def test_the_average_is_of_medians_its_spread_of_the_seeds(found):
    average = compare(TABLE, MICRO, found, CHOICE).lines[0].entries["common"]
    assert average.values == pytest.approx((60, 60, 67.5))
    assert average.median == pytest.approx(62.5)  # of 50 and 75; 60 is the median of the averages
    assert average.spread == pytest.approx(4.33, abs=0.01)


def test_the_average_of_all_five_tasks_is_the_papers_own(tmp_path):
    table, choice = TABLES["table2"], CHOICE._replace(seeds=1, tasks=None)
    found = results.write(tmp_path, table, MICRO, choice, lambda *_: 0.5)
    comparison = compare(table, MICRO, found, choice)
    assert "common" not in comparison.columns
    assert comparison.lines[2].entries["average"].median == 50
    assert comparison.lines[2].entries["average"].paper == 80.1  # of the numbers it prints, 80.05


def test_hours_are_of_all_stages(found):
    """The results of the earlier stages are missing, then they are there."""
    table = TABLE._replace(columns=("hours",))
    last = MICRO.pretraining(Model(emb=64), 0, CHOICE)
    for before in (last.init, last.init.init):
        assert compare(table, MICRO, found, CHOICE).lines[0].entries["hours"].values == ()
        found.path(before).write_text(json.dumps({"seconds": {"cpu": 130.0}}))
    entry = compare(table, MICRO, found, CHOICE).lines[0].entries["hours"]
    assert entry.values == pytest.approx((0.1,))  # 100 and twice 130 seconds


def test_race_is_on_test_where_the_paper_has_it_so(tmp_path):
    table, choice = TABLES["table10"], CHOICE._replace(seeds=1, tasks=None)
    found = results.write(tmp_path, table, MICRO, choice, lambda *_: 0.5)
    assert table.tasks == ("squad1", "squad2", "race")
    assert compare(table, MICRO, found, choice).lines[3].entries["race_test"] == Entry((), 86.0)
    cell = row_cells(table, table.rows[3].model, MICRO, choice, 0)["race"]
    found.path(cell).write_text(json.dumps(found.read(cell) | {"test": {"accuracy": 71.0}}))
    entry = compare(table, MICRO, found, choice).lines[3].entries["race_test"]
    assert entry == Entry((71.0,), 86.0)


def test_without_results_the_average_is_the_papers(tmp_path):
    comparison = compare(TABLE, MICRO, Results(tmp_path), CHOICE)
    assert comparison.is_empty
    assert comparison.lines[0].entries["average"].paper == 64
    assert comparison.lines[0].entries["squad1"].paper == 85  # the mean of F1 and exact match
    assert comparison.lines[0].entries["params"].median > 100_000  # known before anything runs


def test_a_task_that_a_row_lacks_is_in_no_average(found):
    """One seed of a row is enough: others may have been pretrained and no more."""
    for seed, title in ((2, "MNLI, SST-2"), (1, "MNLI, SST-2"), (0, "MNLI")):
        cell = MICRO.tuned(MICRO.pretraining(Model(emb=64), seed, CHOICE), "sst2", seed, "data")
        found.path(cell).unlink()
        columns = compare(TABLE, MICRO, found, CHOICE).columns
        assert columns["common"].title == f"average of {title}"


@pytest.mark.parametrize(
    ("ours", "reference", "told"),
    [
        ((30.0, 30.1, 30.2), (29.0, 29.1, 29.2), True),
        ((30.0, 30.1, 32.2), (29.0, 29.1, 31.2), False),  # more spread than difference
        ((30.0, 30.5, 31.0), (29.0, 29.5, 30.0), False),  # 2.4 standard errors
        ((30.0, 30.1), (20.0, 20.1), False),  # too few seeds to say
    ],
)
def test_a_difference_needs_seeds_and_little_spread(ours, reference, told):
    assert is_told_apart(Entry(ours, None), Entry(reference, None)) is told
