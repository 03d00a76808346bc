"""`--task=NAME:KEY=VALUE,...`: a task, and what is not as usual in its section."""

import dataclasses
from typing import Any

from albert_jax.errors import UserError
from albert_jax.tasks.table import family

HELP = "a task, such as sst2 or text:text=review,label=stars; as the model was tuned if left out"
BOOLS = {"true": True, "false": False}


def parse(argument: str | None) -> tuple[str | None, dict[str, Any]]:
    """The name of a task and settings of its section, in the types of its fields.

    Values of a tuple have "|" between them.

    Raises:
      UserError: no such task or setting, or a value of another type.
    """
    if argument is None:
        return None, {}
    name, _, rest = argument.partition(":")
    section, _ = family(name)
    fields = {field.name: field.type for field in dataclasses.fields(section)}
    settings = {}
    for item in filter(None, rest.split(",")):
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
        return kind(text) if kind in (int, float) else tuple(filter(None, text.split("|")))
    except (ValueError, KeyError) as error:
        raise UserError(f"{place} is {text!r}; it must be of type {kind.__name__}") from error
