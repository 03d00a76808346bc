"""The paper's numbers are the paper's, and every cell of every table is a run that builds."""

import json
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from albert_jax.commands.config import finetuning, pretraining
from albert_jax.model.config import AlbertConfig
from configs.micro import NARROWER
from experiments.cell import Cell, everything
from experiments.scale import Choice, Model
from experiments.scales import SCALES
from experiments.table import TASKS, cells, row_cells
from experiments.tables import TABLES

REFERENCE = Path(__file__).parents[2] / "shared" / "reference" / "paper_tables.json"
EVERYTHING = Choice(text="sotu", more_text="", seeds=1, tasks=TASKS, data="data")


def paper() -> dict:
    if not REFERENCE.exists():
        pytest.skip(f"needs {REFERENCE}")
    return json.loads(REFERENCE.read_text())["tables"]


NAMES = {  # in paper_tables.json -> ours
    **{"squad1.1": "squad1", "squad2.0": "squad2", "sst": "sst2", "sts": "stsb"},
    **{"squad1.1_dev": "squad1", "squad2.0_dev": "squad2"},
    **{"params_printed": "params", "speedup": "speed", "steps": "updates"},
    **{"L": "layers", "H": "hidden", "E": "emb"},
    **{"lr": "rate", "albert_dropout": "dropout", "classifier_dropout": "classifier"},
    **{"train_steps": "steps", "warmup_steps": "warmup", "max_seq_len": "length"},
}
IN_WORDS = {  # what the file has in a sentence about a table
    "table8_dropout": ("note", "about 1M steps", {"updates": 1_000_000}),
    "table11_depth": ("config", "18M params for all depths", {"params": "18M"}),
}


def said(row: dict, *others: str) -> dict:
    """A row of paper_tables.json in the form of ours, without others of its keys."""
    return {
        NAMES.get(key, key): value_of(key, value)
        for key, value in row.items()
        if key not in ("model", "avg_recomputed", "params_counted", *others)
    }


def value_of(key: str, value):
    """SQuAD's as a pair, "400k" as a number."""
    if isinstance(value, dict) and "f1" in value:
        return (value["f1"], value["em"])
    return int(value.rstrip("k")) * 1000 if key == "steps" else value


@pytest.mark.parametrize(
    ("name", "key", "others"),
    [
        ("table2", "table2_main_125k", ()),
        ("table3", "table3_embedding_size", ("E",)),
        ("table4", "table4_sharing", ("E",)),
        ("table5", "table5_sop", ("intrinsic",)),
        ("table6", "table6_same_time", ()),
        ("table7", "table7_additional_data", ()),
        ("table8", "table8_dropout", ()),
        ("table11", "table11_depth", ("layers",)),
        ("table12", "table12_width", ("hidden",)),
        ("table13", "table13_deep_xxlarge", ("layers",)),
    ],
)
def test_the_papers_numbers(name, key, others):
    """All of ours are in the file, and all of the file's in ours."""
    table, more = paper()[key], {}
    if key in IN_WORDS:
        place, words, more = IN_WORDS[key]
        assert words in table[place]
    for ours, theirs in zip(TABLES[name].rows, table["rows"], strict=True):
        intrinsic = theirs.get("intrinsic", {})
        names = {"mlm": "mlm", "nsp": "on_nsp", "sop": "on_sop"}
        more |= {names[key]: value for key, value in intrinsic.items()}
        assert ours.paper == said(theirs, *others) | more


def test_the_papers_sizes():
    others = ("sharing", "heads_released", "ffn", "params_with_mlm_sop_heads")
    for ours, theirs in zip(TABLES["table1"].rows, paper()["table1_configs"]["rows"], strict=True):
        assert ours.label == theirs["model"]
        assert ours.paper == said(theirs, *others)


def test_the_papers_recipes_of_fine_tuning():
    rows = paper()["table14_finetune_hparams"]["rows"]
    for ours, (name, theirs) in zip(TABLES["table14"].rows, rows.items(), strict=True):
        assert ours.label.startswith(name.replace(" v", " "))
        assert ours.paper == said(theirs)


UPDATES = {"ALBERT (1M)": {"updates": 1_000_000}, "ALBERT (1.5M)": {"updates": 1_500_000}}


def test_the_papers_numbers_of_single_models():
    glue = paper()["table9_glue"]["dev_single_task_single_model_median"]
    for ours, theirs in zip(TABLES["table9"].rows, glue, strict=True):
        assert ours.label == theirs["model"]
        assert ours.paper == said(theirs, "wnli", "avg") | UPDATES.get(ours.label, {})
    squad = {row["model"]: row for row in paper()["table10_squad_race"]["single_model"]}
    others = ("squad2.0_test", "race_middle", "race_high")
    for row in TABLES["table10"].rows:
        assert row.paper == said(squad[row.label], *others) | UPDATES.get(row.label, {})


def every_cell(scale: str) -> list[Cell]:
    """The cells of all tables and what they need, each once."""
    tables = TABLES.values()
    return everything(cell for table in tables for cell in cells(table, SCALES[scale], EVERYTHING))


@pytest.mark.parametrize("scale", SCALES)
def test_every_cell_is_a_run(scale):
    found = every_cell(scale)
    assert len(found) > 100
    for cell in found:
        if cell.command == "finetune":
            run = finetuning(cell.settings)
            assert run.task.length <= cell.init.settings.get("data", {"length": 512})["length"]
        elif cell.command != "prepare":
            run = pretraining(ConfigDict(cell.settings), None)
            assert run.training.steps == run.schedule.decay_steps


def test_tables_share_their_cells():
    """ALBERT-base stands in five tables, and the rows of Table 3 with E = 128 and 768 in Table 4."""
    micro = SCALES["micro"]
    base = micro.pretraining(Model(size="base"), 0, EVERYTHING).identity
    for name in ("table2", "table3", "table4", "table5", "table7"):
        found = [cell.identity for cell in cells(TABLES[name], micro, EVERYTHING)]
        assert found.count(base) == 1, name
    third, fourth = (
        {c.identity for c in cells(TABLES[name], micro, EVERYTHING) if c.command == "pretrain"}
        for name in ("table3", "table4")
    )
    assert len(third & fourth) == 4


def test_the_scales_name_the_same_models():
    """What micro shrinks is the model that the scale paper trains."""
    for table in TABLES.values():
        for row in table.rows:
            if row.model and table.is_run:
                compare(row.model)


def compare(model: Model):
    large, small = (
        AlbertConfig(**SCALES[name].pretraining(model, 0, EVERYTHING).settings["model"])
        for name in ("paper", "micro")
    )
    assert large.sharing == small.sharing or small.num_layers == 1
    assert large.hidden_size == NARROWER * small.hidden_size
    assert large.embedding_size == NARROWER * small.embedding_size
    assert large.ffn_size == NARROWER * small.ffn_size
    assert large.has_projection == small.has_projection


@pytest.mark.parametrize("name", SCALES)
def test_a_model_of_more_text_is_measured_on_that_of_the_other(name):
    scale, table = SCALES[name], TABLES["table7"]
    plain, more = (row_cells(table, row.model, scale, EVERYTHING, 0) for row in table.rows)
    assert plain["objectives"].text is None  # its own
    assert more["objectives"].text == plain["pretrain"].text != more["pretrain"].text
