"""Imports run one way (what stands below knows nothing of what stands above), and as late as can be."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "albert_jax"
MAY_IMPORT = {  # part of the package: the parts it may import, beside itself
    "errors": set(),
    "paths": set(),
    "environment": set(),
    "model": {"errors"},
    "data": {"errors", "paths"},
    "tasks": {"errors", "data"},
    "training": {"errors", "paths", "model"},
    "interop": {"errors", "model", "data", "training"},  # data: a vocabulary goes with its model
    "analysis": {"errors", "model", "training"},
    "commands": {"errors", "paths", "model", "data", "tasks", "training", "interop", "analysis"},
    "__main__": {"errors", "environment", "commands"},
    "__init__": set(),
}
WITHOUT_JAX = ("data", "tasks")
OUTSIDE = {"configs", "experiments", "launch", "tests"}
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path):
    """The modules named in a file's import statements, wherever they stand in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_what_stands_below_it(path):
    modules = [name.split(".") for name in imported(path)]
    parts = {names[1] for names in modules if names[0] == "albert_jax" and len(names) > 1}
    assert parts <= MAY_IMPORT[part(path)] | {part(path)}
    tops = {names[0] for names in modules}
    assert not tops & OUTSIDE
    if part(path) in WITHOUT_JAX:
        assert not tops & {"jax", "jaxlib", "flax", "optax", "orbax"}


def test_experiments_know_the_configs_and_never_the_loops():
    """What a config must be stands beside the commands; of these nothing else is imported."""
    config = "albert_jax.commands.config."
    for path in (PACKAGE.parent / "experiments").rglob("*.py"):
        found = [name for name in imported(path) if name.startswith("albert_jax.commands")]
        assert all(name.startswith(config) for name in found), path


def test_help_comes_at_once():
    """Without what takes seconds to import."""
    code = """
import sys
sys.argv = ["albert-jax", "--help"]
import albert_jax.__main__
albert_jax.__main__.main()
slow = {"jax", "flax", "orbax", "grain", "tensorflow_datasets", "matplotlib", "numpy"}
print(sorted(slow & set(sys.modules)))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert result.stdout.splitlines()[-1] == "[]"
