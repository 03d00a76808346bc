"""The command line: what is typed reaches the config, and what is mistyped is one line."""

import subprocess
import sys
from pathlib import Path

import pytest
from etils import epath

from albert_jax.commands.config import pretraining
from albert_jax.commands.flags import CommandLine
from albert_jax.errors import UserError

ROOT = Path(__file__).parents[1]
CONFIG = f"--config={ROOT}/configs/pretrain.py"


def parse(*argv, **options):
    line = CommandLine("What it does.\n\nalbert-jax command --workdir=W\n", **options)
    line.config()
    line.path("workdir", "where the run is kept")
    line.path("init", "where to begin", required=False)
    line.number("top", 5, "how many")
    return line.parse([*argv])


def settings(*argv):
    flags, _ = parse(CONFIG, "--workdir=W", *argv)
    return pretraining(flags["config"], flags["workdir"])


def complaint(*argv):
    with pytest.raises(UserError) as error:
        flags, _ = parse(*argv)
        pretraining(flags["config"], flags["workdir"])
    assert "\n" not in str(error.value) and "Traceback" not in str(error.value)
    return str(error.value)


def test_flags_come_in_their_types():
    flags, words = parse(CONFIG, "--workdir=gs://bucket/W")
    assert flags["workdir"] == epath.Path("gs://bucket/W")
    assert (flags["init"], flags["top"], words) == (None, 5, [])
    assert flags.keys() == {"config", "workdir", "init", "top"}


def test_words_and_flags_may_be_mixed():
    flags, words = parse(CONFIG, "one", "--workdir", "W", "--top=3", "two", takes_words=True)
    assert (flags["top"], words) == (3, ["one", "two"])


@pytest.mark.parametrize(
    ("flag", "section", "key", "value"),
    [
        ("--config.training.steps=3", "training", "steps", 3),
        ("--config.schedule.learning_rate=1e-3", "schedule", "learning_rate", 1e-3),
        ("--config.schedule.power=2", "schedule", "power", 2.0),
        ("--config.training.clip_microbatches", "training", "clip_microbatches", True),
        ("--config.checkpoint.asynchronous=false", "checkpoint", "asynchronous", False),
        ("--config.corpus.source=my/texts", "corpus", "source", "my/texts"),
        (
            "--config.optimizer.groups=(('bias', False, True), ('.', True, True))",
            "optimizer",
            "groups",
            (("bias", False, True), (".", True, True)),
        ),
    ],
)
def test_every_setting_has_a_flag(flag, section, key, value):
    found = getattr(getattr(settings(flag), section), key)
    assert found == value and type(found) is type(value)


def test_the_argument_reaches_the_config():
    flags, _ = parse(f"{CONFIG}:size=large,batch=64", "--workdir=W")
    assert flags["config"].model.num_layers == 24
    assert flags["config"].data.batch_size == 64


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--workdir=W"], "--config is missing"),
        ([CONFIG], "--workdir is missing"),
        ([CONFIG, "--workdir"], "Missing value for flag --workdir"),
        ([CONFIG, "--workdirs=W"], "'workdirs'"),
        ([CONFIG, "--workdir=W", "word"], "'word' is not a flag"),
        ([CONFIG, "--workdir=W", "--top=0"], "--top=0"),
        ([CONFIG, "--workdir=W", "--config.training.steps=abc"], "--config.training.steps=abc"),
        ([CONFIG, "--workdir=W", "--config.training.steps=1.5"], "--config.training.steps=1.5"),
        ([CONFIG, "--workdir=W", "--config.training.steps=0"], "training.steps is 0"),
        ([CONFIG, "--workdir=W", "--config.training=3"], "--config.training=3"),
        ([CONFIG, "--workdir=W", "--config.training.stepz=3"], "did you mean steps?"),
        ([CONFIG, "--workdir=W", "--config.trainin.steps=3"], '"training" instead of "trainin"'),
        ([CONFIG, "--workdir=W", "--config.optimizer.groups=3"], "config.optimizer.groups[0] is 3"),
        (["--config.training.steps=3", CONFIG, "--workdir=W"], "--config.training.steps=3"),
        (["--config=nowhere.py", "--workdir=W"], "No such file or directory: 'nowhere.py'"),
        (["--config=nowhere.py", "--workdir=W", "--config.a.b=1"], "'nowhere.py'"),
        ([f"--config={ROOT}", "--workdir=W"], "Is a directory"),
        ([f"{CONFIG}:sizes=base", "--workdir=W"], "config argument 'sizes=base' is not known"),
        ([f"{CONFIG}:size=huge", "--workdir=W"], "size=huge must be one of base, large"),
        ([f"{CONFIG}:batch=x", "--workdir=W"], "config argument batch=x must be of type int"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(argv, named):
    assert named in complaint(*argv)


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("def get_config(:", "--config: SyntaxError: invalid syntax (broken.py, line 1)"),
        ("import nosuchmodule", "--config: ModuleNotFoundError: No module named 'nosuchmodule'"),
        ("def get_config():\n  return 1 / 0", "--config: ZeroDivisionError: division by zero"),
        ("def get_config():\n  return int('x')", "--config: ValueError: invalid literal"),
        ("def get_config():\n  raise KeyError('lost')", "--config: KeyError: lost"),
        ("def get_config():\n  raise RuntimeError", "--config: RuntimeError: nothing said"),
        ("def get_config():\n  return None", "--config is missing"),
    ],
)
def test_a_config_that_does_not_load_is_one_line(tmp_path, code, named):
    (tmp_path / "broken.py").write_text(code)
    assert complaint(f"--config={tmp_path}/broken.py", "--workdir=W").startswith(named)


def test_help_is_the_docstring_and_the_flags(capsys):
    with pytest.raises(SystemExit) as status:
        parse("--help")
    assert not status.value.code
    assert capsys.readouterr().out == (
        "What it does.\n"
        "\n"
        "albert-jax command --workdir=W\n"
        "\n"
        "  --config=FILE.py:ARG  the settings, of configs/\n"
        "  --config.KEY=VALUE    one of them, as in --config.training.steps=1000\n"
        "  --workdir=PATH        where the run is kept\n"
        "  --init=PATH           where to begin\n"
        "  --top=NUMBER          how many (5)\n"
        "  --help                show this\n"
    )


def test_a_command_without_flags_has_help_too(capsys):
    with pytest.raises(SystemExit):
        CommandLine("What it does.").parse(["-h"])
    assert capsys.readouterr().out == "What it does.\n\n  --help  show this\n"


def command(*argv):
    words = [sys.executable, "-m", "albert_jax", *argv]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True)


def test_a_mistake_ends_the_program_with_one_line_and_status_1():
    process = command("inspect", "--config=configs/pretrain.py:sizes=base")
    assert process.returncode == 1 and process.stdout == ""
    assert process.stderr.startswith("albert-jax: config argument 'sizes=base' is not known")
    assert process.stderr.count("\n") == 1 and process.stderr.endswith("\n")


def test_help_of_the_program_lists_the_commands():
    process = command("--help")
    assert (process.returncode, process.stderr) == (0, "")
    assert "pretrain" in process.stdout
