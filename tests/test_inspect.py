"""The page that says what a model is made of."""

import json
from pathlib import Path

import pytest
from etils import epath

from albert_jax.commands import inspect
from albert_jax.commands.config import pretraining
from albert_jax.errors import UserError
from configs.pretrain import get_config

CONFIG = Path(__file__).parents[1] / "configs" / "pretrain.py"


def test_base_has_the_parameters_that_were_released(capsys):
    inspect.main([f"--config={CONFIG}:size=base,length=512"])
    page = capsys.readouterr().out
    assert "without heads         11,683,584\n" in page
    assert "total                 11,813,810\n" in page
    assert "forward, rows of 512" in page


def test_a_workdir_reads_as_its_config(tmp_path, capsys):
    run = pretraining(get_config("size=tiny,length=64"), epath.Path(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"config": run.to_dict()}))
    inspect.main([f"--model={tmp_path}"])
    of_workdir = capsys.readouterr().out
    inspect.main([f"--config={CONFIG}:size=tiny,length=64"])
    assert of_workdir == capsys.readouterr().out


def test_the_shares_of_a_table_add_up(capsys):
    inspect.main([f"--config={CONFIG}:size=tiny,length=64"])
    tables = capsys.readouterr().out.split("\n\n")
    assert len(tables) == 2
    for table in tables:
        shares = [float(word[:-1]) for word in table.split() if word.endswith("%")]
        assert sum(shares) == pytest.approx(100, abs=0.3)


@pytest.mark.parametrize("argv", [[], [f"--config={CONFIG}", "--model=somewhere"]])
def test_one_of_the_two_is_needed(argv):
    with pytest.raises(UserError, match="needs one of --config"):
        inspect.main(argv)
