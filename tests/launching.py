"""A site and jobs that several tests of launch/ use, and a cloud that only pretends."""

import stat
from pathlib import Path

from launch.job import Job
from launch.site import Site

SITE = Site(
    project="p",
    zone="europe-west4-a",
    accelerator="v3-128",
    spot=True,
    image="images/albert:1",
    partition="gpu",
    nodes=4,
    gpus=8,
    python=".venv/bin/python",
)
PRETRAIN = ("albert_jax", "pretrain", "--config=c.py:size=base", "--workdir=gs://b/it's base")
JOB = Job("base", (PRETRAIN,))


def pretend(folder: Path, name: str, script: str) -> Path:
    """Puts a program that is none into a folder."""
    path = folder / name
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
