"""Runs cells: what they need first, several at a time, each a process of its own in its own workdir.

Nothing is held in memory that a kill could lose. A result file says that a cell has finished; an unfinished
one goes on from its last checkpoint, because that is what its command does when it is given again. A cell's
process holds a lock on its workdir, so that two runners, on one machine or on hosts that share a disk, take
different cells, and a process that outlived its runner is waited for, not doubled. On Linux none outlives it
for long: it is told to save and exit when its runner dies.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import IO, NamedTuple

from etils import epath

from albert_jax.paths import is_remote
from albert_jax.training.workdir import replace
from experiments.cell import Cell
from experiments.results import CLOCK, Results, is_finished, read_clock
from experiments.status import Status
from launch.job import STOPPED

POLL = 0.5  # seconds
LOG, LOCK, FAILED = "log.txt", "lock", "failed"  # beside what the command itself writes
SIGNAL_OF_PARENTS_DEATH = 1  # PR_SET_PDEATHSIG of prctl(2)
LIBC = ctypes.CDLL(None)


class Running(NamedTuple):
    """A cell at work."""

    process: subprocess.Popen
    lock: IO
    cores: list[int]
    started: float
    before: dict[str, float]  # seconds that earlier starts have taken


def plan(
    wanted: Iterable[Cell], results: Results, has_run: Callable[[Cell], bool]
) -> dict[str, Cell]:
    """The cells to run, by identity, every one after those it needs.

    Args:
      has_run: whether what a cell leaves in its workdir is there. A cell with a result is in the plan only
        if an unfinished one needs its workdir.
    """
    order: dict[str, Cell] = {}

    def add(cell: Cell):
        if cell.identity not in order:
            for need in cell.needs:
                if not has_run(need):
                    add(need)
            order[cell.identity] = cell

    for cell in wanted:
        if results.read(cell) is None:
            add(cell)
    return order


def run(order: Mapping[str, Cell], results: Results, root: epath.Path, workers: int) -> list[str]:
    """Runs a plan to its end; a line for every cell that has no result even so."""
    status = Status(order)
    if order:
        Runner(root, results, workers).run(order, status)
    return status.failures()


class Runner:
    """Runs a plan to its end."""

    def __init__(self, root: epath.Path, results: Results, workers: int):
        """`root`: folder of the workdirs; `workers`: cells at a time, which share out the cores."""
        self._root, self._results = root, results
        self._free = cores_for(workers)
        self._running: dict[str, Running] = {}

    def run(self, cells: Mapping[str, Cell], status: Status):
        """Runs all cells that can be run; a failed one fails those that need it, and no other."""
        try:
            while any(status.is_open(name) for name in cells):
                for name, cell in cells.items():
                    self._advance(name, cell, cells, status)
                status.show(self._root)
                time.sleep(POLL)
        finally:
            self._stop()
            status.show(self._root, last=True)

    def _advance(self, name: str, cell: Cell, cells: Mapping[str, Cell], status: Status):
        if name in self._running:
            self._finish(name, cell, status)
        elif status.is_open(name):
            needs = [need.identity for need in cell.needs if need.identity in cells]
            if any(status.has_failed(need) for need in needs):
                status.set(name, "cannot run: what it needs failed")
            elif self._free and not any(status.is_open(need) for need in needs):
                self._start(name, cell, status)

    def _start(self, name: str, cell: Cell, status: Status):
        workdir = cell.workdir(self._root)
        workdir.mkdir(parents=True, exist_ok=True)
        lock = (workdir / LOCK).open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            status.set(name, "runs elsewhere", open=True)
            return
        if is_finished(cell, workdir) and self._results.read(cell):
            lock.close()
            status.set(name, "finished")
            return
        (workdir / FAILED).unlink(missing_ok=True)
        cores = self._free.pop()
        process = self._process(cell, workdir, lock, cores)
        self._running[name] = Running(process, lock, cores, time.time(), read_clock(workdir))
        status.set(name, "runs", open=True)

    def _process(
        self, cell: Cell, workdir: epath.Path, lock: IO, cores: list[int]
    ) -> subprocess.Popen:
        """The command of a cell; it keeps the lock for as long as it lives."""
        with (workdir / LOG).open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *cell.words(self._root)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(lock.fileno(),),
                process_group=0,  # an interrupt at the terminal is the runner's to pass on
                preexec_fn=lambda: begin(cores),
            )

    def _finish(self, name: str, cell: Cell, status: Status):
        running, workdir = self._running[name], cell.workdir(self._root)
        if not has_ended(running, workdir):
            return
        del self._running[name]
        process = running.process
        if process.returncode == 0 and self._results.collect(cell, workdir):
            status.set(name, "finished")
        elif process.returncode in (0, STOPPED):
            status.set(name, "was stopped; the same command goes on")
        elif process.returncode == -signal.SIGKILL:
            status.set(name, "was killed, perhaps for want of memory; the same command goes on")
        else:
            status.set(name, f"failed, see {workdir / LOG}")
            (workdir / FAILED).touch()
        self._free.append(running.cores)
        running.lock.close()

    def _stop(self):
        """Asks what still runs to save and exit, and waits for it."""
        for running in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.process.pid, signal.SIGTERM)  # Popen's own would reap it
        for name, running in self._running.items():
            while not has_ended(running, self._root / name):
                time.sleep(POLL / 10)


def has_ended(running: Running, workdir: epath.Path) -> bool:
    """Whether a cell's process is over; notes what the cell has taken so far, over all its starts.

    Processor time, with that of its children, says more than the clock on a machine that does other
    things as well. It is noted while the process runs, since a killed runner can ask no more.
    """
    pid, code, usage = os.wait4(running.process.pid, os.WNOHANG)
    if pid:
        running.process.returncode = os.waitstatus_to_exitcode(code)
    cpu = usage.ru_utime + usage.ru_stime if pid else processor_time(running.process.pid)
    spent = {"wall": time.time() - running.started, "cpu": cpu}
    total = {name: round(running.before[name] + seconds, 1) for name, seconds in spent.items()}
    with contextlib.suppress(OSError):  # a full disk is for the cells to say
        replace(workdir / CLOCK, json.dumps(total))
    return bool(pid)


def processor_time(pid: int) -> float:
    """Seconds of a process and its children that have ended, as far as the system says so."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            words = file.read().rpartition(")")[2].split()  # its name may hold anything
    except OSError:
        return 0.0
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")


def has_failed(workdir: epath.Path) -> bool:
    """Whether a cell's last start ended in an error."""
    return (workdir / FAILED).exists()


def is_running(workdir: epath.Path) -> bool:
    """Whether some process holds the lock of a workdir; of one in a bucket none does."""
    if is_remote(workdir) or not (workdir / LOCK).exists():
        return False
    with (workdir / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def cores_for(workers: int) -> list[list[int]]:
    """The cores of this process, shared out among so many; empty lists where the system cannot say."""
    if not hasattr(os, "sched_getaffinity"):
        return [[] for _ in range(workers)]
    cores = sorted(os.sched_getaffinity(0))
    return [cores[i::workers] or cores for i in range(workers)]


def begin(cores: list[int]):
    """Keeps this process and its children on some cores, and ends it with the runner that starts it."""
    if cores:
        os.sched_setaffinity(0, cores)
    if sys.platform == "linux":
        LIBC.prctl(SIGNAL_OF_PARENTS_DEATH, signal.SIGTERM)
