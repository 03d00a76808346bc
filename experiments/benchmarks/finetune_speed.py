"""Examples a second of fine-tuning on SST-2, beside transformers' Trainer with the same weights.

python -m experiments.benchmarks.finetune_speed --init=FOLDER --data_dir=DATA --python=PEER [--output=F.md]

FOLDER is of Hugging Face, PEER a Python with torch, transformers and accelerate. Everybody has batches of 32,
texts of at most 128 pieces and the same cores, one after the other, in ROUNDS rounds. Trainer pads to 128, as
its scripts for GLUE do, or groups batches by length and pads to the longest of each.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from albert_jax.training import tracking
from experiments import program
from experiments.benchmarks import child
from experiments.publish import origin, publish

STEPS = 150  # of ours; the first intervals compile
TRAINER = Path(__file__).parent / "racers" / "hf_trainer.py"
PADDINGS = {"to 128": 10, "by length": 50}  # updates; it sorts 50 batches at a time
PRECISIONS = ("float32", "bfloat16")


def main(argv: list[str]):
    """Prints a table in Markdown: every round, and how many times as fast we are by the medians."""
    options = _options(argv)
    runs: dict[tuple[str, str, str], Callable[..., float]]
    runs = {("albert-jax", "packed", precision): ours for precision in PRECISIONS}
    runs |= {("Trainer", padding, p): theirs for padding in PADDINGS for p in PRECISIONS}
    found: dict[tuple[str, str, str], list[float]] = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            found[name].append(run(options, *name[1:]))
            print(*name, f"{found[name][-1]:.1f} examples/s", file=sys.stderr, flush=True)
    text = report(found, argv)
    publish(text, options.output)


def report(found: dict[tuple[str, str, str], list[float]], argv: list[str]) -> str:
    """Markdown: a row for each program, padding and precision."""
    best = {p: statistics.median(found["albert-jax", "packed", p]) for p in PRECISIONS}
    lines = [
        "# Fine-tuning on SST-2, examples a second",
        "",
        origin("benchmarks.finetune_speed", argv),
        "",
        "| program | padding | precision | examples/s | ours in bfloat16: times | same precision |",
        "|---|---|---|--:|--:|--:|",
    ]
    for (*name, precision), values in found.items():
        middle, each = statistics.median(values), " ".join(f"{value:.1f}" for value in values)
        ratios = f"{best['bfloat16'] / middle:.2f} | {best[precision] / middle:.2f}"
        lines.append(f"| {' | '.join(name)} | {precision} | {each} | {ratios} |")
    return "\n".join([*lines, ""])


def parser(experiment: str, about: str) -> argparse.ArgumentParser:
    """What every comparison with Trainer is told."""
    parser = program.parser(f"benchmarks.{experiment}", about)
    parser.add_argument("--init", required=True, help="a Hugging Face folder of BERT or ALBERT")
    parser.add_argument("--data_dir", required=True, help="GLUE's files")
    parser.add_argument("--python", required=True, help="one with torch and transformers")
    parser.add_argument("--output", help="a file for the report")
    return parser


def _options(argv: list[str]) -> argparse.Namespace:
    asked = parser("finetune_speed", __doc__)
    asked.add_argument("--rounds", type=int, default=1, help="how often everybody runs")
    return asked.parse_args(argv)


def ours(options: argparse.Namespace, _: str, precision: str) -> float:
    """Examples a second of `albert-jax finetune`; the median over intervals, as some of them compile."""
    with tempfile.TemporaryDirectory() as workdir:
        command = [
            *(sys.executable, "-m", "albert_jax", "finetune"),
            "--config=configs/finetune.py:task=sst2,size=small",
            f"--init={options.init}",
            f"--data_dir={options.data_dir}",
            f"--workdir={workdir}/W",
            f"--config.model.dtype={precision}",
            f"--config.training.steps={STEPS}",
            f"--config.training.evaluate_every={STEPS}",
            "--config.training.log_every=5",
        ]
        child.output(command)
        lines = [line for line in tracking.read(f"{workdir}/W") if line["kind"] == "train"]
    return statistics.median(line["examples_per_second"] for line in lines[4:])


def theirs(options: argparse.Namespace, padding: str, precision: str) -> float:
    """Examples a second of Trainer."""
    case = [
        options.init,
        options.data_dir,
        "SST-2",
        precision,
        padding,
        str(PADDINGS[padding]),
        "0",
    ]
    found = child.output([options.python, str(TRAINER), *case])
    return json.loads(found.splitlines()[-1])["examples_per_second"]


if __name__ == "__main__":
    program.serve(main)
