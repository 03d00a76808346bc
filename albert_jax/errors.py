"""What a user can cause, and what libraries would add to it."""

from collections.abc import Callable
from typing import Any

CHECK_PATH = "check the path and its permissions"  # the remedy for a file that cannot be opened


class UserError(ValueError):
    """One line that names the thing, the place and the remedy; commands print it and exit with 1."""


class Diverged(UserError):
    """A run whose loss is no number any more, or has jumped; another seed may go well."""


def without_closed_loops(show: Callable[[Any], object]) -> Callable[[Any], object]:
    """`show`, an unraisablehook, but for what orbax's reads and writes say after the first has failed."""
    return lambda it: None if "loop is closed" in str(it.exc_value) else show(it)
