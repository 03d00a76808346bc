"""A picture of a run's losses, accuracies, rate and speed; of several runs, one after the other.

albert-jax curves WORKDIR [NEXT_WORKDIR ...]
"""

from albert_jax.commands.flags import CommandLine
from albert_jax.errors import UserError
from albert_jax.training.curves import plot


def main(argv: list[str]):
    """Writes curves.png into the last of the workdirs."""
    _, workdirs = CommandLine(__doc__, takes_words=True).parse(argv)
    if not workdirs:
        raise UserError("curves needs a workdir: albert-jax curves WORKDIR [NEXT_WORKDIR ...]")
    print(plot(*workdirs))
