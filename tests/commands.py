"""The commands as a user runs them: each in a process of its own, on one CPU device."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from albert_jax.__main__ import main
from albert_jax.commands.flags import CommandLine


class Finished(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


def call(*arguments: object):
    """Runs `albert-jax ARGUMENTS` in this process: quicker, and on the devices of the tests."""
    with mock.patch.object(sys, "argv", ["albert-jax", *map(str, arguments)]):
        main()


class Parsed(Exception):
    """A command line that was read: the flags and the words."""


def parse(*arguments: object) -> tuple[dict, list[str]]:
    """Reads `albert-jax ARGUMENTS` as the command does, which does not begin to work."""
    read = CommandLine.parse

    def parsed(line: CommandLine, argv: list[str]):
        raise Parsed(*read(line, argv))

    with mock.patch.object(CommandLine, "parse", parsed):
        try:
            call(*arguments)
        except Parsed as found:
            return found.args
    raise AssertionError(f"{arguments[0]} reads no flags")


def run(*arguments: object, devices: int = 1, module: str = "albert_jax") -> Finished:
    """Runs `albert-jax ARGUMENTS` to its end."""
    process = start(*arguments, devices=devices, module=module)
    out, err = process.communicate(timeout=300)
    return Finished(process.returncode, out, err)


def start(*arguments: object, devices: int = 1, module: str = "albert_jax") -> subprocess.Popen:
    """Starts `albert-jax ARGUMENTS`, in a process group of its own, to be watched and signalled."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=Path(__file__).parents[1],
        env=environment(devices),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def environment(devices: int) -> dict[str, str]:
    """This one's, with devices of its own."""
    return os.environ | {"JAX_NUM_CPU_DEVICES": str(devices)}
