"""Any comparison, as a table of its own: the product of some settings, with the machinery of the paper's.

python -m experiments sweep --over=emb:64,128,256 --over=share:all,none
python -m experiments sweep --over=optimizer.weight_decay:0,0.01 --tasks=sst2 --seeds=3
"""

import ast
import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from albert_jax.errors import UserError
from experiments.scale import Model
from experiments.table import TASKS, Row, Table

FIELDS = {field.name: field.type for field in dataclasses.fields(Model)}
NAMES = [name for name, kind in FIELDS.items() if kind in (str, int, float, float | None)]
Axis = tuple[str, list[Any]]


def table(over: Sequence[str], tasks: Sequence[str]) -> Table:
    """A row for each combination; the first is what the others are compared with.

    Args:
      over: `NAME:VALUE,VALUE`, where NAME is one of Model in the paper's terms, or any setting of a
        config with its section, as it is at the scale.
      tasks: to fine-tune on.

    Raises:
      UserError: it is not of this form.
    """
    for task in tasks:
        if task not in TASKS:
            raise UserError(f"there is no task {task}; choose from {', '.join(TASKS)}")
    axes = [_axis(text) for text in over]
    rows = [_row(axes, values) for values in itertools.product(*(values for _, values in axes))]
    names = " x ".join(name for name, _ in axes)
    return Table(
        name="sweep",
        title=f"Sweep over {names}",
        about="No table of the paper.",
        rows=tuple(rows),
        columns=("params", "mlm", "sentence", *tasks),
    )


def _axis(text: str) -> Axis:
    name, colon, values = text.partition(":")
    if not (colon and values and (name in NAMES or "." in name)):
        raise UserError(
            f"--over={text} must be NAME:VALUE,VALUE with NAME one of {', '.join(NAMES)}, or "
            "SECTION.KEY of the config"
        )
    return name, [_value(name, value) for value in values.split(",")]


def _value(name: str, text: str) -> Any:
    if FIELDS.get(name) is str:
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _row(axes: Sequence[Axis], values: Sequence[Any]) -> Row:
    chosen = dict(zip([name for name, _ in axes], values, strict=True))
    fields = {name: value for name, value in chosen.items() if name in NAMES}
    settings = tuple((name, value) for name, value in chosen.items() if name not in NAMES)
    label = ", ".join(f"{name} = {value}" for name, value in chosen.items())
    return Row(label, Model(**fields, settings=settings), {})
