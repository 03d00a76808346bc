"""Where every cell stands, as a table of plain text, written anew when something has changed."""

import json
import sys
import time
from collections.abc import Mapping

from etils import epath

from experiments.cell import Cell

CLEAR = "\x1b[{lines}A\x1b[J"


class Status:
    """The state of the cells of one start."""

    def __init__(self, cells: Mapping[str, Cell]):
        self._cells = cells
        self._labels = {name: label(cell) for name, cell in cells.items()}
        self._state = dict.fromkeys(cells, "waits")
        self._open, self._due, self._lines = set(cells), 0.0, 0
        self._failed: set[str] = set()
        self._shown: dict[str, str] = {}

    def set(self, name: str, state: str, open: bool = False, failed: bool = False):
        """`open`: it will still change; a state that is neither "finished" nor open is a failure."""
        self._state[name] = state
        if not open:
            self._open.discard(name)
        if failed or not (open or state == "finished"):
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
        text = self.table(root)
        if terminal and self._lines:
            sys.stdout.write(CLEAR.format(lines=self._lines))
        print(text, flush=True)
        self._lines, self._shown = text.count("\n") + 1, dict(self._state)
        self._due = time.monotonic() + 1

    def table(self, root: epath.Path) -> str:
        """A line a cell: its name, its state, and how far it is."""
        width = max((len(self._labels[name]) for name in self._cells), default=0)
        rows = []
        for name, cell in self._cells.items():
            state, progress = self._state[name], ""
            if state == "runs":
                progress = f"  {position(cell.workdir(root))}"
            rows.append(f"{self._labels[name]:{width}}  {name:24}  {state}{progress}")
        left = len(self._open)
        return "\n".join([f"{time.strftime('%H:%M:%S')}  {left} of {len(rows)} to go", *rows])


def label(cell: Cell) -> str:
    """What a reader calls a cell: its config's argument and what was overridden."""
    _, _, argument = cell.config.partition(":")
    changes = [f"{key.rpartition('.')[2]}={value}" for key, value in dict(cell.overrides).items()]
    return " ".join([argument, *changes])


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
