"""What stands in the places of a grid, and how to read it."""

import json

import pytest

from experiments.comparison import compare
from experiments.grid import FORMS, Grid, grid
from experiments.results import Results
from experiments.scales import SCALES
from experiments.table import cells
from experiments.tables import TABLES
from tests import results
from tests.test_comparison import CHOICE, MICRO


def test_hours_are_whole_from_ten_on():
    assert [FORMS["hours"](hours) for hours in (0.123, 9.66, 10.4, 1370.0)] == [
        "0.12",
        "9.7",
        "10",
        "1,370",
    ]


def words(found: Grid, row: int) -> dict[str, str]:
    """The words of a row by column."""
    return dict(zip(found.header, (item.text for item in found.rows[row]), strict=True))


@pytest.mark.parametrize(
    ("name", "row", "paper", "here", "note"),
    [
        ("table3", 0, "81.3 (-0.4)", "25.0 ± 0.0 (-10.0)", "E = 128 (rows 1 to 4)"),
        ("table3", 7, "79.8 (-0.3)", "95.0 ± 0.0 (+20.0)", "E = 128 (rows 5 to 8)"),
        ("table4", 0, "79.8 (-2.5)", "25.0 ± 0.0 (-30.0)", "E = 768, not-shared (rows 1 to 4)"),
        ("table4", 4, "80.1 (-1.5)", "65.0 ± 0.0 (-30.0)", "E = 128, not-shared (rows 5 to 8)"),
    ],
)
def test_a_row_is_compared_with_the_one_of_its_group(tmp_path, name, row, paper, here, note):
    table, choice = TABLES[name], CHOICE._replace(tasks=())
    found = results.write(tmp_path, table, MICRO, choice, lambda number, *_: 0.25 + 0.1 * number)
    shown = grid(compare(table, MICRO, found, choice))
    assert words(shown, row)["average, paper"] == paper
    assert words(shown, row)["masked LM, here"] == here
    assert note in shown.notes[0]


def test_a_number_of_fewer_seeds_than_the_row_says_so(tmp_path):
    table, choice = TABLES["table7"], CHOICE._replace(tasks=("sst2",))
    found = results.write(tmp_path, table, MICRO, choice, lambda number, *_: 0.5 + 0.1 * number)
    for cell in cells(table, MICRO, choice):
        if "sst2" in cell.config and cell.settings["training"]["seed"]:
            found.path(cell).unlink()
    row = words(grid(compare(table, MICRO, found, choice)), 1)
    assert row["seeds"] == "3" and row["masked LM, here"] == "60.0 ± 0.0 (+10.0)"
    assert row["SST-2, here"] == "60.0 (1 seed) (+10.0)"


@pytest.fixture
def squad(tmp_path):
    """Table 7 after fine-tuning on both versions of SQuAD, at a scale."""
    table, choice = TABLES["table7"], CHOICE._replace(seeds=1, tasks=("squad1", "squad2"))

    def write(scale: str) -> Grid:
        found = results.write(
            tmp_path, table, SCALES[scale], choice, lambda number, *_: 0.5 + 0.1 * number
        )
        for cell in cells(table, SCALES[scale], choice):
            if "squad" in cell.config:
                change(found.path(cell), exact=-10, best_f1=+4, best_exact=-6)
        return grid(compare(table, SCALES[scale], found, choice))

    return write


def change(path, **scores):
    """Adds to the scores of a result."""
    result = json.loads(path.read_text())
    for name, more in scores.items():
        result["scores"][name] += more
    path.write_text(json.dumps(result))


def test_squad_is_f1_and_exact_match_on_both_sides(squad):
    row = words(squad("micro"), 1)
    assert row["SQuAD 1.1, paper"] == "88.8/81.7 (-0.5)"
    assert row["SQuAD 1.1, here"] == "60.0/50.0 (+10.0)"
    assert row["SQuAD 2.0, here"] == "64.0/54.0 (+10.0)"  # at the best threshold
    assert row["average of SQuAD 1.1, SQuAD 2.0, here"] == "57.0 (+10.0)"


def test_what_is_here_beside_the_papers_at_its_own_scale_alone(squad):
    row = words(squad("paper"), 0)
    assert row["SQuAD 1.1, here - paper"] == "-40.8"  # 45 less 85.8
    assert "masked LM, here - paper" not in row  # which the paper does not say
    assert not [title for title in squad("micro").header if "here - paper" in title]


def test_updates_are_those_that_the_scale_makes(tmp_path):
    table = TABLES["table6"]
    long, short = (
        words(grid(compare(table, MICRO, Results(tmp_path), CHOICE)), row) for row in (0, 1)
    )
    assert (long["updates, paper"], long["updates, here"]) == ("400,000", "3,200")
    assert (short["updates, paper"], short["updates, here"]) == ("125,000", "1,000")


@pytest.mark.parametrize(("scale", "advice"), [("micro", True), ("paper", False)])
def test_a_note_says_what_the_scale_is(tmp_path, scale, advice):
    notes = " ".join(
        grid(compare(TABLES["table2"], SCALES[scale], Results(tmp_path), CHOICE)).notes
    )
    assert f"Here is the scale {scale}, {SCALES[scale].about}" in notes
    assert ("compare differences between rows" in notes) is advice
