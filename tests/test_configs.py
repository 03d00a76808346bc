"""Every config builds, every quoted command parses, every setting is read by some code."""

import ast
import dataclasses
import importlib
import json
import re
import shlex
from pathlib import Path

import jax
import pytest

from albert_jax.commands.config import (
    FinetuningConfig,
    PretrainingConfig,
    finetuning,
    pretraining,
)
from albert_jax.errors import UserError
from albert_jax.model.albert import AlbertForPretraining, abstract_batch
from albert_jax.model.config import CHOICES, SIZES
from albert_jax.tasks.table import FAMILIES
from configs import arguments, finetune
from configs.pretrain import get_config

ROOT = Path(__file__).parents[1]
BEGINNINGS = {
    "inspect": ("page",),
    "plan": ("Search", "survey"),
}  # elsewhere: the command's name
TABLES = ROOT / "../shared/reference/paper_tables.json"
ARGUMENTS = [
    *(f"size={size},preset={preset}" for size in SIZES for preset in ("recommended", "reference")),
    *(f"share={mode}" for mode in CHOICES["sharing"]),
    *(f"objective={objective}" for objective in ("sop", "nsp", "none")),
    "preset=reference,objective=nsp",
    "preset=reference,objective=none",
    "size=large,share=none,emb=1024,batch=1024,length=128",
    "size=tiny,share=attention,emb=32",
]


def build(argument: str | None):
    """A run, and the shapes of its parameters."""
    run = pretraining(get_config(argument), None)
    init, data = AlbertForPretraining(run.model).init, run.data
    batch = abstract_batch(1, data.length, data.predictions, data.examples_per_row)
    return run, jax.eval_shape(init, jax.random.key(0), batch)["params"]


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_every_argument_builds(argument):
    run, params = build(argument)
    assert params["albert"]["embeddings"]["positions"].shape[0] >= run.data.length
    choice = dict(item.split("=") for item in argument.split(","))
    assert run.preset == choice.get("preset", "recommended")
    assert run.data.objective == choice.get("objective", "sop")
    assert run.model.sharing == choice.get(
        "share", SIZES[choice.get("size", "base")].get("sharing", "all")
    )
    assert run.model.embedding_size == int(choice.get("emb", run.model.embedding_size))


def test_short_rows_come_first_with_as_many_tokens():
    first, rest = pretraining(get_config("short=90,preset=reference"), None).stages
    assert (first.last, first.rows.predictions, rest.rows.length) == (112_500, 20, 512)
    assert (first.rows.batch_size, first.rows.length) == (16_384, 128)
    with pytest.raises(UserError, match=r"data.length is 512, more than model.max_positions \(128"):
        config = get_config("length=128")
        config.training.stages = ((5, 8, 512, 20, 1),)
        config.model.max_positions = 128
        pretraining(config, None)


def test_the_rate_follows_the_batch():
    rates = [
        pretraining(get_config(f"batch={b}"), None).schedule.learning_rate for b in (4096, 1024)
    ]
    assert rates == [0.00176, 0.00088]


def test_reference_is_the_released_recipe():
    """google-research/albert: README, run_pretraining.py, lamb_optimizer.py, optimization.py."""
    run, _ = build("preset=reference")
    assert run.model.dtype == "float32"
    assert (run.data.batch_size, run.data.length, run.data.predictions) == (4096, 512, 20)
    assert (run.data.examples_per_row, run.data.chunking) == (1, "reference")
    assert run.data.random_negatives and run.data.max_ngram == 3
    assert (run.data.mask_share, run.data.short_share) == (0.15, 0.1)
    assert not run.corpus.ascii_punctuation
    assert run.corpus.lower and run.corpus.strip_accents
    optimizer, schedule = run.optimizer, run.schedule
    assert optimizer.name == "lamb" and not optimizer.bias_correction
    assert (optimizer.b1, optimizer.b2, optimizer.epsilon) == (0.9, 0.999, 1e-6)
    assert (optimizer.weight_decay, optimizer.clip_norm) == (0.01, 1.0)
    assert (schedule.learning_rate, schedule.warmup_steps) == (0.00176, 3125)
    assert (schedule.decay_steps, schedule.decay, schedule.power) == (125_000, "polynomial", 1.0)
    assert not schedule.joined and schedule.end == 0
    assert (run.training.steps, run.training.microbatches) == (125_000, 64)
    assert run.training.clip_microbatches and run.training.average_decay == 0


def test_recommended_differs_where_it_says():
    run, _ = build(None)
    assert run.model.dtype == "bfloat16" and run.schedule.joined
    assert run.data.predictions == 77 and run.data.examples_per_row > 1  # 15 % of 512, rounded up
    assert run.data.chunking == "lossless" and not run.data.random_negatives
    assert run.training.microbatches == 1 and not run.training.clip_microbatches


def quoted_commands() -> list[str]:
    """The lines of `albert-jax COMMAND --config=...` in docstrings, in README and in Makefile."""
    files = [ROOT / "README.md", ROOT / "Makefile", *ROOT.glob("configs/*.py")]
    files += ROOT.glob("albert_jax/commands/*.py")
    text = "\n".join(file.read_text() for file in files)
    text = text.replace("$(ALBERT)", "albert-jax").replace("\\\n", " ")
    lines = re.findall(r"albert-jax +\S+ +--config=[^`\n]*", text)
    return [line for line in lines if not any(part in line for part in ("...", "FILE", "{"))]


def test_commands_are_quoted():
    assert len(quoted_commands()) > 10


class BegunError(Exception):
    """A command has read its flags and begins to work."""


@pytest.mark.parametrize("words", quoted_commands())
def test_a_quoted_command_is_understood(words, monkeypatch, tmp_path):
    """Up to the point where it would begin to work; its workdir is made by then."""

    def begin(*_, **__):
        raise BegunError

    _, name, *argv = shlex.split(words, comments=True)
    command = importlib.import_module(f"albert_jax.commands.{name}")
    for function in BEGINNINGS.get(name, (name,)):
        monkeypatch.setattr(command, function, begin)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BegunError):
        command.main(argv)


@pytest.mark.parametrize("name", [path.stem for path in sorted(ROOT.glob("configs/[a-z]*.py"))])
def test_every_config_has_defaults_that_build(name):
    module = importlib.import_module(f"configs.{name}")
    if name == "finetune":
        finetuning(module.get_config().to_dict())
    elif hasattr(module, "get_config"):
        pretraining(module.get_config(), None)


@pytest.mark.parametrize("task", FAMILIES)
def test_every_task_has_recipes(task):
    paper, ours = (
        finetuning(finetune.get_config(f"task={task},size={size}").to_dict())
        for size in ("xxlarge", "small")
    )
    assert paper.task.name == ours.task.name == task
    assert (paper.preset == "reference") == (task in finetune.PAPER)
    assert paper.optimizer.bias_correction == (task not in finetune.PAPER)
    assert ours.training.steps == 0 and ours.training.epochs > 0
    assert ours.schedule.learning_rate > paper.schedule.learning_rate


@pytest.mark.skipif(not TABLES.exists(), reason="no tables of the paper here")
def test_recipes_are_those_of_table_14():
    rows = json.loads(TABLES.read_text())["tables"]["table14_finetune_hparams"]["rows"]
    names = {"STS": "stsb", "SST-2": "sst2", "SQuAD v1.1": "squad1", "SQuAD v2.0": "squad2"}
    assert finetune.PAPER.keys() == {names.get(name, name.lower()) for name in rows}
    for name, row in rows.items():
        size = "xxlarge_v1" if name == "RACE" else "base"
        task = names.get(name, name.lower())
        run = finetuning(finetune.get_config(f"task={task},size={size}").to_dict())
        assert (run.schedule.learning_rate, run.schedule.warmup_steps) == (
            row["lr"],
            row["warmup_steps"],
        )
        assert (run.training.batch_size, run.training.steps) == (row["batch"], row["train_steps"])
        assert run.model.hidden_dropout == run.model.attention_dropout == row["albert_dropout"]
        assert run.model.classifier_dropout == row["classifier_dropout"]
        assert run.task.length == row["max_seq_len"]
        assert run.optimizer.name == "adamw" and not run.schedule.joined


def test_race_has_its_own_recipe_for_version_2():
    """With the paper's, those models diverge (README of the release)."""
    run = finetuning(finetune.get_config("task=race,size=xxlarge").to_dict())
    assert (run.schedule.learning_rate, run.model.hidden_dropout) == (1e-5, 0.0)


class Reads(ast.NodeVisitor):
    """Names of the attributes that code reads; a check of a value is not a use of it."""

    def __init__(self):
        self.names = set()

    def visit_FunctionDef(self, node):
        if node.name != "__post_init__":
            self.generic_visit(node)

    def visit_Attribute(self, node):
        if isinstance(node.ctx, ast.Load):
            self.names.add(node.attr)
        self.generic_visit(node)


def unread(settings: list[str]) -> list[str]:
    """The settings, as section.key, whose key no code in the package reads."""
    reads = Reads()
    for file in (ROOT / "albert_jax").rglob("*.py"):
        reads.visit(ast.parse(file.read_text()))
    return [setting for setting in settings if setting.split(".")[-1] not in reads.names]


def test_every_setting_is_read():
    sections = [
        f for f in dataclasses.fields(PretrainingConfig) if dataclasses.is_dataclass(f.type)
    ]
    sections += [
        f for f in dataclasses.fields(FinetuningConfig) if dataclasses.is_dataclass(f.type)
    ]
    settings = [f"{s.name}.{field.name}" for s in sections for field in dataclasses.fields(s.type)]
    settings += [
        f"task.{field.name}" for s, _ in FAMILIES.values() for field in dataclasses.fields(s)
    ]
    assert unread([*settings, "model.nobody_reads_this"]) == ["model.nobody_reads_this"]


def test_arguments_have_the_types_of_their_defaults():
    values = arguments.parse("size=large,rate=2", size=("base", "large"), rate=0.5, n=3)
    assert values == {"size": "large", "rate": 2.0, "n": 3}
    assert type(values["rate"]) is float
    assert arguments.parse(None, n=3) == arguments.parse("", n=3) == {"n": 3}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "sizes=base",
            "config argument 'sizes=base' is not known; the arguments are size=base, n=3, stage=first",
        ),
        ("size", "config argument 'size' is not known"),
        ("n=x", "config argument n=x must be of type int"),
        ("stage=last", "config argument stage=last must be one of first, second"),
    ],
)
def test_a_wrong_argument_is_named(argument, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        arguments.parse(argument, size="base", n=3, stage=("first", "second"))


def test_sections_that_do_not_go_together_are_named():
    config = get_config("size=tiny")
    config.mesh.tensor = 3
    with pytest.raises(
        UserError, match=r"mesh.tensor is 3 and does not divide model.num_heads \(4\)"
    ):
        pretraining(config, None)
    values = finetune.get_config("task=sst2").to_dict()
    with pytest.raises(UserError, match="init is 'scratch'; it must be checkpoint or random"):
        finetuning(values | {"init": "scratch"})
