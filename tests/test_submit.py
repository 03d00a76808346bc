"""Every launcher: what it prints is a shell script without a flaw; what cannot go out is refused."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from albert_jax.errors import UserError
from launch import local, site
from launch.__main__ import main
from launch.job import Job
from launch.submit import QUEUES, SCRIPTS, submit
from tests.launching import JOB, PRETRAIN, SITE, pretend

LATER = Job("base-sst2", (("albert_jax", "finetune", *PRETRAIN[2:]),), one_host=True)
SHELLCHECK = shutil.which("shellcheck") or str(Path(sys.executable).with_name("shellcheck"))


def printed(capsys, launcher, *jobs):
    submit(jobs, launcher, SITE, dry_run=True)
    return capsys.readouterr().out


@pytest.mark.parametrize("launcher", SCRIPTS)
def test_a_dry_run_is_a_flawless_script(launcher, capsys):
    script = printed(capsys, launcher, JOB, LATER)
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    checked = subprocess.run(
        [SHELLCHECK, "--shell=bash", "-"], input=script, text=True, capture_output=True
    )
    assert checked.returncode == 0, checked.stdout
    assert script.count("--config=c.py:size=base") == 2


@pytest.mark.parametrize("launcher", SCRIPTS)
def test_jobs_go_out_in_order_where_they_can_wait(launcher, capsys):
    later = Job("later", LATER.commands, one_host=True, after=("base",))
    if launcher in QUEUES:
        script = printed(capsys, launcher, JOB, later)
        assert "afterok:$base" in script or "after base" in script
    else:
        with pytest.raises(UserError, match=f"later needs base first, and {launcher} starts all"):
            submit([JOB, later], launcher, SITE, dry_run=True)
        assert printed(capsys, launcher, later)  # base has finished, or would be here


def test_names_are_of_one_job_and_of_a_launcher():
    with pytest.raises(UserError, match="two jobs are called base"):
        submit([JOB, JOB], "slurm", SITE, dry_run=True)
    with pytest.raises(UserError, match="there is no launcher 'xpk'; use one of tpu_vm, skypilot"):
        submit([JOB], "xpk", SITE)


def test_the_command_line_makes_a_job_and_a_site(capsys):
    argv = "tpu_vm --name=base --dry-run --zone=us-central2-b --accelerator=v4-32 --no-spot"
    config = "--config=configs/pretrain.py --config.data.shards=4"
    words = f"-- pretrain {config} --workdir=gs://b/base -- pretrain {config} --workdir=gs://b/next"
    main([*argv.split(), *words.split()])
    out = capsys.readouterr().out
    assert "--accelerator-type=v4-32" in out and "--zone=us-central2-b" in out
    assert "--spot" not in out and f"--project={site.load().project}" in out
    python = ".venv/bin/python -m albert_jax"
    assert f"{python} pretrain {config} --workdir=gs://b/base && {python} pretrain" in out
    main(["tpu_vm", "--name=base", "--dry-run", "--", "finetune", "--workdir=gs://b/sst2"])
    assert "--accelerator-type=v3-8 " in capsys.readouterr().out


def test_what_is_submitted_is_the_script(tmp_path, monkeypatch):
    pretend(tmp_path, "git", "")
    pretend(tmp_path, "kubectl", f"cat > {tmp_path}/applied; exit 3")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(UserError, match="kubernetes: not all jobs went out"):
        submit([JOB], "kubernetes", SITE)
    assert "kind: JobSet" in (tmp_path / "applied").read_text()


@pytest.mark.parametrize(
    ("program", "words", "message"),
    [
        (main, ["tpu_vm", "--nmae=base"], r"^launch: .*--name; see python -m launch --help$"),
        (main, ["cloud", "--name=base"], r"^launch: argument verb: invalid choice: 'cloud'"),
        (local.main, ["--hosts=2"], r"^launch: .*--hosts=2; see python -m launch.local --help$"),
    ],
)
def test_wrong_words_are_a_line(program, words, message):
    with pytest.raises(SystemExit, match=message):
        program(words)


@pytest.mark.parametrize("launcher", SCRIPTS)
@pytest.mark.parametrize(
    ("git", "message"),
    [
        ("echo ' M setup.py'", "a job is a commit, and there are changes; commit them"),
        ("exit 128", "this folder is no checkout of git, and a job is a commit"),
    ],
)
def test_what_is_in_no_commit_does_not_go_out(
    launcher, git, message, tmp_path, monkeypatch, capsys
):
    pretend(tmp_path, "git", git)
    for tool in ("bash", "gcloud"):
        pretend(tmp_path, tool, f"touch {tmp_path}/sent").write_text(
            f"#!/bin/sh\ntouch {tmp_path}/sent\n"
        )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(UserError, match=message):
        submit([JOB], launcher, SITE)
    assert not (tmp_path / "sent").exists()
    assert printed(capsys, launcher, JOB)
