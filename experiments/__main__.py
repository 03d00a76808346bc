"""Every table and figure of the paper is a name that can be run.

python -m experiments list
python -m experiments run table3 --scale=micro
python -m experiments run table3 table4 --workers=2 --seeds=3 --tasks=
python -m experiments status table3
python -m experiments table table3 --latex
python -m experiments report --output=RESULTS.md --pictures=experiments/results/pictures
python -m experiments plan table3 --scale=paper --topology=v3:4x8
python -m experiments sweep --over=emb:64,128,256 --over=share:all,none
python -m experiments run table3 --scale=paper --launcher=tpu_vm --workdir=gs://B/runs --data=gs://B --text=gs://B/text.jsonl
python -m experiments collect table3 --scale=paper --workdir=gs://B/runs
"""

import argparse
import os
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence

from etils import epath

from albert_jax.errors import UserError
from albert_jax.training.workdir import replace
from experiments import formats, inputs, jobs, plans, report, runner, sweep
from experiments.cell import Cell
from experiments.comparison import Comparison, compare
from experiments.program import Parser, serve
from experiments.results import FOLDER, Results, finished_in
from experiments.scale import TEXTS, Choice, Model, Scale
from experiments.scales import SCALES
from experiments.status import Status
from experiments.table import TASKS, Table, cells
from experiments.tables import TABLES
from launch.arguments import add_site, site
from launch.submit import SCRIPTS

WORKDIR = epath.Path("runs/experiments")
RESUMES = "the same command goes on from here"
UNCOLLECTED = "finished, its result not collected"
AGAIN = "finished, runs again"  # because others need its workdir, which is not here


def main(argv: list[str]):
    """Reads the command line and does what it says."""
    options = _parser().parse_args(argv)
    options.do(options)


def _parser() -> Parser:
    parser = Parser(
        "python -m experiments", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _command(commands, "list", show_list, "the names and what they are")
    run = _command(
        commands, "run", run_tables, "run what has not been run, and go on with the rest"
    )
    status = _command(commands, "status", show_status, "where the cells of a table stand")
    table = _command(commands, "table", show_tables, "the paper's numbers beside those found here")
    report = _command(commands, "report", write_report, "all tables and pictures on one page")
    collect = _command(commands, "collect", collect_results, "results of cells that ran elsewhere")
    sweep = _command(commands, "sweep", run_sweep, "any comparison: run it, and show it as a table")
    plan = _command(commands, "plan", plan_models, "whether the models of a table fit a slice")
    for command in (run, status, table, collect, plan):
        command.add_argument("names", nargs="+", metavar="NAME", help="tables and figures")
    for command in (run, status, table, collect, sweep, report, plan):
        _add_text(command)
    for command in (run, status, table, collect, sweep, report):
        _add_choices(command)
    for command in (run, status, collect, sweep):
        command.add_argument("--workdir", type=epath.Path, default=WORKDIR, help="of all cells")
    for command in (run, sweep):
        _add_machines(command)
    sweep.add_argument("--over", action="append", required=True, metavar="NAME:VALUE,VALUE")
    table.add_argument("--latex", action="store_true", help="instead of Markdown")
    plan.add_argument("--topology", required=True, help="v3:4x8 or what albert-jax plan takes")
    report.add_argument(
        "--output", type=epath.Path, default=epath.Path("report.html"), help="or .md"
    )
    report.add_argument("--pictures", type=epath.Path, help="the folder of those of a .md")
    report.set_defaults(names=list(TABLES))
    plan.set_defaults(seeds=None, tasks=None, data=None)  # the same plan for all
    return parser


def _command(commands, name: str, do: Callable, description: str) -> argparse.ArgumentParser:
    examples = [line for line in __doc__.splitlines() if f"experiments {name}" in line]
    command = commands.add_parser(
        name,
        help=description,
        description="\n".join([f"{description[0].upper()}{description[1:]}.", "", *examples]),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    command.set_defaults(do=do)
    return command


def _add_text(command: argparse.ArgumentParser):
    """What decides which models a table has."""
    command.add_argument("--scale", choices=SCALES, default="micro")
    command.add_argument("--text", help=f"{', '.join(TEXTS)}, or what corpus.source takes")
    command.add_argument("--more-text", help="what models with more data read besides (table 7)")


def _add_choices(command: argparse.ArgumentParser):
    """What decides how often a model is run and on which tasks, and where results are."""
    command.add_argument(
        "--seeds", type=count, help="runs of every cell; tables show more if there are"
    )
    command.add_argument("--tasks", type=words, help="comma-separated; none if empty")
    command.add_argument("--data", help="the folder of glue_data, squad and race")
    command.add_argument("--results", type=epath.Path, default=FOLDER)


def _add_machines(command: argparse.ArgumentParser):
    """Where the cells run: here, or where a launcher brings them."""
    command.add_argument(
        "--workers", type=count, default=1, help="cells at a time; they share cores"
    )
    command.add_argument("--launcher", choices=SCRIPTS, help="a job for each cell, elsewhere")
    command.add_argument("--dry-run", action="store_true", help="only print what would be run")
    add_site(command)


def words(text: str) -> tuple[str, ...]:
    """`a,b` as a tuple."""
    return tuple(filter(None, text.split(",")))


def count(text: str) -> int:
    """A number of things, 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} must be 1 or more")
    return int(text)


def chosen(options: argparse.Namespace) -> tuple[list[Table], Scale, Choice]:
    """The tables and the scale that are named, and what to run of them."""
    for name in options.names:
        if name not in TABLES:
            raise UserError(f"there is no experiment {name}; choose from {', '.join(TABLES)}")
    tables = [TABLES[name] for name in options.names]
    check_tasks(options.tasks or (), {task for table in tables for task in table.tasks})
    return tables, *scale_and_choice(options)


def check_tasks(names: Sequence[str], known: Collection[str]):
    """Raises UserError for a task that none of the tables has."""
    for name in names:
        if name not in known:
            there = ", ".join(task for task in TASKS if task in known) or "none"
            raise UserError(f"--tasks: there is no task {name}; those of the tables are: {there}")


def scale_and_choice(options: argparse.Namespace) -> tuple[Scale, Choice]:
    """The scale that is named, and what it runs where the user says nothing, with what is said."""
    scale = SCALES[options.scale]
    said = {name: getattr(options, name) for name in Choice._fields}
    return scale, scale.default._replace(**{k: v for k, v in said.items() if v is not None})


def wanted(tables: list[Table], scale: Scale, choice: Choice) -> list[Cell]:
    """The cells whose results the tables show, each once."""
    found = (cell for table in tables for cell in cells(table, scale, choice))
    return list({cell.identity: cell for cell in found}.values())


def show_list(options: argparse.Namespace):
    """A line for each table and figure."""
    for table in TABLES.values():
        print(f"{table.name:10}{table.title}")


def run_tables(options: argparse.Namespace):
    """Runs all cells that have no result yet; exit status 1 if one failed."""
    run(options, wanted(*chosen(options)))


def run(options: argparse.Namespace, found: list[Cell]):
    """Runs cells and what they need, here or by a launcher."""
    results, root = Results(options.results), options.workdir
    if not found:
        return print("nothing needs to run; python -m experiments table shows it")
    if options.launcher:
        place = site(options)
        return jobs.launch(found, results, root, options.launcher, place, options.dry_run)
    inputs.check_here(root)
    order = runner.plan(found, results, finished_in(root))
    if options.dry_run and order:
        return print(*(shlex.join(cell.words(root)) for cell in order.values()), sep="\n")
    inputs.check_present(order.values())
    for line in inputs.of_other_places(found, results):
        print(line)
    if failures := runner.run(order, results, root, options.workers):
        raise UserError("\n".join([f"{len(failures)} cells have no result", *failures]))
    print(f"all {len(found)} results are in {options.results}")


def run_sweep(options: argparse.Namespace):
    """Runs the combinations of some settings, and prints them as a table."""
    scale, choice = scale_and_choice(options)
    plain = scale.pretraining(Model(), 0, choice).settings
    table = sweep.table(options.over, options.tasks or (), plain)
    sweep.check(table, scale, choice)
    run(options, wanted([table], scale, choice))
    if not options.dry_run:
        comparison = compare(table, scale, Results(options.results), choice)
        print(formats.markdown(report.words(comparison)))


def collect_results(options: argparse.Namespace):
    """Writes the results of cells that a launcher has run, and of what they need, from their workdirs."""
    jobs.collect(wanted(*chosen(options)), Results(options.results), options.workdir)


def show_status(options: argparse.Namespace):
    """Where the cells of the tables stand, and those that must run before them."""
    found, root, results = wanted(*chosen(options)), options.workdir, Results(options.results)
    has_run = finished_in(root)
    order = runner.plan(found, results, has_run)
    elsewhere = inputs.of_other_places(found, results)
    done = [cell.identity for cell in found if results.read(cell) is not None]
    for line in (f"{len(done)} of {len(found)} results are there", *elsewhere):
        print(line)
    everything = order | {cell.identity: cell for cell in found}
    status = Status(everything)
    for name in done:
        status.set(name, AGAIN if name in order else "finished", open=name in order)
    for name, cell in everything.items():
        workdir = cell.workdir(root)
        if runner.is_running(workdir):
            status.set(name, "runs", open=True)
        elif runner.has_failed(workdir):
            status.set(name, f"failed, see {workdir / runner.LOG}")
        elif name not in done and has_run(cell):
            status.set(name, UNCOLLECTED, open=True)
    print(status.table(root))


def comparisons(options: argparse.Namespace) -> Iterator[Comparison]:
    """The tables in numbers; what needs no run is shown as in the paper."""
    tables, scale, choice = chosen(options)
    for table in tables:
        at = scale if table.is_run else SCALES["paper"]
        yield compare(table, at, Results(options.results), choice)


def show_tables(options: argparse.Namespace):
    """The tables as far as there are results."""
    write = formats.latex if options.latex else formats.markdown
    for comparison in comparisons(options):
        print(write(report.words(comparison)))


def plan_models(options: argparse.Namespace):
    """Prints a plan of every model, as its cells would pretrain it."""
    plans.plan(wanted(*chosen(options)), options.topology)


def write_report(options: argparse.Namespace):
    """One page of everything, and with Markdown the pictures."""
    is_markdown = options.output.suffix == ".md"
    if options.pictures and not is_markdown:
        raise UserError(
            f"--pictures={options.pictures} is for a page in Markdown; {options.output} holds its own"
        )
    parts = [report.part(comparison) for comparison in comparisons(options)]
    folder = write_pictures(parts, options) if options.pictures else ""
    page = report.markdown_page(parts, folder) if is_markdown else report.html_page(parts)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    replace(options.output, page)
    print(options.output)


def write_pictures(parts: list[report.Part], options: argparse.Namespace) -> str:
    """The files of the pictures, and none of earlier ones; returns their folder as the page names it."""
    options.pictures.mkdir(parents=True, exist_ok=True)
    for name, svg in report.picture_files(parts).items():
        if svg is None:
            (options.pictures / name).unlink(missing_ok=True)
        else:
            replace(options.pictures / name, svg)
    return os.path.relpath(options.pictures, options.output.parent)


if __name__ == "__main__":
    serve(main, RESUMES)  # cells save, and end with the runner
