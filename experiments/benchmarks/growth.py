"""How the cost of a training step grows with layers, width, row length, batch, and what remat costs.

    python -m experiments.benchmarks.growth [--output=FILE.md]

One thing at a time differs from ALBERT-base at 8 x 128 in bfloat16. Each case is a process of its own, so
that its peak of memory is its own.
"""

import dataclasses
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from albert_jax.analysis import cost
from albert_jax.model.config import CHOICES, sized
from experiments import program
from experiments.benchmarks import race_data
from experiments.benchmarks.speed import Process, Racer
from experiments.publish import origin, publish

STEPS = 5
ROWS, LENGTH = 8, 128


@dataclasses.dataclass(frozen=True)
class Case:
    """A thing that differs."""

    about: str
    rows: int = ROWS
    length: int = LENGTH
    changes: dict = dataclasses.field(default_factory=dict)


class Measured(NamedTuple):
    """Of a training step: tokens a second, operations a second, and the process's peak memory."""

    tokens: float
    flops: float
    gigabytes: float


def _width(hidden: int) -> dict:
    return dict(hidden_size=hidden, num_heads=hidden // 64, ffn_size=4 * hidden)


CASES = [
    *(Case(f"{n} layers", changes=dict(num_layers=n)) for n in (6, 12, 24)),
    *(Case(f"D = {d}", changes=_width(d)) for d in (256, 512, 768, 1024)),
    *(Case(f"{1024 // n} x {n}", 1024 // n, n) for n in (64, 128, 256, 512)),
    *(Case(f"{n} x 128", n) for n in (2, 8, 32)),
    *(Case(f"remat {mode}", changes=dict(remat=mode)) for mode in CHOICES["remat"]),
    *(Case(f"remat {mode}, 4 x 512", 4, 512, dict(remat=mode)) for mode in CHOICES["remat"]),
    *(Case(f"shared: {mode}", changes=dict(sharing=mode)) for mode in CHOICES["sharing"]),
    *(Case(f"E = {n}", changes=dict(embedding_size=n)) for n in (64, 128, 768)),
]


def main(argv: Sequence[str]):
    """Measures every case and prints."""
    parser = program.parser("benchmarks.growth", __doc__)
    parser.add_argument("--output", help="a file for the report")
    options = parser.parse_args(argv)
    results = [(case, measure(case)) for case in tqdm(CASES, "cases")]
    report = "\n".join(
        [
            "# How the cost of a training step grows",
            "",
            f"ALBERT-base, 8 rows of 128, bfloat16, but for what is named. Medians of {STEPS} steps.",
            origin("benchmarks.growth", argv),
            "",
            "| | tokens/s | GFLOP/s | peak memory |",
            "|---|---|---|---|",
            *(
                f"| {case.about} | {m.tokens:,.0f} | {m.flops / 1e9:,.0f} | {m.gigabytes:.1f} GB |"
                for case, m in results
            ),
            "",
        ]
    )
    publish(report, options.output)


def measure(case: Case) -> Measured:
    """Runs a case in a process of its own."""
    slots = max(4, case.length // 10)
    rows = race_data.full_rows(race_data.texts(case.length), case.length)
    (chosen,) = race_data.batches_of(rows, case.rows, 1)
    told = dict(size="base", dtype="bfloat16", changes=case.changes)
    with tempfile.TemporaryDirectory() as folder:
        race_data.save(Path(folder) / "batches.npz", [race_data.ours(chosen, case.length, slots)])
        process = Process(Racer(case.about, "ours", sys.executable, told))
        process.ask(do="load", case=told, batches=f"{folder}/batches.npz")
    seconds = statistics.median(process.ask(do="steps", count=1)["seconds"] for _ in range(STEPS))
    gigabytes = process.ask(do="memory")["gigabytes"]
    process.close()
    masked = int(race_data.MASKED * case.length)
    config = sized("base", **case.changes)
    flops = case.rows * cost.training_flops(config, case.length, masked, 1)
    return Measured(case.rows * case.length / seconds, flops / seconds, gigabytes)


if __name__ == "__main__":
    main(sys.argv[1:])
