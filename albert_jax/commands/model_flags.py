"""The flags of `evaluate`, `predict` and `explain` that say which model is to do what.

`--task=NAME:KEY=VALUE,...` is a task, and what is not as usual in its section. A comma that no KEY= follows
is of the value: `--task=choice:question=q,options=first,second`.
"""

import dataclasses
import re
from typing import Any

import jax

from albert_jax.commands.flags import CommandLine
from albert_jax.commands.load import load
from albert_jax.commands.predictor import Predictor, predictor
from albert_jax.errors import UserError
from albert_jax.tasks.table import family

BOOLS = {"true": True, "false": False}


def define(line: CommandLine):
    """Adds --model, --task, --labels and --dtype."""
    line.path("model", "a workdir, or a model of any format that convert reads")
    usual = "as the model was tuned if left out"
    line.text("task", "TASK", f"such as sst2, or text:text=review,label=stars; {usual}")
    line.text("labels", "A,B,...", "what the model's classes are called, in its order")
    line.text("dtype", "DTYPE", "bfloat16 or float32, to compute in; the model's own if left out")


def open_model(flags: dict[str, Any], **settings: Any) -> Predictor:
    """The model and the task that the flags name, on all devices.

    Args:
      flags: as `CommandLine.parse` gives them.
      **settings: of the task's section, besides those of --task.

    Raises:
      UserError: they cannot be read, or do not go together.
    """
    name, own = task_settings(flags["task"])
    said = tuple(flags["labels"].split(",")) if flags["labels"] else ()
    model = load(flags["model"])
    if flags["dtype"]:
        config = dataclasses.replace(model.config, dtype=flags["dtype"])
        model = dataclasses.replace(model, config=config)
    return predictor(model, name, settings=own | settings, labels=said, devices=jax.devices())


def task_settings(argument: str | None) -> tuple[str | None, dict[str, Any]]:
    """The name of a task and settings of its section, in the types of its fields.

    Values of a tuple have commas or "|" between them.

    Raises:
      UserError: no such task or setting, or a value of another type.
    """
    if argument is None:
        return None, {}
    name, _, rest = argument.partition(":")
    section, _ = family(name)
    fields = {field.name: field.type for field in dataclasses.fields(section)}
    settings = {}
    for item in filter(None, re.split(r",(?=\w+=)", rest)):
        key, equals, text = item.partition("=")
        if key not in fields or not equals:
            raise UserError(
                f"--task: {item!r} is no setting of {name}; known are {', '.join(fields)}"
            )
        settings[key] = _value(fields[key], text, f"--task: {key}")
    return name, settings


def _value(kind: Any, text: str, place: str) -> Any:
    if kind is str:
        return text
    try:
        if kind is bool:
            return BOOLS[text]
        return kind(text) if kind in (int, float) else tuple(filter(None, re.split(r"[,|]", text)))
    except (ValueError, KeyError) as error:
        raise UserError(f"{place} is {text!r}; it must be of type {kind.__name__}") from error
