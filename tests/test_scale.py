"""What a scale runs where the user chooses nothing."""

import pytest

from experiments.scales import SCALES
from experiments.table import row_cells
from experiments.tables import TABLES


def first_row(table, scale, **chosen):
    model = next(row.model for row in table.rows if row.model)
    return row_cells(table, model, scale, scale.default._replace(**chosen), seed=0)


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@pytest.mark.parametrize("name", ["table3", "table9", "table10"])
def test_every_task_of_a_table_is_tuned_unless_some_are_chosen(name, scale):
    table = TABLES[name]
    assert set(table.tasks) < set(first_row(table, scale))
    assert not set(table.tasks) & set(first_row(table, scale, tasks=()))
    (one, *_) = table.tasks
    assert set(table.tasks) & set(first_row(table, scale, tasks=(one,))) == {one}


def test_the_paper_tunes_in_float32_too():
    cells = first_row(TABLES["table3"], SCALES["paper"])
    assert {cell.settings["model"]["dtype"] for cell in cells.values()} == {"float32"}
