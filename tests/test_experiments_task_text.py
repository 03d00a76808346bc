"""All texts of the training files are written, each once, and nothing of dev, test or the labels."""

import pytest

from albert_jax.data.text import documents
from experiments import task_text
from experiments.everyday import TASKS
from tests import task_files, tuning


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The literal files of every task, in a folder each."""
    for name, task in TASKS.items():
        (tmp_path / name).mkdir()
        place = task_files.write(tmp_path / name, name)
        monkeypatch.setitem(TASKS, name, task._replace(folder=str(place.relative_to(tmp_path))))
    return tmp_path


def test_every_task_gives_its_training_texts_once(data, capsys):
    output = data / "new" / "tasks.txt"
    vocabulary = f"--vocabulary={tuning.checkpoint() / 'vocabulary.model'}"
    task_text.main([f"--data={data}", f"--output={output}", vocabulary])
    counts = [int(line.split()[-2]) for line in capsys.readouterr().out.splitlines()]
    found = output.read_text().strip().split("\n\n")
    assert sum(counts) == len(found) == len(set(found)) == len(list(documents(str(output))))
    assert len(counts) == len(TASKS)
    some = {"The sat cat.", "The big cat sat on the mat.", "The cat sat on the mat.", "The Dog sat"}
    assert some <= set(found)  # of CoLA, SQuAD, RACE and WNUT-17
    assert "The dog was walking." not in found  # of CoLA's dev
