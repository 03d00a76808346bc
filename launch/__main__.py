"""Brings albert-jax commands to machines.

python -m launch tpu_vm     --name=base -- pretrain --config=... --config.data.shards=8 --workdir=gs://BUCKET/base
python -m launch skypilot   --name=base -- pretrain --config=... --config.data.shards=8 --workdir=gs://BUCKET/base
python -m launch kubernetes --name=base -- pretrain --config=... --config.data.shards=8 --workdir=gs://BUCKET/base
python -m launch slurm      --name=base -- pretrain --config=... --config.data.shards=16 --workdir=/shared/W

With --dry-run it prints what it would run. A further -- begins a command that runs after the one
before. A job that does not pretrain gets one host: prepare by a job of its own, first.
launch/site.toml says where. Several processes on this machine: python -m launch.local
"""

from launch import arguments
from launch.submit import SCRIPTS, submit


def main(argv: list[str]):
    """Submits one job."""
    line = arguments.read(__doc__, argv, tuple(SCRIPTS))
    submit([line.job], line.verb, line.site, line.dry_run)


if __name__ == "__main__":
    arguments.run(main)
