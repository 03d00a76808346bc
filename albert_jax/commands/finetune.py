"""Fine-tunes any checkpoint on a task; the same command again resumes where it stopped.

albert-jax finetune --config=configs/finetune.py:task=sst2 --init=CHECKPOINT --data_dir=DIR --workdir=W
albert-jax finetune --config=configs/finetune.py:task=rte --init=MNLI_WORKDIR --data_dir=DIR --workdir=W
albert-jax finetune --config=... --init=CHECKPOINT --data_dir=DIR --workdir=W --seeds=5
albert-jax finetune --config=... --init=CHECKPOINT --workdir=W --config.init=random

The best checkpoint on dev is kept. W/predictions holds its answers as the benchmark wants them,
W/results.json its scores, and W is itself a CHECKPOINT.
"""

import dataclasses
import json
import sys
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from functools import partial
from statistics import median, stdev
from typing import Any

import jax
from etils import epath
from jax.sharding import Mesh

from albert_jax.analysis import cost
from albert_jax.commands.claim import claimed
from albert_jax.commands.config import ADDED, FinetuningConfig, finetuning
from albert_jax.commands.flags import CommandLine
from albert_jax.commands.transfer import Start, fresh, open_task
from albert_jax.errors import Diverged, UserError
from albert_jax.interop.native import check_vocabulary, write_vocabulary
from albert_jax.tasks import collapse
from albert_jax.tasks.stream import predictions
from albert_jax.tasks.task import Example, Prediction
from albert_jax.training import sharding, tracking
from albert_jax.training import state as states
from albert_jax.training.checkpoint import Checkpoints, are_in
from albert_jax.training.guard import Guard
from albert_jax.training.inference import Forward, infer, make_forward
from albert_jax.training.preemption import STOPPED, Preemption, preemption
from albert_jax.training.schedule import schedule
from albert_jax.training.sharding import make_mesh, spread
from albert_jax.training.state import Params
from albert_jax.training.step import make_train_step
from albert_jax.training.throughput import Throughput
from albert_jax.training.tracking import Tracker
from albert_jax.training.workdir import open_workdir, replace

MAY_DIFFER = (  # between two starts of one run: what changes no update
    "task.data_dir",
    "training.log_every",
    "training.evaluate_every",
    "training.patience",
    "checkpoint",
)


def main(argv: list[str]):
    """Reads the command line and fine-tunes, once or with several seeds."""
    line = CommandLine(__doc__)
    line.config()
    line.path("init", "a workdir, or a model of any format that convert reads")
    line.text("data_dir", "DIR", "the files of the task")
    line.path("workdir", "where the run is kept")
    line.number(
        "seeds", 1, "runs, from training.seed on, each in a folder of its own in the workdir"
    )
    flags, _ = line.parse(argv)
    run = finetuning(flags["config"].to_dict(), flags["data_dir"])
    with claimed(flags["workdir"] / ".lock"):
        if flags["seeds"] == 1:
            done = finetune(run, flags["workdir"], flags["init"]) is not None
        else:
            done = finetune_seeds(run, flags["workdir"], flags["init"], flags["seeds"])
    if not done:
        sys.exit(STOPPED)


def finetune(
    run: FinetuningConfig, workdir: epath.Path, init: epath.Path, asked: Preemption | None = None
) -> dict | None:
    """Trains from the newest checkpoint in `workdir`, or from `init`, to the end; then predicts.

    Args:
      run: every setting.
      workdir: gets config.json, metrics.jsonl, tensorboard/, checkpoints/, the vocabulary, and in the
        end predictions/ and results.json.
      init: the checkpoint.
      asked: of several runs, whether they are to stop; None: signals are this run's own.

    Returns:
      What is in results.json; None if a signal stopped the run.

    Raises:
      UserError: the task's files, the config, the checkpoint and the workdir do not go together, or
        the run diverged.
    """
    mesh = make_mesh()
    start = open_task(run, init, mesh.size)
    run, task = start.run, start.task
    config, steps, metric = run.training, start.steps, task.metric
    has_begun = are_in(workdir / "checkpoints")
    settings = start.settings()
    open_workdir(workdir, settings, MAY_DIFFER if has_begun else settings, ADDED)
    if has_begun:
        check_vocabulary(workdir, start.source.vocabulary, start.name)
    else:
        write_vocabulary(workdir, start.source.vocabulary)
    checkpoints = Checkpoints(workdir / "checkpoints", run.checkpoint)
    model, rate = start.model, schedule(run.schedule.over(steps))
    optimizer = start.optimizer(rate)
    clip_norm = run.optimizer.clip_norm
    train_step = make_train_step(model, start.objective, optimizer, rate, config, clip_norm, mesh)
    answer = partial(answers, start, make_forward(model, mesh), mesh)

    create = partial(states.create, model, optimizer, start.shapes(), config)
    abstract = sharding.abstract(create, mesh)
    step, state, position = checkpoints.restore(abstract) or (0, fresh(create, start, mesh), {})
    taken, history = position.get("taken", {}), position.get("history", [])
    throughput, flops = Throughput(mesh.devices.ravel().tolist(), **taken), flops_per_token(start)
    tracker, guard = Tracker(workdir, step, steps), Guard(0.0)
    pending: deque[tuple] = deque()
    seen: Counter[str] = Counter()  # tokens, and positions that they were laid out in
    tracker.say(greeting(start, mesh, state.params, step))

    def report(step: int, positions: int, metrics: dict):
        """Counts and logs a finished step."""
        values = {name: float(value) for name, value in jax.device_get(metrics).items()}
        throughput.add(int(values["tokens"]), values["tokens"] * flops)
        seen.update(tokens=int(values.pop("tokens")), positions=positions)
        if trouble := guard.trouble(step, values["loss"], values["grad_norm"]):
            raise Diverged(f"the run diverged at {trouble}; {collapse.REMEDY}")
        if step % config.log_every == 0 or step == steps:
            tracker.write(step, "train", logged(start, values, throughput.read(), seen))

    with (
        closing(checkpoints),  # also on an error: what is being saved is not lost
        closing(tracker),
        nullcontext(asked) if asked else preemption() as stop,
        jax.transfer_guard("disallow"),
    ):
        stopping = False
        while step < steps and not stopping and not is_settled(history, config.patience):
            batch = start.epochs.batch(step)
            state, metrics = train_step(state, spread(batch, mesh))
            step, stopping, values = step + 1, stop.asked(), None
            evaluating = step == steps or step % start.evaluate_every == 0
            saving = evaluating or stopping or step % run.checkpoint.save_every == 0
            pending.append((step, batch["tokens"].size, metrics))
            while len(pending) > (0 if saving else 1):  # a step is read while the next one runs
                report(*pending.popleft())
            if saving:  # as does every step that evaluates
                throughput.pause()
            if evaluating:
                found = answer(state.best_params, start.dev)
                values = task.score(start.dev, found)
                history.append(values[metric])
                tracker.write(step, "dev", values)
            if saving:
                position = {"history": history, "taken": throughput.total()}
                tracker.flush()  # no checkpoint comes before its lines
                checkpoints.save(step, state, position, values)
                throughput.resume()
        checkpoints.wait()
        if stop.signal and step < steps and not is_settled(history, config.patience):
            tracker.say(
                f"stopped by {stop.signal} after step {step}, saved; the same command resumes"
            )
            return None
        best = checkpoints.restore(abstract, "best")
        assert best is not None  # the first evaluation has saved one
        step, state, _ = best
        results = finish(start, partial(answer, state.best_params), workdir, step)
        tracker.say(farewell(start, workdir, results))
    return results


def finetune_seeds(
    run: FinetuningConfig, workdir: epath.Path, init: epath.Path, count: int
) -> bool:
    """One run after the other, each with a seed of its own; all scores, their median and spread.

    Returns:
      Whether all are done; otherwise a signal stopped one.

    Raises:
      Diverged: at least one run did; the others' scores are kept.
    """
    scores: dict[int, dict[str, float]] = {}
    diverged: dict[int, str] = {}
    with preemption() as stop:
        for seed in range(run.training.seed, run.training.seed + count):
            if stop.signal:  # it came while the last seed's predictions were made
                print(f"stopped by {stop.signal} before seed {seed}; the same command goes on")
                return False
            own = dataclasses.replace(run, training=dataclasses.replace(run.training, seed=seed))
            try:
                results = finetune(own, workdir / f"seed-{seed}", init, stop)
            except Diverged as error:
                diverged[seed] = str(error)
                print(f"seed {seed}: {error}", file=sys.stderr)
                continue
            if results is None:
                return False
            scores[seed] = results["dev"]
    if scores:
        summarise(scores, workdir)
    if diverged:
        seeds, what = ", ".join(map(str, diverged)), [*diverged.values()][-1]
        raise Diverged(f"seed {seeds} of {count} seeds from {run.training.seed} on: {what}")
    return True


def summarise(scores: dict[int, dict[str, float]], workdir: epath.Path):
    """Prints the median and the spread of the dev scores of every seed; seeds.json gets all of them."""
    first, *_ = scores.values()
    summary = {name: spread_of([dev[name] for dev in scores.values()]) for name in first}
    if jax.process_index() == 0:
        content = {"dev": scores, "summary": summary}
        replace(workdir / "seeds.json", json.dumps(content, indent=2) + "\n")
    for name, values in summary.items():
        each = " ".join(f"{dev[name]:.2f}" for dev in scores.values())
        form = "median {median:.2f}, {min:.2f} to {max:.2f}, deviation {deviation:.2f}"
        print(f"{name}: {form.format(**values)}; seeds {' '.join(map(str, scores))}: {each}")


def answers(
    start: Start, forward: Forward, mesh: Mesh, params: Params, examples: Sequence[Example]
) -> list[Prediction]:
    """What the model says of every example."""
    run = partial(infer, forward, params, mesh=mesh)
    found = predictions(start.task, examples, run, start.source.vocabulary.pad_id, mesh.size)
    return [prediction for _, prediction in found]


def finish(
    start: Start,
    answer: Callable[[Sequence[Example]], list[Prediction]],
    workdir: epath.Path,
    step: int,
) -> dict:
    """Predictions of dev, and of test if it is there, as files; the scores of both; what looks wrong.

    Args:
      answer: gives the answers of the best checkpoint.
      step: that checkpoint's.
    """
    task = start.task
    results: dict[str, Any] = {"step": step}
    splits = {"dev": start.dev, "test": start.test()}
    for split, examples in splits.items():
        if isinstance(examples, UserError):
            results["untested"] = str(examples)
            continue
        found = answer(examples)
        if start.are_labelled(examples):
            results[split] = task.score(examples, found)
        if split == "dev":
            results["collapse"] = collapse.same_answer(found)
        if jax.process_index() == 0:
            (workdir / "predictions").mkdir(exist_ok=True)
            task.write(workdir / "predictions", split, examples, found)
    losses = [line["loss"] for line in tracking.read(workdir) if line["kind"] == "train"]
    results["flat"] = collapse.flat(losses, collapse.guessing(start.epochs.items))
    if jax.process_index() == 0:
        replace(workdir / "results.json", json.dumps(results, indent=2) + "\n")
    return results


def is_settled(history: Sequence[float], patience: int) -> bool:
    """Whether the best score is `patience` evaluations old."""
    return bool(patience and history) and len(history) - history.index(max(history)) > patience


def logged(start: Start, values: dict, speed: dict, seen: Counter) -> dict[str, float]:
    """The numbers of a training step, with how fast it goes and how much of the rows is empty."""
    named = {name.removeprefix("task_"): v for name, v in values.items() if name != "task_loss"}
    return {
        **named,
        **speed,
        "examples_per_second": speed["tokens_per_second"] / start.epochs.mean_tokens,
        "padding": 1 - seen["tokens"] / seen["positions"],
    }


def flops_per_token(start: Start) -> float:
    """Operations of a training step for each position of a row; the head's are left out."""
    length, slots = start.epochs.layout.length, start.epochs.layout.slots
    return cost.training_flops(start.model.config, length, 0, slots) / length


def spread_of(values: Sequence[float]) -> dict[str, float]:
    """The middle of some scores, and how far they are apart."""
    return {
        "median": median(values),
        "min": min(values),
        "max": max(values),
        "deviation": stdev(values) if len(values) > 1 else 0.0,
    }


def greeting(start: Start, mesh: Mesh, params: Params, step: int) -> str:
    """What is about to be learnt from what, and on what."""
    run, epochs = start.run, start.epochs
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    begin = f"resuming after step {step}" if step else f"from {start.name}"
    both = run.training.steps and run.training.epochs
    unread = " (training.steps; training.epochs is not read)" if both else ""
    labels = f", labels {', '.join(start.task.head.labels)}" if start.task.head.labels else ""
    return "\n".join(
        [
            f"{run.task.name}: {len(epochs.items):,} training items of {epochs.mean_tokens:.0f} tokens, "
            f"{len(start.dev):,} dev examples{labels}",
            f"process {jax.process_index()} of {jax.process_count()}, "
            f"{mesh.size} x {mesh.devices.flat[0].device_kind}",
            f"{run.training.batch_size} items an update in rows of {epochs.layout.length}; "
            f"{count:,} parameters",
            f"{start.steps} steps{unread}, {begin}",
        ]
    )


def farewell(start: Start, workdir: epath.Path, results: dict) -> str:
    """How well it went, and what looks wrong."""
    lines = [
        f"{workdir}: {split} " + ", ".join(f"{k} {v:.2f}" for k, v in results[split].items())
        for split in ("dev", "test")
        if split in results
    ]
    lines[0] += f", by the checkpoint of step {results['step']}"
    if "untested" in results:
        lines.append(f"no predictions for test: {results['untested']}")
    if results["collapse"]:
        lines.append(
            f"the model has collapsed: {results['collapse']} for every dev example; {collapse.REMEDY}"
        )
    if results["flat"]:
        lines.append(f"{results['flat']}; {collapse.REMEDY}")
    return "\n".join(lines)
