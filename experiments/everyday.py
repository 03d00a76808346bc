"""Every task, from several models and from the same architectures with random parameters, beside floors.

python -m experiments.everyday --start=minilm=FOLDER --start=record=runs/record/long,3e-4 --data=DATA
python -m experiments.everyday ... --tasks=sst2,mrpc --seeds=3 --workers=2 --output=TABLE.md
python -m experiments.everyday ... --seeds=3 --table      # of what there is; nothing is run

A start is a name, a checkpoint of any format, and the peak of the learning rate if it is not the recipe's.
Runs are cells: what has finished is not run again, what was stopped goes on. The data are not all official
splits: numbers are to be compared with each other, not with published ones.
"""

import argparse
import dataclasses
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from etils import epath

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks.table import family
from albert_jax.tasks.task import Task as AnyTask
from albert_jax.training.config import build
from configs.finetune import get_config
from experiments import program, runner
from experiments.__main__ import RESUMES, count, words
from experiments.cell import Cell, Overrides
from experiments.formats import markdown
from experiments.grid import NONE, Grid, Item
from experiments.publish import origin, publish
from experiments.results import FOLDER, Results

CONFIG = "configs/finetune.py"
MAJORITY = "always the commonest answer"
WORDS = "logistic regression on tf-idf"


class Task(NamedTuple):
    """A task of albert_jax.tasks on the files of a folder.

    Attributes:
      part: what is scored, "dev", or "test" where the data have only that.
      floor: what the same metric is without a model, by `source`, in per cent.
    """

    title: str
    folder: str
    metric: str
    part: str = "dev"
    floor: float | None = None
    source: str = WORDS
    overrides: Overrides = ()


SETTLED = (("training.patience", 4),)  # a run ends after four scores in a row that are no better
SHORTER = (("task.length", 256),)


def passes(epochs: float, updates: int) -> Overrides:
    """Over data that would take an hour: how often, and after how many updates dev is scored."""
    return (("training.epochs", epochs), ("training.evaluate_every", updates))


TASKS = {
    "sst2": Task("SST-2", "glue_data", "accuracy", floor=82.8, overrides=passes(1.0, 210)),
    "cola": Task("CoLA", "glue_data", "matthews", floor=10.8),
    "mrpc": Task("MRPC", "glue_data", "accuracy", floor=69.1),
    "stsb": Task("STS-B", "glue_data", "pearson"),
    "rte": Task("RTE", "glue_data", "accuracy", floor=52.7, source=MAJORITY),
    "mnli": Task("MNLI, local", "glue_data", "accuracy", overrides=passes(1.0, 310)),
    "squad1": Task(
        "SQuAD 1.1, local", "squad/v1-local", "f1", overrides=(*SHORTER, *passes(2.0, 94))
    ),
    "squad2": Task(
        "SQuAD 2.0, local", "squad/v2-local", "f1", overrides=(*SHORTER, *passes(1.5, 95))
    ),
    "race": Task(
        *("RACE, a part", "race", "accuracy"),
        floor=25.0,
        source="chance",
        # In one part, 128 rows of 256 of MiniLM are more memory than 24 GiB.
        overrides=(*SHORTER, *passes(0.25, 46), ("training.microbatches", 4)),
    ),
    "wnut17": Task("WNUT-17", "ner/wnut17", "f1"),
    "ag_news": Task("AG News, a part", "text/ag_news", "accuracy", part="test", floor=87.5),
    "sms_spam": Task("SMS spam", "text/sms_spam/sms.tsv", "accuracy", floor=98.3),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Given(Cell):
    """A checkpoint that is there; nothing is run for it."""

    command: str = "given"
    config: str = ""
    name: str
    folder: epath.Path
    rate: float | None = None

    @property
    def identity(self) -> str:
        """Its name; the same name is the same checkpoint."""
        return f"given-{self.name}"

    def workdir(self, root: epath.Path) -> epath.Path:
        """Where it lies, whatever the folder of all cells."""
        return self.folder


def main(argv: list[str]):
    """Runs what has not been run, then prints the table, and writes it with --output."""
    options = _parser().parse_args(argv)
    results = Results(options.results)
    found = [
        tuned(start, task, is_random, seed, options.data)
        for start in options.start
        for is_random in (False, True)
        for task in options.tasks
        for seed in range(options.seeds)
    ]
    failures = [] if options.table else run(found, results, options.workdir, options.workers)
    table = markdown(grid(options, results), level=1)
    source = (
        f"{origin('everyday', argv)} That commit drew the table; the runs' are in {FOLDER.name}/."
    )
    publish(f"{table}\n{source}\n", options.output)
    if failures:
        raise UserError("\n".join([f"{len(failures)} cells have no result", *failures]))


def run(found: Sequence[Cell], results: Results, root: epath.Path, workers: int) -> list[str]:
    """Runs the cells that have no result; a line for each that has none even so."""
    order = runner.plan(found, results, lambda cell: isinstance(cell, Given))
    return runner.run(order, results, root, workers)


def tuned(start: Given, task: str, is_random: bool, seed: int, data: str) -> Cell:
    """The fine-tuning of a start, or of its architecture with random parameters."""
    rate = () if start.rate is None else (("schedule.learning_rate", start.rate),)
    return Cell(
        command="finetune",
        config=f"{CONFIG}:task={task},size=small",
        overrides=(
            ("task.data_dir", f"{data}/{TASKS[task].folder}"),
            *SETTLED,
            *TASKS[task].overrides,
            *rate,
            *((("init", "random"),) if is_random else ()),
            ("training.seed", seed),
        ),
        init=start,
    )


def open_task(name: str, data: str, vocabulary: Vocabulary | TokenizerJson) -> AnyTask:
    """A task on its files, as the fine-tuning of a small model has it."""
    section, kind = family(name)
    values = dict(get_config(f"task={name},size=small").task)
    values["data_dir"] = f"{data}/{TASKS[name].folder}"
    return kind(build(section, values, "config.task"), vocabulary)


def grid(options: argparse.Namespace, results: Results) -> Grid:
    """A row a task; a start and its random twin are columns side by side."""
    header = ["task", "metric", "floor"]
    for start in options.start:
        header += [start.name, f"{start.name}, random"]
    rows = [_row(task, options, results) for task in options.tasks]
    about = "Dev scores in per cent, of AG News test: median over seeds (lowest to highest)."
    notes = [
        f"Floors: {WORDS}; for RTE {MAJORITY}; for RACE chance.",
        "Bold: above the floor, by whatever amount; that may be chance.",
        "A score on dev is that of the checkpoint that was best on dev.",
        "The local parts of SQuAD, MNLI and RACE are not the official splits.",
        f"Seeds: up to {options.seeds}; a score without brackets is of one.",
        *(f"{start.name}: {start.folder}, {_rate(start)}." for start in options.start),
    ]
    return Grid("everyday", "Every task from several starts", about, header, rows, notes)


def _rate(start: Given) -> str:
    return f"peak rate {start.rate:g}" if start.rate else "the recipe's rate"


def _row(name: str, options: argparse.Namespace, results: Results) -> list[Item]:
    task = TASKS[name]
    floor = NONE if task.floor is None else f"{task.floor:.1f}"
    items = [Item(task.title), Item(task.metric), Item(floor)]
    for start in options.start:
        for is_random in (False, True):
            cells = (tuned(start, name, is_random, s, options.data) for s in range(options.seeds))
            items.append(_entry(task, [r for cell in cells if (r := results.read(cell))]))
    return items


def _entry(task: Task, found: Sequence[dict]) -> Item:
    """Strong where it is above the floor."""
    key = "scores" if task.part == "dev" else task.part
    values = [result[key][task.metric] for result in found if result[key]]
    if not values:
        return Item(NONE)
    middle = statistics.median(values)
    spread = f" ({min(values):.1f} to {max(values):.1f})" if len(values) > 1 else ""
    is_above = task.floor is not None and round(middle, 1) > task.floor  # as they are shown
    return Item(f"{middle:.1f}{spread}", is_above)


def _start(text: str) -> Given:
    """NAME=FOLDER or NAME=FOLDER,RATE."""
    name, _, place = text.partition("=")
    folder, _, rate = place.partition(",")
    if not (name and folder):
        raise argparse.ArgumentTypeError(f"{text} must be NAME=FOLDER or NAME=FOLDER,RATE")
    return Given(name=name, folder=epath.Path(folder), rate=float(rate) if rate else None)


def _tasks(text: str) -> tuple[str, ...]:
    for name in words(text):
        if name not in TASKS:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(TASKS)}")
    return words(text)


def _parser() -> argparse.ArgumentParser:
    parser = program.parser("everyday", __doc__)
    about = "results are kept by this name; what was trained anew takes a new one"
    parser.add_argument("--start", type=_start, action="append", required=True, help=about)
    parser.add_argument(
        "--data", required=True, help="the folder of glue_data, squad, race, ner, text"
    )
    parser.add_argument("--tasks", type=_tasks, default=tuple(TASKS), help=", ".join(TASKS))
    parser.add_argument("--seeds", type=count, default=1)
    parser.add_argument("--workers", type=count, default=1, help="runs at a time; they share cores")
    parser.add_argument("--workdir", type=epath.Path, default=epath.Path("runs/everyday"))
    parser.add_argument("--results", type=epath.Path, default=FOLDER)
    parser.add_argument("--table", action="store_true", help="of what there is; nothing is run")
    parser.add_argument("--output", type=epath.Path, help="a file for the table")
    return parser


if __name__ == "__main__":
    program.serve(main, RESUMES)
