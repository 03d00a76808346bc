"""The paper's models a quarter as wide: a cell of a table in minutes on one core, the same recipe for all.

    albert-jax prepare  --config=configs/micro.py --workdir=W1
    albert-jax pretrain --config=configs/micro.py:size=base,emb=64,stage=one --workdir=W1
    albert-jax pretrain --config=configs/micro.py:size=base,emb=64,stage=two --workdir=W2 --init=W1 \
      --config.corpus.records=W1/records
    albert-jax pretrain --config=configs/micro.py:size=base,emb=64 --workdir=W --init=W2 \
      --config.corpus.records=W1/records

Sizes are given in the paper's terms. What they become:

    paper                           here
    V = 30,000                      4,000, an eighth and a little
    E = 64, 128, 256, 768           16, 32, 64, 192
    D = 768, 1024, 2048, 4096       192, 256, 512, 1024; F = 4 D
    heads of 64                     heads of 32, because 16 is too narrow to tell words apart
    layers 1, 3, 6, 12, 24, 48      1, 2, 3, 4, 6, 12
    rows of 512                     rows of 64
    dropout of base to xlarge 0.1   0: too few updates to overfit

Each stage reads the text from the same beginning, so that later ones see again what the first saw.

So small a model sits on the unigram plateau for over a million tokens if its layers are stacked from the
start (experiments/results/record_before.md), and learns more slowly in long rows. Hence every run begins
with one layer in rows of 32, masked words alone; the stack doubles until it is as deep as it shall be, as the
paper's deeper models grew from others (footnote 5), and then sees rows of 64; and the deviation is
1 / sqrt(D), but that of the embeddings and their projection is base's at any width, or wider models would
learn less. The rate falls with sqrt(D), too. How the recipe was found: experiments/results/micro.md.
"""

import dataclasses
import math

from ml_collections import ConfigDict

from albert_jax.data import batch_config
from albert_jax.data.config import CorpusConfig
from albert_jax.errors import UserError
from albert_jax.model.config import SIZES, AlbertConfig, sized
from albert_jax.training.checkpoint import CheckpointConfig
from albert_jax.training.config import TrainingConfig
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import ScheduleConfig
from albert_jax.training.sharding import MeshConfig
from configs import arguments
from configs.pretrain import OBJECTIVES, SHARING, as_config

NARROWER = 4
VOCABULARY = 4000
HEAD_SIZE = 32
LAYERS = {1: 1, 3: 2, 6: 3, 12: 4, 24: 6, 48: 12}
LENGTH = 64
WIDTH = 192  # of base
SHORT = 32  # rows while the stack grows
STAGES = {  # layers (0: all), rows, their length, updates, peak of the learning rate at this width
    "full": (0, 32, LENGTH, 1000, 1.2e-3),
    "one": (1, 64, SHORT, 2000, 2e-3),
    "two": (2, 64, SHORT, 500, 1.2e-3),
    "four": (4, 64, SHORT, 500, 1.2e-3),
    "eight": (8, 64, SHORT, 500, 1.2e-3),
}


def get_config(argument: str | None = None) -> ConfigDict:
    """All settings of one stage of a run.

    Args:
      argument: size, share, emb, layers and hidden in the paper's terms (0 or nothing: as the size
        has it), objective, dropout, stage.
    """
    choice = arguments.parse(
        argument,
        size=tuple(SIZES),
        share=("", *SHARING),
        emb=0,
        layers=0,
        hidden=0,
        objective=OBJECTIVES,
        dropout=0.0,
        stage=tuple(STAGES),
    )
    layers, rows, length, steps, rate = STAGES[choice["stage"]]
    model = _stack(choice, layers, length)
    objective = "none" if layers == 1 else choice["objective"]
    return as_config(
        preset="micro",
        model=model,
        corpus=CorpusConfig(held_out=0.05, vocab_sentences=200_000),
        data=batch_config.recommended(rows, length, objective=objective),
        optimizer=OptimizerConfig(name="adamw", bias_correction=True),
        schedule=_schedule(rate * math.sqrt(WIDTH / model.hidden_size), steps),
        training=TrainingConfig(
            steps=steps,
            evaluate_every=500,
            evaluation_batches=120,
            embedding_deviation=round(math.sqrt(model.hidden_size / WIDTH), 4),
        ),
        mesh=MeshConfig(),
        checkpoint=CheckpointConfig(save_every=500, keep_last=1, keep_best=0),
    )


def _stack(choice: dict, layers: int, length: int) -> AlbertConfig:
    """The model of a stage; the first layer is alone, and one for all ways of sharing."""
    model = shrunk(paper_model(choice), dropout=choice["dropout"])
    model = dataclasses.replace(model, max_positions=length, num_layers=layers or model.num_layers)
    return dataclasses.replace(model, sharing="all") if layers == 1 else model


def earlier(layers: int) -> list[str]:
    """The stages that come before a stack of so many layers."""
    return [name for name, (count, *_) in STAGES.items() if count == 1 or 0 < count < layers]


def _schedule(rate: float, steps: int) -> ScheduleConfig:
    return ScheduleConfig(learning_rate=rate, warmup_steps=100, decay_steps=steps)


def paper_model(choice: dict) -> AlbertConfig:
    """The model that the arguments name, as large as in the paper."""
    changes = {
        "sharing": choice["share"],
        "embedding_size": choice["emb"],
        "num_layers": choice["layers"],
        "hidden_size": choice["hidden"],
        "num_heads": choice["hidden"] // 64,
    }
    return sized(choice["size"], **{name: value for name, value in changes.items() if value})


def shrunk(model: AlbertConfig, dropout: float = 0.0) -> AlbertConfig:
    """A model of the paper as it is here.

    Raises:
      UserError: its depth is none of the paper's, or its sizes are no multiples.
    """
    if model.num_layers not in LAYERS:
        known = ", ".join(map(str, LAYERS))
        raise UserError(f"layers={model.num_layers} must be one of the paper's: {known}")
    for name in ("embedding_size", "hidden_size"):
        if getattr(model, name) % NARROWER:
            raise UserError(f"{name}={getattr(model, name)} must be a multiple of {NARROWER}")
    hidden, layers = model.hidden_size // NARROWER, LAYERS[model.num_layers]
    return AlbertConfig(
        vocab_size=VOCABULARY,
        embedding_size=model.embedding_size // NARROWER,
        hidden_size=hidden,
        num_layers=layers,
        num_heads=max(1, hidden // HEAD_SIZE),
        ffn_size=4 * hidden,
        sharing=model.sharing,
        max_positions=LENGTH,
        hidden_dropout=dropout,
        attention_dropout=dropout,
        initializer_range=round(1 / math.sqrt(hidden), 4),
    )
