"""What stands behind a table: how much of it has run, on which text, how long, by which code and where."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from experiments import inputs
from experiments.comparison import Comparison, Run
from experiments.results import FOLDER, Result, Results
from experiments.scale import Choice, Scale
from experiments.source import without_folders

GUESSES = {  # column -> its score, what guessing scores there, and of what
    "mlm": ("mlm_accuracy", "mlm_baseline", "masked words"),
    "sentence": ("sentence_accuracy", "sentence_baseline", "sentence pairs"),
}


def states(comparison: Comparison) -> dict[str, bool]:
    """The cells that were chosen of a table, by identity: whether there is a result."""
    return dict(_cells(comparison, slice(comparison.choice.seeds)))


def further(comparison: Comparison) -> set[str]:
    """The cells of more seeds than were chosen whose results a table shows."""
    cells = _cells(comparison, slice(comparison.choice.seeds, None))
    return {name for name, done in cells if done}


def _cells(comparison: Comparison, seeds: slice) -> Iterator[tuple[str, bool]]:
    """(identity, whether there is a result) of the cells of some seeds of a table."""
    for run in (run for line in comparison.lines for run in line.runs[seeds]):
        yield from ((cell.identity, name in run.found) for name, cell in run.cells.items())


def sentence(comparison: Comparison) -> str:
    """The line under a table."""
    if not comparison.table.is_run:
        return "Nothing is run for this table."
    known, more = states(comparison), further(comparison)
    parts = [f"{sum(known.values())} of {len(known)} results are there{_and(more)}"]
    shown = [run for line in comparison.lines for run in line.pretrained]
    if shown:
        runs = [run.found["pretrain"] for run in shown]
        parts += [
            f"text: {', or '.join(_texts(shown))}",
            f"{_range(run['steps'] for run in runs)} updates and "
            f"{_range(run['tokens'] / 1e6 for run in runs)} million tokens a run, in its last stage",
            *_made_by([result for run in shown for result in run.found.values()]),
            *_guesses(comparison, runs),
        ]
    return f"{'; '.join(parts)}."


def _texts(shown: Iterable[Run]) -> Iterable[str]:
    """The texts that models were pretrained on, each once."""
    cells = (run.cells["pretrain"].text for run in shown)
    sources = (dict(cell.overrides)["corpus.source"] for cell in cells if cell)
    return dict.fromkeys(map(text_name, sources))


def text_name(source: str) -> str:
    """`../data/novels=1,../data/wikipedia=1` -> `novels + wikipedia`."""
    return " + ".join(part.removesuffix("=1") for part in without_folders(source).split(","))


def _made_by(results: Iterable[Result]) -> list[str]:
    """The commits and the devices of results, each once."""
    results = [result for result in results if "devices" in result]
    commits = dict.fromkeys(_short(result["commit"]) for result in results)
    devices = dict.fromkeys(f"{r['devices']['count']} {r['devices']['kind']}" for r in results)
    return [
        f"commit{'s' * (len(commits) > 1)} {', '.join(sorted(commits))}",
        f"device: {', '.join(sorted(devices))}",
    ]


def _short(commit: str | None) -> str:
    """A commit as git abbreviates it, and whether there were changes that are not in it."""
    head, _, changed = (commit or "unknown").partition("-")
    return head[:7] + (f"-{changed}" if changed else "")


def _guesses(comparison: Comparison, runs: list[Result]) -> list[str]:
    """What guessing scores, of the columns that a table has."""
    said = []
    for column, (score, guess, of) in GUESSES.items():
        found = [100 * r["scores"][guess] for r in runs if score in r["scores"]]
        if column in comparison.columns and found:
            said.append(f"{_range(found)} % of {of}")
    return [f"guessing the commonest scores {' and '.join(said)}"] if said else []


def _range(values: Iterable[float]) -> str:
    """`2,000`, or `2,000 to 6,400`."""
    known = sorted(values)
    words = [f"{x:,}" if isinstance(x, int) else f"{x:.1f}" for x in (known[0], known[-1])]
    return " to ".join(dict.fromkeys(words))


def progress(cells: Mapping[str, bool], more: Collection[str], scale: Scale) -> str:
    """How much has run of all tables: their cells by identity, and those of further seeds."""
    return (
        f"At the scale {scale.name} ({scale.about}) {sum(cells.values())} of the {len(cells)} results that "
        f"these tables want are there{_and(more)}; a result is one model pretrained, measured or fine-tuned."
    )


def _and(more: Collection[str]) -> str:
    return f", and {len(more)} of further seeds" if more else ""


def of_other_places(comparison: Comparison) -> list[str]:
    """A line for each place that results of a table are from, and not from where they would be now."""
    runs = (run for line in comparison.lines for run in line.runs)
    cells = [cell for run in runs for name, cell in run.cells.items() if name in run.found]
    return [
        f"{line[0].upper()}{line[1:]}."
        for line in inputs.of_other_places(cells, comparison.results)
    ]


def command(tables: Iterable[str], scale: Scale, choice: Choice, results: Results) -> str:
    """The command line that runs what is missing of tables, as they were chosen."""
    said: list[Any] = ["python", "-m", "experiments", "run", *tables, f"--scale={scale.name}"]
    for name, value in choice._asdict().items():
        if value != getattr(scale.default, name):
            words = ",".join(value) if isinstance(value, tuple) else value
            said.append(f"--{name.replace('_', '-')}={words}")
    if results.folder != FOLDER:
        said.append(f"--results={results.folder}")
    return shlex.join(said)
