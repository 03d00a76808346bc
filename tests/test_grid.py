"""What stands in the places of a grid, and how to read it."""

import pytest

from experiments.comparison import compare
from experiments.grid import Grid, grid
from experiments.tables import TABLES
from tests import results
from tests.test_comparison import CHOICE, MICRO


def cells(found: Grid, row: int) -> dict[str, str]:
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
    assert cells(shown, row)["average, paper"] == paper
    assert cells(shown, row)["masked LM, here"] == here
    assert note in shown.notes[0]
