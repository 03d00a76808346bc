"""A command of another tool: shown as a line of shell, or run."""

import shlex
import subprocess
from dataclasses import dataclass

from albert_jax.errors import UserError


@dataclass(frozen=True)
class Command:
    """The words of a command, and the text it reads."""

    words: tuple[str, ...]
    stdin: str = ""

    def __str__(self) -> str:
        """As it would be typed; what it reads as a here-document."""
        line = shlex.join(self.words)
        return f"{line} <<'END'\n{self.stdin.rstrip()}\nEND" if self.stdin else line

    def run(self, seconds: float | None = None) -> bool:
        """Runs it, in view of the user; whether it succeeded in time. UserError if it is not installed."""
        return self._run(timeout=seconds) is not None

    def answer(self, seconds: float | None = None) -> str | None:
        """Runs it; what it prints, or None if it fails or takes longer."""
        printed = self._run(timeout=seconds, stdout=subprocess.PIPE)
        return None if printed is None else printed.strip()

    def _run(self, **options) -> str | None:
        """What it printed, as far as that is caught; None if it failed or took longer."""
        try:
            done = subprocess.run(self.words, input=self.stdin, text=True, check=True, **options)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return None
        except FileNotFoundError as error:
            name = self.words[0]
            raise UserError(
                f"{name} is not installed; install it, or see with --dry-run what would be run"
            ) from error
        return done.stdout or ""


def write(path: str, text: str) -> Command:
    """The command that writes a file."""
    return Command(("tee", path), text)
