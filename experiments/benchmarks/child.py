"""Programs that a measurement runs and waits for, its own and other people's."""

import os
import subprocess
from collections.abc import Sequence

from albert_jax import environment
from albert_jax.errors import UserError

ENVIRONMENT = os.environ | {"GLIBC_TUNABLES": environment.MEMORY, "JAX_PLATFORMS": "cpu"}


def output(command: Sequence[str]) -> str:
    """What a program prints.

    Raises:
      UserError: it cannot be started, or fails; its last line says why.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    except OSError as error:
        raise UserError(f"{command[0]} cannot be started ({error.strerror})") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        shown = " ".join(command[:4])
        raise UserError(f"{shown} ... failed with status {done.returncode} ({last})")
    return done.stdout
