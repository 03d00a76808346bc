"""Where arrays live: rows of a batch over the devices, everything else on all of them.

Every ALBERT with its optimizer state fits replicated on one accelerator, so data parallelism is the plan.
"""

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from albert_jax.errors import UserError


def make_mesh(devices: list[jax.Device] | None = None) -> Mesh:
    """A mesh with the one axis `data` over all devices, or over those given."""
    devices = jax.devices() if devices is None else devices
    return jax.make_mesh((len(devices),), ("data",), axis_types=(AxisType.Auto,), devices=devices)


def replicated(mesh: Mesh) -> NamedSharding:
    """A whole copy on every device."""
    return NamedSharding(mesh, P())


def by_rows(mesh: Mesh) -> NamedSharding:
    """The leading axis cut over the devices."""
    return NamedSharding(mesh, P("data"))


def check_divisible(rows: int, microbatches: int, mesh: Mesh):
    """Raises UserError where a microbatch cannot be cut evenly over the devices."""
    parts = microbatches * mesh.size
    if rows % parts:
        raise UserError(
            f"data.batch_size is {rows}; {microbatches} microbatches (training.microbatches) on "
            f"{mesh.size} devices need a multiple of {parts}"
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
