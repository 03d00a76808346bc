"""The batch script, read and run with programs that only pretend to be SLURM's."""

import os
import signal
import subprocess
import time

from launch import slurm
from launch.job import Job
from tests.launching import JOB, SITE, pretend


def test_a_process_a_gpu_on_every_node():
    lines = slurm.batch(JOB, SITE).splitlines()
    for option in ("nodes=4", "ntasks-per-node=8", "gpus-per-node=8", "partition=gpu", "requeue"):
        assert f"#SBATCH --{option}" in lines
    alone = slurm.batch(Job("sst2", JOB.commands, one_host=True), SITE).splitlines()
    for option in ("nodes=1", "ntasks-per-node=1", "gpus-per-node=8"):
        assert f"#SBATCH --{option}" in alone


def test_jobs_are_submitted_each_after_those_it_needs(tmp_path):
    pretend(tmp_path, "sbatch", f'cat > /dev/null; echo "$*" >> {tmp_path}/calls; echo 17')
    later = Job("base-sst2", JOB.commands, one_host=True, after=("base", "elsewhere"))
    subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=slurm.script([JOB, later], SITE),
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        text=True,
        check=True,
    )
    calls = (tmp_path / "calls").read_text().splitlines()
    asked = "--parsable --dependency=singleton"
    assert calls == [asked, f"{asked},afterok:17"]


SRUN = """
bash task & task=$!
echo $task > pid
trap 'kill -KILL $task' TERM
wait $task
"""


def start(tmp_path, task):
    """The batch script at work, its files in `tmp_path`; srun, told to stop, kills its task."""
    (tmp_path / "task").write_text(task)
    pretend(tmp_path, "srun", SRUN)
    pretend(tmp_path, "scancel", '[ "$*" = "--signal=TERM 5" ] && kill -TERM "$(cat pid)"')
    pretend(tmp_path, "scontrol", 'echo "$*" > requeued')
    return subprocess.Popen(
        ["bash", "-c", slurm.batch(JOB, SITE)],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "5"},
    )


def test_at_its_time_limit_it_saves_and_is_queued_again(tmp_path):
    waiting = "trap 'touch saved; exit 75' TERM; touch ready; while :; do sleep 0.05; done"
    process = start(tmp_path, waiting)
    while not (tmp_path / "ready").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(timeout=30) == 0
    assert (tmp_path / "saved").exists()
    assert (tmp_path / "requeued").read_text() == "requeue 5\n"


def test_a_failure_is_the_jobs(tmp_path):
    process = start(tmp_path, "exit 3")
    assert process.wait(timeout=30) == 3
    assert not (tmp_path / "requeued").exists()
