"""The least time a step can take: each of a device's three resources at the maker's figure.

A bound, not a forecast. If everything overlaps, the slowest resource sets the time (Williams et al. 2009);
if nothing does, their times add up. Real runs lie between and above: matrix units of TPUs reach half to
two thirds of their figure in models of this kind.
"""

from typing import NamedTuple

from albert_jax.analysis.topologies import Topology

DAY = 24 * 3600


class Roofline(NamedTuple):
    """Seconds a step keeps each resource of a device busy."""

    mxu: float  # multiplying matrices
    hbm: float  # moving bytes through the large memory
    ici: float  # sending bytes to neighbours

    @property
    def seconds(self) -> float:
        """Of a step in which everything overlaps."""
        return max(self)

    @property
    def apart(self) -> float:
        """Of a step in which nothing overlaps."""
        return sum(self)

    @property
    def limit(self) -> str:
        """Which resource sets the time."""
        return max(self._fields, key=lambda name: getattr(self, name))


def roofline(topology: Topology, flops: float, moved: float, sent: float) -> Roofline:
    """The times of one step.

    Args:
      flops: operations of one device.
      moved: bytes that one device reads and writes.
      sent: bytes that one device sends.
    """
    chip = topology.chip
    share = 1 / chip.devices  # devices of one chip have their part of it
    return Roofline(
        flops / (chip.flops * share), moved / (chip.bandwidth * share), sent / (chip.links * share)
    )


def run_length(topology: Topology, seconds: float) -> tuple[float, float]:
    """(days, chip-hours) of a run that takes so long."""
    return seconds / DAY, seconds / 3600 * topology.chips
