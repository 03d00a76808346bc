"""The smallest run that has every part: --config=tests/tiny.py:steps=24."""

from ml_collections import ConfigDict

from albert_jax.data import batch_config
from albert_jax.data.config import CorpusConfig
from albert_jax.model.config import AlbertConfig
from albert_jax.training.checkpoint import CheckpointConfig
from albert_jax.training.config import TrainingConfig
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import ScheduleConfig
from albert_jax.training.sharding import MeshConfig
from configs import arguments
from configs.pretrain import as_config


def get_config(argument: str | None = None) -> ConfigDict:
    """Argument: steps, layers, microbatches, workers, save (every so many steps)."""
    choice = arguments.parse(argument, steps=4, layers=2, microbatches=1, workers=0, save=10)
    return as_config(
        preset="tiny",
        model=AlbertConfig(
            vocab_size=500,
            embedding_size=16,
            hidden_size=32,
            num_layers=choice["layers"],
            num_heads=2,
            ffn_size=64,
            max_positions=32,
            hidden_dropout=0.1,
            attention_dropout=0.1,
            initializer_range=0.09,
            dtype="float32",
        ),
        corpus=CorpusConfig(held_out=0.2, workers=1),
        data=batch_config.recommended(8, 32, workers=choice["workers"], block_tokens=2048),
        optimizer=OptimizerConfig(name="adamw", bias_correction=True),
        schedule=ScheduleConfig(
            learning_rate=3e-3, warmup_steps=5, decay_steps=1000, decay="constant"
        ),
        training=TrainingConfig(
            steps=choice["steps"],
            microbatches=choice["microbatches"],
            log_every=1,
            evaluate_every=20,
            evaluation_batches=4,
        ),
        mesh=MeshConfig(),
        checkpoint=CheckpointConfig(save_every=choice["save"]),
    )
