"""The table of where cells stand."""

import io
import os

from etils import epath

from experiments.cell import Cell
from experiments.scale import Model
from experiments.scales import SCALES
from experiments.status import CLEAR, Status, fitting, labels, position
from tests.test_runner import cell


class Terminal(io.StringIO):
    """A terminal that remembers what was written."""

    def isatty(self) -> bool:
        return True

    def written(self) -> str:
        """Since the last time."""
        text = self.getvalue()
        self.seek(self.truncate(0))
        return text


def status_of(number: int) -> tuple[Status, list[str]]:
    cells = [cell(seed) for seed in range(number)]
    names = [each.identity for each in cells]
    return Status(dict(zip(names, cells, strict=True))), names


def test_a_terminal_shows_what_fits_and_erases_no_more(monkeypatch, tmp_path):
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "6")
    status, _ = status_of(9)
    status.show(epath.Path(tmp_path))
    lines = terminal.written().splitlines()
    assert len(lines) == 5 and all(len(line) < 40 for line in lines)
    assert lines[-1] == "and 6 more"
    status._due = 0
    status.show(epath.Path(tmp_path))
    assert terminal.written().startswith(CLEAR.format(lines=5))
    status.show(epath.Path(tmp_path), last=True)
    assert len(terminal.written().splitlines()) == 10  # nothing is left out of what stays


def test_what_is_not_finished_comes_first(tmp_path):
    status, names = status_of(4)
    status.set(names[0], "finished")
    status.set(names[1], "failed, see log.txt")
    status.set(names[3], "runs", open=True)
    _, *rows = status.table(epath.Path(tmp_path)).splitlines()
    assert [row.split()[-1] for row in rows] == [names[i] for i in (3, 2, 1, 0)]
    assert [row.split()[0].strip(",") for row in rows] == ["runs", "waits", "failed", "finished"]


def test_what_fits():
    rows = [f"row {n}" for n in range(4)]
    assert fitting(rows, os.terminal_size((80, 5))) == rows
    assert fitting(rows, os.terminal_size((5, 4))) == ["row ", "row ", "and "]
    assert fitting(rows, os.terminal_size((80, 1))) == ["row 0", "and 3 more"]


def test_a_label_says_in_what_a_cell_differs():
    """Not what all have alike; a tuned model says of which model."""
    micro = SCALES["micro"]
    one, other = (micro.pretraining(Model(emb=emb), 0, micro.default) for emb in (64, 128))
    again = micro.pretraining(Model(emb=64), 1, micro.default)
    tuned = [micro.tuned(model, "rte", 0, "data") for model in (one, other, again)]
    found = labels({c.identity: c for c in (one, again, *tuned, one.text)})
    assert [*found.values()] == [
        "size=base,emb=64,stage=full seed=0",
        "size=base,emb=64,stage=full seed=1",
        "task=rte,size=tiny of mnli,tiny of base,64,full 0",
        "task=rte,size=tiny of mnli,tiny of base,128,full",
        "task=rte,size=tiny of mnli,tiny of base,64,full 1",
        "prepare",
    ]


def test_a_label_names_settings_and_measurements():
    paper = SCALES["paper"]
    models = [paper.pretraining(Model(layers=layers), 0, paper.default) for layers in (0, 3)]
    measured = [Cell(command="layers", config=m.config, init=m) for m in models]
    assert [*labels({c.identity: c for c in (*models, *measured)}).values()] == [
        "size=base_v1,preset=reference",
        "size=base_v1,preset=reference num_layers=3",
        "layers of base_v1,reference",
        "layers of base_v1,reference 3",
    ]


def test_how_far_a_run_is_stands_in_its_last_line(tmp_path):
    workdir = epath.Path(tmp_path)
    assert position(workdir) == "no step yet"
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text('{"step": 10}\n{"step": 20, "mlm_accuracy": 0.125}\n')
    assert position(workdir) == "step 20, masked LM 12.5%"
    metrics.write_text('{"step": 30, "mlm_accuracy": null}\n')
    assert position(workdir) == "step 30"
    metrics.write_text('{"step": 30}\n{"st')  # another is being written
    assert position(workdir) == "step 30"
