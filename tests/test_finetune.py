"""The command from a checkpoint and official files to a model that knows its task."""

import json
import shutil
import signal
from functools import cache
from pathlib import Path

import jax
import numpy as np
import pytest
from etils import epath

import albert_jax
from albert_jax.commands import finetune
from albert_jax.commands.config import finetuning
from albert_jax.data.vocabulary import train
from albert_jax.errors import Diverged
from albert_jax.model.tasks import AlbertForTask
from albert_jax.training import tracking
from albert_jax.training.checkpoint import restore_params
from configs.finetune import get_config
from tests import glue_files, tuning
from tests.commands import call

CLOCKS = ("seconds", "tokens_per_second", "examples_per_second", "mfu", "padding")
SHORT = ("--config.training.steps=2", "--config.training.evaluate_every=1")


@cache
def trained() -> Path:
    """The workdir of a run that nothing disturbed; copy it to change it."""
    workdir = tuning.folder() / "trained"
    call(*tuning.finetune(workdir))
    return workdir


def numbers(workdir):
    """Everything in metrics.jsonl but the times."""
    lines = tracking.read(workdir)
    return [{k: v for k, v in line.items() if k not in CLOCKS} for line in lines]


def results(workdir):
    return json.loads((workdir / "results.json").read_text())


def logits(model, texts):
    """What a fine-tuned model says of texts, one in each row."""
    network = AlbertForTask(model.config, model.head, len(model.labels))
    return np.asarray(jax.jit(network.apply)({"params": model.params}, model.encode(texts)))[:, 0]


def same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_it_learns_and_writes_what_the_benchmark_wants():
    workdir = trained()
    found = results(workdir)
    assert found["dev"] == {"accuracy": 100.0}
    assert found["collapse"] is None and found["flat"] is None
    dev = (tuning.sst2() / "SST-2" / "dev.tsv").read_text().splitlines()[1:]
    wanted = [f"{i}\t{line[-1]}" for i, line in enumerate(dev)]
    written = (workdir / "predictions" / "dev" / "SST-2.tsv").read_text().splitlines()
    assert written == ["index\tprediction", *wanted]
    assert len((workdir / "predictions/test/SST-2.tsv").read_text().splitlines()) == 1 + 24
    assert [line["step"] for line in numbers(workdir) if line["kind"] == "dev"] == [15, 30, 45]
    train = [line for line in tracking.read(workdir) if line["kind"] == "train"]
    assert {"loss", "accuracy", "examples_per_second", "padding", "grad_norm"} <= train[-1].keys()
    assert 0 < train[-1]["padding"] < 0.5


def test_the_workdir_is_a_checkpoint_of_the_best_parameters():
    workdir = trained()
    model = albert_jax.load(workdir)
    assert (model.head, model.labels) == ("sequence", ("0", "1"))
    assert model.task["name"] == "sst2" and model.task["length"] == 32
    same(model.params, restore_params(workdir / "checkpoints", results(workdir)["step"]))
    assert model.origin["metrics"] == {"accuracy": 100.0}
    assert (logits(model, ["cat mat", "dog one"]).argmax(-1) == [1, 0]).all()


@pytest.mark.parametrize("to", ["huggingface", "native"])
def test_it_goes_into_other_formats_and_comes_back(to, tmp_path):
    call("convert", trained(), tmp_path / "out", f"--to={to}")
    model, back = albert_jax.load(trained()), albert_jax.load(tmp_path / "out")
    assert (back.head, back.labels) == (model.head, model.labels)
    np.testing.assert_allclose(logits(back, ["cat mat"]), logits(model, ["cat mat"]), atol=1e-5)
    if to == "huggingface":
        said = json.loads((tmp_path / "out" / "config.json").read_text())
        assert said["architectures"] == ["AlbertForSequenceClassification"]
    else:
        assert back.task == model.task


@pytest.mark.parametrize("killed", [pytest.param(5, marks=pytest.mark.slow), 20])
def test_killed_and_started_again_it_is_the_same_to_the_bit(killed, tmp_path, monkeypatch):
    """Once before the first checkpoint with a score and once after; between two saves."""
    make, steps = finetune.make_train_step, []

    def dying(*arguments):
        step = make(*arguments)

        def or_die(state, batch):
            steps.append(1)
            if len(steps) == killed:
                raise KeyboardInterrupt
            return step(state, batch)

        return or_die

    command = tuning.finetune(tmp_path, "--config.checkpoint.save_every=4")
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(finetune, "make_train_step", dying)
        call(*command)
    call(*command)
    assert numbers(tmp_path) == numbers(trained())
    same(restore_params(tmp_path / "checkpoints"), restore_params(trained() / "checkpoints"))
    assert results(tmp_path) == results(trained())


def test_a_signal_to_stop_saves_first(tmp_path, monkeypatch, capsys):
    make = finetune.make_train_step

    def stopping(*arguments):
        step = make(*arguments)

        def and_stop(state, batch):
            if int(state.step) == 6:
                signal.raise_signal(signal.SIGTERM)
            return step(state, batch)

        return and_stop

    with monkeypatch.context() as patch:
        patch.setattr(finetune, "make_train_step", stopping)
        with pytest.raises(SystemExit, match=r"^75$"):
            call(*tuning.finetune(tmp_path))
    assert "stopped by SIGTERM after step 7, saved" in capsys.readouterr().out
    call(*tuning.finetune(tmp_path))
    assert "resuming after step 7" in capsys.readouterr().out
    assert numbers(tmp_path) == numbers(trained())


def test_again_it_only_predicts(tmp_path, capsys):
    shutil.copytree(trained(), tmp_path / "W")
    before = numbers(tmp_path / "W")
    (tmp_path / "W" / "results.json").unlink()
    call(*tuning.finetune(tmp_path / "W"))
    assert "resuming after step 45" in capsys.readouterr().out
    assert numbers(tmp_path / "W") == before
    assert results(tmp_path / "W") == results(trained())


def test_parts_of_a_batch_make_no_difference(tmp_path):
    """Without dropout; to rounding, as sums are taken in another order."""
    still = (
        "--config.model.hidden_dropout=0.0",
        "--config.model.attention_dropout=0.0",
        "--config.model.classifier_dropout=0.0",
        "--config.training.steps=3",
    )
    losses = []
    for parts in (1, 2):
        workdir = tmp_path / str(parts)
        call(*tuning.finetune(workdir, *still, f"--config.training.microbatches={parts}"))
        losses.append([line["loss"] for line in numbers(workdir) if line["kind"] == "train"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_a_run_that_gets_no_better_ends(tmp_path):
    lazy = ("--config.training.patience=1", "--config.training.evaluate_every=2")
    call(*tuning.finetune(tmp_path, *lazy, "--config.training.steps=60"))
    scores = [line["accuracy"] for line in numbers(tmp_path) if line["kind"] == "dev"]
    assert len(scores) < 30
    assert scores[-1] <= max(scores[:-1]) and results(tmp_path)["dev"]["accuracy"] == max(scores)
    steps = numbers(tmp_path)[-1]["step"]
    call(*tuning.finetune(tmp_path, *lazy, "--config.training.steps=60"))
    assert numbers(tmp_path)[-1]["step"] == steps


def test_several_seeds_have_a_median_and_a_spread(tmp_path, capsys):
    call(*tuning.finetune(tmp_path, *SHORT, "--seeds=2", "--config.training.seed=7"))
    said = json.loads((tmp_path / "seeds.json").read_text())
    scores = [results(tmp_path / f"seed-{seed}")["dev"]["accuracy"] for seed in (7, 8)]
    assert said["summary"]["accuracy"]["median"] == np.mean(scores)
    assert [said["dev"][str(seed)]["accuracy"] for seed in (7, 8)] == scores
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"accuracy: median {np.mean(scores):.2f}, ")
    one, other = (albert_jax.load(tmp_path / f"seed-{seed}").params for seed in (7, 8))
    kernels = [p["classifier"]["classifier"]["kernel"] for p in (one, other)]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-4


def test_a_seed_that_diverges_leaves_the_others(tmp_path, monkeypatch, capsys):
    def pretended(run, workdir, init, asked):
        if run.training.seed == 1:
            raise Diverged("the run diverged at step 3: loss nan; lower the rate")
        return {"dev": {"accuracy": 80.0 + run.training.seed}}

    monkeypatch.setattr(finetune, "finetune", pretended)
    run = finetuning(get_config("task=sst2,size=small").to_dict(), "D")
    with pytest.raises(Diverged, match=r"^seed 1 of 3 seeds from 0 on: the run diverged at step 3"):
        finetune.finetune_seeds(run, epath.Path(tmp_path), epath.Path("M"), 3)
    said = json.loads((tmp_path / "seeds.json").read_text())
    assert said["dev"] == {"0": {"accuracy": 80.0}, "2": {"accuracy": 82.0}}
    printed = capsys.readouterr()
    assert "median 81.00, 80.00 to 82.00" in printed.out and "seeds 0 2: 80.00 82.00" in printed.out
    assert printed.err == "seed 1: the run diverged at step 3: loss nan; lower the rate\n"


def test_a_signal_while_a_seed_predicts_stops_before_the_next(tmp_path, monkeypatch, capsys):
    finish = finetune.finish

    def and_stop(*arguments):
        signal.raise_signal(signal.SIGTERM)
        return finish(*arguments)

    monkeypatch.setattr(finetune, "finish", and_stop)
    with pytest.raises(SystemExit, match=r"^75$"):
        call(*tuning.finetune(tmp_path, *SHORT, "--seeds=2"))
    assert "stopped by SIGTERM before seed 1; the same command goes on" in capsys.readouterr().out
    assert (tmp_path / "seed-0" / "results.json").exists()
    assert not (tmp_path / "seed-1").exists()


def test_how_long_a_run_is_stands_in_one_place(tmp_path, capsys):
    call(*tuning.finetune(tmp_path, *SHORT))
    assert "steps (training.steps; training.epochs is not read), from" in capsys.readouterr().out
    for size, steps in (("base", 20935), ("small", 0)):
        training = get_config(f"task=sst2,size={size}").training
        assert (training.steps, bool(training.epochs)) == (steps, not steps)


def test_a_model_that_learns_nothing_is_told_with_the_remedy(tmp_path, capsys):
    call(*tuning.finetune(tmp_path, "--config.schedule.learning_rate=1e-9"))
    out = capsys.readouterr().out
    assert "the model has collapsed: the label" in out
    assert "the training loss has not fallen" in out
    assert "lower schedule.learning_rate, lengthen schedule.warmup_steps" in out


def test_a_run_keeps_to_its_vocabulary(tmp_path):
    """Checkpoints of other runs may have the same name: stages are called alike."""
    workdir = shutil.copytree(trained(), tmp_path / "run")
    other = shutil.copytree(tuning.checkpoint(), tmp_path / tuning.checkpoint().name)
    (other / "vocabulary.model").write_bytes(train(["the cat sat on a big mat"] * 20, 28))
    kept = (workdir / "vocabulary.model").read_bytes()
    with pytest.raises(SystemExit, match="another vocabulary than that of checkpoint; give the"):
        call(*tuning.finetune(workdir, init=other))
    assert (workdir / "vocabulary.model").read_bytes() == kept


def test_a_diverging_run_ends_with_the_remedy(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        call(*tuning.finetune(tmp_path, "--config.schedule.learning_rate=1e30"))
    assert "the run diverged at step" in str(stopped.value)
    assert "lower schedule.learning_rate" in str(stopped.value)


def test_from_a_fine_tuned_model_to_another_task(tmp_path, capsys):
    """The intermediate task of the paper: MNLI, then RTE. The head goes where it does not fit."""
    glue_files.write(tmp_path / "glue")
    folder = f"--data_dir={tmp_path / 'glue'}"
    call(*tuning.finetune(tmp_path / "mnli", *SHORT, folder, task="mnli"))
    capsys.readouterr()
    call(*tuning.finetune(tmp_path / "rte", *SHORT, folder, task="rte", init=tmp_path / "mnli"))
    out = capsys.readouterr().out
    assert (
        "the checkpoint's head for sequence (contradiction, entailment, neutral) is another task's; "
        "a new one is begun" in out
    )
    assert albert_jax.load(tmp_path / "rte").labels == ("entailment", "not_entailment")
    call(*tuning.finetune(tmp_path / "again", *SHORT, folder, task="rte", init=tmp_path / "rte"))
    assert "a new one is begun" not in capsys.readouterr().out


def test_the_first_state_is_the_checkpoint_or_random(tmp_path):
    still = ("--config.training.steps=1", "--config.schedule.learning_rate=1e-12")
    call(*tuning.finetune(tmp_path / "given", *still))
    call(*tuning.finetune(tmp_path / "random", *still, "--config.init=random"))
    source = albert_jax.load(tuning.checkpoint()).params["albert"]
    near = lambda x, y: np.testing.assert_allclose(x, y, atol=1e-6)  # noqa: E731
    given = albert_jax.load(tmp_path / "given").params["albert"]
    jax.tree.map(near, given, {name: source[name] for name in given})
    kernel = albert_jax.load(tmp_path / "random").params["albert"]["pooler"]["kernel"]
    assert np.abs(kernel).max() < 0.05 < np.abs(source["pooler"]["kernel"]).max()


def test_layers_may_learn_at_different_rates(tmp_path):
    call(*tuning.finetune(tmp_path, *SHORT, "--config.training.layer_decay=0.001"))
    source = albert_jax.load(tuning.checkpoint()).params["albert"]
    tuned = albert_jax.load(tmp_path).params["albert"]
    moved = {
        name: max(
            jax.tree.leaves(jax.tree.map(lambda x, y: np.abs(x - y).max(), tuned[name], part))
        )
        for name, part in source.items()
    }
    assert moved["embeddings"] < moved["encoder"] / 100 < moved["pooler"] / 1e4


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--config.task.length=64"], "task.length is 64, and the checkpoint has 32 positions"),
        (["--data_dir=nowhere"], "nowhere/train.tsv: no such file; task.data_dir must hold SST-2/"),
        (["--config.task.lenght=16"], "config.task.lenght is not a setting; did you mean length?"),
        (["--config.init=nothing"], "init is 'nothing'; it must be checkpoint or random"),
        (["--config.training.epochs=-1", "--config.training.steps=0"], "training.epochs is -1"),
        (["--init=nowhere"], "nowhere is no folder"),
        (
            ["--config.schedule.warmup_steps=100"],
            "schedule.warmup_steps is 100, and the run has",
        ),
        (["--config.checkpoint.metric=f1"], "checkpoint.metric is 'f1'; choose one of accuracy"),
        (["--config.training.layer_decay=2.0"], "training.layer_decay is 2.0"),
    ],
    ids=lambda value: value[0].partition("=")[0] if isinstance(value, list) else "",
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_line(flags, message, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        call(*tuning.finetune(tmp_path, *SHORT, *flags))
    assert message in str(stopped.value) and "\n" not in str(stopped.value)


def test_a_workdir_keeps_to_its_settings(tmp_path):
    shutil.copytree(trained(), tmp_path / "W")
    with pytest.raises(SystemExit, match=r"schedule.learning_rate 0.01 -> 0.02"):
        call(*tuning.finetune(tmp_path / "W", "--config.schedule.learning_rate=0.02"))
    shutil.copytree(tuning.checkpoint(), tmp_path / "other")
    with pytest.raises(SystemExit, match='source "checkpoint" -> "other"'):
        call(*tuning.finetune(tmp_path / "W", init=tmp_path / "other"))


def test_a_malformed_file_is_named_with_its_line(tmp_path):
    shutil.copytree(tuning.sst2(), tmp_path / "glue")
    path = tmp_path / "glue" / "SST-2" / "train.tsv"
    path.write_text(path.read_text() + "cat\tmat\tsat\n")
    with pytest.raises(SystemExit, match=r"SST-2/train.tsv:50: 3 columns, not 2"):
        call(*tuning.finetune(tmp_path / "W", f"--data_dir={tmp_path / 'glue'}"))


def test_without_a_test_file_the_rest_is_written(tmp_path, capsys):
    shutil.copytree(tuning.sst2(), tmp_path / "glue")
    (tmp_path / "glue" / "SST-2" / "test.tsv").unlink()
    call(*tuning.finetune(tmp_path / "W", *SHORT, f"--data_dir={tmp_path / 'glue'}"))
    assert "no predictions for test: " in capsys.readouterr().out
    assert (tmp_path / "W/predictions/dev/SST-2.tsv").exists()


def test_patience_counts_evaluations_since_the_best():
    assert not finetune.is_settled([], 1)
    assert not finetune.is_settled([1.0, 2.0, 2.0, 1.0], 0)
    assert [finetune.is_settled([1.0, 3.0, 2.0, 3.0][:n], 2) for n in (2, 3, 4)] == [
        False,
        False,
        True,
    ]
    assert not finetune.is_settled([1.0, 2.0], 1) and finetune.is_settled([2.0, 1.0], 1)
