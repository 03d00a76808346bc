"""What the vectors of a frozen model know: logistic regression on them, of every layer.

python -m experiments.probe --model=runs/record/long --data=../shared/data --task=ag_news
python -m experiments.probe --model=runs/record/deep,runs/record/long,FOLDER --output=TABLE.md

A text's vector is the mean of its hidden states, special tokens included. Half a minute, where fine-tuning
takes many: a pretraining can be looked at while it runs. Fine-tuned, a model may know more.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from scipy.optimize import minimize

import albert_jax
from albert_jax.errors import UserError
from albert_jax.model.albert import Albert
from albert_jax.tasks import item as tasks
from albert_jax.tasks import rows
from albert_jax.tasks.task import Task
from experiments import program
from experiments.everyday import TASKS, open_task
from experiments.formats import markdown
from experiments.grid import Grid, Item
from experiments.publish import origin, publish

BATCH = 64  # texts
DECAYS = (0.01, 0.1)  # of the weights, for features of deviation 1; the better one counts


def main(argv: list[str]):
    """Prints the table, and writes it with --output."""
    options = _parser().parse_args(argv)
    scores = {model: probe(model, options) for model in options.model}
    places = list(dict.fromkeys(place for found in scores.values() for place in found))
    lines = [
        [Item(model), *(Item(f"{found[p]:.1f}" if p in found else "–") for p in places)]
        for model, found in scores.items()
    ]
    about = (
        f"{TASKS[options.task].title}: {options.fitted} texts of train, "
        f"{options.scored} of {TASKS[options.task].part}; accuracy in per cent."
    )
    grid = Grid(
        "probe", "Logistic regression on frozen vectors", about, ["model", *places], lines, []
    )
    publish(f"{markdown(grid, level=1)}\n{origin('probe', argv)}\n", options.output)


def probe(folder: str, options: argparse.Namespace) -> dict[str, float]:
    """The accuracy in per cent from the embeddings and from each layer of a model."""
    config, params, vocabulary, *_ = albert_jax.load(epath.Path(folder))
    task = open_task(options.task, options.data, vocabulary)
    fitted = texts(task, "train", options.fitted)
    scored = texts(task, TASKS[options.task].part, options.scored)
    model = Albert(config)
    before, after = (
        vectors(model, params["albert"], items, vocabulary.pad_id) for items in (fitted, scored)
    )
    wanted, truth = (np.array([item.label for item in items]) for items in (fitted, scored))
    names = ["embeddings", *(f"layer {number}" for number in range(1, len(before)))]
    return {
        name: accuracy(x, wanted, y, truth) for name, x, y in zip(names, before, after, strict=True)
    }


def texts(task: Task, split: str, count: int) -> list[tasks.Item]:
    """Some examples of a split, drawn evenly, encoded.

    Raises:
      UserError: the task has no classes.
    """
    if task.head.kind != "sequence" or not task.head.labels:
        raise UserError("--task: a probe needs a task that gives a text one of several classes")
    examples = task.examples(split)
    chosen = np.random.default_rng(0).permutation(len(examples))[:count]
    return [task.items(examples[index])[0] for index in chosen]


def vectors(model: Albert, params: dict, items: Sequence[tasks.Item], pad_id: int) -> np.ndarray:
    """The mean hidden state of every text at every layer, float32 [layers + 1, N, D]."""

    @jax.jit
    def means(params: dict, batch: dict) -> jax.Array:
        x: Any = model.apply({"params": params}, batch, method="layers")  # [layers + 1, B, L, D]
        weight = (batch["example_ids"] > 0)[None, :, :, None]
        return (x * weight).sum(axis=2) / jnp.maximum(weight.sum(axis=2), 1)

    alone = rows.Layout(max(len(item.parts[0].tokens) for item in items), slots=1, pad_id=pad_id)
    found = [
        jax.device_get(means(params, batch))[:, : len(held)]
        for batch, held in rows.evaluation_batches(items, alone, BATCH)
    ]
    return np.concatenate(found, axis=1, dtype=np.float32)


def accuracy(x: np.ndarray, labels: np.ndarray, y: np.ndarray, truth: np.ndarray) -> float:
    """Per cent right on `y` by a regression fitted on `x`; features are brought to deviation 1 first."""
    middle, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
    x, y = ((each - middle) / scale for each in (x, y))
    return max(100 * float((predict(x, labels, y, decay) == truth).mean()) for decay in DECAYS)


def predict(x: np.ndarray, labels: np.ndarray, y: np.ndarray, decay: float) -> np.ndarray:
    """Classes int [M] of y [M, D], by multinomial logistic regression on x [N, D] and labels [N]."""
    x, y = (np.concatenate([each, np.ones((len(each), 1))], axis=1) for each in (x, y))
    wanted = np.eye(labels.max() + 1)[labels]  # [N, C]
    shape = (x.shape[1], wanted.shape[1])

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(shape)
        logits = x @ weights
        logs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        slope = x.T @ (np.exp(logs) - wanted) / len(x) + decay * weights
        value = -(logs * wanted).sum() / len(x) + decay / 2 * (weights**2).sum()
        return value, slope.ravel()

    best = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B")
    return (y @ best.x.reshape(shape)).argmax(axis=1)


def _parser() -> argparse.ArgumentParser:
    parser = program.parser("probe", __doc__)
    folders = "workdirs or models of any format, with commas between"
    parser.add_argument("--model", type=lambda s: s.split(","), required=True, help=folders)
    parser.add_argument("--data", default="../shared/data", help="folder of the tasks' files")
    parser.add_argument("--task", choices=list(TASKS), default="ag_news", help="with classes")
    parser.add_argument("--fitted", type=int, default=4000, help="texts to fit on")
    parser.add_argument("--scored", type=int, default=2000, help="texts to score")
    parser.add_argument("--output", help="a Markdown file")
    return parser


if __name__ == "__main__":
    program.serve(main)
