"""The training step compiled ahead of time, and what XLA says of it."""

import dataclasses

import pytest

from albert_jax.analysis import ahead, cost, topologies
from albert_jax.analysis.ahead import Job, Memory, OutOfMemoryError
from albert_jax.model.albert import abstract_batch
from albert_jax.model.config import AlbertConfig
from albert_jax.training.config import TrainingConfig
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import ScheduleConfig
from albert_jax.training.sharding import make_mesh
from tests.test_topologies import NEEDS_LIBTPU

JOB = Job(
    model=AlbertConfig(
        vocab_size=500, embedding_size=64, hidden_size=256, num_layers=3, num_heads=4,
        ffn_size=1024, max_positions=128,
    ),
    batch=abstract_batch(64, 128, 20, 3),
    optimizer=OptimizerConfig(),
    schedule=ScheduleConfig(),
    training=TrainingConfig(),
)  # fmt: skip


def test_choices_change_nothing_else():
    cut = JOB.with_choices("full", 4)
    assert (cut.model.remat, cut.training.microbatches, cut.rows) == ("full", 4, 64)
    assert cut.with_choices("none", 1) == JOB


def test_memory_is_counted_once():
    assert Memory(arguments=5, outputs=2, temporaries=10).total == 17


def test_the_state_takes_the_memory_of_the_old_one():
    said = ahead.memory(ahead.compile_step(JOB, make_mesh(), topologies.parse("h100:8")))
    state = cost.state_bytes(cost.parameters(JOB.model))
    rows = sum(x.size * 4 for x in JOB.batch.values()) / 8
    assert said.arguments == pytest.approx(state + rows, rel=0.01)
    assert said.outputs < 10_000


def test_operations_are_those_of_the_analysis():
    """And a third more of the layers' where blocks are computed again."""
    asked = cost.training_flops(JOB.model, 128, 20, 3)
    counted = ahead.counted_flops(JOB)
    assert counted == pytest.approx(asked, rel=0.05)
    again = ahead.counted_flops(JOB.with_choices("full", 4))
    assert again == pytest.approx(4 / 3 * counted, rel=0.05)


@NEEDS_LIBTPU
def test_a_step_that_does_not_fit_is_told():
    topology = topologies.parse("v5e:2x2")
    mesh = make_mesh(topologies.devices(topology))
    large = dataclasses.replace(JOB, batch=abstract_batch(2**20, 128, 20, 3))
    with pytest.raises(OutOfMemoryError, match=r"[Rr]an out of memory"):
        ahead.compile_step(large, mesh, topology)
