"""Several processes on this machine, each with CPU devices of its own: a rehearsal of several hosts.

python -m launch.local --processes=2 --devices=4 -- pretrain --config=... --config.data.shards=2 --workdir=W

Every line is shown with the number of its process. A signal goes to all of them; when one fails,
the others are ended.
"""

import argparse
import contextlib
import math
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence

from albert_jax.errors import UserError
from launch import arguments

GRACE = 10  # seconds that the others have to end by themselves when one has failed
POLL = 0.1


def environment(index: int, count: int, devices: int, port: int) -> dict[str, str]:
    """The variables that make a process one of several."""
    return {
        "ALBERT_JAX_HOSTS": f"{index}/{count}@127.0.0.1:{port}",
        "JAX_NUM_CPU_DEVICES": str(devices),
        "JAX_PLATFORMS": "cpu",
    }


def run(words: Sequence[str], count: int, devices: int, port: int) -> int:
    """Runs an `albert-jax` command as `count` processes to the end; the first status that is not 0."""
    command = [sys.executable, "-m", "albert_jax", *words]
    signals: list[int] = []  # that came and are not passed on yet
    before = {number: signal.signal(number, lambda n, _: signals.append(n)) for number in _SIGNALS}
    try:
        with contextlib.ExitStack() as stack:
            processes = [
                stack.enter_context(
                    _started(command, index, environment(index, count, devices, port))
                )
                for index in range(count)
            ]
            return _wait(processes, signals)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def _started(
    command: list[str], index: int, variables: dict[str, str]
) -> Iterator[subprocess.Popen]:
    """A process, and what it says is printed; it is ended and heard out when the block is left."""
    process = subprocess.Popen(
        command,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C is passed on below, once
    )
    echo = threading.Thread(target=_echo, args=(index, process))
    echo.start()
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        echo.join()


def _wait(processes: Sequence[subprocess.Popen], signals: list[int]) -> int:
    """Returns when all have ended, or a while after one has failed; passes on what signals come."""
    failed, until = 0, math.inf
    while None in (statuses := [process.poll() for process in processes]):
        while signals:
            number = signals.pop()
            for process in processes:
                process.send_signal(number)
        if not failed and any(statuses):
            failed, until = next(filter(None, statuses)), time.monotonic() + GRACE
        if time.monotonic() > until:
            break
        time.sleep(POLL)
    return failed or next(filter(None, statuses), 0)


def _echo(index: int, process: subprocess.Popen):
    for line in process.stdout or ():
        print(f"[{index}] {line}", end="", flush=True)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def script(words: Sequence[str], count: int, devices: int, port: int) -> str:
    """The same as a shell script."""
    lines = [
        shlex.join(
            [
                *("env", *(f"{k}={v}" for k, v in environment(i, count, devices, port).items())),
                *("python", "-m", "albert_jax", *words),
            ]
        )
        + " &"
        for i in range(count)
    ]
    return "\n".join([*lines, "wait"])


def main(argv: list[str]):
    """Reads the command line and runs."""
    own, *commands = arguments.split(argv)
    parser = arguments.Parser(
        "python -m launch.local",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--devices", type=int, default=1, help="CPU devices of each process")
    parser.add_argument("--dry-run", action="store_true", help="print what would be run")
    options = parser.parse_args(own)
    if len(commands) != 1:
        raise UserError(f"one albert-jax command, not {len(commands)}, belongs after --")
    for name in ("processes", "devices"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name}={getattr(options, name)} is too few; make it 1 or more")
    settings = (commands[0], options.processes, options.devices, free_port())
    if options.dry_run:
        print(script(*settings))
    else:
        sys.exit(run(*settings))


if __name__ == "__main__":
    arguments.run(main)
