"""How a measurement becomes a report: printed, in a file, with what made it."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from etils import epath

from albert_jax.training.workdir import commit, replace


def origin(experiment: str, argv: Sequence[str]) -> str:
    """The sentence every report has: the command, the commit, the cores of the machine."""
    command = shlex.join(["python", "-m", f"experiments.{experiment}", *argv])
    return (
        f"Command: `{command}`, commit {commit(Path(__file__).parents[1])}, {os.cpu_count()} cores."
    )


def publish(report: str, output: str | None):
    """Prints a report, and writes it into a file if one is named."""
    print(report)
    if output:
        path = epath.Path(output)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, report)
