"""SkyPilot: a managed job on a TPU slice, brought back by SkyPilot when it is preempted.

python -m launch skypilot --name=base -- pretrain --config=... --config.data.shards=8 --workdir=gs://BUCKET/base
"""

from collections.abc import Sequence

from launch import manifest
from launch.command import Command, write
from launch.job import STOPPED, Job
from launch.site import Site

FOLDER = "build/launch"
SETUP = """\
python3 -m pip install --quiet --user uv
python3 -m uv venv --quiet --allow-existing --python 3.12 .venv
python3 -m uv pip install --quiet --python .venv --constraint constraints.txt --editable '.[tpu]'
"""


def task(job: Job, site: Site) -> dict:
    """The SkyPilot task of a job; SkyPilot runs it on every host of the slice."""
    slice_ = site.slice(job)
    region = site.zone.rpartition("-")[0]
    return {
        "name": job.name,
        "resources": {
            "infra": f"gcp/{region}/{site.zone}",
            "accelerators": f"tpu-{slice_.name}",
            "accelerator_args": {"runtime_version": slice_.generation.runtime},
            "use_spot": site.spot,
            "job_recovery": {"max_restarts_on_errors": 10, "recover_on_exit_codes": [STOPPED]},
        },
        "workdir": ".",
        "envs": {"ALBERT_JAX_HOSTS": "cluster"},
        "setup": SETUP,
        "run": job.shell(".venv/bin/python"),
    }


def script(jobs: Sequence[Job], site: Site) -> str:
    """The shell script that writes the tasks and hands them to SkyPilot."""
    commands = [Command(("mkdir", "-p", FOLDER))]
    for job in jobs:
        path = f"{FOLDER}/{job.name}.yaml"
        commands += [write(path, manifest.dump(task(job, site)))]
        commands += [Command(("sky", "jobs", "launch", "--yes", "--detach-run", path))]
    return "\n".join(map(str, commands))
