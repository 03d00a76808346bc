"""Fine-tuning: the paper's recipes, and ours for small models and for tasks that the paper lacks.

    albert-jax finetune --config=configs/finetune.py:task=sst2,size=base --init=CHECKPOINT \
      --data_dir=glue_data --workdir=W

`size` picks the recipe; the architecture is the checkpoint's. From base on it is that of Lan et al. 2020,
Table 14 (of RACE in version 2, that of the release's README), with the optimizer and the schedule of
google-research/albert; the small sizes learn faster, and for
a number of epochs instead of updates, so that a part of the data will do.
"""

from typing import NamedTuple

from ml_collections import ConfigDict

from albert_jax.commands.config import EncoderConfig
from albert_jax.model.config import SIZES
from albert_jax.tasks.table import FAMILIES
from albert_jax.training.checkpoint import CheckpointConfig
from albert_jax.training.config import TuningConfig
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import TuningScheduleConfig
from configs import arguments
from configs.pretrain import as_config


class Recipe(NamedTuple):
    """What Table 14 says of a task; the classifier's dropout is 0.1 everywhere."""

    learning_rate: float
    batch_size: int
    dropout: float  # of the encoder
    steps: int = 0  # 0: `epochs`
    warmup_steps: int = 0  # 0: a tenth of all
    length: int = 0  # 0: as the task has it
    epochs: float = 3.0


PAPER = {
    "cola": Recipe(1e-5, 16, 0.0, 5336, 320, 512),
    "stsb": Recipe(2e-5, 16, 0.0, 3598, 214, 512),
    "sst2": Recipe(1e-5, 32, 0.0, 20935, 1256, 512),
    "mnli": Recipe(3e-5, 128, 0.0, 10000, 1000, 512),
    "qnli": Recipe(1e-5, 32, 0.0, 33112, 1986, 512),
    "qqp": Recipe(5e-5, 128, 0.1, 14000, 1000, 512),
    "rte": Recipe(3e-5, 32, 0.1, 800, 200, 512),
    "mrpc": Recipe(2e-5, 32, 0.0, 800, 200, 512),
    "wnli": Recipe(2e-5, 16, 0.1, 2000, 250, 512),
    "squad1": Recipe(5e-5, 48, 0.0, 3649, 365, 384),
    "squad2": Recipe(3e-5, 48, 0.0, 8144, 814, 512),
    "race": Recipe(2e-5, 32, 0.1, 12000, 1000, 512),
}
VERSION_2 = ("base", "large", "xlarge", "xxlarge")  # as released
DIVERGING = {  # version 2 does with the paper's recipe; these are from the release's README
    "race": PAPER["race"]._replace(learning_rate=1e-5, dropout=0.0),
}
OTHERS = Recipe(3e-5, 32, 0.1)  # tasks that the paper lacks
SMALL = Recipe(1e-4, 32, 0.1)  # all tasks of tiny, mini and small
FEW = SMALL._replace(epochs=5.0)  # a few thousand examples
SMALL_TASKS = dict.fromkeys(("cola", "mrpc", "rte", "stsb", "wnli"), FEW)
SECTIONS = {  # what `task` says beside the family's own defaults
    "sms_spam": {"columns": ("label", "text")},
}

PAPER_SECTIONS = {
    "squad2": {"head": "beam"},  # of run_squad_v2.py; Hugging Face's models have "span"
}


def get_config(argument: str | None = None) -> ConfigDict:
    """All settings of a run.

    Args:
      argument: task (a name of albert_jax.tasks.table.FAMILIES), size (of
        albert_jax.model.config.SIZES; anything of MiniLM's size is small).
    """
    tasks = tuple(dict.fromkeys(("sst2", *FAMILIES)))
    choice = arguments.parse(argument, task=tasks, size=tuple(SIZES))
    recipe = _recipe(**choice)
    is_paper = bool(recipe.steps)
    return as_config(
        preset="reference" if is_paper else "recommended",
        init="checkpoint",
        task=_section(choice["task"], recipe),
        model=EncoderConfig(hidden_dropout=recipe.dropout, attention_dropout=recipe.dropout),
        optimizer=OptimizerConfig(name="adamw", bias_correction=not is_paper),
        schedule=TuningScheduleConfig(
            learning_rate=recipe.learning_rate,
            warmup_steps=recipe.warmup_steps,
            joined=not is_paper,
        ),
        training=TuningConfig(
            batch_size=recipe.batch_size,
            steps=recipe.steps,
            epochs=0.0 if is_paper else recipe.epochs,
        ),
        checkpoint=CheckpointConfig(keep_last=1, metric=""),
    )


def _recipe(task: str, size: str) -> Recipe:
    if size in ("tiny", "mini", "small"):
        return SMALL_TASKS.get(task, SMALL)
    released = DIVERGING if size in VERSION_2 else {}
    return {**PAPER, **released}.get(task, OTHERS)


def _section(task: str, recipe: Recipe):
    """The section `task`, by its family."""
    section, _ = FAMILIES[task]
    said = SECTIONS.get(task, {}) | (PAPER_SECTIONS.get(task, {}) if recipe.steps else {})
    lengths = {"length": recipe.length} if recipe.length else {}
    return section(name=task, **lengths, **said)
