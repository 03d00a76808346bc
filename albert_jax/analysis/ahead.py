"""The training step compiled ahead of time, for devices that are not there.

Nothing is allocated and nothing runs: a program goes in, and what XLA says of it comes out.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
from jax.sharding import Mesh

from albert_jax.analysis.topologies import Topology
from albert_jax.model import platform
from albert_jax.model.albert import AlbertForPretraining, Batch, abstract_batch
from albert_jax.model.config import AlbertConfig
from albert_jax.training import optimizer as optimizers
from albert_jax.training import state as states
from albert_jax.training.config import TrainingConfig
from albert_jax.training.losses import PRETRAINING
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import ScheduleConfig, schedule
from albert_jax.training.sharding import abstract
from albert_jax.training.step import gradient, make_train_step


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What determines the programs of a run; `batch` holds the shapes of its last global batches."""

    model: AlbertConfig
    batch: Batch
    optimizer: OptimizerConfig
    schedule: ScheduleConfig
    training: TrainingConfig

    @property
    def rows(self) -> int:
        """Of a global batch."""
        return self.batch["tokens"].shape[0]

    @property
    def length(self) -> int:
        """Of a row."""
        return self.batch["tokens"].shape[1]

    @property
    def stages(self) -> list["Job"]:
        """The same with the batches of every stage of the run; the last is this."""
        earlier = [abstract_batch(*shape) for _, *shape in self.training.stages]
        return [*(dataclasses.replace(self, batch=batch) for batch in earlier), self]

    def with_choices(self, remat: str, microbatches: int) -> "Job":
        """The same work, cut and computed another way."""
        return dataclasses.replace(
            self,
            model=dataclasses.replace(self.model, remat=remat),
            training=dataclasses.replace(self.training, microbatches=microbatches),
        )


@dataclasses.dataclass(frozen=True)
class Memory:
    """Bytes of one device's large memory while a step runs."""

    arguments: int  # state and batch
    outputs: int  # beyond those that take the place of arguments
    temporaries: int

    @property
    def total(self) -> int:
        """What must fit."""
        return self.arguments + self.outputs + self.temporaries


class OutOfMemoryError(Exception):
    """A program that needs more memory than the device has; XLA's words."""


def compile_step(job: Job, mesh: Mesh, topology: Topology) -> jax.stages.Compiled:
    """The training step of a job for the devices of a mesh, as it would be on a topology.

    Raises:
      OutOfMemoryError: it does not fit, says the compiler; a CPU's, in place of a GPU's, never does.
    """
    with platform.compiling_for(topology):
        lowered = _step(job, mesh)
    try:
        return lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise OutOfMemoryError(str(error).partition("RESOURCE_EXHAUSTED: ")[2]) from error


def _step(job: Job, mesh: Mesh) -> jax.stages.Lowered:
    model, rate = AlbertForPretraining(job.model), schedule(job.schedule)
    shapes = jax.eval_shape(model.init, jax.random.key(0), job.batch)["params"]
    optimizer = optimizers.make(job.optimizer, rate, shapes)
    clip_norm = job.optimizer.clip_norm
    step: Any = make_train_step(
        model, PRETRAINING, optimizer, rate, job.training, clip_norm, mesh
    )  # jitted, so it can be lowered
    create = partial(states.create, model, optimizer, job.batch, job.training)
    return step.lower(abstract(create, mesh), job.batch)


def memory(compiled: jax.stages.Compiled) -> Memory:
    """What XLA's buffers of a program take."""
    said: Any = compiled.memory_analysis()
    outputs = said.output_size_in_bytes - said.alias_size_in_bytes
    return Memory(said.argument_size_in_bytes, outputs, said.temp_size_in_bytes)


def counted_flops(job: Job) -> float:
    """XLA's count of the operations of loss and gradient of one row, work done twice included.

    XLA counts the body of a loop once, so the layers are written out here; and it looks into no
    kernel, so attention is the plain one.
    """
    config = dataclasses.replace(
        job.model, scan_unroll=job.model.num_blocks, attention_kernel="plain"
    )
    training = dataclasses.replace(job.training, microbatches=1)
    model = AlbertForPretraining(config)
    row = {name: jax.ShapeDtypeStruct((1, *x.shape[1:]), x.dtype) for name, x in job.batch.items()}
    params = jax.eval_shape(model.init, jax.random.key(0), row)["params"]

    def step(params, row):
        key = jax.random.key(0)
        return gradient(model, PRETRAINING, training, 0.0, params, row, key)[0]

    said: Any = jax.jit(step).lower(params, row).cost_analysis()
    return said["flops"]
