"""The list of errors is true: every error of the code is on it, as a test that is there has seen it."""

import ast
import re
from pathlib import Path

from albert_jax.errors import UserError
from tests.error_list import LIST, ROOT, Seen, Site, of, page, shown, sites

LINE = re.compile(r"- (?P<message>.*) \((?P<test>tests/\w+\.py::\w+)\)")


ELSEWHERE = {  # files with an error that these tests do not see, and why
    "albert_jax/commands/flags.py": "for a library's error without a cause, which none is known of",
    "albert_jax/data/batches.py": "a killed worker, in tests/faults",
    "albert_jax/data/beam.py": "needs apache-beam",
    "albert_jax/data/tokenizer_json.py": "a vocabulary with a gap, which no library writes",
    "experiments/fuzz/__main__.py": "needs atheris",
}


def listed() -> dict[str, list[re.Match]]:
    """The lines of the list, by the file that they are under."""
    files = re.split(r"^## (.+)$", LIST.read_text(), flags=re.MULTILINE)[1:]
    return {
        file: [LINE.fullmatch(line) for line in text.strip().splitlines()]
        for file, text in zip(files[::2], files[1::2], strict=True)
    }


def test_every_error_is_on_the_list():
    lines = listed()
    absent = [
        site
        for site in sites()
        if site.file not in ELSEWHERE
        and not any(
            re.fullmatch(site.pattern, line["message"]) for line in lines[site.file] if line
        )
    ]
    assert not absent, "add a test that raises them, and `make coverage`"


def test_the_tests_of_the_list_are_there():
    named = {line["test"] for lines in listed().values() for line in lines if line}
    there = {
        f"tests/{file.name}::{node.name}"
        for file in (ROOT / "tests").glob("test_*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    assert named <= there


def test_a_pattern_is_of_the_message(tmp_path, monkeypatch):
    file = tmp_path / "a.py"
    file.write_text('raise UserError(\n    f"{path}: no (such) file; " + hint\n)\n')
    monkeypatch.setattr("tests.error_list.ROOT", tmp_path)
    (site,) = of(file)
    assert site[:3] == ("a.py", 1, 3)
    assert re.fullmatch(site.pattern, "x.txt: no (such) file; name another")
    assert not re.fullmatch(site.pattern, "x.txt: no file; name another")


def test_a_line_says_what_was_raised_and_where():
    site, other = Site("a.py", 3, 5, ".*"), Site("a.py", 7, 7, "b")
    seen = [
        Seen("a.py", 4, "tests/test_b.py::test_b", "far"),
        Seen("a.py", 4, "tests/test_a.py::test", "n"),
    ]
    text = page([site, other], seen)
    assert text.endswith(f"\n## a.py\n\n- n (tests/test_a.py::test)\n- NO TEST: {other}\n")


def test_folders_of_the_moment_are_left_out():
    path = Path("/tmp/pytest-of-me/pytest-3/popen-gw1/test_it_x_0/W/a.txt")
    assert shown(f"{path}: no\nfile") == "DIR/W/a.txt: no / file"
    assert shown(f"{ROOT}/configs/a.py: no file") == "configs/a.py: no file"
    assert str(UserError("one line")) == "one line"
