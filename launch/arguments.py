"""The command line of the launchers: a job after `--`, and the settings of its site as flags."""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from albert_jax.errors import UserError, one_line
from launch import fit
from launch import site as sites
from launch.job import Job
from launch.site import Site


class Parser(argparse.ArgumentParser):
    """A command line whose errors are a line and exit status 1, as everywhere here."""

    package = "launch"

    def error(self, message: str):
        """Ends the program."""
        sys.exit(f"{self.package}: {message}; see {self.prog} --help")


class Line(NamedTuple):
    """What was asked for."""

    verb: str
    name: str
    commands: list[list[str]]  # of albert-jax
    site: Site
    dry_run: bool

    @property
    def job(self) -> Job:
        """The job; its commands must have been given. It needs one host if none of them pretrains."""
        words = tuple(("albert_jax", *command) for command in self.commands)
        alone = not any(command[:1] == ["pretrain"] for command in self.commands)
        job = Job(self.name, words, one_host=alone)
        return dataclasses.replace(job, shards=fit.shards(job))


def read(doc: str, argv: Sequence[str], verbs: Sequence[str]) -> Line:
    """Reads `VERB --name=NAME [--FLAG=VALUE ...] [-- WORDS [-- WORDS ...]]`.

    WORDS are of one `albert-jax` command each; those after a further `--` run when those before
    have finished.
    """
    own, *commands = split(argv)
    parser = Parser(
        "python -m launch",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=verbs)
    parser.add_argument("--name", required=True, help="of the machines and of the log")
    parser.add_argument("--dry-run", action="store_true", help="print what would be run")
    add_site(parser)
    options = parser.parse_args(own)
    return Line(options.verb, options.name, commands, site(options), options.dry_run)


def split(argv: Sequence[str]) -> list[list[str]]:
    """The words before, between and after every `--`."""
    parts: list[list[str]] = [[]]
    for word in argv:
        if word == "--":
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def add_site(parser: argparse.ArgumentParser):
    """--site=FILE.toml, and every setting of a site as a flag."""
    parser.add_argument("--site", type=Path, default=sites.FILE, help="a file like site.toml")
    for field in dataclasses.fields(Site):
        if field.type is bool:
            parser.add_argument(f"--{field.name}", action=argparse.BooleanOptionalAction)
        else:
            parser.add_argument(f"--{field.name}", type=field.type, metavar="VALUE")


def site(options: argparse.Namespace) -> Site:
    """The site that the flags of `add_site` describe."""
    names = [field.name for field in dataclasses.fields(Site)]
    changes = {name: value for name in names if (value := getattr(options, name)) is not None}
    return sites.load(options.site, **changes)


def run(main: Callable[[list[str]], None]):
    """Runs a launcher; what the user can mend is one line and exit status 1."""
    try:
        main(sys.argv[1:])
    except (UserError, OSError) as error:
        sys.exit(f"launch: {one_line(error)}")
    except KeyboardInterrupt:
        sys.exit("launch: interrupted; what runs elsewhere goes on")
