"""Every table and figure of the paper is a name that can be run.

python -m experiments list
python -m experiments run table3 --scale=micro
python -m experiments run table3 table4 --workers=2 --seeds=3 --tasks=
python -m experiments status table3
python -m experiments table table3 --latex
python -m experiments report --output=RESULTS.md
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from albert_jax.errors import UserError
from experiments import formats, report, runner
from experiments.cell import Cell
from experiments.grid import grid
from experiments.results import FOLDER, Results
from experiments.scale import TEXTS, Choice, Scale
from experiments.scales import SCALES
from experiments.status import Status
from experiments.summary import Summary, summarise
from experiments.table import Table, cells
from experiments.tables import TABLES


def main(argv: list[str]):
    """Reads the command line and does what it says."""
    options = _parser().parse_args(argv)
    options.do(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
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
    for command in (run, status, table):
        command.add_argument("names", nargs="+", metavar="NAME", help="tables and figures")
    for command in (run, status, table, report):
        _add_choices(command)
    run.add_argument("--workers", type=int, default=1, help="cells at a time; they share the cores")
    table.add_argument("--latex", action="store_true", help="instead of Markdown")
    report.add_argument("--output", type=Path, default=Path("report.html"), help="or .md")
    report.set_defaults(names=list(TABLES))
    return parser


def _command(commands, name: str, do: Callable, description: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=description, description=description)
    command.set_defaults(do=do)
    return command


def _add_choices(command: argparse.ArgumentParser):
    """What decides which cells a table has, and where they and their results are."""
    command.add_argument("--scale", choices=SCALES, default="micro")
    command.add_argument("--text", help=f"{', '.join(TEXTS)}, or what corpus.source takes")
    command.add_argument("--seeds", type=int, help="runs of every cell")
    command.add_argument("--tasks", type=words, help="comma-separated; none if empty")
    command.add_argument("--data", help="the folder of glue_data, squad and race")
    command.add_argument("--workdir", type=Path, default=Path("runs/experiments"))
    command.add_argument("--results", type=Path, default=FOLDER)


def words(text: str) -> tuple[str, ...]:
    """`a,b` as a tuple."""
    return tuple(filter(None, text.split(",")))


def chosen(options: argparse.Namespace) -> tuple[list[Table], Scale, Choice]:
    """The tables and the scale that are named, and what to run of them."""
    for name in options.names:
        if name not in TABLES:
            raise UserError(f"there is no experiment {name}; choose from {', '.join(TABLES)}")
    scale = SCALES[options.scale]
    said = {name: getattr(options, name) for name in Choice._fields}
    choice = scale.default._replace(**{k: v for k, v in said.items() if v is not None})
    return [TABLES[name] for name in options.names], scale, choice


def wanted(options: argparse.Namespace) -> list[Cell]:
    """The cells whose results the tables show, each once."""
    tables, scale, choice = chosen(options)
    found = (cell for table in tables for cell in cells(table, scale, choice))
    return list({cell.identity: cell for cell in found}.values())


def show_list(options: argparse.Namespace):
    """A line for each table and figure."""
    for table in TABLES.values():
        print(f"{table.name:10}{table.title}")


def run_tables(options: argparse.Namespace):
    """Runs all cells that have no result yet; exit status 1 if one failed."""
    results, root = Results(options.results), options.workdir
    cells = runner.plan(wanted(options), results, root)
    status = Status(cells)
    if cells:
        runner.Runner(root, results, options.workers).run(cells, status)
    if status.failures():
        raise UserError(
            f"{len(status.failures())} cells have no result:\n" + "\n".join(status.failures())
        )
    print(f"all {len(wanted(options))} results are in {options.results}")


def show_status(options: argparse.Namespace):
    """Finished, running and waiting cells."""
    results, root = Results(options.results), options.workdir
    order = runner.plan(wanted(options), results, root)
    done = len(wanted(options)) - sum(cell.identity in order for cell in wanted(options))
    print(f"{done} of {len(wanted(options))} results are there")
    if order:
        status = Status(order)
        for name, cell in order.items():
            if runner.is_running(cell.workdir(root)):
                status.set(name, "runs", open=True)
        print(status.table(root))


def summaries(options: argparse.Namespace) -> Iterator[Summary]:
    """The tables in numbers; what needs no run is shown as in the paper."""
    tables, scale, choice = chosen(options)
    for table in tables:
        at = scale if table.is_run else SCALES["paper"]
        yield summarise(table, at, Results(options.results), choice)


def show_tables(options: argparse.Namespace):
    """The tables as far as there are results."""
    write = formats.latex if options.latex else formats.markdown
    for summary in summaries(options):
        print(write(grid(summary)))


def write_report(options: argparse.Namespace):
    """One page of everything."""
    parts = [report.part(summary) for summary in summaries(options)]
    is_markdown = options.output.suffix == ".md"
    write = report.markdown_page if is_markdown else report.html_page
    options.output.write_text(write(parts))
    print(options.output)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(f"experiments: {error}")
    except KeyboardInterrupt:
        sys.exit("experiments: interrupted; the same command goes on from here")
