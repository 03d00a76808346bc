"""Coverage-guided fuzzing of all that reads input, by atheris (libFuzzer for Python).

    python -m experiments.fuzz [TARGET ...] [--seconds=60] [--folder=runs/fuzz] [--output=FILE.md]

What a target raises beside UserError is a find; so is what kills, stops or bloats its process. One input for
each place in the code that raised is kept in FOLDER/TARGET/finds, with the traceback beside it. The corpus
stays in FOLDER/TARGET/corpus, and the next run goes on from there.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from albert_jax.errors import UserError
from experiments import program
from experiments.publish import origin, publish

HANG, MEMORY = 20, 4096  # seconds and MB that a case may take
LEFT = 5  # seconds; for less no new process is started after one that died


class Outcome(NamedTuple):
    """What the fuzzing of a target came to."""

    cases: int
    seconds: float
    finds: int  # different ones


def main(argv: Sequence[str]):
    """Fuzzes one target after another, each in processes of its own, and prints the figures."""
    options = _options(argv)
    if options.child:
        fuzz(options.targets[0], Path(options.folder), options.seconds)
    outcomes = {name: attend(name, options) for name in options.targets or _names()}
    report = "\n".join(_report(outcomes, argv))
    publish(report, options.output)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = program.parser("fuzz", __doc__)
    parser.add_argument("targets", nargs="*", help="see experiments/fuzz/targets.py; all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--folder", default="runs/fuzz", help="for the corpus and the finds")
    parser.add_argument("--output", help="a file for the figures")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def _names() -> list[str]:
    from experiments.fuzz.targets import TARGETS

    return list(TARGETS)


def attend(name: str, options: argparse.Namespace) -> Outcome:
    """Fuzzes a target for its time, anew where its process dies."""
    folder, cases, seconds = Path(options.folder) / name, 0, 0.0
    (folder / "finds").mkdir(parents=True, exist_ok=True)
    while seconds + LEFT < options.seconds:
        command = [sys.executable, "-m", "experiments.fuzz", name, "--child"]
        command += [f"--folder={options.folder}", f"--seconds={int(options.seconds - seconds)}"]
        with (folder / "log").open("a") as log:
            subprocess.run(command, stdout=log, stderr=log, check=False)
        if not (folder / "spent.json").exists():
            raise UserError(f"{name} has not begun; {folder}/log says why")
        spent = json.loads((folder / "spent.json").read_text())
        cases, seconds = cases + spent["cases"], seconds + max(spent["seconds"], 1)
    finds = [path for path in (folder / "finds").iterdir() if path.suffix != ".txt"]
    return Outcome(cases, seconds, len(finds))


def fuzz(name: str, folder: Path, seconds: int):
    """Runs a target on what libFuzzer thinks up; does not return."""
    import atheris

    with atheris.instrument_imports(include=["albert_jax", "mwparserfromhell"]):
        from experiments.fuzz.targets import TARGETS
    target, folder = TARGETS[name], folder / name
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (folder / "corpus" / f"seed-{number}").write_bytes(seed)
    flags = [f"-max_total_time={seconds}", f"-timeout={HANG}", f"-rss_limit_mb={MEMORY}"]
    flags += [f"-artifact_prefix={folder / 'finds'}/", "-max_len=4096", str(folder / "corpus")]
    atheris.Setup(["fuzz", *flags], _counted(target.run, folder))
    atheris.Fuzz()


def _counted(run: Callable[[bytes], object], folder: Path) -> Callable[[bytes], None]:
    """`run`, which keeps finds and goes on; its figures are always on the disk."""
    cases, start, told = 0, time.monotonic(), 0.0

    def case(data: bytes):
        nonlocal cases, told
        try:
            run(data or b"\0")
        except UserError:
            pass
        except Exception as error:
            _keep(data, error, folder / "finds")
        cases += 1
        if (now := time.monotonic()) > told + 1:
            told = now
            spent = {"cases": cases, "seconds": now - start}
            (folder / "spent.json").write_text(json.dumps(spent))

    return case


def _keep(data: bytes, error: Exception, folder: Path):
    """The shortest input for each place that raised."""
    place = [f for f in traceback.extract_tb(error.__traceback__) if "albert_jax" in f.filename][-1]
    key = f"{type(error).__name__} {place.filename} {place.name} {place.line}"
    path = folder / f"{type(error).__name__}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    if not path.exists() or len(data) < path.stat().st_size:
        path.write_bytes(data)
        path.with_suffix(".txt").write_text("".join(traceback.format_exception(error)))


def _report(outcomes: dict[str, Outcome], argv: Sequence[str]) -> list[str]:
    """The figures as Markdown."""
    return [
        origin("fuzz", argv),
        "",
        "| target | cases | seconds | cases a second | finds |",
        "|---|--:|--:|--:|--:|",
        *(
            f"| {name} | {o.cases:,} | {o.seconds:,.0f} | {o.cases / o.seconds:,.0f} | {o.finds} |"
            for name, o in outcomes.items()
        ),
        "",
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
