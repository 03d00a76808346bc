"""Accelerators that are not there: what the makers say of each chip, and a compiler for their slices.

Sources: Google's "TPU v3", "TPU v4", "TPU v5e", "TPU v5p" and "TPU v6e" pages (cloud.google.com/tpu/docs) and
NVIDIA's data sheets of the A100 80GB SXM and the H100 SXM. `links` is what a chip can send to its neighbours
at once: a Pod's all-reduce bandwidth divided by its chips where Google gives one, half of the
bidirectional bandwidth for v5p and NVLink. `memory` is not the makers' but what XLA leaves a program on one
device: libtpu 0.0.42 says it when it runs out, and on a GPU JAX takes three quarters.
"""

import dataclasses
import importlib.util
import math
import os
import re

import jax

from albert_jax.errors import UserError

GIB = 2**30


@dataclasses.dataclass(frozen=True)
class Chip:
    """One chip, by the makers' figures."""

    device_kind: str  # as JAX says it
    flops: float  # bfloat16, dense, a second
    memory: float  # bytes that a program may take, of each device
    bandwidth: float  # of the memory, bytes a second
    links: float  # bytes a second that leave it
    dimensions: int  # of a slice's shape
    devices: int = 1  # that JAX sees of it


CHIPS = {
    "v3": Chip("TPU v3", 123e12, 15.48 * GIB, 900e9, 340e12 / 1024, 2, devices=2),
    "v4": Chip("TPU v4", 275e12, 30.75 * GIB, 1200e9, 1.1e15 / 4096, 3),
    "v5e": Chip("TPU v5 lite", 197e12, 15.75 * GIB, 819e9, 51.2e12 / 256, 2),
    "v5p": Chip("TPU v5", 459e12, 95.74 * GIB, 2765e9, 1200e9 / 2, 3),
    "v6e": Chip("TPU v6 lite", 918e12, 31.25 * GIB, 1638e9, 102.4e12 / 256, 2),
    "a100": Chip("NVIDIA A100-SXM4-80GB", 312e12, 60e9, 2039e9, 600e9 / 2, 1),
    "h100": Chip("NVIDIA H100 80GB HBM3", 989e12, 60e9, 3350e9, 900e9 / 2, 1),
}
GPUS = ("a100", "h100")
INSTALL = 'pip install "jax[tpu]"'
OFFLINE = {
    "TPU_SKIP_MDS_QUERY": "1",  # there is no TPU to ask about itself,
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "true",  # nor one to fight over,
    "TPU_ACCELERATOR_TYPE": "v3-8",  # and libtpu need not complain of it
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_MIN_LOG_LEVEL": "3",
    "TPU_STDERR_LOG_LEVEL": "3",
}


@dataclasses.dataclass(frozen=True)
class Topology:
    """A slice of TPUs, or a machine of GPUs."""

    name: str  # "v5e:16x16"
    shape: tuple[int, ...]

    @property
    def chip(self) -> Chip:
        """What it is made of."""
        return CHIPS[self.kind]

    @property
    def kind(self) -> str:
        """A name in CHIPS."""
        return self.name.partition(":")[0]

    @property
    def chips(self) -> int:
        """How many chips there are."""
        return math.prod(self.shape)

    @property
    def devices(self) -> int:
        """How many devices JAX sees."""
        return self.chips * self.chip.devices

    @property
    def platform(self) -> str:
        """What JAX calls the platform."""
        return "gpu" if self.kind in GPUS else "tpu"

    @property
    def device_kind(self) -> str:
        """What JAX calls its devices."""
        return self.chip.device_kind

    @property
    def memory(self) -> float:
        """Bytes that a program may take of a device."""
        return self.chip.memory


def parse(name: str) -> Topology:
    """The topology of a name such as v3:8x8 (chips along each axis) or h100:8.

    Raises:
      UserError: there is no such chip, or its slices have another number of axes.
    """
    match = re.fullmatch(r"(\w+):(\d+(?:x\d+)*)", name)
    if not match or match[1] not in CHIPS:
        known = ", ".join(
            f"{kind}:{'x'.join('4' * chip.dimensions)}" for kind, chip in CHIPS.items()
        )
        raise UserError(
            f"--topology={name} is not known; it is one of these with any sizes: {known}"
        )
    shape = tuple(map(int, match[2].split("x")))
    if len(shape) != CHIPS[match[1]].dimensions or 0 in shape:
        example = f"{match[1]}:{'x'.join('4' * CHIPS[match[1]].dimensions)}"
        raise UserError(f"--topology={name}: a {match[1]} has sizes as in {example}")
    return Topology(name, shape)


def devices(topology: Topology) -> list[jax.Device]:
    """Devices to compile for and never to run on.

    GPUs have no such thing: a CPU's devices stand in for them, one for each, so that XLA cuts the
    program as it would there.

    Raises:
      UserError: libtpu is not installed, or does not know such a slice.
    """
    if topology.platform == "gpu":
        return _stand_ins(topology)
    if importlib.util.find_spec("libtpu") is None:
        raise UserError(f"libtpu, the compiler for TPUs, is not installed; {INSTALL}")
    for name, value in OFFLINE.items():
        os.environ.setdefault(name, value)
    from jax.experimental import topologies

    megacore = {"chip_config_name": "megacore"} if topology.kind == "v4" else {}
    try:
        return topologies.get_topology_desc(topology.name, "tpu", **megacore).devices
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"--topology={topology.name}: libtpu knows no such slice ({reason}); choose other sizes"
        ) from error


def _stand_ins(topology: Topology) -> list[jax.Device]:
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", topology.devices)
    return jax.devices()
