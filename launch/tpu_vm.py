"""TPU VMs by queued resources: made, set up, watched, made again when preempted, deleted when done.

python -m launch tpu_vm --name=base -- pretrain --config=... --config.data.shards=8 --workdir=gs://BUCKET/base

does it all, and stays until the job has finished. It keeps no state of its own: ended and started
again, it asks the cloud how far things are and goes on from there. Single steps:

python -m launch.tpu_vm logs   --name=base
python -m launch.tpu_vm status --name=base
python -m launch.tpu_vm delete --name=base
python -m launch.tpu_vm create --name=base -- pretrain ...  # then setup, then start
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from albert_jax.errors import UserError
from launch import arguments, fit
from launch.command import Command, write
from launch.job import STOPPED, Job
from launch.site import Site

POLL = 60  # seconds
QUESTION, ACTION = 120, 1800  # seconds that a command may take
MOST_RESTARTS = 10  # of a job that fails on a machine that lives
MOST_TRIES = 10  # in a row, of what brings a job to where it runs
LOST = ("FAILED", "SUSPENDED")  # states of a queued resource that will not come back
FOLDER = "build/launch"
SETUP = """\
rm -rf albert_jax && git clone --quiet {}.bundle albert_jax && cd albert_jax &&
python3 -m pip install --quiet --user uv &&
python3 -m uv venv --quiet --python 3.12 .venv &&
python3 -m uv pip install --quiet --python .venv -c constraints.txt --editable .[tpu]"""


def create(job: Job, site: Site) -> Command:
    """Asks for the slice; it comes when there is one."""
    slice_ = site.slice(job)
    flags = [f"--node-id={job.name}", f"--accelerator-type={slice_.name}"]
    flags += [f"--runtime-version={slice_.generation.runtime}", *(["--spot"] if site.spot else [])]
    return _gcloud(site, "queued-resources", "create", job.name, *flags)


def state(name: str, site: Site) -> Command:
    """Prints ACTIVE, or what the slice is instead."""
    return _gcloud(site, "queued-resources", "describe", name, "--format=value(state.state)")


def pack(job: Job) -> list[Command]:
    """Makes the files of a job: the commit, which stays the same while it is kept, and its script."""
    bundle, script = _files(job)
    return [
        Command(("mkdir", "-p", FOLDER)),
        Command(("git", "bundle", "create", "--quiet", bundle, "HEAD")),
        write(script, script_of(job)),
    ]


def setup(job: Job, site: Site) -> list[Command]:
    """Brings the files of a job to every host, and installs."""
    return [
        _on_hosts(job.name, site, "true", worker="0"),  # makes the key for ssh, once
        _gcloud(site, "tpu-vm", "scp", *_files(job), f"{job.name}:", "--worker=all"),
        _on_hosts(job.name, site, SETUP.format(job.name)),
    ]


def _files(job: Job) -> tuple[str, str]:
    return f"{FOLDER}/{job.name}.bundle", f"{FOLDER}/{job.name}.sh"


def script_of(job: Job) -> str:
    """What every host runs; the exit status stays in a file."""
    return f"""\
#!/bin/bash
cd ~/albert_jax || exit
export ALBERT_JAX_HOSTS=cluster
{{
  {job.shell(".venv/bin/python")}
}} >> ~/{job.name}.log 2>&1
echo $? > ~/{job.name}.exit
"""


def start(job: Job, site: Site) -> Command:
    """Runs the job on every host, in a tmux session that outlives the connection."""
    name = job.name
    clear = f"tmux kill-session -t {name} 2> /dev/null; rm -f {name}.exit"
    return _on_hosts(name, site, f"{clear}; tmux new-session -d -s {name} bash {name}.sh")


def poll(job: Job, site: Site) -> Command:
    """Prints running, or the exit status, or absent; before it, another, if that is of another script."""
    name, digest = job.name, hashlib.sha256(script_of(job).encode()).hexdigest()
    same = f'echo "{digest}  {name}.sh" | sha256sum --check --status 2> /dev/null'
    running = f"tmux has-session -t {name} 2> /dev/null && echo running"
    ended = f"cat {name}.exit 2> /dev/null || echo absent"
    return _on_hosts(name, site, f"{same} || echo another; {running} || {ended}", worker="0")


def logs(name: str, site: Site) -> Command:
    """Follows the log of the first host."""
    return _on_hosts(name, site, f"tail -n 1000 -F {name}.log", worker="0")


def delete(name: str, site: Site) -> Command:
    """Gives the slice back, whatever runs there."""
    return _gcloud(site, "queued-resources", "delete", name, "--force", "--quiet")


def keep(jobs: Sequence[Job], site: Site):
    """Keeps every job going until all have finished; a job begins when those before it are done.

    A job that fails too often, or does not get to run, is given up with those after it; the others go on.

    Raises:
      UserError: jobs were given up, whose slices stay; or their files could not be made.
    """
    for job in jobs:
        if not all(command.run() for command in pack(job)):
            raise UserError(
                f"{FOLDER} did not get the files of {job.name}; see above, and mend that first"
            )
    keeper = Keeper(site)
    waiting = {job.name: job for job in jobs}
    given_up: dict[str, str] = {}
    while waiting:
        for job in list(waiting.values()):
            if not waiting.keys() & set(job.after) and _is_over(job, keeper, given_up):
                del waiting[job.name]
        if waiting:
            time.sleep(POLL)
    if given_up:
        raise UserError("\n".join([f"{len(given_up)} jobs were given up", *given_up.values()]))


def _is_over(job: Job, keeper: "Keeper", given_up: dict[str, str]) -> bool:
    """Takes a job a step further; whether it has finished, or is given up and noted with the reason."""
    try:
        if given_up.keys() & set(job.after):
            raise GivenUp(f"{job.name} cannot run: what it needs failed")
        return keeper.advance(job)
    except GivenUp as error:
        given_up[job.name] = str(error)
        _say(job, str(error))
        return True


class GivenUp(UserError):
    """A job will not finish."""


class Keeper:
    """Takes a job one step further at a time: to a slice, a set-up, a start, an end."""

    def __init__(self, site: Site):
        self._site = site
        self._failures: Counter[str] = Counter()
        self._troubles: Counter[str] = Counter()  # since the job was last seen running

    def advance(self, job: Job) -> bool:
        """Looks at a job and does what is next; whether it has finished. GivenUp: it failed too often."""
        found = state(job.name, self._site).answer(QUESTION)
        if found == "ACTIVE":
            return self._advance_active(job)
        if found is None:
            self._do(job, "asking for a slice", create(job, self._site))
        elif found in LOST:
            self._do(job, f"{found}, giving it back", delete(job.name, self._site))
            self._note(job, f"its slice was {found}")
        else:
            _say(job, found)
        return False

    def _advance_active(self, job: Job) -> bool:
        answer = poll(job, self._site).answer(QUESTION) or ""
        match answer.split():
            case ["another", "running" | "0"]:
                raise GivenUp(
                    f"{job.name} on that slice is another command; give it another --name, or first "
                    f"{self._deletion(job)}"
                )
            case [*_, "running"]:
                _say(job, "running")
                self._troubles[job.name] = 0
            case [*_, "absent"]:
                self._begin(job, "setting up and starting")
            case [*_, "0"]:
                return self._do(
                    job, "finished, giving the slice back", delete(job.name, self._site)
                )
            case [*_, status] if status.isdigit():
                self._restart(job, int(status))
            case _:
                _say(job, "does not answer")
                self._note(job, "the slice does not answer")
        return False

    def _restart(self, job: Job, status: int):
        self._failures[job.name] += status != STOPPED
        if self._failures[job.name] > MOST_RESTARTS:
            raise GivenUp(
                f"{job.name} failed {MOST_RESTARTS} times, last with status {status}; see its log, "
                f"python -m launch.tpu_vm logs --name={job.name}, then {self._deletion(job)}"
            )
        self._begin(job, f"ended with status {status}, setting up and starting again")

    def _begin(self, job: Job, what: str):
        """Sends the files anew: since they were sent last, what failed may have been mended."""
        self._do(job, what, *setup(job, self._site), start(job, self._site))

    def _do(self, job: Job, what: str, *commands: Command) -> bool:
        """Runs commands until one fails; whether none did. The next look shows how far that came."""
        _say(job, what)
        done = all(command.run(ACTION) for command in commands)
        if not done:
            self._note(job, f"{what}: failed")
        return done

    def _note(self, job: Job, trouble: str):
        """Counts what keeps a job from running. GivenUp: there was too much of it, in a row."""
        self._troubles[job.name] += 1
        if self._troubles[job.name] >= MOST_TRIES:
            raise GivenUp(
                f"{job.name} did not get on in {MOST_TRIES} tries, at last: {trouble}; see above, and "
                f"leave no slice behind: {self._deletion(job)}"
            )

    def _deletion(self, job: Job) -> str:
        place = f"--project={self._site.project} --zone={self._site.zone}"
        return f"python -m launch.tpu_vm delete --name={job.name} {place}"


def script(jobs: Sequence[Job], site: Site) -> str:
    """The commands of `keep`, in their order, with remarks."""
    lines: list[Command | str] = []
    for job in jobs:
        slice_, asked = site.slice(job), state(job.name, site)
        after = f", after {', '.join(job.after)}" if job.after else ""
        lines += [f"# {job.name}: {slice_.name}, hosts: {slice_.hosts}{after}"]
        lines += [*pack(job), create(job, site), f"# every {POLL} s, until it says ACTIVE", asked]
        lines += [*setup(job, site), start(job, site)]
        lines += [f"# every {POLL} s; {' or '.join(LOST)}: delete, and from the top", asked]
        lines += [poll(job, site), "# when it says 0", delete(job.name, site), ""]
    return "\n".join(map(str, lines))


def _on_hosts(name: str, site: Site, command: str, worker: str = "all") -> Command:
    flags = (f"--worker={worker}", f"--command={command}")
    return _gcloud(site, "tpu-vm", "ssh", name, *flags)


def _gcloud(site: Site, *words: str) -> Command:
    place = (f"--project={site.project}", f"--zone={site.zone}")
    return Command(("gcloud", "compute", "tpus", *words, *place))


def _say(job: Job, what: str):
    print(f"{time.strftime('%H:%M:%S')} {job.name}: {what}", flush=True)


def _setup(job: Job, site: Site) -> list[Command]:
    return [*pack(job), *setup(job, site)]


BY_JOB: dict[str, Callable[..., Any]] = {"create": create, "setup": _setup, "start": start}
BY_NAME: dict[str, Callable[..., Any]] = {"status": state, "logs": logs, "delete": delete}


def main(argv: list[str]):
    """Does one step for one job."""
    line = arguments.read(__doc__, argv, (*BY_JOB, *BY_NAME))
    if line.verb in BY_JOB:
        fit.check(line.job, "tpu_vm", line.site.slice(line.job).hosts)
        found = BY_JOB[line.verb](line.job, line.site)
    else:
        found = BY_NAME[line.verb](line.name, line.site)
    for command in found if isinstance(found, list) else [found]:
        if line.dry_run:
            print(command)
        elif not command.run():
            raise UserError(f"{line.name}: {line.verb} failed; {command.words[0]} has said why")


if __name__ == "__main__":
    arguments.run(main)
