"""A sweep is a table of all combinations."""

from experiments.scales import SCALES
from experiments.sweep import table
from experiments.table import cells
from tests.test_comparison import CHOICE


def test_a_row_for_each_combination():
    found = table(["emb:64,128", "share:all,none", "optimizer.weight_decay:0.0,0.1"], ["sst2"])
    assert len(found.rows) == 8
    assert found.rows[0].label == "emb = 64, share = all, optimizer.weight_decay = 0.0"
    assert found.rows[-1].model.share == "none" and found.rows[-1].model.emb == 128
    assert found.tasks == ("sst2",)
    for scale in SCALES.values():
        pretrained = [c for c in cells(found, scale, CHOICE) if c.command == "pretrain"]
        assert len({cell.identity for cell in pretrained}) == 8 * CHOICE.seeds
        assert {cell.settings["optimizer"]["weight_decay"] for cell in pretrained} == {0.0, 0.1}


def test_a_sweep_over_what_a_table_compares_runs_its_cells():
    from experiments.tables import TABLES

    micro, choice = SCALES["micro"], CHOICE._replace(tasks=())
    swept = {c.identity for c in cells(table(["emb:64,128,256,768"], []), micro, choice)}
    assert swept < {c.identity for c in cells(TABLES["table3"], micro, choice)}
