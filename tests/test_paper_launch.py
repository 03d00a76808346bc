"""What goes out for the paper's tables fits the slice that site.toml names, before it is paid for."""

import re
import subprocess
import textwrap
from pathlib import Path

import pytest

from experiments.__main__ import main, wanted
from experiments.results import Results
from experiments.runner import plan
from experiments.scales import SCALES
from experiments.tables import TABLES
from launch import site
from launch.accelerator import Accelerator

SCALE = SCALES["paper"]


def all_cells(results):
    found = wanted(list(TABLES.values()), SCALE, SCALE.default)
    return plan(found, results, lambda cell: False).values()


def test_every_batch_of_the_paper_is_shared_out_evenly(tmp_path):
    slice_ = Accelerator(site.load().accelerator)
    devices = slice_.chips * (2 if slice_.name.startswith("v3") else 1)  # of jax: cores, or chips
    runs = [cell.settings for cell in all_cells(Results(tmp_path)) if cell.command == "pretrain"]
    assert len(runs) > 20
    for settings in runs:
        parts = settings["training"]["microbatches"] * devices
        assert settings["data"]["batch_size"] % parts == 0
        assert settings["data"]["shards"] % slice_.hosts == 0


@pytest.mark.parametrize("launcher", ["tpu_vm", "slurm"])
def test_table_3_goes_out_as_a_job_a_cell(launcher, capsys):
    places = ["--workdir=gs://BUCKET/cells", "--data=gs://BUCKET/data", "--text=gs://BUCKET/text"]
    main(["run", "table3", "--scale=paper", f"--launcher={launcher}", *places, "--dry-run"])
    script = capsys.readouterr().out
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    for number, name in ((1, "prepare"), (8, "pretrain"), (40, "finetune")):
        found = set(re.findall(rf"-m albert_jax {name} .*--workdir=(\S+)", script))
        assert len(found) == number and all(path.startswith("gs://BUCKET") for path in found)


def test_the_transcript_in_the_readme_is_what_is_printed(capsys):
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    quoted = re.search(r"\n    # pretrain-.*?(?=\n\n)", readme, re.DOTALL)[0]
    command = re.search(r"python -m experiments (run table3 --scale=paper .*)", readme)[1]
    main(command.split())
    script = capsys.readouterr().out
    assert textwrap.dedent(quoted).strip() in script
    assert len(re.findall("^# [a-z]+-[0-9a-f]{12}: ", script, re.MULTILINE)) == 49
