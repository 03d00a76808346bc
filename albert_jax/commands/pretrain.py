"""Pretrains an ALBERT on prepared text; the same command again resumes where it stopped.

albert-jax prepare  --config=configs/pretrain.py:size=base,objective=sop --workdir=W
albert-jax pretrain --config=configs/pretrain.py:size=base,objective=sop --workdir=W
albert-jax pretrain --config=... --workdir=DEEPER --init=W --config.model.num_layers=24
albert-jax pretrain --config=... --workdir=W --config.schedule.learning_rate=1e-3
"""

import dataclasses
import functools
import itertools
import sys
from collections import deque
from collections.abc import Callable
from contextlib import closing, nullcontext
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from albert_jax.analysis import cost
from albert_jax.commands.claim import claimed
from albert_jax.commands.config import ADDED, PretrainingConfig, pretraining
from albert_jax.commands.flags import CommandLine
from albert_jax.commands.load import load
from albert_jax.data import cooccurrence
from albert_jax.data.batch_config import BatchConfig
from albert_jax.data.batches import Batch, held_out
from albert_jax.data.config import CorpusConfig
from albert_jax.data.records import Records, load_statistics, load_vocabulary, read_prepared
from albert_jax.data.remote import fetched
from albert_jax.data.segments import Symbols
from albert_jax.data.stages import StagedBatches
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import Diverged, UserError
from albert_jax.model.albert import AlbertForPretraining, abstract_batch
from albert_jax.model.config import AlbertConfig
from albert_jax.training import hosts, sharding
from albert_jax.training import optimizer as optimizers
from albert_jax.training import state as states
from albert_jax.training.checkpoint import Checkpoints, are_in
from albert_jax.training.config import TrainingConfig
from albert_jax.training.curves import plot
from albert_jax.training.evaluation import baselines, evaluate
from albert_jax.training.guard import Guard
from albert_jax.training.losses import PRETRAINING
from albert_jax.training.preemption import STOPPED, preemption
from albert_jax.training.schedule import schedule
from albert_jax.training.sharding import check_divisible, layout, make_mesh, to_devices
from albert_jax.training.state import Params, TrainState
from albert_jax.training.step import make_held_out_step, make_train_step
from albert_jax.training.throughput import Throughput
from albert_jax.training.tracking import Tracker
from albert_jax.training.warmstart import warm_start, with_embeddings_scaled, with_tokens
from albert_jax.training.workdir import open_workdir, replace

MAY_DIFFER = (  # between two starts of one run: what changes no update
    "training.steps",
    "training.log_every",
    "training.evaluate_every",
    "training.evaluation_batches",
    "training.on_failure",
    "training.spike",
    "checkpoint",
    "mesh",
    "data.workers",
    "corpus",  # the text has been prepared; that its words are the same is checked
)
MOST_REWINDS = 3  # to one checkpoint
LOWER = "lower schedule.learning_rate or lengthen schedule.warmup_steps"


def main(argv: list[str]):
    """Reads the command line and pretrains."""
    flags, _ = command_line().parse(argv)
    hosts.connect(flags["hosts"])
    run = pretraining(flags["config"], flags["workdir"])
    alone = claimed(flags["workdir"] / ".lock") if jax.process_index() == 0 else nullcontext()
    with hosts.one_for_all(), alone:
        done = pretrain(run, flags["workdir"], flags["init"])
    if not done:
        sys.exit(STOPPED)


def command_line() -> CommandLine:
    """The flags; the launchers read them, too."""
    line = CommandLine(__doc__)
    line.config()
    line.path("workdir", "where the run is kept")
    line.path("init", "a workdir whose parameters to begin with", required=False)
    line.text("hosts", "HOW", "the processes of the run: one, cluster, or INDEX/COUNT@ADDRESS:PORT")
    return line


def pretrain(run: PretrainingConfig, workdir: epath.Path, init: epath.Path | None = None) -> bool:
    """Trains from the newest checkpoint in `workdir`, or from the beginning, to `training.steps`.

    Args:
      run: every setting.
      workdir: gets config.json, metrics.jsonl, tensorboard/, checkpoints/ and vocabulary.model.
      init: a workdir whose newest parameters a fresh run begins with, as far as they fit.

    Returns:
      Whether all steps are done; otherwise a signal stopped the run.

    Raises:
      UserError: the text, the config and the workdir do not go together, or the run diverged.
    """
    config, mesh = run.training, make_mesh(config=run.mesh)
    for stage in run.stages:
        check_divisible(stage.rows.batch_size, config.microbatches, mesh)
    text = open_text(run)
    run = dataclasses.replace(run, corpus=text.corpus)
    has_begun = are_in(workdir / "checkpoints")  # without one there is nothing to go against
    if has_begun:
        check_vocabulary(text, workdir / "vocabulary.model")
    open_workdir(workdir, run.to_dict(), MAY_DIFFER if has_begun else run.to_dict(), ADDED)
    if jax.process_index() == 0:
        replace(workdir / "vocabulary.model", text.vocabulary.model)
    hosts.wait("the workdir")
    checkpoints = Checkpoints(workdir / "checkpoints", run.checkpoint)
    model, rate = AlbertForPretraining(run.model), schedule(run.schedule)
    optimizer = optimizers.make(run.optimizer, rate, parameter_shapes(run, model))
    clip_norm = run.optimizer.clip_norm
    train_step = make_train_step(model, PRETRAINING, optimizer, rate, config, clip_norm, mesh)
    held_out_step = make_held_out_step(model, PRETRAINING, mesh)

    create = partial(states.create, model, optimizer, row_shapes(run), config)
    abstract = sharding.abstract(create, mesh)
    begun = checkpoints.restore(abstract)
    step, state, position = begun or (0, fresh(create, mesh, beginning(run, text, init)), None)
    taken: dict[str, Any] = {"tokens": 0, "seconds": 0.0}
    if position is not None:
        text.batches.set_state(position["streams"])
        taken = position["taken"]
    throughput = Throughput(mesh.devices.ravel().tolist(), **taken)
    tracker, guard = Tracker(workdir, step, config.steps), Guard(config.spike)
    pending: deque[tuple] = deque()
    tracker.say(greeting(run, mesh, state.params, step))

    def report(step: int, metrics: dict) -> str | None:
        """Counts and logs a finished step; says what is wrong with it, if anything is."""
        values = {name: float(value) for name, value in jax.device_get(metrics).items()}
        rows, tokens = text.batches.stage(step).rows, int(values.pop("tokens"))
        throughput.add(tokens, tokens * flops_per_token(run.model, rows))
        if step % config.log_every == 0 or step == config.steps:
            tracker.write(step, "train", predicted(run, values) | throughput.read())
        return guard.trouble(step, values["loss"], values["grad_norm"])

    with (
        closing(text.batches),
        closing(checkpoints),  # also on an error: what is being saved is not lost
        hosts.one_for_all(),
        closing(tracker),
        preemption() as stop,
        jax.transfer_guard("disallow"),
    ):
        stopping = False
        while step < config.steps and not stopping:
            state, metrics = train_step(state, to_devices(text.batches.take(step + 1), mesh))
            step, stopping, trouble, values = step + 1, stop.asked(), None, None
            last = step == config.steps
            evaluating = last or step % config.evaluate_every == 0
            saving = last or stopping or step % run.checkpoint.save_every == 0
            pending.append((step, metrics))
            unread = 0 if evaluating or saving else 1  # a step is read while the next one runs
            while len(pending) > unread and not trouble:
                trouble = report(*pending.popleft())
            if trouble:
                step, state = rewind(trouble, config, checkpoints, abstract, guard, tracker)
                pending.clear()
                continue
            if evaluating or saving:
                throughput.pause()
            if evaluating:
                values = evaluate(held_out_step, state.best_params, text.held_out, mesh)
                tracker.write(step, "held_out", predicted(run, values | text.guesses))
            if saving:
                position = {"streams": text.batches.state(), "taken": throughput.total()}
                tracker.flush()  # no checkpoint comes before its lines
                checkpoints.save(step, state, position, values)
            if evaluating or saving:
                throughput.resume()
        checkpoints.wait()
        tracker.say(farewell(workdir, step, run, stop.signal))
    if jax.process_index() == 0 and step >= config.steps:
        plot(workdir)
    return step >= config.steps


class Text(NamedTuple):
    """What the loop reads, and what a guess without a model would score on the held-out part.

    `corpus` is what `prepare` read, whatever the config of the run says of it.
    """

    corpus: CorpusConfig
    vocabulary: Vocabulary
    train: Records
    batches: StagedBatches
    held_out: list[Batch]
    guesses: dict[str, float]


def open_text(run: PretrainingConfig) -> Text:
    """Opens the prepared text, and keeps the held-out batches in memory."""
    folder = fetched(epath.Path(run.corpus.records))
    train, rest = (Records(folder, split) for split in ("train", "held_out"))
    vocabulary = load_vocabulary(folder)
    if vocabulary.size != run.model.vocab_size:
        raise UserError(
            f"{folder} was prepared with {vocabulary.size} pieces and model.vocab_size is "
            f"{run.model.vocab_size}; pass --config.model.vocab_size={vocabulary.size}"
        )
    symbols = Symbols(vocabulary.word_starts)
    which = (jax.process_index(), jax.process_count())
    batches = held_out(rest, run.data, symbols, *which)
    kept = list(itertools.islice(batches, run.training.evaluation_batches))
    frequent = load_statistics(folder)["most_frequent"]["id"]
    training_batches = StagedBatches(train, run.data, run.training.stages, symbols, *which)
    said = read_prepared(folder)["settings"]
    known = {key: said[key] for key in said.keys() & run.corpus.__dict__.keys()}
    corpus = dataclasses.replace(run.corpus, **known)
    return Text(corpus, vocabulary, train, training_batches, kept, baselines(kept, frequent))


def check_vocabulary(text: Text, path: epath.Path):
    """Raises UserError: a run that has begun has other words than the text."""
    if path.exists() and path.read_bytes() != text.vocabulary.model:
        raise UserError(
            f"{text.corpus.records} has another vocabulary than {path}, with which the run began; "
            f"prepare the text with --config.corpus.vocabulary={path}, or begin another --workdir"
        )


def row_shapes(run: PretrainingConfig) -> dict[str, Any]:
    """The global batch of a run, shapes only."""
    data = run.data
    return abstract_batch(data.batch_size, data.length, data.predictions, data.examples_per_row)


def parameter_shapes(run: PretrainingConfig, model: AlbertForPretraining) -> Params:
    """The parameters of a run, shapes only."""
    return jax.eval_shape(model.init, jax.random.key(0), row_shapes(run))["params"]


def beginning(
    run: PretrainingConfig, text: Text, init: epath.Path | None
) -> Callable[[Params], Params]:
    """What becomes of a model's random parameters before the first update.

    Those of another run replace them where `init` names one; else embeddings have the deviation that
    the config asks for, and those of tokens are counted in the text if it says so.
    """
    factor = run.training.embedding_deviation

    def from_another_run(params: Params) -> Params:
        source = load(init)
        if list(source.vocabulary.pieces) != list(text.vocabulary.pieces):
            raise UserError(
                f"{text.corpus.records} has another vocabulary than {init}; prepare the text with that "
                "one's, --config.corpus.vocabulary=FILE.model"
            )
        params, notes = warm_start(params, source.params)
        print(f"parameters from {init}", *notes, sep="\n  ")
        return params

    def random(params: Params) -> Params:
        return params if factor == 1 else with_embeddings_scaled(factor, params)

    def from_the_text(params: Params) -> Params:
        model = run.model
        size = (model.vocab_size, model.embedding_size)
        vectors = np.zeros(size, np.float32)
        if jax.process_index() == 0:
            vectors = cooccurrence.embeddings(text.train, *size, run.training.seed)
        hosts.wait("the counts", hosts.COUNTING)  # an exchange would not wait so long
        vectors = multihost_utils.broadcast_one_to_all(vectors)
        print(f"embeddings of {vectors.any(axis=1).sum():,} tokens counted in the text")
        length = factor * model.initializer_range * model.embedding_size**0.5
        return with_tokens(vectors, length, random(params))

    if init is not None:
        return from_another_run
    return from_the_text if run.training.embeddings == "counted" else random


def fresh(
    create: Callable[[], TrainState], mesh: Mesh, begin: Callable[[Params], Params]
) -> TrainState:
    """The first state of a run, its random parameters as `begin` changes them."""
    state = jax.jit(create, out_shardings=layout(jax.eval_shape(create), mesh))()
    params = begin(state.params)
    if params is state.params:
        return state
    params = jax.device_put(params, layout(params, mesh))
    average = None if state.average is None else jax.tree.map(jnp.copy, params)
    return state.replace(params=params, average=average)


def rewind(
    trouble: str,
    config: TrainingConfig,
    checkpoints: Checkpoints,
    abstract: TrainState,
    guard: Guard,
    tracker: Tracker,
) -> tuple[int, TrainState]:
    """Back to the newest checkpoint, as (step, state); the data goes on, past what did the harm.

    Nothing of this is stored: a run killed now goes from the same checkpoint over the same data
    into the same trouble and back.

    Raises:
      Diverged: the run is to stop, there is no checkpoint, or going back did not help.
    """
    if config.on_failure == "stop":
        remedy = "lower schedule.learning_rate, or skip the data with training.on_failure=rewind"
        raise Diverged(f"the run diverged at {trouble}; {remedy}")
    restored = checkpoints.restore(abstract)
    if restored is None:
        raise Diverged(f"the run diverged at {trouble}, before its first checkpoint; {LOWER}")
    step, state, _ = restored
    if guard.rewound(step) > MOST_REWINDS:
        raise Diverged(f"the run diverged at {trouble}, also after {MOST_REWINDS} rewinds; {LOWER}")
    tracker.rewind(step)
    tracker.say(f"{trouble}: back to step {step}, past the data in between")
    return step, state


def predicted(run: PretrainingConfig, values: dict[str, float]) -> dict[str, float]:
    """Without the numbers of an objective that this run does not have."""
    has_pairs = run.data.objective != "none"
    return {name: v for name, v in values.items() if has_pairs or not name.startswith("sentence")}


@functools.cache
def flops_per_token(model: AlbertConfig, rows: BatchConfig) -> float:
    """Operations of a training step for each position of a row."""
    row = cost.training_flops(model, rows.length, rows.predictions, rows.examples_per_row)
    return row / rows.length


def greeting(run: PretrainingConfig, mesh: Mesh, params: Params, step: int) -> str:
    """What is about to run on what, and how every parameter is treated."""
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    begin = f"resuming after step {step}" if step else "from the beginning"
    axes = ", ".join(f"{axis} {size}" for axis, size in mesh.shape.items())
    return "\n".join(
        [
            optimizers.describe(run.optimizer, params),
            f"process {jax.process_index()} of {jax.process_count()}, "
            f"{mesh.size} x {mesh.devices.flat[0].device_kind} ({axes})",
            f"{count:,} parameters; batches in {run.training.microbatches} parts",
            *(f"{shape(stage.rows, mesh)} up to step {stage.last}" for stage in run.stages[:-1]),
            shape(run.data, mesh),
            f"{run.training.steps} steps, {begin}{_idle(run)}",
        ]
    )


def _idle(run: PretrainingConfig) -> str:
    """What to say of updates that would change nothing."""
    if not run.schedule.has_ended(run.training.steps - 1):
        return ""
    return f"; the rate is 0 from step {run.schedule.decay_steps} on (schedule.decay_steps)"


def shape(rows: BatchConfig, mesh: Mesh) -> str:
    """A batch, in words."""
    count, devices = rows.batch_size, mesh.size // mesh.shape["tensor"]
    return f"{count} rows of {rows.length}, {count // devices} a device"


def farewell(workdir: epath.Path, step: int, run: PretrainingConfig, signal: str | None) -> str:
    """How it ended, and what one may do next."""
    if signal and step < run.training.steps:
        return f"stopped by {signal} after step {step}, saved; the same command resumes"
    has_ended = run.schedule.has_ended(step)
    further = f"begin another with --init={workdir}" if has_ended else "raise training.steps"
    return f"{workdir}: {step} steps done; to go on, {further}"
