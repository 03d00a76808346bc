"""What a job would fail of on machines that are paid for: it is known here, and refused."""

from albert_jax.errors import UserError
from albert_jax.paths import is_remote
from launch.job import Job

PRETRAIN = ("albert_jax", "pretrain")  # the one command whose processes work together
LEFT = ("workdir", "output")  # flags of what a command leaves behind


def shards(job: Job) -> tuple[int, ...]:
    """data.shards of each pretraining of a job, as its config and flags say.

    Raises:
      UserError: a config or a flag is wrong.
    """
    words = [words[2:] for words in job.commands if words[:2] == PRETRAIN]
    return tuple(map(_shards, words))


def _shards(words: tuple[str, ...]) -> int:
    from albert_jax.commands import pretrain  # here, for it takes seconds that --help has not

    flags, _ = pretrain.command_line().parse(list(words))
    return pretrain.pretraining(flags["config"], flags["workdir"]).data.shards


def check(job: Job, launcher: str, processes: int, shared: bool = False):
    """Raises UserError where a job does not fit so many processes, or machines that share no file system."""
    if not shared:
        check_remote(job)
    check_together(job, processes)
    check_shards(job, launcher, processes)


def check_remote(job: Job):
    """Raises UserError where a job would leave what it makes on machines that are deleted."""
    for words in job.commands:
        for word, after in zip(words, (*words[1:], ""), strict=True):
            flag, given, path = word.lstrip("-").partition("=")
            path = path if given else after
            if word.startswith("-") and flag in LEFT and not is_remote(path):
                raise UserError(
                    f"--{flag}={path} goes when its machine goes; use --{flag}=gs://BUCKET/..."
                )


def check_together(job: Job, processes: int):
    """Raises UserError where each of several processes would do the whole of a command."""
    for words in job.commands:
        if processes > 1 and words[:2] != PRETRAIN:
            raise UserError(
                f"{job.name}: every one of {processes} processes would {words[1]}; launch that as a job of "
                "its own, which gets one host"
            )


def check_shards(job: Job, launcher: str, processes: int):
    """Raises UserError where the processes of a job could not share out the text that it reads."""
    for shards in job.shards:
        if shards % processes:
            raise UserError(
                f"{job.name} reads its text in {shards} streams, which {processes} processes of {launcher} "
                f"cannot share out; begin it with --config.data.shards={processes}, or ask for fewer by "
                "--accelerator, or --nodes and --gpus"
            )
