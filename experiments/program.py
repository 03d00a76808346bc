"""A `main` of experiments as a program."""

import argparse
import signal
import sys
from collections.abc import Callable

from albert_jax.errors import UserError, one_line
from launch import arguments


class Parser(arguments.Parser):
    """The launchers' command line, in the name of the experiments."""

    package = "experiments"


def parser(module: str, about: str) -> Parser:
    """The command line of `python -m experiments.MODULE`, whose help is the module's own text."""
    return Parser(
        f"python -m experiments.{module}",
        description=about,
        formatter_class=argparse.RawTextHelpFormatter,
    )


def serve(main: Callable[[list[str]], None], remedy: str = "run it again"):
    """Runs it on the command line's words; errors and signals end it with one line, and clean up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(sys.argv[1:])
    except (UserError, OSError) as error:
        sys.exit(f"experiments: {one_line(error)}")
    except KeyboardInterrupt:
        sys.exit(f"experiments: interrupted; {remedy}")
