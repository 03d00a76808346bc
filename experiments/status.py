"""Where every cell stands, as a table of plain text, written anew when something has changed."""

import json
import os
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from etils import epath

from experiments.cell import MEASUREMENTS, Cell, everything

CLEAR = "\x1b[{lines}A\x1b[J"


class Status:
    """The state of the cells of one start."""

    def __init__(self, cells: Mapping[str, Cell]):
        self._cells = cells
        self._labels = labels(cells)
        self._state = dict.fromkeys(cells, "waits")
        self._open, self._due, self._lines = set(cells), 0.0, 0
        self._failed: set[str] = set()
        self._shown: dict[str, str] = {}

    def set(self, name: str, state: str, open: bool = False):
        """`open`: it will still change; a state that is neither "finished" nor open is a failure."""
        self._state[name] = state
        if not open:
            self._open.discard(name)
        if not (open or state == "finished"):
            self._failed.add(name)

    def is_open(self, name: str) -> bool:
        """Whether a cell waits or runs."""
        return name in self._open

    def has_failed(self, name: str) -> bool:
        """Whether a cell has failed or cannot run."""
        return name in self._failed

    def failures(self) -> list[str]:
        """A line for each cell that failed."""
        return [
            f"{self._labels[name]} ({name}) {self._state[name]}" for name in sorted(self._failed)
        ]

    def show(self, root: epath.Path, last: bool = False):
        """Prints the table if it is time: on a terminal in place, elsewhere when a state changed."""
        terminal = sys.stdout.isatty()
        due = time.monotonic() >= self._due and terminal
        if not (due or last or self._state != self._shown):
            return
        rows = self.table(root).splitlines()
        if terminal and not last:
            rows = fitting(rows, shutil.get_terminal_size())
        if terminal and self._lines:
            sys.stdout.write(CLEAR.format(lines=self._lines))
        print(*rows, sep="\n", flush=True)
        self._lines, self._shown = len(rows), dict(self._state)
        self._due = time.monotonic() + 1

    def table(self, root: epath.Path) -> str:
        """A line a cell: its state, how far it is, what it is, and its name; first what is not finished."""
        names = sorted(self._cells, key=self._rank)
        said = {name: self._state[name] for name in names}
        for name in names:
            if said[name] == "runs":
                said[name] += f"  {position(self._cells[name].workdir(root))}"
        state = max((len(said[name]) for name in names if name not in self._failed), default=0)
        label = max(map(len, self._labels.values()), default=0)
        rows = [f"{said[name]:{state}}  {self._labels[name]:{label}}  {name}" for name in names]
        left = len(self._open)
        return "\n".join([f"{time.strftime('%H:%M:%S')}  {left} of {len(rows)} to go", *rows])

    def _rank(self, name: str) -> int:
        """What runs, what waits, what failed, what has finished."""
        if name in self._open:
            return 0 if self._state[name].startswith("runs") else 1
        return 2 if name in self._failed else 3


def fitting(rows: Sequence[str], size: os.terminal_size) -> list[str]:
    """As many as a terminal has lines, and none so long that it takes two; a line is the cursor's."""
    height = max(size.lines - 1, 2)
    if len(rows) > height:
        rows = [*rows[: height - 1], f"and {len(rows) - height + 1} more"]
    return [row[: size.columns - 1] for row in rows]


def labels(cells: Mapping[str, Cell]) -> dict[str, str]:
    """What a reader calls each cell: what it is, of which model, and its settings that others do not have."""
    chains = everything(cells.values())
    cells_of = Counter(_kind(cell) for cell in chains)
    with_change = Counter((_kind(cell), text) for cell in chains for text in _changes(cell))

    def label(cell: Cell) -> str:
        kind = _kind(cell)
        of = [f"of {_values(label(cell.init))}"] if cell.init and cell.command != "pretrain" else []
        differs = [text for text in _changes(cell) if with_change[kind, text] < cells_of[kind]]
        return " ".join([kind, *of, *differs])

    return {name: label(cell) for name, cell in cells.items()}


def _kind(cell: Cell) -> str:
    """The argument of its config; a measurement has that of its model, and goes by its command."""
    if cell.command in MEASUREMENTS:
        return cell.command
    return cell.config.partition(":")[2] or (cell.command if cell.config else cell.identity)


def _changes(cell: Cell) -> list[str]:
    """What was overridden, each once: the seed of a model is also that of its data."""
    said = (f"{key.rpartition('.')[2]}={value}" for key, value in cell.overrides)
    return list(dict.fromkeys(said))


def _values(label: str) -> str:
    """`size=base,share=all` as `base,all`."""
    return re.sub(r"[a-z_]+=", "", label)


def position(workdir: epath.Path) -> str:
    """How far a run is: the last line of its metrics.jsonl, in words."""
    path = workdir / "metrics.jsonl"
    try:
        *_, last, _ = path.read_bytes().split(b"\n")
        line = json.loads(last)
    except (OSError, ValueError):
        return "no step yet"
    numbers = [f"step {line['step']}"]
    if line.get("mlm_accuracy") is not None:
        numbers.append(f"masked LM {line['mlm_accuracy']:.1%}")
    return ", ".join(numbers)
