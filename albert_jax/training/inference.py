"""Batches -> what the model says of them, in order, on all devices, one batch ahead."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import flax.linen as nn
import jax
import numpy as np
from jax.sharding import Mesh

from albert_jax.model.albert import Batch
from albert_jax.training.sharding import by_rows, replicated, spread
from albert_jax.training.state import Params

READ = ("tokens", "token_types", "positions", "example_ids", "cls_positions")

NumpyBatch = dict[str, np.ndarray]
Forward = Callable[[Params, Batch], Any]
Rest = TypeVar("Rest")


def make_forward(model: nn.Module, mesh: Mesh, method: Callable | str | None = None) -> Forward:
    """The jitted (params, batch) -> outputs, without dropout; rows are cut over the devices, and
    every process gets all outputs. `method` of the model, where it is not the call itself."""

    def forward(params: Params, batch: Batch) -> Any:
        return model.apply({"params": params}, batch, method=method)

    return jax.jit(
        forward, in_shardings=(replicated(mesh), by_rows(mesh)), out_shardings=replicated(mesh)
    )


def infer(
    forward: Forward, params: Params, batches: Iterable[tuple[NumpyBatch, Rest]], mesh: Mesh
) -> Iterator[tuple[Any, tuple[NumpyBatch, Rest]]]:
    """The outputs of every batch, numpy, with what came along; one batch is computed while the
    outputs of the one before are used.

    Args:
      forward: of `make_forward`.
      params: on the devices of the mesh.
      batches: whole ones, the same in every process; the number of rows is a multiple of the
        number of devices.
      mesh: the one that `forward` was made for.
    """
    running = None
    for batch, rest in batches:
        outputs = forward(params, spread({name: batch[name] for name in READ}, mesh))
        if running:
            yield jax.device_get(running[0]), running[1]
        running = outputs, (batch, rest)
    if running:
        yield jax.device_get(running[0]), running[1]
