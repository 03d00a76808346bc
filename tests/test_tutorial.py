"""The tutorial runs from the top, on a twelfth of its text and updates; what it shows was made by a run."""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "experiments/tutorial.ipynb"


def tutorial() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.mark.slow
def test_it_runs(tmp_path, monkeypatch):
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.setenv("TUTORIAL_SPARE", "12")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    notebook = tutorial()
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "runs/tutorial/page.html").exists()
    kinds = [kind for cell in notebook.cells for kind in pictures(cell)]
    assert kinds == [kind for cell in tutorial().cells for kind in pictures(cell)]


def pictures(cell: nbformat.NotebookNode) -> list[str]:
    """The pictures among the outputs of a cell."""
    return [
        output.output_type
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", ())
    ]


def test_what_it_shows_is_of_one_run_and_of_no_machine():
    cells = [cell for cell in tutorial().cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [out for cell in cells for out in cell.outputs if out.output_type == "error"]
    assert not re.search(r"/(home|root|tmp|work|Users)/", NOTEBOOK.read_text())
