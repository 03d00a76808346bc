"""TPU slices: what gcloud, GKE and SkyPilot call them, how many chips and hosts they have.

Software versions are those of https://cloud.google.com/tpu/docs/runtimes for JAX.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from albert_jax.errors import UserError


class Generation(NamedTuple):
    """What the slices of one generation have in common."""

    runtime: str  # software of the hosts
    counts: int  # what the number in a slice's name counts for a chip: its cores, or 1
    axes: int  # of the torus
    chips: int  # of the largest slice that is one host
    nodes: str  # GKE's name for slices
    node: str = ""  # and for one host, where it differs


GENERATIONS = {
    "v3": Generation("tpu-ubuntu2204-base", 2, 2, 4, "tpu-v3-slice", "tpu-v3-device"),
    "v4": Generation("tpu-ubuntu2204-base", 2, 3, 4, "tpu-v4-podslice"),
    "v5litepod": Generation("v2-alpha-tpuv5-lite", 1, 2, 8, "tpu-v5-lite-podslice"),
    "v5p": Generation("v2-alpha-tpuv5", 2, 3, 4, "tpu-v5p-slice"),
    "v6e": Generation("v2-alpha-tpuv6e", 1, 2, 8, "tpu-v6e-slice"),
}
_HOST = 4  # chips of each host, where a slice has several


@dataclass(frozen=True)
class Accelerator:
    """A slice by its name in gcloud, as in v3-128 (64 chips of two cores) or v5litepod-16 (16 chips)."""

    name: str

    def __post_init__(self):
        found = re.fullmatch(r"(\w+)-(\d+)", self.name)
        if not found or found[1] not in GENERATIONS:
            known = ", ".join(f"{name}-N" for name in GENERATIONS)
            raise UserError(f"accelerator {self.name!r} is not known; use one of {known}")
        number, least = int(found[2]), self.generation.counts
        if number < least or number & (number - 1):
            raise UserError(
                f"accelerator {self.name}: {number} is no power of two, at least {least}; choose one that is"
            )

    @property
    def generation(self) -> Generation:
        return GENERATIONS[self.name.partition("-")[0]]

    @property
    def chips(self) -> int:
        return int(self.name.partition("-")[2]) // self.generation.counts

    @property
    def hosts(self) -> int:
        return 1 if self.chips <= self.generation.chips else self.chips // _HOST

    @property
    def topology(self) -> str:
        """The sides of the torus, as even as can be: 4x8, or 2x4x4."""
        power, axes = self.chips.bit_length() - 1, self.generation.axes
        sides = sorted(2 ** ((power + i) // axes) for i in range(axes))
        return "x".join(map(str, sorted(sides, key=lambda side: side == 1)))

    @property
    def nodes(self) -> str:
        """GKE's name for it."""
        alone = self.generation.node if self.hosts == 1 else ""
        return alone or self.generation.nodes

    @property
    def one_host(self) -> "Accelerator":
        """The slice of the same generation that is one host."""
        return Accelerator(f"{self.name.partition('-')[0]}-8")
