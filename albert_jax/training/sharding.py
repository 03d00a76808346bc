"""Where arrays live: the mesh of devices, one table of rules for parameters, the rows of a batch.

The mesh has three axes. `data` cuts the rows of a batch and nothing else: every ALBERT with its optimizer
state fits on one accelerator, so by default this axis has all devices. `fsdp` cuts the rows too, and beside
them the encoder's matrices with their optimizer state: for models that share nothing. `tensor` cuts the wide
layers themselves as Megatron-LM does (Shoeybi et al. 2019): the columns of the first product of half a
block and the rows of the last, so that each half ends in one sum over the devices.

XLA finds the collectives (`AxisType.Auto`), and none changes a value.
"""

import contextlib
import dataclasses
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax.experimental import mesh_utils
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from albert_jax.errors import UserError
from albert_jax.model.layers import Dense
from albert_jax.training.state import TrainState, leaf_name

AXES = ("data", "fsdp", "tensor")
ROWS = ("data", "fsdp")  # the axes that cut the rows of a batch

# The first pattern found in an array's path cuts its last axes; other arrays are whole everywhere.
# Moments and averages have the path of their parameter at the end of theirs, and so its layout.
RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("encoder/.*/(query|key|value|intermediate)/kernel$", ("fsdp", "tensor")),
    ("encoder/.*/(query|key|value|intermediate)/bias$", ("tensor",)),
    ("encoder/.*/output/kernel$", ("tensor", "fsdp")),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeshConfig:
    """The section `mesh`: devices on each axis."""

    data: int = -1  # -1: all that the others leave
    fsdp: int = 1
    tensor: int = 1

    def __post_init__(self):
        for axis in AXES:
            size = getattr(self, axis)
            if size < 1 and (axis, size) != ("data", -1):
                raise UserError(f"mesh.{axis} is {size}; it must be at least 1")


DATA_PARALLEL = MeshConfig()


def make_mesh(devices: list[jax.Device] | None = None, config: MeshConfig = DATA_PARALLEL) -> Mesh:
    """The mesh of all devices, or of those given.

    Raises:
      UserError: the sizes do not go with the number of devices, or with the processes they belong to.
    """
    devices = jax.devices() if devices is None else devices
    data, rest = config.data, config.fsdp * config.tensor
    if data == -1:
        data = max(len(devices) // rest, 1)
    if data * rest != len(devices):
        raise UserError(
            f"mesh.data {config.data}, mesh.fsdp {config.fsdp} and mesh.tensor {config.tensor} do not "
            f"make up the {len(devices)} devices; change one, or leave mesh.data at -1"
        )
    shape = (data, config.fsdp, config.tensor)
    # jax.make_mesh would not split an axis of the torus of a v4 or a v5p, as fsdp=2 on 4x4x4 must
    placed = mesh_utils.create_device_mesh(shape, devices, allow_split_physical_axes=True)
    mesh = Mesh(placed, AXES, axis_types=(AxisType.Auto,) * len(AXES))
    _check_processes(mesh)
    return mesh


def _check_processes(mesh: Mesh):
    """The devices of one `tensor` group see the same rows, so one process must feed them all."""
    for group in mesh.devices.reshape(-1, mesh.shape["tensor"]):
        if len({device.process_index for device in group}) > 1:
            raise UserError(
                f"mesh.tensor is {mesh.shape['tensor']}, more than the devices of one process allow; "
                "lower it"
            )


def replicated(mesh: Mesh) -> NamedSharding:
    """A whole copy on every device."""
    return NamedSharding(mesh, P())


def by_rows(mesh: Mesh) -> NamedSharding:
    """The leading axis cut over the devices that take different rows."""
    return NamedSharding(mesh, P(ROWS))


def layout(tree: Any, mesh: Mesh) -> Any:
    """A NamedSharding for every array of a state or of parameters, by RULES; shapes will do.

    Raises:
      UserError: an axis of the mesh does not divide the axis of an array that it cuts.
    """

    def sharding(path: tuple, x: jax.Array) -> NamedSharding:
        return NamedSharding(mesh, _spec(leaf_name(path), x.shape, mesh))

    return jax.tree.map_with_path(sharding, tree)


def abstract(create: Callable[[], TrainState], mesh: Mesh) -> TrainState:
    """The shapes, dtypes and layout of the state that `create` would make; nothing is allocated."""
    shapes = jax.eval_shape(create)
    shardings = layout(shapes, mesh)
    return jax.tree.map(
        lambda x, sharding: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding),
        shapes,
        shardings,
    )


def _spec(name: str, shape: tuple[int, ...], mesh: Mesh) -> P:
    """Which axes of the mesh cut which of an array; those of one device cut nothing."""
    axes = next((axes for pattern, axes in RULES if re.search(pattern, name)), ())
    cut = [None] * (len(shape) - len(axes)) + [a if mesh.shape[a] > 1 else None for a in axes]
    for number, axis in enumerate(cut):
        if axis and shape[number] % mesh.shape[axis]:
            raise UserError(
                f"mesh.{axis} is {mesh.shape[axis]} and does not divide axis {number} of {name} "
                f"{list(shape)}; choose a divisor of {shape[number]}"
            )
    while cut and cut[-1] is None:  # as XLA gives it back
        cut.pop()
    return P(*cut)


@contextlib.contextmanager
def rows_stay(mesh: Mesh) -> Iterator[None]:
    """A context to trace a model in: its products leave every row on the devices that have it.

    Left alone, XLA may gather activations for the sake of a matrix that is cut; told this, it
    gathers matrices. It is a word about layout and changes no value. Kernels that XLA does not cut
    (model/kernels.py) find the mesh in the context.
    """
    parts = math.prod(mesh.shape[axis] for axis in ROWS)

    def pin(x: jax.Array) -> jax.Array:
        if x.shape[0] % parts:
            return x
        spec = P(ROWS, *[P.UNCONSTRAINED] * (x.ndim - 1))
        return jax.lax.with_sharding_constraint(x, NamedSharding(mesh, spec))

    def pinned(call: Callable, args: tuple, kwargs: dict, context: nn.module.InterceptorContext):
        if not isinstance(context.module, Dense):
            return call(*args, **kwargs)
        return pin(call(*map(pin, args), **kwargs))

    with nn.intercept_methods(pinned), jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
        yield


def check_divisible(rows: int, microbatches: int, mesh: Mesh):
    """Raises UserError where a microbatch cannot be cut evenly over the devices."""
    devices = mesh.size // mesh.shape["tensor"]
    parts = microbatches * devices
    if rows % parts:
        together = " (mesh.data x mesh.fsdp)" if mesh.shape["tensor"] > 1 else ""
        raise UserError(
            f"data.batch_size is {rows}; {microbatches} microbatches (training.microbatches) on "
            f"{devices} devices{together} need a multiple of {parts}"
        )


def to_devices(batch: dict[str, np.ndarray], mesh: Mesh) -> dict[str, jax.Array]:
    """This process's rows of a global batch -> the global batch, laid out by rows."""
    with jax.transfer_guard("allow"):  # with several processes jax takes it for an accident
        return jax.make_array_from_process_local_data(by_rows(mesh), batch)


def spread(batch: dict[str, np.ndarray], mesh: Mesh) -> dict[str, jax.Array]:
    """A global batch that every process has whole -> the same on the devices, laid out by rows."""
    with jax.transfer_guard("allow"):  # jax takes it for an accident
        return {
            name: jax.make_array_from_callback(rows.shape, by_rows(mesh), rows.__getitem__)
            for name, rows in batch.items()
        }
