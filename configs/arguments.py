"""The part of a config's name after the colon: `size=base,share=all`."""

from typing import Any

from albert_jax.errors import UserError


def parse(argument: str | None, **defaults: Any) -> dict[str, Any]:
    """`defaults` with the values an argument string gives, in the types of the defaults.

    For the few choices that move many settings at once; every single setting has its own flag,
    `--config.SECTION.KEY=VALUE`.

    Raises:
      UserError: an unknown name, or a value that is not of its default's type.
    """
    values = dict(defaults)
    for item in filter(None, (argument or "").split(",")):
        name, equals, text = item.partition("=")
        if name not in defaults or not equals:
            known = ", ".join(f"{name}={value}" for name, value in defaults.items())
            raise UserError(f"config argument {item!r} is not known; the arguments are {known}")
        values[name] = _typed(name, text, type(defaults[name]))
    return values


def _typed(name: str, text: str, kind: type) -> Any:
    if kind is bool and text in ("true", "false"):
        return text == "true"
    try:
        if kind is not bool:
            return kind(text)
    except ValueError:
        pass
    raise UserError(f"config argument {name}={text} must be of type {kind.__name__}")
