"""Dev scores of fine-tuning, beside transformers' Trainer with the same weights and the same recipe.

python -m experiments.benchmarks.finetune_scores --init=FOLDER --data_dir=DATA --python=PEER [--output=F.md]

FOLDER is of Hugging Face, PEER a Python with torch, transformers and accelerate. The recipe is that of
configs/finetune.py for a small model, but for its length, which TASKS has.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from experiments.benchmarks import child
from experiments.benchmarks.finetune_speed import TRAINER, parser
from experiments.program import serve
from experiments.publish import origin, publish


class Task(NamedTuple):
    """What is tuned, for how many updates, what is compared, and how Trainer makes batches."""

    folder: str
    steps: int
    metric: str
    padding: str = "by length"  # which saves hours


TASKS = {
    "sst2": Task("SST-2", 300, "accuracy"),
    "mrpc": Task("MRPC", 230, "accuracy"),  # two epochs
    # Two epochs; texts of one length are mostly of one source, and such batches cost Trainer 12 points.
    "stsb": Task("STS-B", 360, "pearson", padding="at random"),
}


def main(argv: list[str]):
    """Prints a table in Markdown: every seed of both programs, their medians and the difference."""
    options = _options(argv)
    found: dict[tuple[str, str], list[float]] = {}
    for seed in range(options.seeds):
        for name in TASKS:
            for program, run in (("albert-jax", ours), ("Trainer", theirs)):
                score = run(options, name, seed)
                found.setdefault((name, program), []).append(score)
                print(f"{name} {program} seed {seed}: {score:.2f}", file=sys.stderr, flush=True)
    text = report(found, argv)
    publish(text, options.output)


def report(found: dict[tuple[str, str], list[float]], argv: list[str]) -> str:
    """Markdown: a row for each task and program; ours holds the difference."""
    lines = [
        "# Dev scores of fine-tuning, from the same weights",
        "",
        origin("benchmarks.finetune_scores", argv),
        "",
        "Both in bfloat16, batches of 32, texts of at most 128 pieces, dropout 0.1, AdamW with decay 0.01,",
        "a peak rate of 1e-4 after a tenth of the updates, then a straight line to 0; scored once, at the",
        "end. Trainer groups batches by length, but for STS-B. Batches and dropout differ by program.",
        "",
        "| task | metric | updates | program | seeds | median | ours - theirs |",
        "|---|---|--:|---|---|--:|--:|",
    ]
    middles = {key: statistics.median(values) for key, values in found.items()}
    for (name, program), values in found.items():
        folder, steps, metric, _ = TASKS[name]
        each = " ".join(f"{value:.2f}" for value in values)
        gap = middles[name, "albert-jax"] - middles[name, "Trainer"]
        said = f"{gap:+.2f}" if program == "albert-jax" else ""
        row = (folder, metric, str(steps), program, each, f"{middles[name, program]:.2f}", said)
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join([*lines, ""])


def ours(options: argparse.Namespace, name: str, seed: int) -> float:
    """The dev score of `albert-jax finetune`, in per cent."""
    steps, metric = TASKS[name].steps, TASKS[name].metric
    with tempfile.TemporaryDirectory() as workdir:
        command = [
            *(sys.executable, "-m", "albert_jax", "finetune"),
            f"--config=configs/finetune.py:task={name},size=small",
            f"--init={options.init}",
            f"--data_dir={options.data_dir}",
            f"--workdir={workdir}/W",
            f"--config.training.seed={seed}",
            f"--config.training.steps={steps}",
            f"--config.training.evaluate_every={steps}",
        ]
        child.output(command)
        return json.loads(Path(workdir, "W", "results.json").read_text())["dev"][metric]


def theirs(options: argparse.Namespace, name: str, seed: int) -> float:
    """The dev score of Trainer, in per cent."""
    task = TASKS[name]
    case = [options.init, options.data_dir, task.folder, "bfloat16", task.padding, str(task.steps)]
    command = [options.python, str(TRAINER), *case, str(seed), "--score"]
    return json.loads(child.output(command).splitlines()[-1])["score"]


def _options(argv: list[str]) -> argparse.Namespace:
    asked = parser("finetune_scores", __doc__)
    asked.add_argument("--seeds", type=int, default=3, help="runs of each program on each task")
    return asked.parse_args(argv)


if __name__ == "__main__":
    serve(main)
