"""Training speed beside transformers and keras-hub: the same model, the same text, on one machine in turn.

    python -m experiments.benchmarks.speed --torch=.venv-peers/bin/python [--keras=PYTHON] --output=FILE.md

Every racer is a process that keeps its model. One works at a time, each for a few steps, several rounds, so
that a machine that gets slower gets slower for all. Full rows are 15 % masked text without padding. Real rows
are texts of their own lengths; what counts there is tokens that are not padding. All have memory in large
pages, as our commands have. The others' optimizer is AdamW, ours is LAMB.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from albert_jax import environment
from albert_jax.analysis import cost
from albert_jax.model.config import sized
from experiments import program
from experiments.benchmarks import race_data
from experiments.publish import origin, publish

SHAPES = ((8, 128), (4, 512))  # rows and their length
RACERS = Path(__file__).parent / "racers"
DTYPES = ("float32", "bfloat16")


class Racer(NamedTuple):
    """Who races: a name for the table, a file of racers/, an interpreter, and what `build` is told."""

    name: str
    file: str
    python: str
    case: dict

    @property
    def dtype(self) -> str:
        """The precision of its products."""
        return self.case["dtype"]


class Case(NamedTuple):
    """What they run: "full" or "real" rows."""

    kind: str
    rows: int
    length: int

    def __str__(self) -> str:
        return f"{self.kind} {self.rows} x {self.length}"


class Result(NamedTuple):
    """Seconds of each round, tokens that were no padding in a round, and the process's peak memory."""

    seconds: list[float]
    tokens: float
    gigabytes: float

    @property
    def rate(self) -> float:
        """Tokens that are no padding a second, of the median round."""
        return self.tokens / statistics.median(self.seconds)


class Process:
    """A racer that runs."""

    def __init__(self, racer: Racer):
        settings = {"GLIBC_TUNABLES": environment.MEMORY, "JAX_PLATFORMS": "cpu"}
        self._process = subprocess.Popen(
            [racer.python, str(RACERS / f"{racer.file}.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | settings,
            text=True,
        )
        self._name = racer.name

    def ask(self, **request) -> dict:
        """One request of racers/protocol.py, answered."""
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline() if self._process.stdout else ""
        if not answer:
            sys.exit(
                f"{self._name} ended at {request}; run its file in experiments/benchmarks/racers alone"
            )
        return json.loads(answer)

    def close(self):
        """Ends the process."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()


def main(argv: Sequence[str]):
    """Runs the race and writes the report."""
    options = _parser().parse_args(argv)
    config = sized("base")
    racers = _racers(options, config)
    cases = [Case(kind, *shape) for kind in ("full", "real") for shape in SHAPES]
    peaks = peak_rates(racers)
    results = {case: race(case, racers, options.rounds, options.steps) for case in cases}
    taken = f"{options.rounds} rounds of {options.steps} steps in turn; medians"
    text = report(results, racers, peaks, config, origin("benchmarks.speed", argv), taken)
    publish(text, options.output)


def race(case: Case, racers: Sequence[Racer], rounds: int, steps: int) -> dict[str, Result]:
    """Every racer loads the case, then they take turns."""
    seconds: dict[str, list[float]] = {racer.name: [] for racer in racers}
    tokens, gigabytes = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        processes = {}
        for racer in tqdm(racers, f"{case}: loading"):
            batches, tokens[racer.name] = data(case, racer, steps)
            race_data.save(Path(folder) / "batches.npz", batches)
            process = processes[racer.name] = Process(racer)
            process.ask(do="load", case=racer.case, batches=f"{folder}/batches.npz")
        for _ in tqdm(range(rounds), f"{case}: rounds"):
            for name, process in processes.items():
                process.ask(do="steps", count=1)  # what has lain idle is slow at first
                seconds[name].append(process.ask(do="steps", count=steps)["seconds"])
        for name, process in processes.items():
            gigabytes[name] = process.ask(do="memory")["gigabytes"]
            process.close()
    return {name: Result(seconds[name], tokens[name], gigabytes[name]) for name in seconds}


def data(case: Case, racer: Racer, count: int) -> tuple[list[race_data.Batch], int]:
    """`count` different batches of a case for one racer, and the tokens in them."""
    slots = max(4, case.length // 10)
    texts = race_data.texts(case.length)
    if case.kind == "full":
        rows = race_data.full_rows(texts, case.length)
    elif racer.file == "ours":
        rows = race_data.packed_rows(texts, case.length, slots)
    else:
        rows = [[ids] for ids in texts]
    chosen = list(race_data.batches_of(rows, case.rows, count))
    if racer.file == "ours":
        batches = [race_data.ours(rows, case.length, slots) for rows in chosen]
    else:
        arrange = {"torch_albert": race_data.transformers, "keras_albert": race_data.keras}
        batches = [arrange[racer.file](rows) for rows in chosen]
    return batches, race_data.tokens_in(chosen)


def peak_rates(racers: Sequence[Racer]) -> dict[str, float]:
    """Operations per second of the best product of matrices that any library makes, by precision."""
    rates = dict.fromkeys(DTYPES, 0.0)
    for racer in tqdm({racer.file: racer for racer in racers}.values(), "products"):
        process = Process(racer)
        for dtype in DTYPES:
            rates[dtype] = max(rates[dtype], process.ask(do="matmul", dtype=dtype)["flops"])
        process.close()
    return rates


def report(results, racers, peaks, config, source: str, taken: str) -> str:
    """Markdown: a table a case, and where the numbers are from."""
    lines = [
        "# Training speed beside the others",
        "",
        f"ALBERT-base, whole training steps, {taken}.",
        source,
        "Best products of matrices measured: "
        + ", ".join(f"{dtype} {rate / 1e9:,.0f} GFLOP/s" for dtype, rate in peaks.items())
        + ". The share of it is of the operations that the model needs, without padding.",
        "",
    ]
    for case, by_name in results.items():
        lines += [f"## {case}", "", *_table(case, by_name, racers, peaks, config), ""]
    return "\n".join(lines)


def _table(case: Case, results, racers, peaks, config) -> list[str]:
    head = ("", "tokens/s", "lowest to highest", "ours / it", "share of peak", "peak memory")
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    ours = {racer.dtype: results[racer.name].rate for racer in racers if racer.file == "ours"}
    masked = int(race_data.MASKED * case.length)
    flops = cost.training_flops(config, case.length, masked, 1) / case.length  # a token
    for racer in racers:
        result = results[racer.name]
        low, high = (result.tokens / pick(result.seconds) for pick in (max, min))
        rows.append(
            f"| {racer.name} | {result.rate:,.0f} | {low:,.0f} to {high:,.0f} "
            f"| {ours[racer.dtype] / result.rate:.2f} "
            f"| {result.rate * flops / peaks[racer.dtype]:.0%} | {result.gigabytes:.1f} GB |"
        )
    return rows


def _racers(options: argparse.Namespace, config) -> list[Racer]:
    """Ours, and those whose interpreter was named, in both precisions."""
    shape = dict(
        size=config.hidden_size,
        layers=config.num_layers,
        heads=config.num_heads,
        ffn=config.ffn_size,
    )
    racers = []
    for dtype in DTYPES:
        ours = dict(size="base", dtype=dtype, changes={})
        racers.append(Racer(f"albert_jax {dtype}", "ours", sys.executable, ours))
        for python, file, name, modes in (
            (options.torch, "torch_albert", "transformers", ("eager", "compiled")),
            (options.keras, "keras_albert", "keras-hub", ("jit",)),
        ):
            for mode in modes if python else ():
                case = dict(shape=shape, dtype=dtype, compiled=mode == "compiled")
                racers.append(Racer(f"{name} {mode} {dtype}", file, python, case))
    return racers


def _parser() -> argparse.ArgumentParser:
    parser = program.parser("benchmarks.speed", __doc__)
    parser.add_argument("--torch", help="an interpreter that has torch and transformers")
    parser.add_argument("--keras", help="an interpreter that has keras-hub and jax")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="of a round, each with its own batch")
    parser.add_argument("--output", help="a file for the report")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
