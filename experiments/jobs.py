"""Cells as jobs of a launcher: which of them can go out, what has finished, and what it found."""

from collections.abc import Iterable, Mapping

from etils import epath

from albert_jax.paths import is_remote
from experiments import inputs, runner
from experiments.cell import Cell
from experiments.results import Results, finished_in
from launch.fit import check_shards
from launch.job import Job
from launch.site import Site
from launch.submit import QUEUES, SHARED, processes, submit


def launch(
    cells: Iterable[Cell],
    results: Results,
    root: epath.Path,
    launcher: str,
    site: Site,
    dry_run: bool,
):
    """Runs cells and what they need as jobs; if jobs cannot wait for others, those that need not.

    What has run is known by its workdir, where jobs look for it; a dry run does not look into a bucket, and
    believes the results. Whatever has finished since the last time is collected.

    Raises:
      UserError: the machines would not see what cells read, could not share it out, or did not get the jobs.
    """
    cells = list(cells)
    if not dry_run:
        collect(cells, results, root)
    if dry_run and is_remote(root):
        order = runner.plan(cells, results, lambda cell: results.read(cell) is not None)
    else:
        order = runner.plan(cells, results, finished_in(root))
    if launcher not in SHARED:
        inputs.check_remote(order.values(), launcher)
    elif not dry_run:
        inputs.check_present(order.values())
    jobs = []
    for cell in order.values():
        jobs.append(job(cell, root, order))
        check_shards(jobs[-1], launcher, processes(jobs[-1], launcher, site))
    waiting = [] if launcher in QUEUES else [job for job in jobs if job.after]
    submit([job for job in jobs if job not in waiting], launcher, site, dry_run)
    for later in waiting:
        print(f"# {later.name} waits for {', '.join(later.after)}")
    if waiting:
        print("# when the others have finished: the same command again")


def job(cell: Cell, root: epath.Path, order: Mapping[str, Cell]) -> Job:
    """A cell as a job of its own, after those of the cells that it needs."""
    after = tuple(need.identity for need in cell.needs if need.identity in order)
    alone = cell.command != "pretrain"
    shards = () if alone else (cell.settings["data"]["shards"],)
    words = tuple(cell.words(root))
    return Job(cell.identity, (words,), one_host=alone, after=after, shards=shards)


def collect(cells: Iterable[Cell], results: Results, root: epath.Path):
    """Writes what results there are in workdirs, and says of each cell whether there is one."""
    cells = list(cells)
    order = runner.plan(cells, results, lambda cell: results.read(cell) is not None)
    for cell in (order | {cell.identity: cell for cell in cells}).values():
        state = "has one"
        if results.read(cell) is None:
            state = "collected" if results.collect(cell, cell.workdir(root)) else "not done"
        print(f"{cell.identity:24}  {state}")
