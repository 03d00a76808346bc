"""What a user can cause, how it is told, and what libraries would add to it."""

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


def one_line(error: UserError | OSError) -> str:
    """What to tell the user; a full disk and a folder without permission are met in many places."""
    if isinstance(error, UserError):
        return str(error)
    place = f"{error.filename}: " if error.filename else ""
    reason = error.strerror or " ".join(str(error).split())
    return f"{place}{reason}; check the path, its permissions and the space on its disk"
