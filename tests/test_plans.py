"""The models of a table are planned with the settings of their cells, each once."""

import pytest

from albert_jax.errors import UserError
from experiments import plans
from experiments.scales import SCALES
from experiments.table import cells
from experiments.tables import TABLES

PAPER = SCALES["paper"]


def of(name):
    return cells(TABLES[name], PAPER, PAPER.default)


@pytest.fixture
def commands(monkeypatch):
    """What would be run; none whose config has `fails` in it succeeds."""
    found = []

    def run(command, cwd):
        found.append(command[3:])
        return type("Done", (), {"returncode": int("emb=768" in command[4])})

    monkeypatch.setattr(plans.subprocess, "run", run)
    return found


def test_what_a_model_is_grown_from_comes_first(commands):
    plans.plan(of("table13"), "v3:4x8")
    six, twelve, more = (words[1:] for words in commands)
    assert [words[0] for words in commands] == ["plan"] * 3
    assert "--config.model.num_layers=6" in six
    assert "--config.model.num_layers=24" in more and "num_layers" not in " ".join(twelve)
    assert all(words[-1] == "--topology=v3:4x8" for words in commands)


def test_a_model_without_a_plan_does_not_stop_the_others(commands):
    with pytest.raises(UserError, match=r"^2 of 8 have no plan: pretrain-\w+, pretrain-\w+$"):
        plans.plan(of("table3"), "v5e:2x4")
    assert len({tuple(words) for words in commands}) == 8
