"""A job: what every host of one slice of machines runs, whichever launcher brings it there."""

import re
import shlex
from dataclasses import dataclass

from albert_jax.errors import UserError

STOPPED = 75  # exit status of a command that was told to stop, has saved, and is not done
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")  # what gcloud, Kubernetes and SLURM all take


@dataclass(frozen=True)
class Job:
    """A name, and commands that run one after the other until one fails.

    Every host runs the same commands; pretraining finds the other hosts itself. Run again from the
    first, the commands must do no more than what is still missing, and end with status 0 only when
    nothing is: a job that is preempted is simply started anew.

    Attributes:
      name: of machines, workloads and logs: lower-case letters, digits and dashes, at most 40.
      commands: the words after `python -m` of each, as in ("albert_jax", "pretrain", "--config=...").
      one_host: whether the commands know of no other hosts: everything but pretraining.
      after: names of the jobs that must have finished before.
      shards: data.shards of each pretraining, which the processes share out.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    one_host: bool = False
    after: tuple[str, ...] = ()
    shards: tuple[int, ...] = ()

    def __post_init__(self):
        if not _NAME.fullmatch(self.name):
            raise UserError(
                f"a job cannot be called {self.name!r}; use at most 40 lower-case letters, digits "
                "and dashes, a letter first"
            )
        if not all(self.commands) or not self.commands:
            raise UserError(f"job {self.name} has no command; give it words after --")

    def shell(self, python: str, last: str = "") -> str:
        """The commands as one line of shell; `last` goes before the last of them, as in "exec "."""
        lines = [f"{python} -m {shlex.join(words)}" for words in self.commands]
        lines[-1] = last + lines[-1]
        return " && ".join(lines)
