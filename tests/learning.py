"""Fine-tuning on files that a test has written, from fresh parameters, far enough to learn them."""

import json
from pathlib import Path

from tests import tuning
from tests.commands import call


def learn(task: str, data_dir: Path, workdir: Path, *flags: str, steps: int = 40) -> dict:
    """Runs the command in this process; returns what it wrote to results.json."""
    settings = (
        f"--data_dir={data_dir}",
        "--config.init=random",
        "--config.model.hidden_dropout=0.0",
        "--config.model.attention_dropout=0.0",
        f"--config.training.steps={steps}",
        f"--config.training.evaluate_every={steps}",
        "--config.training.log_every=20",
    )
    call(*tuning.finetune(workdir, *settings, *flags, task=task))
    return json.loads((workdir / "results.json").read_text())
