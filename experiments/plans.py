"""Whether the models of a table fit a slice: `albert-jax plan`, with the very settings of their cells."""

import subprocess
import sys
from collections.abc import Iterable

from albert_jax.errors import UserError
from experiments.cell import ROOT, Cell


def plan(cells: Iterable[Cell], topology: str):
    """Prints the page of every pretraining among the cells and what they need, each once.

    Raises:
      UserError: some have no plan; their own lines say why.
    """
    chains = (cell.with_needs() for cell in cells)
    found = {c.identity: c for chain in chains for c in chain if c.command == "pretrain"}
    failed = [name for name, cell in found.items() if not _planned(cell, topology)]
    if failed:
        raise UserError(f"{len(failed)} of {len(found)} have no plan: {', '.join(failed)}")


def _planned(cell: Cell, topology: str) -> bool:
    print(f"\n# {cell.identity}: {cell.config}", flush=True)
    command = [sys.executable, "-m", "albert_jax", "plan", *cell.flags, f"--topology={topology}"]
    return subprocess.run(command, cwd=ROOT).returncode == 0
