"""Every error that a user can cause, with a test that does: error_list.md, written by `make coverage`.

Where ALBERT_JAX_ERRORS names a folder, the tests record there what they raise (conftest.py), and
`python -m tests.error_list FOLDER` makes the list of it. test_error_list.py holds it against the code.
"""

import ast
import itertools
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from albert_jax.errors import Diverged, UserError
from launch.tpu_vm import GivenUp

KINDS = tuple(kind.__name__ for kind in (UserError, Diverged, GivenUp))
ROOT = Path(__file__).parents[1]
LIST = Path(__file__).with_name("error_list.md")
CODE = ("albert_jax", "configs", "experiments", "launch")
HEAD = """# What a user can do wrong, and what the line says

Every `UserError` of the code as a test has seen it, and that test. Written by `make coverage`; DIR is a
folder of the test's own.
"""
TEMPORARY = re.compile(r"/\S*?/(pytest-\d+/(popen-gw\d+/)?|albert-jax-\w+-)[^/\s'\",;:)]+")


class Site(NamedTuple):
    """A place in the code that makes an error: its lines, and a pattern of its message."""

    file: str
    first: int
    last: int
    pattern: str


class Seen(NamedTuple):
    """An error as it was raised: where in the code, in which test."""

    file: str
    line: int
    test: str
    message: str


def sites() -> list[Site]:
    """All of them, in the order of the files."""
    return [
        site for top in CODE for file in sorted((ROOT / top).rglob("*.py")) for site in of(file)
    ]


def of(file: Path) -> Iterator[Site]:
    """Those of one file."""
    name = file.relative_to(ROOT).as_posix()
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda node: node.lineno):
        if getattr(call.func, "id", "") in KINDS:
            yield Site(name, call.lineno, call.end_lineno, one_line(pattern(call.args[0])))


def pattern(node: ast.expr) -> str:
    """A regular expression for what an expression can say."""
    match node:
        case ast.Constant(str() as text):
            return re.escape(text)
        case ast.JoinedStr(parts):
            return "".join(map(pattern, parts))
        case ast.BinOp(left, ast.Add(), right):
            return pattern(left) + pattern(right)
        case ast.Call(ast.Attribute(ast.Constant(str() as text), "format")):
            return ".*".join(map(re.escape, text.split("{}")))
    return ".*"


def one_line(text: str) -> str:
    return text.replace("\\\n", " / ").replace("\n", " / ")


def record(folder: Path):
    """Has every error of this process written down, each in a file: tests of full disks limit their size."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    numbers = itertools.count()

    def init(error: UserError, *arguments: object):
        ValueError.__init__(error, *arguments)
        frame, test = sys._getframe(1), os.environ.get("PYTEST_CURRENT_TEST", "")
        file = Path(frame.f_code.co_filename)
        if test and file.is_relative_to(ROOT):
            name = file.relative_to(ROOT).as_posix()
            seen = Seen(name, frame.f_lineno, re.split(r"\[| \(", test)[0], str(arguments[0]))
            (folder / f"{os.getpid()}-{next(numbers)}.json").write_text(json.dumps(seen))

    UserError.__init__ = init


def read(folder: Path) -> list[Seen]:
    """What was recorded."""
    return [Seen(*json.loads(file.read_text())) for file in sorted(folder.glob("*.json"))]


def page(found: Iterable[Site], seen: Iterable[Seen]) -> str:
    """The list; an error that no test raised says so."""
    seen, lines, file = list(seen), [HEAD], ""
    for site in found:
        if site.file != file:
            file = site.file
            lines.append(f"\n## {file}\n\n")
        there = [s for s in seen if is_of(site, s)]
        best = min(there, key=preference, default=None)
        lines.append(f"- {shown(best.message)} ({best.test})\n" if best else f"- NO TEST: {site}\n")
    return "".join(lines)


def is_of(site: Site, seen: Seen) -> bool:
    """Whether an error came from there; where a message is made elsewhere the line alone tells."""
    if site.pattern == ".*":
        return site.file == seen.file and site.first <= seen.line <= site.last
    return site.file == seen.file and bool(re.fullmatch(site.pattern, one_line(seen.message)))


def preference(seen: Seen) -> tuple:
    """The file's own test comes before others, then what is shortest."""
    own = f"tests/test_{Path(seen.file).stem}.py"
    return not seen.test.startswith(own), seen.test, len(seen.message), seen.message


def shown(message: str) -> str:
    """One line without the folders of this machine and of the moment."""
    text = message.encode("utf-8", "backslashreplace").decode()  # a half of a character
    text = TEMPORARY.sub("DIR", one_line(text).replace(f"{ROOT}/", ""))
    return re.sub(r"0x[0-9a-f]{6,}", "0x...", text)


if __name__ == "__main__":
    LIST.write_text(page(sites(), read(Path(sys.argv[1]))))
