"""Any comparison, as a table of its own: the product of some settings, with the machinery of the paper's.

python -m experiments sweep --over=emb:64,128,256 --over=share:all,none
python -m experiments sweep --over=optimizer.weight_decay:0,0.01 --tasks=sst2 --seeds=3
"""

import ast
import dataclasses
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from albert_jax.commands.config import PretrainingConfig
from albert_jax.errors import UserError
from albert_jax.training.config import build
from experiments.cell import Cell
from experiments.scale import Choice, Model, Scale
from experiments.table import TASKS, Row, Table

WORDS = {str: "text", int: "a whole number", float: "a number", bool: "True or False"}
TYPES: dict[Any, type] = {str: str, int: int, float: float, float | None: float}
NAMES = {  # of Model, and their types
    field.name: TYPES[field.type] for field in dataclasses.fields(Model) if field.type in TYPES
}
OTHERWISE = {  # settings that several stages or cells must agree on, and what says them for all
    "training.seed": "--seeds=N",
    "data.seed": "--seeds=N",
    "training.steps": "--over=effort:...",
    "schedule.decay_steps": "--over=effort:...",
    "model.num_layers": "--over=layers:...",
    "model.hidden_size": "--over=hidden:...",
    "model.embedding_size": "--over=emb:...",
    "model.sharing": "--over=share:...",
    "data.objective": "--over=objective:...",
}
OF_TEXT = ("corpus.", "model.vocab_size")  # a text is prepared once for a whole sweep
Axis = tuple[str, list[Any]]
Settings = Mapping[str, Any]


def table(over: Sequence[str], tasks: Sequence[str], plain: Settings) -> Table:
    """A row for each combination; the first is what the others are compared with.

    Args:
      over: `NAME:VALUE,VALUE`, where NAME is one of Model in the paper's terms, or any setting of a
        config with its section, as it is at the scale.
      tasks: to fine-tune on.
      plain: the whole config of a model as it is at the scale; its values say of what type others are.

    Raises:
      UserError: it is not of this form, or a value is not of its setting's type.
    """
    for task in tasks:
        if task not in TASKS:
            raise UserError(f"there is no task {task}; choose from {', '.join(TASKS)}")
    axes = [_axis(text, plain) for text in over]
    chosen = Counter(name for name, _ in axes)
    for name, count in chosen.items():
        if count > 1:
            raise UserError(f"--over={name} is there twice; name all its values at once")
    rows = [_row(axes, values) for values in itertools.product(*(values for _, values in axes))]
    return Table(
        name="sweep",
        title=f"Sweep over {' x '.join(chosen)}",
        about="No table of the paper.",
        rows=tuple(rows),
        columns=("params", *(["updates"] if "effort" in chosen else []), "mlm", "sentence", *tasks),
    )


def check(table: Table, scale: Scale, choice: Choice):
    """Raises UserError if a row of a sweep could not begin, is not what it is called, or is there twice."""
    labels: dict[str, str] = {}
    for row in table.rows:
        assert row.model is not None
        try:
            name = _checked(row.model, scale, choice).identity
        except UserError as error:
            raise UserError(
                f"--over: {row.label} cannot run at the scale {scale.name}: {error}"
            ) from error
        if name in labels:
            raise UserError(
                f"--over: {labels[name]} and {row.label} are the same run at the scale {scale.name}; "
                "leave one of them out"
            )
        labels[name] = row.label


def _checked(model: Model, scale: Scale, choice: Choice) -> Cell:
    """The last stage of a model whose settings are such that every stage can begin, as long as it says."""
    last = scale.pretraining(model, 0, choice)
    for cell in last.with_needs():
        build(PretrainingConfig, cell.settings)
    usual = scale.pretraining(dataclasses.replace(model, effort=1.0), 0, choice)
    wanted = round(usual.settings["training"]["steps"] * model.effort)
    if (steps := last.settings["training"]["steps"]) != wanted:
        raise UserError(f"it would have {steps:,} updates, not {wanted:,}; choose a smaller effort")
    return last


def _axis(text: str, plain: Settings) -> Axis:
    name, colon, values = text.partition(":")
    if not (colon and values and (name in NAMES or "." in name)):
        raise UserError(
            f"--over={text} must be NAME:VALUE,VALUE with NAME one of {', '.join(NAMES)}, or "
            "SECTION.KEY of the config"
        )
    if name in OTHERWISE:
        raise UserError(
            f"--over={name} would not change all stages of a run; say {OTHERWISE[name]}"
        )
    if name.startswith(OF_TEXT):
        raise UserError(
            f"--over={name} is of the text, which is one for all; sweep each --text alone"
        )
    kind = NAMES[name] if name in NAMES else _kind(name, plain)
    return name, [_value(name, value, kind) for value in values.split(",")]


def _kind(name: str, plain: Settings) -> type:
    """The type of a setting of the config."""
    section, _, key = name.rpartition(".")
    settings = plain.get(section)
    if not isinstance(settings, Mapping) or key not in settings:
        raise UserError(f"--over={name}: the config has no such setting; correct the name")
    kind = type(settings[key])
    if kind not in WORDS:
        raise UserError(f"--over={name}: it is no single word or number; set it in a config file")
    return kind


def _value(name: str, text: str, kind: type) -> Any:
    if kind is str:
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    value = float(value) if kind is float and type(value) is int else value
    if type(value) is kind:
        return value
    raise UserError(f"--over={name}:{text} must be {WORDS[kind]}")


def _row(axes: Sequence[Axis], values: Sequence[Any]) -> Row:
    chosen = dict(zip([name for name, _ in axes], values, strict=True))
    fields = {name: value for name, value in chosen.items() if name in NAMES}
    settings = tuple((name, value) for name, value in chosen.items() if name not in NAMES)
    label = ", ".join(f"{name} = {value}" for name, value in chosen.items())
    return Row(label, Model(**fields, settings=settings), {})
