"""Whatever is imported is declared: nothing works only because something else brought it along."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.test_imports import imported

ROOT = Path(__file__).parents[1]
OWN = {"albert_jax", "configs", "experiments", "launch", "tests"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
GUESTS = {"racers"}  # folders of programs that run under another Python
EXTRAS = {  # may be imported, late, where the rest works without them: the extra that brings them
    "apache_beam": "beam",
    "atheris": "fuzz",
    "tokenizers": "tokenizers",
}
DISTRIBUTIONS = packages_distributions()
ABSENT = {"apache_beam": "apache-beam", "atheris": "atheris", "tokenizers": "tokenizers"}


def declared(requirements: list[str]) -> set[str]:
    return {plain(re.match(r"[\w.-]+", requirement)[0]) for requirement in requirements}


def plain(name: str) -> str:
    """As PyPI compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions(module: str) -> set[str]:
    names = DISTRIBUTIONS.get(module) or [ABSENT.get(module, module)]
    return set(map(plain, names))


def outside(folder: str) -> set[str]:
    """The modules of other distributions that the files of a folder import."""
    paths = [path for path in (ROOT / folder).rglob("*.py") if path.parent.name not in GUESTS]
    tops = {name.split(".")[0] for path in paths for name in imported(path)}
    return tops - OWN - set(sys.stdlib_module_names)


@pytest.mark.parametrize("folder", ["albert_jax", "configs", "experiments", "launch"])
def test_what_is_imported_is_declared(folder):
    base = declared(PROJECT["dependencies"])
    for module in outside(folder):
        extra = PROJECT["optional-dependencies"][EXTRAS[module]] if module in EXTRAS else []
        assert distributions(module) & (base | declared(extra)), f"{module} is not declared"


def test_what_the_tests_import_is_declared():
    every = sum(PROJECT["optional-dependencies"].values(), PROJECT["dependencies"])
    for module in outside("tests"):
        assert distributions(module) & declared(every), f"{module} is not declared"


def test_the_versions_that_are_installed_hold_all_that_is_declared():
    pinned = declared((ROOT / "constraints.txt").read_text().splitlines())
    wanted = declared(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"])
    assert wanted <= pinned
