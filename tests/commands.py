"""The commands as a user runs them: each in a process of its own, on one CPU device."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from albert_jax.__main__ import main


class Finished(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


def call(*arguments: object):
    """Runs `albert-jax ARGUMENTS` in this process: quicker, and on the devices of the tests."""
    with mock.patch.object(sys, "argv", ["albert-jax", *map(str, arguments)]):
        main()


def run(*arguments: object, devices: int = 1) -> Finished:
    """Runs `albert-jax ARGUMENTS` to its end."""
    process = start(*arguments, devices=devices)
    out, err = process.communicate(timeout=300)
    return Finished(process.returncode, out, err)


def start(*arguments: object, devices: int = 1) -> subprocess.Popen:
    """Starts `albert-jax ARGUMENTS`, in a process group of its own, to be watched and signalled."""
    return subprocess.Popen(
        [sys.executable, "-m", "albert_jax", *map(str, arguments)],
        cwd=Path(__file__).parents[1],
        env=environment(devices),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def environment(devices: int) -> dict[str, str]:
    """This one's, without its fake devices."""
    kept = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    return kept | {"JAX_NUM_CPU_DEVICES": str(devices)}
