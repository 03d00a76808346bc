"""Jobs go out: by one of the launchers, or printed as the commands that would bring them out.

`python -m experiments run ... --launcher=NAME` comes here, too.
"""

import math
from collections.abc import Sequence

from albert_jax.errors import UserError
from launch import fit, kubernetes, skypilot, slurm, tpu_vm
from launch.command import Command
from launch.job import Job
from launch.site import Site

SCRIPTS = {
    "tpu_vm": tpu_vm.script,
    "skypilot": skypilot.script,
    "kubernetes": kubernetes.script,
    "slurm": slurm.script,
}
SHARED = ("slurm",)  # whose machines see one file system
QUEUES = ("tpu_vm", "slurm")  # which let a job wait for another


def submit(jobs: Sequence[Job], launcher: str, site: Site, dry_run: bool = False):
    """Brings jobs to their machines; with `tpu_vm`, stays until all have finished.

    Args:
      jobs: each of another name.
      launcher: a name of SCRIPTS.
      site: where.
      dry_run: only print the shell script that it comes to.

    Raises:
      UserError: a job does not fit the launcher, its tool failed, or there are changes that are in no commit.
    """
    check(jobs, launcher, site)
    if not dry_run:
        check_committed()
    script = SCRIPTS[launcher](jobs, site)
    if dry_run:
        print(script)
    elif launcher == "tpu_vm":
        tpu_vm.keep(jobs, site)
    elif not Command(("bash", "-euo", "pipefail"), script).run():
        raise UserError(f"{launcher}: not all jobs went out; see above")


def check(jobs: Sequence[Job], launcher: str, site: Site):
    """Raises UserError where jobs cannot go out by a launcher."""
    if launcher not in SCRIPTS:
        raise UserError(f"there is no launcher {launcher!r}; use one of {', '.join(SCRIPTS)}")
    names = [job.name for job in jobs]
    for job in jobs:
        if names.count(job.name) > 1:
            raise UserError(f"two jobs are called {job.name}; give each a name of its own")
        if launcher not in QUEUES and set(job.after) & set(names):
            raise UserError(
                f"{job.name} needs {', '.join(job.after)} first, and {launcher} starts all jobs at "
                "once; launch those first, these when they have finished"
            )
        fit.check(job, launcher, processes(job, launcher, site), launcher in SHARED)


def check_committed():
    """Raises UserError where machines would not run what stands in the files here."""
    changes = Command(("git", "status", "--porcelain", "--untracked-files=no")).answer()
    if changes is None:
        raise UserError(
            "this folder is no checkout of git, and a job is a commit; launch in a checkout"
        )
    if changes:
        raise UserError("a job is a commit, and there are changes; commit them")


def processes(job: Job, launcher: str, site: Site) -> int:
    """How many a job consists of: one for each host of a slice, with SLURM one for each GPU."""
    return math.prod(slurm.processes(job, site)) if launcher == "slurm" else site.slice(job).hosts
