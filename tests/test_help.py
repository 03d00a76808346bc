"""--help of every command: what it does, examples that the command reads, every flag."""

import importlib
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from albert_jax.__main__ import COMMANDS
from experiments import __main__ as experiments
from launch import __main__ as launch
from launch import arguments, local, tpu_vm
from launch.submit import SCRIPTS
from tests.commands import call, parse

ROOT = Path(__file__).parents[1]
CONFIGS = {"finetune": "configs/finetune.py"}  # for "..."; of the others: configs/pretrain.py
TOOLS = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for file in (ROOT / "experiments").rglob("*.py")
    if re.search(r"\bparser\(", file.read_text())
    if file not in (ROOT / "experiments/__main__.py", ROOT / "experiments/program.py")
    if file.parent.name != "racers"  # they run under another Python
)


def helped(capsys, *words: str) -> str:
    """What a command prints before it ends with status 0."""
    with pytest.raises(SystemExit) as ended:
        call(*words, "--help")
    assert not ended.value.code
    return capsys.readouterr().out


def examples(text: str, program: str) -> list[list[str]]:
    """The words behind the program's name of every example, that stands on a line of its own."""
    lines = re.sub(r" *\\\n *", " ", text).splitlines()
    found = [re.search(rf"(?:^|\| ) *{re.escape(program)} (.*)", line) for line in lines]
    return [shlex.split(match[1], comments=True) for match in found if match]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_a_command_are_read(name, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = helped(capsys, name)
    found = examples(text, "albert-jax")
    assert [words for words in found if words[0] == name]
    for words in found:
        config = CONFIGS.get(words[0], "configs/pretrain.py")
        parse(*(word.replace("--config=...", f"--config={config}") for word in words))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_every_flag(name, capsys):
    text = helped(capsys, name)
    source = (ROOT / f"albert_jax/commands/{name.replace('-', '_')}.py").read_text()
    named = re.findall(r'line\.(?:path|text|number|switch)\(\s*"(\w+)"', source)
    assert all(f"  --{flag}" in text for flag in (*named, "help"))
    module = importlib.import_module(f"albert_jax.commands.{name.replace('-', '_')}")
    assert text.startswith(module.__doc__.strip())


def test_help_of_the_whole_names_every_command(capsys):
    call("--help")
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize(
    "words", examples(experiments.__doc__, "python -m experiments"), ids=" ".join
)
def test_examples_of_the_experiments_are_read(words):
    options = experiments._parser().parse_args(words)
    if getattr(options, "names", None):
        experiments.chosen(options)


@pytest.mark.parametrize("name", ["run", "status", "table", "report", "sweep", "collect"])
def test_help_of_an_experiments_command_has_examples(name, capsys):
    with pytest.raises(SystemExit):
        experiments.main([name, "--help"])
    assert examples(capsys.readouterr().out, f"python -m experiments {name}")


@pytest.mark.parametrize("words", examples(launch.__doc__, "python -m launch"), ids=" ".join)
def test_examples_of_the_launchers_are_read(words):
    line = arguments.read("", words, tuple(SCRIPTS))
    assert line.commands[0][0] in COMMANDS


def test_examples_of_single_launchers_are_read(capsys):
    for words in examples(tpu_vm.__doc__, "python -m launch.tpu_vm"):
        arguments.read("", words, (*tpu_vm.BY_JOB, *tpu_vm.BY_NAME))
    (words,) = examples(local.__doc__, "python -m launch.local")
    local.main(["--dry-run", *words])
    assert capsys.readouterr().out.count("-m albert_jax pretrain ") == 2


@pytest.mark.parametrize("name", TOOLS)
def test_help_of_a_measurement_keeps_its_lines(name, capsys, monkeypatch):
    """Its example is on a line of its own, as it is in the file."""
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit):
        runpy.run_module(name, run_name="__main__")
    assert f"\npython -m {name} " in re.sub(r"\n +", "\n", capsys.readouterr().out)
