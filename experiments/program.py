"""A `main` of experiments as a program."""

import argparse
import signal
import sys
from collections.abc import Callable

from albert_jax.errors import UserError, one_line


class Parser(argparse.ArgumentParser):
    """A command line whose errors are a line and exit status 1, as everywhere here."""

    def error(self, message: str):
        """Ends the program."""
        sys.exit(f"experiments: {message}; see {self.prog} --help")


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
