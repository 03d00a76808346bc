"""`albert-jax COMMAND ...`: picks the command and nothing else."""

import importlib
import io
import logging
import sys
import warnings

from absl import logging as absl_logging

from albert_jax import environment
from albert_jax.errors import UserError, one_line, without_closed_loops

COMMANDS = {
    "prepare": "text -> vocabulary and tokenised records, once",
    "pretrain": "records -> checkpoints; the same command again resumes",
    "finetune": "a checkpoint and a task's files -> a model, its scores and predictions",
    "evaluate": "a checkpoint's scores on a task's files, and its predictions",
    "predict": "what a model says of every line of a file",
    "explain": "which words moved an answer, as a page to open in a browser",
    "embed": "a vector for every text of a file",
    "search": "the texts of a file that are nearest to a query",
    "fill-mask": "words for the [MASK]s of a sentence",
    "convert": "weights and vocabulary into another format",
    "inspect": "parameters and FLOPs, module by module",
    "plan": "memory and time of a run on accelerators that are not there",
    "curves": "a picture of a run's losses and accuracies",
}

USAGE = "\n".join(
    [
        "usage: albert-jax COMMAND [--flags]",
        "",
        *(f"  {name:10} {what}" for name, what in COMMANDS.items()),
        "",
        "albert-jax COMMAND --help shows a command's flags and examples.",
    ]
)


def main():
    """Runs a command; what the user can mend is one line on stderr and exit status 1."""
    name, *argv = sys.argv[1:] or ["--help"]
    if name in ("--help", "-h", "help"):
        print(USAGE)
        return
    _quieten()
    _print_anything()
    try:
        if name not in COMMANDS:
            raise UserError(f"there is no command {name!r}; choose one of {', '.join(COMMANDS)}")
        importlib.import_module(f"albert_jax.commands.{name.replace('-', '_')}").main(argv)
    except (UserError, OSError) as error:
        sys.exit(f"albert-jax: {one_line(error)}")
    except ImportError as error:
        if "gcsfs" not in str(error):
            raise
        sys.exit("albert-jax: paths of gs:// need a package: pip install 'albert-jax[gs]'")
    except KeyboardInterrupt:
        sys.exit("albert-jax: interrupted; the same command begins again")


def _quieten():
    """Only this package's warnings are for the user; the libraries' errors come as exceptions, too."""
    logging.basicConfig(format="albert-jax: %(message)s")
    absl_logging.set_verbosity(absl_logging.FATAL)  # orbax, grain and TFDS
    logging.getLogger("tensorboardX").setLevel(logging.CRITICAL)
    # The writes beside one that failed end later, and would speak of themselves (training/checkpoint.py).
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    sys.unraisablehook = without_closed_loops(sys.__unraisablehook__)


def _print_anything():
    """What a terminal or a pipe of another encoding than UTF-8 cannot show is spelled out."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def start():
    """`main` in a process of its own."""
    environment.prepare()
    main()


if __name__ == "__main__":
    start()
