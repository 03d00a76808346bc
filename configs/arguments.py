"""The part of a config's name after the colon: `size=base,share=all`."""

from typing import Any

from albert_jax.errors import UserError


def parse(argument: str | None, **defaults: Any) -> dict[str, Any]:
    """`defaults` with the values an argument string gives, in the types of the defaults.

    A default that is a tuple lists the values to choose from, the default first. For the few choices
    that move many settings at once; every single setting has its own flag,
    `--config.SECTION.KEY=VALUE`.

    Raises:
      UserError: an unknown name, or a value that is not of its default's type or none to choose.
    """
    values = {k: v[0] if isinstance(v, tuple) else v for k, v in defaults.items()}
    for item in filter(None, (argument or "").split(",")):
        name, equals, text = item.partition("=")
        if name not in defaults or not equals:
            known = ", ".join(f"{name}={value}" for name, value in values.items())
            raise UserError(f"config argument {item!r} is not known; the arguments are {known}")
        values[name] = _value(name, text, defaults[name])
    return values


def _value(name: str, text: str, default: Any) -> Any:
    if isinstance(default, tuple):
        if text in default:
            return text
        raise UserError(
            f"config argument {name}={text} must be one of {', '.join(filter(None, default))}"
        )
    try:
        return type(default)(text)
    except ValueError:
        raise UserError(
            f"config argument {name}={text} must be of type {type(default).__name__}"
        ) from None
