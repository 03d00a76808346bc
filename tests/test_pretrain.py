"""From text to a pretrained model and back to words, as a user does it."""

import dataclasses
import json
import shutil
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

import albert_jax
from albert_jax.commands import pretrain
from albert_jax.commands.config import pretraining
from albert_jax.commands.pretrain import (
    _idle,
    beginning,
    farewell,
    parameter_shapes,
    row_shapes,
)
from albert_jax.data.records import Records, load_vocabulary
from albert_jax.model.albert import AlbertForPretraining
from albert_jax.training import optimizer as optimizers
from albert_jax.training import state as states
from albert_jax.training import tracking
from albert_jax.training.checkpoint import restore_params
from albert_jax.training.config import TrainingConfig
from albert_jax.training.losses import PRETRAINING
from albert_jax.training.schedule import schedule
from albert_jax.training.sharding import abstract, make_mesh
from albert_jax.training.step import make_train_step
from configs.pretrain import get_config
from tests import corpus, runs
from tests.commands import call, run
from tests.runs import STEPS, trained

SOURCES = {
    "texts": corpus.write_folder,
    "texts.txt": corpus.write_text,
    "texts.txt.gz": corpus.write_gzip,
    "texts.jsonl": corpus.write_jsonl,
    "dump.xml.bz2": corpus.write_dump,
}


@pytest.mark.parametrize("name", SOURCES)
def test_any_source_is_prepared_with_one_changed_flag(name, tmp_path):
    SOURCES[name](tmp_path / name)
    source = f"--config.corpus.source={tmp_path / name}"
    call("prepare", "--config=tests/tiny.py", f"--workdir={tmp_path}/W", source)
    train, held_out = (_texts(tmp_path / "W" / "records", s) for s in ("train", "held_out"))
    assert len(train) > len(held_out) > 1
    assert not train & held_out
    begun = {text.removeprefix("speech of the house. ")[:15] for text in train | held_out}
    assert begun == {text[:15].lower() for text in corpus.documents()}


def _texts(folder, split):
    spm = load_vocabulary(folder)
    return {spm.decode(document.tokens) for document in Records(folder, split)}


def test_a_run_leaves_a_whole_workdir():
    workdir, _ = trained()
    assert {path.name for path in workdir.iterdir()} == {
        *("config.json", "metrics.jsonl", "vocabulary.model", "curves.png"),
        *("records", "checkpoints", "tensorboard"),
    }
    assert (workdir / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert list((workdir / "tensorboard").iterdir())
    content = json.loads((workdir / "config.json").read_text())
    assert content["config"]["model"]["hidden_size"] == 32
    (start,) = content["starts"]
    assert "commit" in start and start["libraries"]["jax"] and start["devices"]["count"] == 1


def test_it_prints_what_a_reader_wants_and_no_noise():
    _, finished = trained()
    assert finished.err == ""
    for fragment in ("19,846 parameters", "step 60/60  loss", "held out: mlm", "(guessing"):
        assert fragment in finished.out


def test_the_loss_falls_and_stands_beside_baselines():
    lines = tracking.read(trained()[0])
    losses = [line["loss"] for line in lines if line["kind"] == "train"]
    assert len(losses) == STEPS
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.3
    held_out = [line for line in lines if line["kind"] == "held_out"]
    assert [line["step"] for line in held_out] == [20, 40, 60]
    assert all(0 < line["mlm_baseline"] < 0.5 <= line["sentence_baseline"] < 1 for line in held_out)
    assert held_out[-1]["mlm_loss"] < held_out[0]["mlm_loss"]


def test_the_same_command_says_that_it_is_done_and_more_steps_go_on(tmp_path):
    workdir = shutil.copytree(trained()[0], tmp_path / "W")
    finished = run(*runs.pretrain(workdir))
    assert (finished.status, finished.err) == (0, "")
    assert "60 steps done; to go on, raise training.steps" in finished.out
    assert len(tracking.read(workdir)) == STEPS + 3
    finished = run(*runs.pretrain(workdir, "--config.training.steps=62"))
    assert (finished.status, finished.err) == (0, "")
    assert "62 steps, resuming after step 60" in finished.out
    assert [line["step"] for line in tracking.read(workdir)][-3:] == [61, 62, 62]
    assert len(json.loads((workdir / "config.json").read_text())["starts"]) == 3


def test_a_model_is_inspected_drawn_and_asked_for_words(tmp_path, capsys):
    workdir = shutil.copytree(trained()[0], tmp_path / "W")
    call("inspect", f"--model={workdir}")
    assert "19,846" in capsys.readouterr().out
    (workdir / "curves.png").unlink()
    call("curves", workdir)
    assert (workdir / "curves.png").exists()
    capsys.readouterr()
    call("fill-mask", f"--model={workdir}", "--top=3", "we [MASK] the [MASK].")
    completed, *guesses = capsys.readouterr().out.splitlines()
    assert completed.startswith("we") and "[MASK]" not in completed
    assert [line.count("%") for line in guesses] == [3, 3]


def test_the_text_is_as_it_was_prepared_and_the_average_is_what_is_used(tmp_path):
    """Whatever flags `pretrain` has of the text; a moving average is also what `load` gives."""
    flags = ["--config.training.steps=2", "--config.training.average_decay=0.9"]
    finished = run(*runs.pretrain(tmp_path, *flags, "--config.corpus.lower=False"))
    assert (finished.status, finished.err) == (0, "")
    corpus_of = json.loads((tmp_path / "config.json").read_text())["config"]["corpus"]
    assert corpus_of["lower"] and corpus_of["source"].endswith("texts.jsonl")
    loaded = albert_jax.load(tmp_path)
    assert loaded.vocabulary.normalisation.lower
    _assert_close(loaded.params, restore_params(tmp_path / "checkpoints", part="average"))
    raw = restore_params(tmp_path / "checkpoints")["albert"]["pooler"]["kernel"]
    assert np.abs(raw - loaded.params["albert"]["pooler"]["kernel"]).max() > 1e-6


def test_other_words_are_refused(tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(corpus.documents()[:20]))
    source = f"--config.corpus.source={tmp_path / 'texts.txt'}"
    call("prepare", "--config=tests/tiny.py", f"--workdir={tmp_path}/W", source)
    records, begun = f"--config.corpus.records={tmp_path}/W/records", tmp_path / "begun"
    shutil.copytree(trained()[0], begun, ignore=shutil.ignore_patterns("records", ".lock"))
    before = (begun / "vocabulary.model").read_bytes()
    again = run(*runs.pretrain(begun, records, "--config.training.steps=70"))
    words = f"{tmp_path}/W/records has another vocabulary than {begun}"
    assert again.status == 1 and f"{words}/vocabulary.model, with which the run began" in again.err
    assert (begun / "vocabulary.model").read_bytes() == before
    fresh = run(*runs.pretrain(tmp_path / "new", records, f"--init={begun}"))
    assert fresh.status == 1 and f"{words}; prepare the text with that one's" in fresh.err


def test_what_is_best_is_a_number_that_there_is(tmp_path):
    for flags in (
        ["--config.checkpoint.metric=mlm_acc"],
        ["--config.checkpoint.metric=sentence_accuracy", "--config.data.objective=none"],
    ):
        with pytest.raises(SystemExit, match=r"checkpoint.metric is '\w+'; choose one of mlm_acc"):
            call(*runs.pretrain(tmp_path, *flags))


def test_a_run_whose_rate_has_ended_is_not_to_be_made_longer():
    run = pretraining(get_config("size=tiny"), None)
    schedule = dataclasses.replace(run.schedule, decay_steps=10, warmup_steps=2)
    training = dataclasses.replace(run.training, steps=20)
    run = dataclasses.replace(run, schedule=schedule, training=training)
    assert "the rate is 0 from step 10 on (schedule.decay_steps)" in _idle(run)
    assert farewell("W", 20, run, None).endswith("to go on, begin another with --init=W")
    endless = dataclasses.replace(run, schedule=dataclasses.replace(schedule, end=0.1))
    assert not _idle(endless)
    assert farewell("W", 20, endless, None).endswith("to go on, raise training.steps")


def test_a_deeper_model_begins_with_the_parameters_of_a_shallower(tmp_path):
    shallow, deep = trained()[0], tmp_path / "deep"
    flags = ["--config.model.num_layers=3", "--config.training.steps=1", f"--init={shallow}"]
    finished = run(*runs.pretrain(deep, *flags, "--config.schedule.learning_rate=1e-12"))
    assert (finished.status, finished.err) == (0, "")
    assert f"parameters from {shallow}\n" in finished.out
    before, after = (restore_params(workdir / "checkpoints") for workdir in (shallow, deep))
    _assert_close(after, before)
    first, last = tracking.read(deep)[-1], tracking.read(shallow)[-1]
    assert abs(first["mlm_loss"] - last["mlm_loss"]) < 0.2


def test_embeddings_begin_from_counts_unless_another_run_gives_them(tmp_path):
    flags = ["--config.training.steps=1", "--config.training.embeddings=counted"]
    flags += ["--config.schedule.learning_rate=1e-12"]
    counted, taken = tmp_path / "counted", tmp_path / "taken"
    finished = [
        run(*runs.pretrain(counted, *flags)),
        run(*runs.pretrain(counted, *flags, "--config.training.steps=2")),  # not counted again
        run(*runs.pretrain(taken, *flags, f"--init={trained()[0]}")),
    ]
    assert [(each.status, each.err) for each in finished] == [(0, "")] * 3
    assert ["counted in the text" in each.out for each in finished] == [True, False, False]
    given, copied, source = (
        restore_params(workdir / "checkpoints")["albert"]["embeddings"]["tokens"]
        for workdir in (counted, taken, trained()[0])
    )
    np.testing.assert_allclose(copied, source, atol=1e-11)
    lengths = np.linalg.norm(given, axis=1)
    assert np.isclose(lengths, np.median(lengths), rtol=1e-4).mean() > 0.5  # random ones differ


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_random_embeddings_have_the_deviation_that_the_config_says(factor):
    """And are left alone where it says nothing, since a copy would be laid out anew."""
    config: Any = SimpleNamespace(training=TrainingConfig(embedding_deviation=factor))
    params = {"albert": {"embeddings": {"tokens": np.ones((3, 2), np.float32)}}}
    begun = beginning(config, None, None)(params)
    np.testing.assert_array_equal(begun["albert"]["embeddings"]["tokens"], np.full((3, 2), factor))
    assert (begun is params) == (factor == 1)


def _assert_close(tree, other):
    assert tree.keys() == other.keys()
    for name, value in tree.items():
        if isinstance(value, dict):
            _assert_close(value, other[name])
        else:
            np.testing.assert_allclose(value, other[name], rtol=0, atol=1e-11)


BASE = "--config=configs/pretrain.py:size=base,batch=8,length=128"


@pytest.mark.slow  # half a minute of two cores
def test_the_real_base_model_takes_two_steps(tmp_path):
    flags = ["--config.model.vocab_size=500", "--config.training.steps=2"]
    flags += ["--config.training.log_every=1", "--config.training.evaluation_batches=1"]
    finished = run(*runs.pretrain(tmp_path, *flags, config=BASE))
    assert (finished.status, finished.err) == (0, "")
    assert "8,008,310 parameters" in finished.out
    assert [line["step"] for line in tracking.read(tmp_path)] == [1, 2, 2]


def test_a_step_of_the_real_base_model_keeps_all_shapes():
    settings = pretraining(get_config("size=base,batch=8,length=128"), None)
    mesh, model = make_mesh(), AlbertForPretraining(settings.model)
    rate = schedule(settings.schedule)
    optimizer = optimizers.make(settings.optimizer, rate, parameter_shapes(settings, model))
    batch = row_shapes(settings)
    create = partial(states.create, model, optimizer, batch, settings.training)
    state = abstract(create, mesh)
    step = make_train_step(model, PRETRAINING, optimizer, rate, settings.training, 1.0, mesh)
    after, metrics = jax.eval_shape(step, state, batch)
    assert _shapes(after) == _shapes(state)
    assert {"loss", "mlm_accuracy", "sentence_accuracy", "grad_norm"} <= metrics.keys()
    assert sum(leaf.size for leaf in jax.tree.leaves(state.params["albert"])) == 11_683_584


def _shapes(state):
    return [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(state)]


def test_evaluations_are_no_time_of_training_and_what_was_before_them_is(tmp_path, monkeypatch):
    """A second a step and a thousand an evaluation; two stand between two lines of the log."""
    now = [0.0]

    def lasting(seconds, function):
        def lasts(*arguments):
            now[0] += seconds
            return function(*arguments)

        return lasts

    monkeypatch.setattr(pretrain, "Throughput", partial(pretrain.Throughput, clock=lambda: now[0]))
    monkeypatch.setattr(pretrain, "to_devices", lasting(1, pretrain.to_devices))
    monkeypatch.setattr(pretrain, "evaluate", lasting(1000, pretrain.evaluate))
    flags = [f"--config.training.{name}" for name in ("log_every=5", "evaluate_every=2")]
    call(*runs.pretrain(tmp_path, *flags, config="--config=tests/tiny.py:steps=5"))
    (line,) = [line for line in tracking.read(tmp_path) if line["kind"] == "train"]
    assert (line["seconds"], line["tokens_per_second"]) == (5, line["tokens"] / 5)
    assert now[0] == 3005
