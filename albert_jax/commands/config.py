"""A whole run as one frozen dataclass: the sections of a config file, each beside its reader."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from etils import epath
from ml_collections import ConfigDict

from albert_jax.data.batch_config import BatchConfig
from albert_jax.data.config import CorpusConfig
from albert_jax.data.stages import Stage, stages
from albert_jax.errors import UserError
from albert_jax.model.config import AlbertConfig
from albert_jax.tasks.table import family
from albert_jax.training.checkpoint import CheckpointConfig
from albert_jax.training.config import TrainingConfig, TuningConfig, build
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import ScheduleConfig, TuningScheduleConfig
from albert_jax.training.sharding import MeshConfig

# Settings that runs of earlier versions did not have, and what these did.
ADDED: dict[str, Any] = {
    "training.stages": [],
    "training.embeddings": "random",
    "training.embedding_deviation": 1.0,
    "optimizer.embedding_rate": 1.0,
}


METRICS = (
    "mlm_accuracy",
    "mlm_loss",
    "sentence_accuracy",
    "sentence_loss",
)  # held-out, of pairs last


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """What `prepare`, `pretrain`, `inspect` and `plan` read."""

    preset: str  # "reference", "recommended" or the config file's own: where the values began
    model: AlbertConfig
    corpus: CorpusConfig
    data: BatchConfig
    optimizer: OptimizerConfig
    schedule: ScheduleConfig
    training: TrainingConfig
    mesh: MeshConfig
    checkpoint: CheckpointConfig

    def __post_init__(self):
        longest = max(stage.rows.length for stage in self.stages)
        if longest > self.model.max_positions:
            raise UserError(
                f"data.length is {longest}, more than model.max_positions "
                f"({self.model.max_positions}); shorten the rows or raise the positions"
            )
        names = METRICS[: 2 if self.data.objective == "none" else 4]
        if self.checkpoint.metric not in names:
            raise UserError(
                f"checkpoint.metric is {self.checkpoint.metric!r}; choose one of {', '.join(names)}"
            )
        if self.model.num_heads % self.mesh.tensor:
            raise UserError(
                f"mesh.tensor is {self.mesh.tensor} and does not divide model.num_heads "
                f"({self.model.num_heads}); choose a divisor"
            )

    @property
    def stages(self) -> list[Stage]:
        """What the rows are, of which updates."""
        return stages(self.data, self.training.stages)

    def to_dict(self) -> dict[str, Any]:
        """Plain nested values, as they are written to config.json."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """The section `model` of fine-tuning: what may differ from the checkpoint's encoder."""

    hidden_dropout: float
    attention_dropout: float
    classifier_dropout: float = 0.1
    dtype: str = "bfloat16"
    remat: str = "none"
    attention_kernel: str = "auto"

    def of(self, config: AlbertConfig) -> AlbertConfig:
        """An encoder with these settings. Raises UserError: one is out of range."""
        return dataclasses.replace(config, **dataclasses.asdict(self))


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinetuningConfig:
    """What `finetune` reads.

    Attributes:
      preset: "reference" or "recommended", where the values began.
      init: "checkpoint", or "random" for fresh parameters under its architecture and vocabulary.
      task: the section of its family, see tasks/table.py.
      checkpoint: an empty `metric` is the task's own.
    """

    preset: str
    init: str
    task: Any
    model: EncoderConfig
    optimizer: OptimizerConfig
    schedule: TuningScheduleConfig
    training: TuningConfig
    checkpoint: CheckpointConfig

    def __post_init__(self):
        if self.init not in ("checkpoint", "random"):
            raise UserError(f"init is {self.init!r}; it must be checkpoint or random")

    def to_dict(self) -> dict[str, Any]:
        """Plain nested values, as they are written to config.json."""
        return dataclasses.asdict(self)


def pretraining(config: ConfigDict, workdir: epath.Path | None) -> PretrainingConfig:
    """The run that a ConfigDict describes; the prepared text is in WORKDIR/records unless it says where.

    Raises:
      UserError: a key is unknown, missing, of the wrong type or out of range.
    """
    run = build(PretrainingConfig, config.to_dict())
    if run.corpus.records or workdir is None:
        return run
    corpus = dataclasses.replace(run.corpus, records=str(workdir / "records"))
    return dataclasses.replace(run, corpus=corpus)


def finetuning(values: Mapping[str, Any], data_dir: str | None = None) -> FinetuningConfig:
    """The run that nested values describe, on the files in `data_dir` if that is given.

    Raises:
      UserError: a key is unknown, missing, of the wrong type or out of range.
    """
    task = dict(values.get("task", {}))
    section, _ = family(task.get("name", "nothing"))
    if data_dir is not None:
        task["data_dir"] = data_dir
    return build(FinetuningConfig, dict(values) | {"task": build(section, task, "config.task")})
