"""SLURM: a batch job on the GPUs of several nodes, a process a GPU; it saves and requeues at its time limit.

python -m launch slurm --name=base -- pretrain --config=... --config.data.shards=16 --workdir=/shared/W
"""

import shlex
from collections.abc import Sequence

from launch.job import Job
from launch.site import Site

WARNING = 120  # seconds before the time limit


def processes(job: Job, site: Site) -> tuple[int, int]:
    """The nodes of a job, and the processes of each."""
    return (1, 1) if job.one_host else (site.nodes, site.gpus)


def batch(job: Job, site: Site) -> str:
    """The batch script of a job."""
    nodes, tasks = processes(job, site)
    return f"""\
#!/bin/bash
#SBATCH --job-name={job.name}
#SBATCH --partition={site.partition}
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node={tasks}
#SBATCH --gpus-per-node={site.gpus}
#SBATCH --output={job.name}-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@{WARNING}
set -euo pipefail
save_and_requeue() {{
  scancel --signal=TERM "$SLURM_JOB_ID"  # the tasks alone; srun would answer it with SIGKILL
  wait "$step" || true
  scontrol requeue "$SLURM_JOB_ID"
  exit 0
}}
trap save_and_requeue USR1
srun --kill-on-bad-exit=1 bash -c {shlex.quote(job.shell(site.python, last="exec "))} &
step=$!
wait "$step"
"""


def script(jobs: Sequence[Job], site: Site) -> str:
    """The shell script that submits the jobs, each after those it needs and after any other of its name.

    A cell that two tables share may be sent twice; the second finds it finished.
    """
    names = {job.name for job in jobs}
    parts = []
    for job in jobs:
        needed = "".join(f":${_variable(name)}" for name in job.after if name in names)
        after = f"singleton,afterok{needed}" if needed else "singleton"
        asked = f'sbatch --parsable "--dependency={after}"'
        parts += [f"{_variable(job.name)}=$({asked} <<'END'\n{batch(job, site)}END\n)"]
        parts += [f'echo "{job.name}: ${_variable(job.name)}"']
    return "\n".join(parts)


def _variable(name: str) -> str:
    return name.replace("-", "_")
