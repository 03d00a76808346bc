"""Cells run in order, once, several at a time; kills and failures harm no other."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from etils import epath

from experiments import runner
from experiments.cell import Cell
from experiments.results import Results, finished_in, read_clock
from experiments.status import Status
from tests.pretend import STEPS

ROOT = Path(__file__).parents[1]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pretended(Cell):
    """A cell whose command is tests/pretend.py."""

    def words(self, root):
        seed = self.settings["training"]["seed"]
        return ["tests.pretend", f"--workdir={self.workdir(root)}", f"--seed={seed}"]


def cell(seed: int, init: Cell | None = None) -> Pretended:
    return Pretended(
        command="pretrain",
        config=f"tests/tiny.py:steps={STEPS}",
        overrides=(("training.seed", seed),),
        init=init,
    )


def run(folder: Path, *cells: Cell, workers: int = 1) -> Status:
    root, results = epath.Path(folder / "cells"), Results(epath.Path(folder / "results"))
    order = runner.plan(cells, results, finished_in(root))
    status = Status(order)
    runner.Runner(root, results, workers).run(order, status)
    return status


def result(folder: Path, cell: Cell) -> dict | None:
    return Results(epath.Path(folder / "results")).read(cell)


def starts(folder: Path, cell: Cell) -> int:
    file = Path(cell.workdir(epath.Path(folder / "cells"))) / "starts"
    return len(file.read_text()) if file.exists() else 0


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(runner, "POLL", 0.02)


def test_what_a_cell_needs_runs_first_and_once(tmp_path):
    first = cell(0)
    deeper, wider = cell(1, init=first), cell(2, init=first)
    status = run(tmp_path, deeper, wider)
    assert not status.failures()
    assert [starts(tmp_path, c) for c in (first, deeper, wider)] == [1, 1, 1]
    assert result(tmp_path, deeper)["needs"] == [first.identity]
    assert result(tmp_path, deeper)["scores"] == {
        "tokens": 40.0,
        "seconds": 8.0,
        "mlm_accuracy": 0.4,
    }
    run(tmp_path, deeper, wider)
    assert starts(tmp_path, deeper) == 1


def test_a_result_without_its_workdir_is_enough_unless_something_needs_it(tmp_path):
    first = cell(0)
    run(tmp_path, first)
    workdir, before = first.workdir(epath.Path(tmp_path / "cells")), result(tmp_path, first)
    workdir.rmtree()
    run(tmp_path, first)
    assert not workdir.exists()
    time.sleep(1)  # a result says when it was written
    run(tmp_path, cell(1, init=first))
    assert starts(tmp_path, first) == 1  # in the new workdir
    assert result(tmp_path, first) == before


def test_a_failure_stops_only_what_needs_it(tmp_path):
    unlucky, other = cell(13), cell(0)
    status = run(tmp_path, cell(1, init=unlucky), other)
    assert result(tmp_path, other) and result(tmp_path, unlucky) is None
    lines = sorted(status.failures())
    assert len(lines) == 2 and any("cannot run: what it needs failed" in line for line in lines)
    log = unlucky.workdir(epath.Path(tmp_path / "cells")) / "log.txt"
    assert any(str(log) in line for line in lines)
    assert "out of luck" in log.read_text()
    assert runner.has_failed(log.parent)
    assert not runner.has_failed(other.workdir(epath.Path(tmp_path / "cells")))


def test_a_killed_cell_is_told_from_one_that_failed(tmp_path):
    (line,) = run(tmp_path, cell(9)).failures()
    assert line.endswith("was killed, perhaps for want of memory; the same command goes on")


def test_cells_run_side_by_side(tmp_path):
    """Each waits for a file that is only written when both have begun."""
    cells = [cell(100), cell(101)]
    workdirs = [tmp_path / "cells" / c.identity for c in cells]
    for workdir in workdirs:
        workdir.mkdir(parents=True)

    def show(self, root, last=False):
        if all((workdir / "starts").exists() for workdir in workdirs):
            for workdir in workdirs:
                (workdir / "go").touch()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Status, "show", show)
        assert not run(tmp_path, *cells, workers=2).failures()


SCRIPT = """
import sys
from pathlib import Path
from tests.test_runner import cell, run
run(Path(sys.argv[1]), cell(0), cell(100))
"""


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_runner_goes_on_without_doing_anything_twice(tmp_path, kind):
    """The cell is told to stop when its runner is killed; what it took until then counts."""
    slow = cell(100)
    workdir = tmp_path / "cells" / slow.identity
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, tmp_path], cwd=ROOT)
    deadline = time.monotonic() + 60
    while not (workdir / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert result(tmp_path, cell(0)) and result(tmp_path, slow) is None
    time.sleep(1.0)
    os.kill(process.pid, kind)
    process.wait(timeout=30)
    deadline = time.monotonic() + 30
    while runner.is_running(epath.Path(workdir)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runner.is_running(epath.Path(workdir))
    before = read_clock(epath.Path(workdir))
    assert before["wall"] >= 1 and before["cpu"] >= 0.3
    (workdir / "go").touch()
    assert not run(tmp_path, cell(0), slow).failures()
    assert starts(tmp_path, cell(0)) == 1
    assert starts(tmp_path, slow) == 2
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 2 * STEPS
    assert result(tmp_path, slow)["steps"] == STEPS
    assert all(result(tmp_path, slow)["seconds"][name] > before[name] for name in before)


def test_processor_time_is_that_of_the_process():
    spent = runner.processor_time(os.getpid())
    assert spent > 0
    assert abs(spent - sum(os.times()[:4])) < 1  # its own, and of children that have ended
    assert runner.processor_time(2**22 + 1) == 0


def test_cores_are_shared_out():
    all_cores = sorted(os.sched_getaffinity(0))
    shares = runner.cores_for(2)
    assert sorted({core for share in shares for core in share}) == all_cores
    assert all(shares)
