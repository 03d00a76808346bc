"""Jobs as they are typed: what their machines could not run is a line, and nothing goes out."""

import pytest

from albert_jax.errors import UserError
from launch.__main__ import main
from launch.submit import SCRIPTS, SHARED

CONFIG = "--config=configs/pretrain.py:size=base"
WORKDIR = "--workdir=gs://b/base"


def dry(launcher, *words, site=("--accelerator=v3-64",)):
    main([launcher, "--name=base", "--dry-run", *site, "--", *words])


@pytest.mark.parametrize(
    ("launcher", "site", "count"),
    [
        ("tpu_vm", ["--accelerator=v3-64"], 8),
        ("kubernetes", ["--accelerator=v4-32"], 4),
        ("slurm", ["--nodes=2", "--gpus=3"], 6),
    ],
)
def test_processes_that_cannot_share_the_text_out_are_refused(launcher, site, count, capsys):
    message = (
        f"base reads its text in 1 streams, which {count} processes of {launcher} cannot share out"
    )
    with pytest.raises(UserError, match=message):
        dry(launcher, "pretrain", CONFIG, WORKDIR, site=site)
    shards = ["--config.data.shards", f"{2 * count}", "--config.data.batch_size=4608"]
    dry(launcher, "pretrain", CONFIG, *shards, WORKDIR, site=site)
    assert f"--config.data.shards {2 * count} " in capsys.readouterr().out


def test_one_process_has_nothing_to_share_out(capsys):
    dry("tpu_vm", "pretrain", CONFIG, WORKDIR, site=["--accelerator=v3-8"])
    assert CONFIG in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--config=no/such.py", WORKDIR],
            r"^--config: .* No such file or directory: 'no/such.py'$",
        ),
        ([CONFIG, "--config.data.shard=8", WORKDIR], r"^config\.data.* shard"),
        ([CONFIG], "^--workdir is missing"),
    ],
)
def test_what_is_wrong_in_the_words_is_said_here(words, message):
    with pytest.raises(UserError, match=message) as raised:
        dry("tpu_vm", "pretrain", *words)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("launcher", sorted(SCRIPTS.keys() - set(SHARED)))
@pytest.mark.parametrize(
    "words",
    [
        ["finetune", "--workdir=runs/base"],
        ["finetune", "--workdir", "runs/base"],
        ["finetune", "-workdir=runs/base", WORKDIR.replace("--", "-")],
        ["predict", "--model=gs://b/base", "--output=runs/base"],
    ],
)
def test_what_goes_with_its_machine_is_refused(launcher, words):
    flag = "output" if "predict" in words else "workdir"
    message = rf"--{flag}=runs/base goes when its machine goes; use --{flag}=gs://BUCKET"
    with pytest.raises(UserError, match=message):
        dry(launcher, *words)


def test_what_stays_goes_out(capsys):
    dry("tpu_vm", "finetune", "--workdir", "gs://b/sst2", "--output=gs://b/output.txt")
    dry("slurm", "finetune", "--workdir", "runs/sst2", site=())
    assert "--workdir gs://b/sst2" in capsys.readouterr().out


@pytest.mark.parametrize("launcher", SCRIPTS)
def test_what_one_host_does_is_not_done_by_all(launcher, capsys):
    prepare = ["prepare", CONFIG, WORKDIR]
    pretrain = ["--", "pretrain", CONFIG, "--config.data.shards=16", WORKDIR]
    message = r"^base: every one of \d+ processes would prepare; launch that as a job of its own"
    with pytest.raises(UserError, match=message):
        dry(launcher, *prepare, *pretrain)
    dry(launcher, *prepare, "--", *prepare)
    dry("tpu_vm", *prepare, *pretrain, site=["--accelerator=v3-8"])
    assert "prepare" in capsys.readouterr().out
