"""How a run would go on accelerators that are not there: memory, time, and what to choose.

albert-jax plan --config=configs/pretrain.py:size=xxlarge --topology=v3:8x8
albert-jax plan --config=configs/pretrain.py --all --output=plan.md
"""

import jax

from albert_jax.analysis import topologies
from albert_jax.analysis.ahead import Job
from albert_jax.analysis.plan import Plan, Search
from albert_jax.analysis.topologies import GIB
from albert_jax.commands.config import PretrainingConfig, pretraining
from albert_jax.commands.flags import CommandLine
from albert_jax.commands.pretrain import row_shapes
from albert_jax.commands.survey import survey
from albert_jax.errors import UserError

ESTIMATE = """

An estimate: a CPU's compiler cut and scheduled this program in place of a GPU's, which fuses more and
keeps less. Operations and what is sent are as they would be there; memory and its traffic are at most
this."""


def main(argv: list[str]):
    """Prints the page of one run on one topology, or writes the table of the paper's models."""
    line = CommandLine(__doc__)
    line.config()
    line.text("topology", "CHIP:SHAPE", "v3:8x8, v4:4x4x8, v5e:16x16, v5p:4x4x4, v6e:8x8, h100:8")
    line.switch("all", "the paper's models on several topologies, instead")
    line.path("output", "with --all: the table; a file beside it keeps finished rows", False)
    flags, _ = line.parse(argv)
    jax.config.update("jax_enable_compilation_cache", False)  # what cannot run is not kept
    run = pretraining(flags["config"], None)
    if flags["all"]:
        if flags["output"] is None or flags["topology"] is not None:
            raise UserError("plan --all needs --output=FILE.md and no --topology")
        survey(job_of(run), flags["output"])
        return
    if flags["topology"] is None:
        raise UserError("plan needs --topology=v3:8x8 or the like, or --all")
    topology = topologies.parse(flags["topology"])
    search = Search(job_of(run), topology, run.mesh, tell=lambda line: print(line, flush=True))
    print(f"{topology.name}: {topology.chips} chips, {topology.devices} devices")
    search.attempt(run.model.remat, run.training.microbatches)
    print("", page(search.best(), run), sep="\n")


def job_of(run: PretrainingConfig) -> Job:
    """What of a run determines its programs."""
    return Job(
        model=run.model,
        batch=row_shapes(run),
        optimizer=run.optimizer,
        schedule=run.schedule,
        training=run.training,
    )


def page(plan: Plan, run: PretrainingConfig) -> str:
    """Everything about a plan, in short tables."""
    topology, steps = plan.topology, run.training.steps
    days, hours = plan.run_length(run.training)
    at_once = plan.rows * topology.devices // plan.mesh.tensor
    parts = [
        f"choose  {plan.flags}",
        f"        {plan.rows} rows a device at once, {at_once} in all; "
        f"{plan.microbatches} times a step",
        *_memory(plan),
        *_work(plan),
        *_roofline(plan),
        *_earlier(plan, run),
        f"{steps:,} steps take at least {days:.2f} days, {hours:,.0f} chip-hours",
    ]
    return "\n".join(parts) + (ESTIMATE if topology.platform == "gpu" else "")


def _earlier(plan: Plan, run: PretrainingConfig) -> list[str]:
    """A line for each stage before the last, which the tables are of."""
    stages = zip(run.training.updates[:-1], run.stages[:-1], plan.earlier, strict=True)
    return [
        f"before these, {count:,} steps with {stage.rows.batch_size} rows of {stage.rows.length}: "
        f"{before.rows} a device at once, {before.memory.total / GIB:.2f} GiB, "
        f"{1e3 * before.roofline.seconds:.3g} ms a step"
        for count, stage, before in stages
    ]


def _memory(plan: Plan) -> list[str]:
    memory = plan.memory
    rows = [
        ("state and batch", memory.arguments),
        ("outputs", memory.outputs),
        ("temporaries", memory.temporaries),
        ("total", memory.total),
        ("of", plan.topology.memory),
    ]
    return ["", "memory of a device, GiB", *(f"  {name:18}{n / GIB:8.2f}" for name, n in rows)]


def _work(plan: Plan) -> list[str]:
    sent = [
        f"  {kind:18}{size / 1e9:8.3g} GB sent in {plan.exchanges[kind]} exchanges"
        for kind, size in plan.sent.items()
    ]
    return [
        "",
        "a step of a device",
        f"  {'asked of it':18}{plan.flops / 1e12:8.3g} TFLOP",
        f"  {'counted by XLA':18}{plan.counted / 1e12:8.3g} TFLOP, what is computed twice included",
        f"  {'memory traffic':18}{plan.moved / 1e9:8.3g} GB",
        *sent,
    ]


def _roofline(plan: Plan) -> list[str]:
    times = plan.roofline
    names = {"mxu": "matrix units", "hbm": "memory", "ici": "links"}
    rows = [
        f"  {name:18}{1e3 * seconds:8.3g}{seconds / times.seconds:8.0%}"
        for name, seconds in zip(names.values(), times, strict=True)
    ]
    return [
        "",
        f"{'roofline':20}{'ms':>8}{'share':>8}",
        *rows,
        f"  {'a step':18}{1e3 * times.seconds:8.3g}  if everything overlaps, "
        f"{1e3 * times.apart:.3g} if nothing does",
        "",
    ]
