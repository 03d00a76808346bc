"""The processes of a run: found or named, joined before anything else, and never outliving each other.

One process a host, or one a GPU. Nothing here falls back to fewer: a process that cannot join ends
with one line, because two runs of half the size in one workdir are worse than none.
"""

import contextlib
import os
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import jax
from orbax.checkpoint import multihost

from albert_jax.errors import UserError

VARIABLE = "ALBERT_JAX_HOSTS"
ARRIVAL = 300  # seconds in which all processes of a run have to come together
COUNTING = 3600  # seconds in which one of them may count in the text while the others wait
PATIENCE = 60  # seconds without a sign of life after which a process counts as dead

_NAMED = re.compile(r"(\d+)/(\d+)@(.+:\d+)")
_FORMS = "'one', 'cluster' or INDEX/COUNT@ADDRESS:PORT, as in 0/2@10.0.0.1:8476"
_REMEDY = f"start all of them, and say where they are: --hosts={_FORMS}"


def connect(how: str | None = None):
    """Joins the other processes of the run, if it has any; to be called before a device is used.

    A process that dies afterwards, or falls silent, takes the others down within `PATIENCE` seconds.

    Args:
      how: "one": there are no others. "cluster": as TPU metadata, SLURM, Open MPI or Kubernetes
        say. "INDEX/COUNT@ADDRESS:PORT": process INDEX of COUNT, with process 0 at ADDRESS. None:
        what the environment variable ALBERT_JAX_HOSTS says, else "cluster" on a TPU VM and in a
        job of several processes, else "one".

    Raises:
      UserError: `how` is of another form, or the others were not found in time.
    """
    how = how or os.environ.get(VARIABLE) or ("cluster" if _in_cluster() else "one")
    if how == "one":
        return
    place = _place(how)
    late = threading.Timer(ARRIVAL, _give_up, [how])  # jax itself would abort with a stack trace
    late.start()
    try:
        jax.distributed.initialize(
            **place,
            initialization_timeout=2 * ARRIVAL,
            heartbeat_timeout_seconds=PATIENCE,
            shutdown_timeout_seconds=PATIENCE,
        )
    except Exception as error:  # of many kinds, from metadata servers, sockets and schedulers
        reason = str(error).strip().splitlines()[0][:200]
        raise UserError(f"the run's other processes are not known ({reason}); {_REMEDY}") from error
    finally:
        late.cancel()


def wait(name: str, seconds: int = ARRIVAL):
    """Returns when every process has come to the place called `name`, which is passed only once.

    Raises:
      UserError: one of them did not come in time.
    """
    try:
        multihost.get_barrier_sync_fn()(key=f"albert-jax/{name}", timeout_ms=seconds * 1000)
    except RuntimeError as error:
        raise UserError(
            f"not all processes came to {name!r} within {seconds} s; see the log of each"
        ) from error


@contextlib.contextmanager
def one_for_all() -> Iterator[None]:
    """Inside, a failure ends a process of several at once, after one line, and so ends the others.

    They would wait for it in their next exchange; without this, it would wait for them as it
    leaves. What they were saving is lost, the checkpoints before it are not.
    """
    try:
        yield
    except BaseException as error:
        if jax.process_count() == 1:
            raise
        print(f"albert-jax: process {jax.process_index()}: {_told(error)}", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


def _place(how: str) -> dict:
    """What jax.distributed is told of this process's place among the others."""
    if how == "cluster":
        return {}
    named = _NAMED.fullmatch(how)
    if not named:
        raise UserError(f"--hosts={how}: must be {_FORMS}")
    index, count, address = int(named[1]), int(named[2]), named[3]
    if index >= count:
        raise UserError(
            f"--hosts={how}: {index} is too high; processes are counted from 0 to {count - 1}"
        )
    place = {"process_id": index, "num_processes": count, "coordinator_address": address}
    return place | {"cluster_detection_method": "deactivate"}


def _give_up(how: str):
    message = f"--hosts={how}: not all processes came together within {ARRIVAL} s; {_REMEDY}"
    print(f"albert-jax: {message}", file=sys.stderr, flush=True)
    os._exit(1)


def _told(error: BaseException) -> str:
    """One line for what a user can mend or another process has caused, else the traceback."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; the same command begins again"
    if isinstance(error, jax.errors.JaxRuntimeError):
        line = str(error).strip().splitlines()[0][:200]
        return f"{line}; unless another process says why, this one did; the same command resumes"
    return "".join(traceback.format_exception(error))


def _in_cluster() -> bool:
    """Whether there is a sign of others: chips of a TPU VM, or more than one task in a job."""
    tasks = ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE")
    if any(int(os.environ.get(name, 1)) > 1 for name in tasks):
        return True
    chips = Path("/dev/accel0").exists() or Path("/dev/vfio/0").exists()
    return chips and find_spec("libtpu") is not None
