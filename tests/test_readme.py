"""What README and CONTRIBUTING show is executed: commands and Python, with small models and small texts.

A config of the same name stands in for the real one (tests/small.py); a file that a command reads is made
just before it (GIVEN). What needs a cloud, another machine or an hour is read, or run dry (DRY).
"""

import ast
import importlib.util
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import albert_jax
from albert_jax.__main__ import COMMANDS
from experiments import __main__ as experiments
from launch import __main__ as launch
from tests import corpus, runs, test_superglue, tuning
from tests.commands import call, parse

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md")
INLINE = r"`((?:make|pip install|python -m|albert-jax) [^`]+)`"


def _folder_of_text(path: Path):
    path.parent.mkdir(exist_ok=True)
    corpus.write_folder(path)


def _prepared(path: Path):
    """A workdir that has records and no run."""
    shutil.copytree(runs.prepared(), path / "records")


def _pretrained(path: Path):
    shutil.copytree(runs.trained()[0], path)


def _tuned(path: Path):
    call(*tuning.finetune(path, "--config.training.steps=2", "--config.training.evaluate_every=2"))


def _release(path: Path):
    call("convert", runs.trained()[0], path, "--to=tf1")


def _exported(path: Path):
    call("convert", runs.trained()[0], path, "--to=huggingface")


def _texts(path: Path):
    path.write_text("a gripping film\ntwo hours of my life\n")


GIVEN: dict[str, Callable[[Path], None]] = {  # where the name of a file stands: what makes it
    r"corpus\.source=(my/texts)": _folder_of_text,
    r"albert-jax pretrain .*--workdir=(\w+)": _prepared,
    r"--init=(W6)": _pretrained,
    r"(?:--model=|convert +|curves )(W)\b": _pretrained,
    r"--init=(CHECKPOINT)": lambda path: shutil.copytree(tuning.checkpoint(), path),
    r"--data_dir=(glue_data)": lambda path: shutil.copytree(tuning.sst2(), path),
    r"--data_dir=(SuperGLUE)": test_superglue.write,
    r"--model=(T)\b": _tuned,
    r'load\("(T)"\)': _tuned,
    r"--(?:input|corpus)=(\w+\.txt)": _texts,
    r"convert +(albert_base_v2)": _release,
    r"convert +(exported)": _exported,
    r'load\("(exported)"\)': _exported,
}


def _dry(command: str):
    """Reads the command line; the command does not begin to work."""
    parse(*shlex.split(command)[1:])


def _experiments(command: str):
    experiments.main(shlex.split(command)[3:])


def _chosen(command: str):
    """Reads the command line of an experiment, and finds the tables it names."""
    experiments.chosen(experiments._parser().parse_args(shlex.split(command)[3:]))


DRY: dict[str, Callable[[str], None]] = {  # the beginning of a command: what is done instead
    r"albert-jax prepare .*--beam": _dry,  # needs a cluster
    r"albert-jax plan ": _dry,  # takes minutes and libtpu
    r"python -m experiments plan ": _chosen,  # the same
    r"python -m experiments (run|sweep) (?!.*--dry-run)": lambda c: _experiments(f"{c} --dry-run"),
    r"make ": lambda c: subprocess.run(["make", "-n", *c.split()[1:2]], cwd=ROOT, check=True),
}
RUN: dict[str, Callable[[str], None]] = {
    r"albert-jax ": lambda c: call(*shlex.split(c)[1:]),
    r"python -m experiments ": _experiments,
    r"python -m launch ": lambda c: launch.main(shlex.split(c)[3:]),
}


class Section(NamedTuple):
    """What there is to execute under a heading, in order; more than one line is Python."""

    name: str
    commands: list[str]


def sections() -> list[Section]:
    """Those with something to execute."""
    found = []
    for page in PAGES:
        parts = re.split(r"^## (.+)$", (ROOT / page).read_text(), flags=re.MULTILINE)
        for heading, text in zip(["top", *parts[1::2]], parts[::2], strict=True):
            blocks = re.findall(r"(?:^    .*\n)(?:^(?:    .*)?\n)*", text, flags=re.MULTILINE)
            commands = [command for block in blocks for command in executable(dedented(block))]
            if commands:
                found.append(Section(f"{page}: {heading}", commands))
    return found


def dedented(block: str) -> str:
    return re.sub(r"^    ", "", block, flags=re.MULTILINE).strip()


def executable(block: str) -> list[str]:
    """The commands of an indented block, or its Python, or nothing."""
    lines = re.sub(r"\\\n *", "", block).splitlines()
    commands = [
        re.sub(r" +# .*", "", line)
        for line in lines
        if re.match(r"(albert-jax|python -m|make|pip) ", line)
    ]
    if commands or "albert_jax." not in block:
        return commands
    try:
        ast.parse(block)
    except SyntaxError:
        return []
    return [block]


def execute(command: str):
    """As it stands, or as DRY has it; what it reads is made first."""
    for pattern, make in GIVEN.items():
        found = re.search(pattern, command)
        if found and not Path(found[1]).exists():
            make(Path(found[1]))
    for pattern, do in (DRY | RUN).items():
        if re.match(pattern, command):
            return do(command)
    assert "albert_jax." in command, f"nothing says how to execute {command!r}"
    exec(command, {"albert_jax": albert_jax})


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.name)
def test_what_is_shown_works(section, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("configs").mkdir()
    for name in ("pretrain", "finetune"):
        Path(f"configs/{name}.py").write_text(f"from tests.small import {name} as get_config\n")
    for command in section.commands:
        execute(command)


def test_there_are_commands_of_every_kind():
    shown = [command for section in sections() for command in section.commands]
    assert {command.split()[1] for command in shown if command.startswith("albert-jax ")} == {
        *COMMANDS
    }
    for pattern in (*GIVEN, *DRY, *RUN):
        assert any(re.search(pattern, command) for command in shown), f"{pattern} has no use"


def inline() -> list[str]:
    """Commands within the prose."""
    text = "\n".join((ROOT / page).read_text() for page in PAGES)
    prose = re.sub(r"^    .*$", "", text, flags=re.MULTILINE)
    return [" ".join(found.split()) for found in re.findall(INLINE, prose)]


@pytest.mark.parametrize("command", sorted({*inline()}))
def test_a_command_in_the_prose_is_known(command):
    words = shlex.split(command)
    if words[0] == "make":
        subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    elif words[0] == "albert-jax":
        assert words[1] in COMMANDS
    elif words[0] == "python":
        assert importlib.util.find_spec(words[2])
    else:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        (extra,) = re.findall(r"albert-jax\[(\w+)\]", command)
        assert extra in project["optional-dependencies"]


def test_the_tree_of_the_architecture_is_that_of_the_package():
    text = (ROOT / "README.md").read_text()
    tree = re.search(r"^    albert_jax/\n(?:    .*\n)+", text, flags=re.MULTILINE)[0]
    parts = re.split(r"^ {6}(\w+)/", tree, flags=re.MULTILINE)
    named = {
        folder: {*re.findall(r"\w+\.py", listed.split("\n    configs/")[0])}
        for folder, listed in zip(parts[1::2], parts[2::2], strict=True)
    }
    named.pop("commands")  # as many files as commands, and some that several share
    for folder, names in named.items():
        there = {file.name for file in (ROOT / "albert_jax" / folder).glob("[a-z]*.py")}
        assert names == there, folder
