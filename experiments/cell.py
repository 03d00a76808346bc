"""A cell: one command with its settings, named by a hash of what determines its result.

Cells depend on one another: the text is prepared before a model is pretrained on it, and pretraining comes
before fine-tuning. Two tables that need the same cell find it under the same name, however it was spelt.
"""

import dataclasses
import functools
import hashlib
import json
import runpy
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from etils import epath
from ml_collections import ConfigDict

from albert_jax.data.config import CorpusConfig
from albert_jax.errors import UserError
from albert_jax.model.config import AlbertConfig
from albert_jax.training.checkpoint import CheckpointConfig
from albert_jax.training.config import TrainingConfig
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import ScheduleConfig
from albert_jax.training.sharding import MeshConfig
from albert_jax.training.workdir import flat
from experiments.source import without_folders

ROOT = Path(__file__).parents[1]
DEFAULTS = {  # what a section says where a config says nothing
    "model": AlbertConfig(),
    "corpus": CorpusConfig(),
    "optimizer": OptimizerConfig(),
    "schedule": ScheduleConfig(),
    "training": TrainingConfig(),
    "mesh": MeshConfig(),
    "checkpoint": CheckpointConfig(),
}
INDIFFERENT = {  # where things lie and how they are computed, not what comes out
    "preset",
    "checkpoint",
    "mesh",
    "corpus.records",
    "corpus.workers",
    "data.workers",
    "task.data_dir",
    "model.scan_unroll",
    "model.remat",
    "model.attention_kernel",
    "training.log_every",
    "training.on_failure",
}
MEASUREMENTS = ("objectives", "layers")  # of a pretrained model, by experiments/measure.py
Overrides = tuple[tuple[str, Any], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """One command.

    Attributes:
      command: prepare, pretrain or finetune of albert-jax, or one of MEASUREMENTS.
      config: as in --config, `configs/micro.py:size=base`.
      overrides: (dotted key, value) pairs, as in --config.KEY=VALUE.
      text: the cell that prepares the text; of a measurement, one that is not its model's.
      init: the cell whose parameters this one begins with, or measures.
    """

    command: str
    config: str
    overrides: Overrides = ()
    text: "Cell | None" = None
    init: "Cell | None" = None

    @property
    def needs(self) -> tuple["Cell", ...]:
        """The cells that must have run before."""
        return tuple(cell for cell in (self.text, self.init) if cell is not None)

    def with_needs(self) -> Iterator["Cell"]:
        """All that must have run before, each after its own needs, and the cell; some come more than once."""
        for need in self.needs:
            yield from need.with_needs()
        yield self

    @functools.cached_property
    def settings(self) -> dict[str, Any]:
        """The whole config, nested."""
        return settings(self.config, self.overrides)

    @functools.cached_property
    def identity(self) -> str:
        """The command and a hash, `pretrain-0f3a...`; a file name."""
        said = decisive(self.settings)
        if self.command == "prepare":
            said = {k: v for k, v in said.items() if k.startswith(TEXT_SETTINGS)}
        else:
            said = {k: v for k, v in said.items() if not k.startswith("corpus.")}
        content = [self.command, said, [cell.identity for cell in self.needs]]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return f"{self.command}-{digest[:12]}"

    def workdir(self, root: epath.Path) -> epath.Path:
        """Where it runs, under the folder of all cells."""
        return root / self.identity

    @property
    def flags(self) -> list[str]:
        """All settings on a command line."""
        changes = [f"--config.{key}={value}" for key, value in self.overrides]
        return [f"--config={self.config}", *changes]

    def words(self, root: epath.Path) -> list[str]:
        """The command line, after `python -m`."""
        places = [f"--workdir={self.workdir(root)}"]
        records = self.text.workdir(root) / "records" if self.text else None
        if self.init and self.command in MEASUREMENTS:
            places.append(f"--model={self.init.workdir(root)}")
            if records:
                places.append(f"--records={records}")
            return ["experiments.measure", self.command, *places]
        if records:
            vocabulary = f"vocabulary={records / 'vocabulary.model'}"
            place = vocabulary if self.command == "prepare" else f"records={records}"
            places.append(f"--config.corpus.{place}")
        if self.init:
            places.append(f"--init={self.init.workdir(root)}")
        return ["albert_jax", self.command, self.flags[0], *places, *self.flags[1:]]


def everything(cells: Iterable[Cell]) -> list[Cell]:
    """Cells and all that must have run before them, each once and after its own needs."""
    return list({need.identity: need for cell in cells for need in cell.with_needs()}.values())


TEXT_SETTINGS = ("corpus.", "model.vocab_size")


def settings(config: str, overrides: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The nested settings of `FILE.py:ARGUMENT` with overrides.

    Raises:
      UserError: there is no such file, or a key that is overridden is not there.
    """
    values = _config(config).copy_and_resolve_references()
    for key, value in overrides:
        section, _, name = key.rpartition(".")
        node = values.get(section, {}) if section else values
        if name not in node:
            raise UserError(f"{config} has no setting {key}; correct the name")
        node[name] = value
    return values.to_dict()


@functools.cache
def _config(config: str) -> ConfigDict:
    file, _, argument = config.partition(":")
    path = ROOT / file
    if not path.exists():
        raise UserError(f"there is no config file {file}; name one of configs/")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return runpy.run_path(str(path))["get_config"](argument or None)


def decisive(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that determine a result, flat: without defaults, folders and what is indifferent.

    A setting that is added tomorrow to a section of DEFAULTS, with a default that keeps what there is,
    leaves the names of today's cells as they are.
    """
    found = {}
    for key, value in flat(values):
        section, _, name = key.partition(".")
        default = getattr(DEFAULTS[section], name, None) if section in DEFAULTS else None
        if section in INDIFFERENT or key in INDIFFERENT or _plain(value) == _plain(default):
            continue
        found[key] = without_folders(value) if key == "corpus.source" else _plain(value)
    return found


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON has them."""
    return json.loads(json.dumps(value))
