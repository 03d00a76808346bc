"""The smallest fine-tuning there is: a random model of a few thousand parameters, words of two kinds."""

import functools
import tempfile
from pathlib import Path

import numpy as np

from albert_jax.commands.load import save
from tests.models import random_model

_FOLDER = tempfile.TemporaryDirectory(prefix="albert-jax-tuning-")
WORDS = (("dog", "big", "one", "walking"), ("cat", "sat", "mat", "on"))  # by label
STEPS, EVERY = 45, 15


def folder() -> Path:
    """Where such things lie until the end of the session."""
    return Path(_FOLDER.name)


@functools.cache
def checkpoint() -> Path:
    """A model as it comes out of pretraining, in our own format; do not write there."""
    model = random_model(embedding_size=16, hidden_size=32, num_layers=1, ffn_size=32)
    save(model, folder() / "checkpoint")
    return folder() / "checkpoint"


@functools.cache
def sst2() -> Path:
    """A folder of GLUE with SST-2 in it: 48 examples for training, 24 for dev and 24 for test."""
    base = folder() / "glue_data"
    rng = np.random.default_rng(0)
    rows = [
        (" ".join(rng.choice(WORDS[label], rng.integers(2, 6))), label)
        for _ in range(48)
        for label in (0, 1)
    ]
    (base / "SST-2").mkdir(parents=True)
    for name, some in (("train", rows[:48]), ("dev", rows[48:72])):
        lines = ["sentence\tlabel", *(f"{text}\t{label}" for text, label in some)]
        (base / "SST-2" / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    lines = ["index\tsentence", *(f"{i}\t{text}" for i, (text, _) in enumerate(rows[72:]))]
    (base / "SST-2" / "test.tsv").write_text("\n".join(lines) + "\n")
    return base


def finetune(workdir: Path, *flags: str, task: str = "sst2", init: Path | None = None) -> list[str]:
    """The words of a command that fine-tunes; later flags win."""
    return [
        "finetune",
        f"--config=configs/finetune.py:task={task},size=tiny",
        f"--init={init or checkpoint()}",
        f"--data_dir={sst2()}",
        f"--workdir={workdir}",
        "--config.task.length=32",
        "--config.model.dtype=float32",
        "--config.schedule.learning_rate=1e-2",
        f"--config.training.steps={STEPS}",
        f"--config.training.evaluate_every={EVERY}",
        "--config.training.batch_size=16",
        "--config.training.log_every=1",
        *flags,
    ]
