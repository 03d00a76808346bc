"""Every task by its commands, from files as they are handed out, and from files that are spoiled."""

import json
import math
import re

import jax
import pytest

from albert_jax.tasks.table import FAMILIES
from albert_jax.training.sharding import make_mesh
from tests import task_files, tuning
from tests.commands import call

TUNED = [name for name in FAMILIES if name not in ("ax", "centroid")]  # these are only scored
SHORT = ("--config.training.steps=2", "--config.training.evaluate_every=2")
NARROW = {  # settings of tasks whose questions take a share of the length
    "squad1": ("--config.task.question_length=8",),
    "squad2": ("--config.task.question_length=8",),
    "race": ("--config.task.question_length=16",),
    "choice": ("--config.task.question_length=16",),
    "conll2003": ("--config.task.overlap=8",),
    "wnut17": ("--config.task.overlap=8",),
    "tagging": ("--config.task.overlap=8",),
}


@pytest.fixture(autouse=True)
def one_device(monkeypatch):
    """A task does not know of devices, and programs for one compile sooner."""
    monkeypatch.setattr(
        "albert_jax.commands.finetune.make_mesh", lambda: make_mesh(jax.devices()[:1])
    )


def finetune(folder, task, data):
    flags = (*SHORT, *NARROW.get(task, ()), f"--data_dir={data}")
    call(*tuning.finetune(folder / "run", *flags, task=task))
    return folder / "run"


@pytest.mark.parametrize("task", TUNED)
def test_it_is_tuned_scored_and_predicted(task, tmp_path):
    run = finetune(tmp_path, task, task_files.write(tmp_path / "data", task))
    found = json.loads((run / "results.json").read_text())
    assert found["step"] == 2 and found["dev"]
    assert all(math.isfinite(score) for score in found["dev"].values())
    losses = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert all(math.isfinite(line["loss"]) for line in losses if line["kind"] == "train")
    written = [path for path in (run / "predictions").rglob("*") if path.is_file()]
    assert written and all(path.stat().st_size for path in written)


@pytest.mark.parametrize("task", TUNED)
def test_a_spoiled_file_is_one_line(task, tmp_path):
    data = task_files.write(tmp_path / "data", task, spoiled=True)
    with pytest.raises(SystemExit) as stopped:
        finetune(tmp_path, task, data)
    message = str(stopped.value)
    assert "\n" not in message
    assert re.search(task_files.SPOILED[task][2], message)


def test_the_diagnostic_set_is_scored_by_a_model_of_mnli(tmp_path, capsys):
    data = task_files.write(tmp_path / "data", "ax")
    run = finetune(tmp_path, "mnli", data)
    call("evaluate", f"--model={run}", "--task=ax", f"--data_dir={data}")
    assert "matthews" in capsys.readouterr().out


def test_a_summary_by_the_centroid_needs_no_training(tmp_path, capsys):
    data = task_files.write(tmp_path / "data", "centroid")
    call("evaluate", f"--model={tuning.checkpoint()}", "--task=centroid", f"--data_dir={data}")
    assert "rouge1" in capsys.readouterr().out


@pytest.mark.parametrize(("task", "model"), [("ax", "mnli"), ("centroid", "")])
def test_what_is_only_scored_is_spoiled_too(task, model, tmp_path):
    data = task_files.write(tmp_path / "data", task, spoiled=True)
    checkpoint = finetune(tmp_path, model, data) if model else tuning.checkpoint()
    with pytest.raises(SystemExit, match=task_files.SPOILED[task][2]):
        call("evaluate", f"--model={checkpoint}", f"--task={task}", f"--data_dir={data}")
