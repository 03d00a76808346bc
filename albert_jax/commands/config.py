"""A whole run as one frozen dataclass: the sections of configs/pretrain.py, each beside its reader."""

import dataclasses
from typing import Any

from etils import epath
from ml_collections import ConfigDict

from albert_jax.data.batch_config import BatchConfig
from albert_jax.data.config import CorpusConfig
from albert_jax.errors import UserError
from albert_jax.model.config import AlbertConfig
from albert_jax.training.checkpoint import CheckpointConfig
from albert_jax.training.config import TrainingConfig, build
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import ScheduleConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """What `prepare`, `pretrain`, `inspect` and `plan` read."""

    preset: str  # "reference", "recommended" or "quickstart": where the values began
    model: AlbertConfig
    corpus: CorpusConfig
    data: BatchConfig
    optimizer: OptimizerConfig
    schedule: ScheduleConfig
    training: TrainingConfig
    checkpoint: CheckpointConfig

    def __post_init__(self):
        if self.data.length > self.model.max_positions:
            raise UserError(
                f"data.length is {self.data.length}, more than model.max_positions "
                f"({self.model.max_positions}); shorten the rows or raise the positions"
            )

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
