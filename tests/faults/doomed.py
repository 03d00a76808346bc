"""A command that is killed at a moment.

MOMENT and a number: the seventh time, say, that it comes by. The file system's moments are those of
the folder of checkpoints, just before the call; arrays are written by other threads meanwhile.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from albert_jax import __main__
from albert_jax.commands import pretrain
from albert_jax.training import evaluation
from albert_jax.training.tracking import Tracker

CALLS = {  # moment: what is called then
    "data": (pretrain.StagedBatches, "take"),
    "step": (pretrain, "to_devices"),  # the step before runs, this one is about to begin
    "evaluation": (evaluation, "to_devices"),
    "metrics": (Tracker, "write"),
}
EVENTS = {  # moment: what Python's audit calls it
    "save": ("open", "os.mkdir"),
    "rename": ("os.rename",),
    "removal": ("os.remove", "os.rmdir", "shutil.rmtree"),
}
MOMENTS = (*CALLS, *EVENTS)


def run(words: list[str], log: Path, moment: str | None = None, number: int = 0):
    """`albert-jax WORDS` in this process, all that it prints in a file; killed, if a moment is named."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1), os.dup2(file, 2)
    if moment:
        doom(moment, number)
    sys.argv = ["albert-jax", *words]
    __main__.main()


def doom(moment: str, number: int):
    """Arranges that this process is killed at a moment."""
    counted = itertools.count(1)

    def pass_by():
        if next(counted) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    if moment in CALLS:
        owner, name = CALLS[moment]
        setattr(owner, name, _then(pass_by, getattr(owner, name)))
    else:
        sys.addaudithook(lambda event, words: _in_checkpoints(moment, event, words) and pass_by())


def _then(first: Callable, call: Callable) -> Callable:
    def both(*arguments):
        first()
        return call(*arguments)

    return both


def _in_checkpoints(moment: str, event: str, words: tuple) -> bool:
    return event in EVENTS[moment] and "/checkpoints/" in str(words[0])
