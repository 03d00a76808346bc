"""Pretraining at the paper's scale.

    albert-jax pretrain --config=configs/pretrain.py:size=base,share=all,emb=128,objective=sop --workdir=W

preset=recommended (what we would use today) fills rows, masks 15 % of them, is pure in its sentence order
and computes in bfloat16. preset=reference is google-research/albert to the letter: 20 predictions at length
512, one example a row, random documents behind one-sentence chunks, LAMB without bias correction, clipping
per core (here: per microbatch), the rate's drop after the warm-up, float32.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from ml_collections import ConfigDict

from albert_jax.data import batch_config
from albert_jax.data.batch_config import BatchConfig
from albert_jax.data.config import CorpusConfig
from albert_jax.model.config import CHOICES, SIZES, sized
from albert_jax.training.checkpoint import CheckpointConfig
from albert_jax.training.config import TrainingConfig
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import ScheduleConfig, scaled_rate
from albert_jax.training.sharding import MeshConfig
from configs import arguments

SHARING, OBJECTIVES = CHOICES["sharing"], batch_config.CHOICES["objective"]
PAPER_BATCH, PAPER_RATE, PAPER_STEPS = 4096, 0.00176, 125_000  # Lan et al. 2020, section 4.1


def get_config(argument: str | None = None) -> ConfigDict:
    """All settings of a run.

    Args:
      argument: size (a name of albert_jax.model.config.SIZES), share (all, attention, ffn, none, or
        as the size has it), emb (E; 0: as the size has it), objective (sop, nsp, none), preset,
        batch (rows; the learning rate follows by the square-root rule), length (of rows), short
        (percent of the updates, the first, in rows a quarter as long and four times as many: 90 is
        the recipe of BERT).
    """
    choice = arguments.parse(
        argument,
        size=tuple(SIZES),
        share=("", *SHARING),
        emb=0,
        objective=OBJECTIVES,
        preset=tuple(PRESETS),
        batch=PAPER_BATCH,
        length=512,
        short=0,
    )
    changes = {}
    if choice["share"]:
        changes["sharing"] = choice["share"]
    if choice["emb"]:
        changes["embedding_size"] = choice["emb"]
    sections = PRESETS[choice["preset"]](choice, changes)
    return as_config(preset=choice["preset"], **sections)


def as_config(**sections: Any) -> ConfigDict:
    """Dataclasses by section and plain values -> a ConfigDict; a flag can set its every key."""
    plain: Callable[[Any], dict] = dataclasses.asdict
    return ConfigDict(
        {
            name: plain(section) if dataclasses.is_dataclass(section) else section
            for name, section in sections.items()
        }
    )


def _recommended(choice: dict, changes: dict) -> dict:
    return dict(
        model=sized(choice["size"], **changes),
        corpus=CorpusConfig(),
        data=batch_config.recommended(
            choice["batch"], choice["length"], objective=choice["objective"]
        ),
        optimizer=OptimizerConfig(name="lamb"),
        schedule=_schedule(choice, joined=True),
        training=TrainingConfig(
            steps=PAPER_STEPS, stages=_stages(choice, batch_config.recommended)
        ),
        mesh=MeshConfig(),
        checkpoint=CheckpointConfig(),
    )


def _reference(choice: dict, changes: dict) -> dict:
    return dict(
        model=sized(choice["size"], **dict(dtype="float32") | changes),
        corpus=CorpusConfig(ascii_punctuation=False),
        data=batch_config.reference(
            choice["batch"], choice["length"], objective=choice["objective"]
        ),
        optimizer=OptimizerConfig(name="lamb"),
        schedule=_schedule(choice, joined=False),
        training=TrainingConfig(
            steps=PAPER_STEPS,
            stages=_stages(choice, batch_config.reference),
            microbatches=64,
            clip_microbatches=True,
        ),
        mesh=MeshConfig(),
        checkpoint=CheckpointConfig(),
    )


PRESETS = {"recommended": _recommended, "reference": _reference}


def _stages(choice: dict, preset: Callable[..., BatchConfig]) -> tuple:
    """The first updates in short rows, as many tokens in each as in the others."""
    if not choice["short"]:
        return ()
    rows = preset(4 * choice["batch"], choice["length"] // 4)
    shape = (rows.batch_size, rows.length, rows.predictions, rows.examples_per_row)
    return ((PAPER_STEPS * choice["short"] // 100, *shape),)


def _schedule(choice: dict, joined: bool) -> ScheduleConfig:
    rate = scaled_rate(PAPER_RATE, choice["batch"], PAPER_BATCH)
    return ScheduleConfig(
        learning_rate=rate, warmup_steps=3125, decay_steps=PAPER_STEPS, joined=joined
    )
