"""What of the paper's findings holds at a scale, in the words of someone who looked at the numbers."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from albert_jax.errors import UserError

FINDINGS = Path(__file__).parent / "results" / "findings.toml"  # by scale and table
VERDICTS = {"holds": "Holds", "fails": "Does not hold", "untold": "Cannot be told"}


class Finding(NamedTuple):
    """What one table shows; "" where there is nothing to say.

    Attributes:
      holds: what the paper found and is found here.
      fails: what the paper found and here is otherwise.
      untold: what the paper found and cannot be told here, and why.
      details: the numbers behind it.
    """

    holds: str = ""
    fails: str = ""
    untold: str = ""
    details: str = ""

    def verdicts(self) -> Iterator[tuple[str, str]]:
        """`("Holds", what does)` and so on, of what there is."""
        said = ((name, getattr(self, key)) for key, name in VERDICTS.items())
        return ((name, text) for name, text in said if text)


def finding(scale: str, table: str, path: Path = FINDINGS) -> Finding | None:
    """What a table shows at a scale; None where nothing has been written yet.

    Raises:
      UserError: the file cannot be read.
    """
    if not path.exists():
        return None
    try:
        said = tomllib.loads(path.read_text()).get(scale, {}).get(table)
        return Finding(**said) if said else None
    except (tomllib.TOMLDecodeError, TypeError) as error:
        keys = ", ".join(Finding._fields)
        raise UserError(
            f"{path} cannot be read ({error}); a table has {keys} in [SCALE.TABLE]"
        ) from error
