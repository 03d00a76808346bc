"""Checkpoints of state and data position, whole or absent, verified when read. All orbax is here.

A save is written beside the others and renamed when it is whole, so a process killed at any moment
leaves complete checkpoints, and a rest that the next start removes. A checkpoint that is not as it
was saved (note.py tells) is set aside, and the one before it is used.
"""

import contextlib
import dataclasses
import itertools
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import jax
import numpy as np
import orbax.checkpoint as ocp
from etils import epath
from jax.experimental import multihost_utils
from orbax.checkpoint import args

from albert_jax.errors import UserError, without_closed_loops
from albert_jax.paths import is_remote
from albert_jax.training.note import (
    Damaged,
    State,
    branch,
    check_fit,
    gather,
    seal,
    table,
    unseal,
)

Metrics = dict[str, float]
UNREADABLE = (  # what the system and tensorstore say of files that may be whole
    "Permission denied",
    "Too many open files",
    "Connection",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "RESOURCE_EXHAUSTED",
)
Content = TypeVar("Content")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckpointConfig:
    """The section `checkpoint`."""

    save_every: int = 1000  # updates
    keep_last: int = 3
    keep_best: int = 1  # by `metric`, beside the last
    metric: str = "mlm_accuracy"  # a held-out value; of one that ends in "loss" the least is best
    asynchronous: bool = True  # write while training goes on

    def __post_init__(self):
        for name, least in (("save_every", 1), ("keep_last", 1), ("keep_best", 0)):
            if getattr(self, name) < least:
                value = getattr(self, name)
                raise UserError(f"checkpoint.{name} is {value}; it must be at least {least}")


class Checkpoints:
    """The checkpoints of one run, in one folder."""

    def __init__(self, folder: epath.PathLike, config: CheckpointConfig):
        """Opens or creates the folder; what a killed save left behind is removed."""
        self._folder, self._config = _absolute(folder), config
        self._manager = _manager(
            self._folder,
            enable_async_checkpointing=config.asynchronous,
            cleanup_tmp_directories=True,
            preservation_policy=self,
        )
        notes = _notes(self._manager)
        self._metrics = {step: note["metrics"] for step, note in notes.items()}

    def save(self, step: int, state: State, data_state: dict, metrics: Metrics | None = None):
        """Writes a checkpoint after `step` updates, unless there is one; waits for the save before.

        Args:
          step: finished updates.
          state: a pytree of arrays; may be donated as soon as this returns.
          data_state: this process's position in the data, JSON; `restore` gives that of all.
          metrics: held-out values that belong to this state, if it was evaluated.
        """
        if step in self._manager.all_steps():
            return
        if metrics is not None and self._config.metric not in metrics:
            known = ", ".join(sorted(metrics))
            raise UserError(f"checkpoint.metric is {self._config.metric!r}; choose one of {known}")
        note = {
            "arrays": table(state),
            "data": gather(data_state),
            "metrics": metrics and {name: float(value) for name, value in metrics.items()},
            "metric": self._config.metric,
        }
        self._metrics[step] = note["metrics"]
        items = {"state": args.PyTreeSave(state), "note": args.JsonSave(seal(note))}
        with _failure_is_told(self._folder):
            self._manager.save(step, args=args.Composite(**items))

    def restore(
        self, abstract: State, step: int | str | None = None
    ) -> tuple[int, State, dict] | None:
        """The newest readable checkpoint, that of `step`, or the "best": (step, state, data_state).

        None where there is none at all. Damaged ones before it are named on stderr and set aside.

        Args:
          abstract: the state as ShapeDtypeStructs with shardings.

        Raises:
          UserError: there is none of `step`, none can be read, or its state is not like `abstract`.
        """
        self.wait()
        if step is None and not self._manager.all_steps():
            return None

        def read(step: int) -> tuple[State, dict]:
            note = _note(self._manager, step)
            check_fit(note["arrays"], abstract, self._folder / str(step))
            return _arrays(self._manager, step, note, abstract), note["data"]

        steps = _preferred(self._manager, self._folder, step)
        step, (state, data_state), damaged = _first_readable(self._folder, steps, read)
        for number in damaged:
            self._set_aside(number)
        return step, state, data_state

    def wait(self):
        """Returns when the save in progress, if any, is complete; raises UserError if it failed."""
        with _failure_is_told(self._folder):
            self._manager.wait_until_finished()

    def close(self):
        """Waits and lets go of the folder."""
        with _failure_is_told(self._folder):
            self._manager.close()

    def should_preserve(self, checkpoints, *, context) -> list[bool]:
        """Which checkpoints to keep; the interface that orbax asks of a preservation policy."""
        steps = [checkpoint.step for checkpoint in checkpoints]
        known = {step: self._metrics[step] for step in steps if self._metrics.get(step)}
        best = _best_first(known, self._config.metric)[: self._config.keep_best]
        keep = {*steps[-self._config.keep_last :], *best}
        return [step in keep for step in steps]

    def _set_aside(self, step: int):
        """Renames a damaged checkpoint: its step can be saved again and nothing is lost."""
        if jax.process_index() == 0:
            names = (f"damaged-{step}{'.' * bool(n)}{n or ''}" for n in itertools.count())
            aside = next(name for name in names if not (self._folder / name).exists())
            (self._folder / str(step)).rename(self._folder / aside)
        multihost_utils.sync_global_devices(f"damaged-{step}")
        self._manager.reload()
        self._metrics.pop(step, None)


def are_in(folder: epath.Path) -> bool:
    """Whether a folder holds checkpoints, be they damaged."""
    return folder.is_dir() and any(path.name.isdigit() for path in folder.iterdir())


def is_whole(folder: epath.Path, step: int) -> bool:
    """Whether the checkpoint of a step is there, written to its end."""
    path = folder / str(step)
    return path.is_dir() and ocp.utils.is_checkpoint_finalized(path)


def restore_params(
    folder: epath.PathLike, step: int | str | None = None, part: str = "params"
) -> dict[str, Any]:
    """The parameters of a checkpoint as numpy arrays, read without knowing their shapes.

    Args:
      folder: where the checkpoints of a run are; nothing in it is changed.
      step: finished updates, "best" by the run's `checkpoint.metric`, or None for the newest.
      part: the branch of the state to read; "average" is the moving average of the parameters.

    Raises:
      UserError: there is no such checkpoint, or none can be read.
    """
    folder = _absolute(folder)
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}; name one that holds checkpoints")
    with _manager(folder, create=False) as manager:
        steps = _preferred(manager, folder, step)

        def read(step: int) -> dict[str, Any]:
            note = _note(manager, step)
            abstract = branch(note["arrays"], part)
            if not abstract:
                raise UserError(f"{folder / str(step)} holds no {part!r}; name a run that keeps it")
            return _arrays(manager, step, note, {part: abstract}, restore_type=np.ndarray)[part]

        return _first_readable(folder, steps, read)[1]


def _absolute(folder: epath.PathLike) -> epath.Path:
    """orbax takes no relative paths."""
    return epath.Path(folder if is_remote(folder) else os.path.abspath(folder))


def _manager(folder: epath.Path, **options) -> ocp.CheckpointManager:
    return ocp.CheckpointManager(
        folder,
        options=ocp.CheckpointManagerOptions(save_root_metadata=False, **options),
        item_handlers={"state": ocp.PyTreeCheckpointHandler(), "note": ocp.JsonCheckpointHandler()},
    )


def _preferred(manager: ocp.CheckpointManager, folder: epath.Path, step) -> list[int]:
    """The steps that would do, best choice first."""
    steps = sorted(manager.all_steps(), reverse=True)
    if step == "best":
        notes = _notes(manager)
        known = {number: note["metrics"] for number, note in notes.items() if note["metrics"]}
        steps = _best_first(known, notes[max(notes)]["metric"]) if known else []
    elif step is not None:
        steps = [number for number in steps if number == step]
    if not steps:
        which = "" if step is None else f" {step}"
        raise UserError(
            f"there is no checkpoint{which} in {folder}; name a folder or step that has one"
        )
    return steps


def _best_first(known: dict[int, Metrics], metric: str) -> list[int]:
    """Steps by their metric; the newer of two equals first."""
    sign = -1 if metric.endswith("loss") else 1
    return sorted(known, key=lambda step: (sign * known[step][metric], step), reverse=True)


def _first_readable(
    folder: epath.Path, steps: Iterable[int], read: Callable[[int], Content]
) -> tuple[int, Content, list[int]]:
    """The first of `steps` that is not damaged: (step, what `read` returned, damaged steps)."""
    damaged = {}
    for step in steps:
        try:
            content = read(step)
        except Damaged as error:
            damaged[step] = f"checkpoint {step} in {folder} is damaged ({error})"
            continue
        for message in damaged.values():
            print(f"albert-jax: {message}; using {step} instead", file=sys.stderr, flush=True)
        return step, content, list(damaged)
    raise UserError(
        f"{'; '.join(damaged.values())}; no other can be read: "
        "bring the folder back from a copy, or begin again in another workdir"
    )


def _arrays(manager: ocp.CheckpointManager, step: int, note: dict, abstract: State, **how) -> State:
    """The arrays that `abstract` asks for, the whole state or a branch, compared with the note."""
    if how:
        restore_args = jax.tree.map(lambda _: ocp.RestoreArgs(**how), abstract)
    else:
        restore_args = ocp.checkpoint_utils.construct_restore_args(abstract)
    asked = args.PyTreeRestore(abstract, restore_args=restore_args, partial_restore=bool(how))
    with _failure_is_damage():
        state = manager.restore(step, args=args.Composite(state=asked)).state
    for path, row in table(state).items():
        if row != note["arrays"][path]:
            raise Damaged(f"{path} is not as it was saved")
    return state


def _note(manager: ocp.CheckpointManager, step: int) -> dict:
    """The note of a checkpoint, as it was sealed; raises Damaged."""
    with _failure_is_damage():
        return unseal(manager.restore(step, args=args.Composite(note=args.JsonRestore())).note)


def _notes(manager: ocp.CheckpointManager) -> dict[int, dict]:
    """The notes of all checkpoints that have a readable one."""
    notes = {}
    for step in manager.all_steps():
        with contextlib.suppress(Damaged):
            notes[step] = _note(manager, step)
    return notes


@contextlib.contextmanager
def _failure_is_told(folder: epath.Path) -> Iterator[None]:
    """Turns what orbax and tensorstore raise where they cannot write into UserError."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip().rpartition(": ")[2]
        raise UserError(
            f"{folder}: a checkpoint cannot be written ({reason}); check the space on its disk and "
            "its permissions, then run the same command"
        ) from error


@contextlib.contextmanager
def _failure_is_damage() -> Iterator[None]:
    """Turns what orbax raises on files that are missing, cut off or changed into Damaged.

    That may be of any class, a bare Exception too; only a lack of memory is something else. orbax
    gives up at the first failure; the reads beside it end later, up to the exit, and would print
    tracebacks about an event loop that is closed by then.

    Raises:
      UserError: the files may not be read, or not now; that is no damage, and going back would lose work.
    """
    show = sys.unraisablehook
    sys.unraisablehook = without_closed_loops(show)
    try:
        yield
        sys.unraisablehook = show
    except (Damaged, MemoryError, jax.errors.JaxRuntimeError):
        raise
    except Exception as error:
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        cause = error.__cause__ or error
        lines = str(cause).strip().splitlines() or [type(cause).__name__]
        if any(word in lines[0] for word in UNREADABLE):
            raise UserError(
                f"a checkpoint cannot be read ({lines[0][:200]}); it is left as it is: "
                "run the same command when it can be"
            ) from error
        raise Damaged(lines[0][:120]) from error
