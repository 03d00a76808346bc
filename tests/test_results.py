"""Every result says which commit and seed made it, also of a text and of a measurement."""

import json

import pytest
from etils import epath

from experiments.cell import ROOT, Cell
from experiments.results import Results, is_finished

SETTINGS = (("corpus.source", "a.txt"), ("training.seed", 7))
TEXT = Cell(command="prepare", config="tests/tiny.py", overrides=SETTINGS)
MODEL = Cell(command="pretrain", config="tests/tiny.py", overrides=SETTINGS, text=TEXT)
MEASURED = Cell(command="layers", config="tests/tiny.py", init=MODEL)
LEFT = {
    TEXT: ("records/prepared.json", {"settings": {}, "documents": {"train": 2}, "text": "0f"}),
    MEASURED: ("measured.json", {"l2": [1.0], "commit": "c0ffee"}),
}


def test_a_pretraining_is_finished_with_its_last_checkpoint(tmp_path):
    """Its last line comes before: a run that is killed between them is not done."""
    workdir = epath.Path(tmp_path)
    line = {"step": MODEL.settings["training"]["steps"], "kind": "held_out"}
    (workdir / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    (workdir / "checkpoints" / f"{line['step']}.orbax-checkpoint-tmp").mkdir(parents=True)
    assert not is_finished(MODEL, workdir)
    (workdir / "checkpoints" / str(line["step"])).mkdir()
    assert is_finished(MODEL, workdir)


@pytest.mark.parametrize(("cell", "seed"), [(TEXT, None), (MEASURED, 7)])
def test_provenance(tmp_path, monkeypatch, cell, seed):
    monkeypatch.setattr("experiments.results.commit", lambda checkout: {ROOT: "decaf"}[checkout])
    name, content = LEFT[cell]
    results, file = Results(epath.Path(tmp_path / "results")), tmp_path / "work" / name
    assert not results.collect(cell, epath.Path(tmp_path / "work"))
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(content))
    assert results.collect(cell, epath.Path(tmp_path / "work"))
    found = results.read(cell)
    assert (found["seed"], found["commit"]) == (seed, content.get("commit", "decaf"))
    assert content.items() <= found.items()
