"""What a finished cell leaves: one JSON file, named as the cell, with everything a table needs.

Results are kept apart from workdirs, which are large: a result may be in the repository while its
checkpoints are not on this machine.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from etils import epath

from albert_jax.errors import UserError
from albert_jax.training import tracking
from albert_jax.training.checkpoint import is_whole
from albert_jax.training.workdir import commit, replace
from experiments.cell import MEASUREMENTS, ROOT, Cell

FOLDER = epath.Path(__file__).parent / "results" / "cells"
CLOCK = "seconds.json"  # file in a workdir: how long its command has run, over all starts
Result = dict[str, Any]


class Results:
    """The results in a folder, by cell."""

    def __init__(self, folder: epath.Path = FOLDER):
        self.folder = folder

    def path(self, cell: Cell) -> epath.Path:
        """The file of a cell's result."""
        return self.folder / f"{cell.identity}.json"

    def read(self, cell: Cell) -> Result | None:
        """The result of a cell, None if it has not finished; UserError if the file is damaged."""
        path = self.path(cell)
        if not path.exists():
            return None
        try:
            return json.loads(path.read_text())
        except ValueError as error:
            raise UserError(f"{path} is damaged ({error}); restore it, or remove it") from error

    def collect(self, cell: Cell, workdir: epath.Path) -> bool:
        """Writes the result of a cell from what its command left in its workdir; False if it is not done.

        A result that is there stays, also if the cell has run again because another needs its workdir.
        """
        if not is_finished(cell, workdir):
            return False
        if self.path(cell).exists():
            return True
        result = {
            "command": cell.command,
            "config": cell.config,
            "overrides": dict(cell.overrides),
            "needs": [need.identity for need in cell.needs],
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "seconds": read_clock(workdir),
            "seed": _seed(cell),
            **GATHER[cell.command](workdir),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        replace(self.path(cell), json.dumps(result, indent=1) + "\n")
        return True


def is_finished(cell: Cell, workdir: epath.Path) -> bool:
    """Whether the command of a cell has come to its end, not only stopped."""
    if cell.command == "pretrain":  # its last checkpoint comes after its lines
        return is_whole(workdir / "checkpoints", cell.settings["training"]["steps"])
    return (workdir / LAST[cell.command]).exists()


def finished_in(root: epath.Path) -> Callable[[Cell], bool]:
    """Whether the command of a cell has come to its end in its workdir, under that folder."""
    return lambda cell: is_finished(cell, cell.workdir(root))


def read_clock(workdir: epath.Path) -> dict[str, float]:
    """Seconds that the command of a workdir has taken so far, by the clock and of processors."""
    path = workdir / CLOCK
    return json.loads(path.read_text()) if path.exists() else {"wall": 0.0, "cpu": 0.0}


def _of_run(workdir: epath.Path) -> Result:
    """Settings, provenance, and the last and all earlier held-out numbers of a training run."""
    note = json.loads((workdir / "config.json").read_text())
    lines = tracking.read(workdir)
    training = [line for line in lines if line["kind"] == "train"]
    held_out = [line for line in lines if line["kind"] == "held_out"]
    seen = {line["step"]: line["tokens"] for line in training}
    last = training[-1]
    return {
        "settings": note["config"],
        **_provenance(note["starts"][-1]),
        "steps": last["step"],
        "tokens": int(last["tokens"]),
        "training_seconds": round(last["seconds"], 1),
        "scores": _without(held_out[-1], "step", "kind"),
        "curve": [_without(line, "kind") | {"tokens": seen.get(line["step"])} for line in held_out],
    }


def _of_tuning(workdir: epath.Path) -> Result:
    """Settings, provenance, the scores of the best checkpoint, and those on the way there."""
    note = json.loads((workdir / "config.json").read_text())
    found = json.loads((workdir / "results.json").read_text())
    lines = tracking.read(workdir)
    last = [line for line in lines if line["kind"] == "train"][-1]
    return {
        "settings": note["config"],
        **_provenance(note["starts"][-1]),
        "steps": last["step"],
        "tokens": int(last["tokens"]),
        "training_seconds": round(last["seconds"], 1),
        "scores": found["dev"],
        "test": found.get("test"),
        "collapse": found.get("collapse"),
        "flat": found.get("flat"),
        "best_step": found["step"],
        "curve": [_without(line, "kind") for line in lines if line["kind"] == "dev"],
    }


def _seed(cell: Cell) -> int | None:
    """That of a run, or of the run that is measured; a text has none."""
    if cell.command == "prepare":
        return None
    run = cell.init if cell.init and cell.command in MEASUREMENTS else cell
    return run.settings["training"]["seed"]


def _provenance(start: dict) -> Result:
    return {name: start[name] for name in ("commit", "libraries", "devices", "processes")}


def _of_text(workdir: epath.Path) -> Result:
    folder = workdir / "records"
    prepared = json.loads((folder / "prepared.json").read_text())
    known = {name: prepared.get(name) for name in ("settings", "documents", "text")}
    return known | {"commit": commit(ROOT)}  # all other commands note their own


def _of_measurement(workdir: epath.Path) -> Result:
    return json.loads((workdir / "measured.json").read_text())


GATHER = {
    "prepare": _of_text,
    "pretrain": _of_run,
    "finetune": _of_tuning,
    **dict.fromkeys(MEASUREMENTS, _of_measurement),
}


LAST = {  # the file that each command writes last
    "prepare": "records/prepared.json",
    "finetune": "results.json",
    **dict.fromkeys(MEASUREMENTS, "measured.json"),
}


def _without(line: dict, *names: str) -> dict:
    return {name: value for name, value in line.items() if name not in names}
