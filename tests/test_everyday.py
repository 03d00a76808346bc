"""Every task from a checkpoint and from random parameters, as a table beside the floors."""

import json

import pytest
from etils import epath

from albert_jax.errors import UserError
from experiments import everyday
from experiments.everyday import TASKS, Given, main, tuned
from experiments.results import Results
from tests import tuning

START = Given(name="tiny", folder=epath.Path("models/tiny"), rate=1e-2)


def options(tmp_path, *more: str) -> list[str]:
    places = [f"--workdir={tmp_path / 'runs'}", f"--results={tmp_path / 'cells'}"]
    return ["--start=tiny=models/tiny,1e-2", "--data=data", *places, *more]


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_a_command_with_a_config(task):
    plain, random = (tuned(START, task, is_random, 3, "data") for is_random in (False, True))
    words = plain.words(epath.Path("runs"))
    assert {"--init=models/tiny", "--config.training.seed=3"} <= set(words)
    assert f"--config.task.data_dir=data/{TASKS[task].folder}" in words
    assert set(random.words(epath.Path("runs"))) - set(words) == {
        "--config.init=random",
        f"--workdir=runs/{random.identity}",
    }
    assert plain.settings["task"]["name"] == task and random.settings["init"] == "random"


def test_medians_and_spreads_stand_beside_the_floors(tmp_path, capsys):
    results = Results(epath.Path(tmp_path / "cells"))
    (tmp_path / "cells").mkdir()
    for seed, score in enumerate((81.0, 85.0, 84.0)):
        path = results.path(tuned(START, "sst2", False, seed, "data"))
        path.write_text(json.dumps({"scores": {"accuracy": score}}))
    path = results.path(tuned(START, "ag_news", True, 0, "data"))
    path.write_text(json.dumps({"scores": {"accuracy": 99.0}, "test": {"accuracy": 80.0}}))
    output = tmp_path / "table.md"
    main(options(tmp_path, "--tasks=sst2,ag_news", "--seeds=3", "--table", f"--output={output}"))
    found = capsys.readouterr().out
    assert "| SST-2 | accuracy | 82.8 | **84.0 (81.0 to 85.0)** | – |" in found
    assert "| AG News, a part | accuracy | 87.5 | – | 80.0 |" in found
    assert "tiny: models/tiny, peak rate 0.01." in found
    assert output.read_text().strip() == found.strip()


def test_a_table_without_all_its_cells_is_a_failure(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(everyday, "run", lambda *_: ["finetune-1 failed"])
    with pytest.raises(UserError, match=r"^1 cells have no result\nfinetune-1 failed$"):
        main(options(tmp_path, "--tasks=ag_news"))
    assert "| AG News, a part | accuracy | 87.5 | – | – |" in capsys.readouterr().out


@pytest.mark.parametrize(
    "word, said",
    [("--tasks=sst3", "sst3 is none of sst2, cola"), ("--start=tiny", "must be NAME=FOLDER")],
)
def test_what_cannot_be_understood(word, said, tmp_path):
    with pytest.raises(SystemExit, match=said):
        main(options(tmp_path, word))


@pytest.mark.slow
def test_it_runs(tmp_path, monkeypatch, capsys):
    short = {"folder": tuning.sst2().name, "overrides": (("task.length", 32),)}
    monkeypatch.setitem(TASKS, "sst2", TASKS["sst2"]._replace(**short))
    start, data = f"--start=tiny={tuning.checkpoint()},1e-2", f"--data={tuning.sst2().parent}"
    main([*options(tmp_path, "--tasks=sst2")[2:], start, data])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "SST-2" in line)
    pretrained, random = (float(word.strip(" *")) for word in line.split("|")[4:6])
    assert pretrained >= 50 and random >= 50
    files = [json.loads(path.read_text()) for path in (tmp_path / "cells").iterdir()]
    assert sorted(file["settings"]["init"] for file in files) == ["checkpoint", "random"]
