"""A `main` of experiments as a program."""

import signal
import sys
from collections.abc import Callable

from albert_jax.errors import UserError


def serve(main: Callable[[list[str]], None], remedy: str = "run it again"):
    """Runs it on the command line's words; errors and signals end it with one line, and clean up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(f"experiments: {error}")
    except KeyboardInterrupt:
        sys.exit(f"experiments: interrupted; {remedy}")
