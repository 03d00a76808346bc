"""How a run would go on a topology: what fits, what a step costs, and what to choose.

The search: as many rows a device at once as fit, and nothing computed twice. Where memory or its speed
is what limits, blocks are computed again in the backward pass if that is faster by the roofline.
Parameters and their state are replicated if they leave half the memory free, and else cut over as few
devices as do. A run whose first rows are others goes the same way over all: every stage has to fit.
"""

import dataclasses
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import jax
from jax.sharding import Mesh

from albert_jax.analysis import ahead, collectives, cost, program, topologies, traffic
from albert_jax.analysis.ahead import Job, Memory, OutOfMemoryError
from albert_jax.analysis.roofline import Roofline, roofline, run_length
from albert_jax.analysis.topologies import GIB, Topology
from albert_jax.errors import UserError
from albert_jax.model.config import AlbertConfig
from albert_jax.training.config import TrainingConfig
from albert_jax.training.sharding import DATA_PARALLEL, MeshConfig, check_divisible, make_mesh

STATE = 4  # float32 numbers a parameter: itself, two moments, its gradient


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A way to run that fits, and its costs; all counts are of one device and one step.

    Attributes:
      rows: a device at once.
      flops: operations that the model asks for (analysis/cost.py).
      counted: XLA's count: with what is computed twice.
      moved: bytes read and written in the large memory.
      sent: bytes sent to other devices, by kind of exchange.
      exchanges: how often that happens.
      earlier: the same way over the rows of each stage before the last, which these counts are of.
    """

    topology: Topology
    mesh: MeshConfig
    remat: str
    rows: int
    microbatches: int
    memory: Memory
    flops: float
    counted: float
    moved: float
    sent: dict[str, float]
    exchanges: dict[str, int]
    earlier: tuple["Plan", ...] = ()

    @property
    def stages(self) -> tuple["Plan", ...]:
        """Of the rows of every stage."""
        return (*self.earlier, self)

    @property
    def roofline(self) -> Roofline:
        """The least time of a step."""
        return roofline(self.topology, self.counted, self.moved, sum(self.sent.values()))

    def seconds(self, training: TrainingConfig) -> float:
        """Of all steps of a run at the roofline, each with the rows of its stage."""
        each = zip(training.updates, self.stages, strict=True)
        return sum(count * stage.roofline.seconds for count, stage in each)

    def run_length(self, training: TrainingConfig) -> tuple[float, float]:
        """(days, chip-hours) at the roofline."""
        return run_length(self.topology, self.seconds(training))

    @property
    def flags(self) -> str:
        """How to ask for it on the command line of `pretrain`."""
        values = {"training.microbatches": self.microbatches, "model.remat": self.remat}
        values |= {f"mesh.{axis}": getattr(self.mesh, axis) for axis in ("fsdp", "tensor")}
        return " ".join(f"--config.{key}={value}" for key, value in values.items())

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are kept in a file."""
        earlier = [plan.to_dict() for plan in self.earlier]
        return dataclasses.asdict(self) | {"topology": self.topology.name, "earlier": earlier}


def from_dict(values: dict[str, Any]) -> Plan:
    """The plan that `to_dict` has written."""
    changed = {
        "topology": topologies.parse(values["topology"]),
        "mesh": MeshConfig(**values["mesh"]),
        "memory": Memory(**values["memory"]),
        "earlier": tuple(from_dict(plan) for plan in values.get("earlier", ())),
    }
    return Plan(**values | changed)


class Search:
    """Tries ways to run one job on one topology; what was compiled is not compiled again."""

    def __init__(
        self,
        job: Job,
        topology: Topology,
        config: MeshConfig = DATA_PARALLEL,
        tell: Callable[[str], None] = lambda line: None,
    ):
        """`tell` hears of every attempt; a mesh other than the default is kept.

        Raises:
          UserError: the batch cannot be cut over the devices.
        """
        self._job, self._topology, self._tell = job, topology, tell
        devices = topologies.devices(topology)  # before anything starts JAX
        self.config = layout(job.model, topology) if config == DATA_PARALLEL else config
        self._mesh = make_mesh(devices, self.config)
        self._check_divisible(1)
        self._tried: dict[tuple[str, int], Plan | None] = {}

    def best(self) -> Plan:
        """The fastest by the roofline of the plans with most rows at once. Raises UserError: nothing fits."""
        training = self._job.training
        plan = self.largest("none")
        if plan is None or any(stage.roofline.limit != "mxu" for stage in plan.stages):
            plans = filter(None, (plan, self.largest("full")))
            plan = min(plans, key=lambda plan: plan.seconds(training), default=None)
        if plan is None:
            name = self._topology.name
            raise UserError(f"not one row a device fits on {name}; raise mesh.fsdp or mesh.tensor")
        return plan

    def largest(self, remat: str) -> Plan | None:
        """The plan with the most rows a device at once, or None if not one row fits."""
        attempts = (self.attempt(remat, count) for count in self._microbatches())
        return next(filter(None, attempts), None)

    def _microbatches(self) -> Iterable[int]:
        """How often a step may go over rows, least first; where each part is clipped, as often as it does."""
        training = self._job.training
        if training.clip_microbatches:
            return (training.microbatches,)
        share = math.gcd(*(_share(stage, self._mesh) for stage in self._job.stages))
        return (n for n in range(1, share + 1) if share % n == 0)

    def attempt(self, remat: str, microbatches: int) -> Plan | None:
        """The plan of one choice, or None if it does not fit.

        Raises:
          UserError: `pretrain` would refuse it, since a part cannot be cut over the devices.
        """
        self._check_divisible(microbatches)
        key = (remat, microbatches)
        if key not in self._tried:
            self._tried[key] = self._plan(self._job.with_choices(remat, microbatches))
        return self._tried[key]

    def _check_divisible(self, microbatches: int):
        for stage in self._job.stages:
            check_divisible(stage.rows, microbatches, self._mesh)

    def _plan(self, job: Job) -> Plan | None:
        plans = []
        for stage in job.stages:
            plan = self._compile(stage)
            if plan is None:
                return None
            plans.append(plan)
        return dataclasses.replace(plans[-1], earlier=tuple(plans[:-1]))

    def _compile(self, job: Job) -> Plan | None:
        parts = job.training.microbatches
        rows = f"{_share(job, self._mesh) // parts} rows of {job.length} a device"
        what = f"remat {job.model.remat}, {parts} x {rows}"
        try:
            compiled = ahead.compile_step(job, self._mesh, self._topology)
        except OutOfMemoryError as error:
            self._tell(f"{what}: does not fit ({_first_line(error)})")
            return None
        plan = describe(job, self._topology, self.config, self._mesh, compiled)
        if plan.memory.total > self._topology.memory:
            self._tell(f"{what}: does not fit, {plan.memory.total / GIB:.2f} GiB a device")
            return None
        self._tell(f"{what}: fits, {plan.memory.total / GIB:.2f} GiB a device")
        return plan


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


def layout(config: AlbertConfig, topology: Topology) -> MeshConfig:
    """Data parallel where the state leaves half the memory free, else the least `fsdp` with which it does."""
    state = STATE * 4 * sum(cost.parameters(config).values())
    fsdp = 1
    while state / fsdp > topology.memory / 2 and 2 * fsdp <= topology.devices:
        fsdp *= 2
    return MeshConfig(fsdp=fsdp)


def describe(
    job: Job, topology: Topology, config: MeshConfig, mesh: Mesh, compiled: jax.stages.Compiled
) -> Plan:
    """What a compiled step says of itself."""
    read = program.read(compiled.as_text() or "")
    exchanges = collectives.find(read)
    sent: dict[str, float] = defaultdict(float)
    times: Counter[str] = Counter()
    for exchange in exchanges:
        sent[exchange.kind] += exchange.sent
        times[exchange.kind] += exchange.times
    share, microbatches = _share(job, mesh), job.training.microbatches
    sizes = [job.batch[name].shape[1] for name in ("tokens", "mlm_positions", "cls_positions")]
    whole = cost.whole_flops(job.model, *sizes)

    def of_device(row: float) -> float:
        return share * (whole + (row - whole) / mesh.shape["tensor"])

    return Plan(
        topology=topology,
        mesh=config,
        remat=job.model.remat,
        rows=share // microbatches,
        microbatches=microbatches,
        memory=ahead.memory(compiled),
        flops=of_device(cost.training_flops(job.model, *sizes)),
        counted=of_device(ahead.counted_flops(job)),
        moved=traffic.moved(read),
        sent=dict(sent),
        exchanges=dict(times),
    )


def _share(job: Job, mesh: Mesh) -> int:
    """Rows of a batch that a device works through in a step."""
    return job.rows * mesh.shape["tensor"] // mesh.size
