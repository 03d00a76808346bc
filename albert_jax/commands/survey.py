"""The paper's models on several topologies as one table; a row that has a plan is not made again."""

import dataclasses
import json
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import jax
from etils import epath
from tqdm import tqdm

from albert_jax.analysis import plan as plans
from albert_jax.analysis import topologies
from albert_jax.analysis.ahead import Job
from albert_jax.analysis.plan import Plan, Search
from albert_jax.analysis.topologies import GIB
from albert_jax.errors import UserError
from albert_jax.model.config import AlbertConfig, sized
from albert_jax.training.config import StepConfig, TrainingConfig
from albert_jax.training.workdir import commit, differences, replace

MODELS = {
    "ALBERT-base": sized("base"),
    "ALBERT-large": sized("large"),
    "ALBERT-xlarge": sized("xlarge"),
    "ALBERT-xxlarge": sized("xxlarge"),
    "BERT-large": sized("bert_large"),
    "BERT-xlarge": sized("bert_xlarge"),
}
SLICES = ("v3:8x8", "v3:16x16", "v5e:16x16", "v4:4x4x4", "v5p:4x4x4", "v6e:8x8")
ABLATIONS = {
    "Table 3": {
        f"base, E = {width}{'' if sharing == 'all' else ', not shared'}": sized(
            "base", embedding_size=width, sharing=sharing
        )
        for sharing in ("none", "all")
        for width in (64, 128, 256, 768)
    },
    "Table 4": {
        f"base, E = {width}, shared {sharing}": sized("base", embedding_size=width, sharing=sharing)
        for width in (768, 128)
        for sharing in ("attention", "ffn")
    },
    "Table 11": {
        f"large, {layers} layers": sized("large", num_layers=layers) for layers in (3, 6, 12, 48)
    },
    "Table 12": {
        f"large, 3 layers, D = {hidden}": sized(
            "large", num_layers=3, hidden_size=hidden, num_heads=hidden // 64, ffn_size=4 * hidden
        )
        for hidden in (2048, 4096, 6144)
    },
    "Table 13": {"xxlarge, 24 layers": sized("xxlarge", num_layers=24)},
}
ABLATIONS_ON = "v3:8x8"
ROWS = ("tokens", "mlm_positions", "cls_positions")  # whose shapes are all there is to a batch
STEP = [field.name for field in dataclasses.fields(StepConfig)]
KEPT = {"section", "model", "topology", "commit"}  # of every row, beside a plan or an error
HEAD = (
    "model", "topology", "chips", "axes", "remat", "rows a device", "HBM GiB", "of which state",
    "TFLOP", "counted", "HBM GB", "sent GB", "MXU ms", "HBM ms", "ICI ms", "s/step", "days",
    "chip-hours",
)  # fmt: skip


def survey(job: Job, output: epath.Path):
    """Plans every model of the paper with the batch, optimizer and precision of `job`.

    Args:
      job: its model gives only the precision and the vocabulary.
      output: the table, Markdown; rows are kept beside it in lines of JSON, after their settings.

    Raises:
      UserError: the rows that were kept cannot be read, or are of other settings.
    """
    kept, settings = output.with_suffix(".jsonl"), _settings(job)
    work = list(_work(job.model))
    order = [(name, topology) for _, name, topology, _ in work]
    rows = [row for row in _finished(kept, settings) if (row["model"], row["topology"]) in order]
    known = {(row["model"], row["topology"]) for row in rows}
    todo = [one for one in work if (one[1], one[2]) not in known]
    for section, name, topology, config in tqdm(todo, unit="plan", smoothing=0):
        found = _plan(dataclasses.replace(job, model=config), topology)
        rows.append({"section": section, "model": name, "topology": topology, **found})
        rows.sort(key=lambda row: order.index((row["model"], row["topology"])))
        lines = [{"settings": settings}, *rows]
        replace(kept, "".join(json.dumps(line) + "\n" for line in lines))
        replace(output, table(rows, len(work), job))


def _settings(job: Job) -> dict[str, Any]:
    """All that goes into the programs but the architectures, which are the table's own."""
    settings = {
        "batch": {name: shape.shape for name, shape in job.batch.items() if name in ROWS},
        "model": {name: getattr(job.model, name) for name in ("dtype", "vocab_size")},
        "optimizer": dataclasses.asdict(job.optimizer),
        "schedule": dataclasses.asdict(job.schedule),
        "training": {name: getattr(job.training, name) for name in (*STEP, "stages")},
    }
    return json.loads(json.dumps(settings))  # lists for tuples, as it is read again


def _finished(kept: epath.Path, settings: dict[str, Any]) -> list[dict]:
    """The rows of earlier calls that have a plan; what has none may have one the next time."""
    said, *rows = _lines(kept) or [{"settings": settings}]
    if "settings" not in said:
        raise UserError(f"{kept} does not begin with its plans' settings; name another --output")
    if others := differences(said["settings"], settings):
        raise UserError(
            f"{kept} has plans with other settings ({'; '.join(others)}); "
            "use them, or name another --output"
        )
    return [row for row in rows if "plan" in row]


def _lines(kept: epath.Path) -> list[dict]:
    """What was kept: settings, then rows."""
    lines, text = [], kept.read_text() if kept.exists() else ""
    for number, line in enumerate(text.splitlines(), 1):
        try:
            lines.append(json.loads(line))
            if not lines[-1].keys() >= (KEPT if number > 1 else set()):
                raise ValueError("this is no row")
        except (ValueError, AttributeError) as error:
            raise UserError(f"{kept}, line {number} is damaged; mend or remove it") from error
    return lines


def _work(precision: AlbertConfig) -> Iterator[tuple[str, str, str, AlbertConfig]]:
    """(section, model, topology, config) of every row."""
    same: dict[str, Any] = {"dtype": precision.dtype, "vocab_size": precision.vocab_size}
    for topology in SLICES:
        for name, config in MODELS.items():
            yield "The paper's models", name, topology, dataclasses.replace(config, **same)
    for section, models in ABLATIONS.items():
        for name, config in models.items():
            yield section, name, ABLATIONS_ON, dataclasses.replace(config, **same)


def _plan(job: Job, topology: str) -> dict:
    """The plan, or why there is none; and the commit that made it."""
    source = {"commit": commit(Path(plans.__file__).parents[2])}
    try:
        return {**apart(_best, job, topology), **source}
    except BrokenProcessPool:
        return {"error": "the compiler crashed", **source}


def _best(job: Job, topology: str) -> dict:
    try:
        return {"plan": Search(job, topologies.parse(topology)).best().to_dict()}
    except (UserError, jax.errors.JaxRuntimeError) as error:
        return {"error": str(error).splitlines()[0]}


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)` in a process of its own: a compiler that crashes takes no other row with it.

    Raises:
      BrokenProcessPool: the process died; otherwise what the function raises.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _keep_nothing) as pool:
        return pool.submit(function, *arguments).result()


def _keep_nothing():
    """Programs that cannot run here do not go into the cache."""
    jax.config.update("jax_enable_compilation_cache", False)


def table(rows: list[dict], count: int, job: Job) -> str:
    """The Markdown of all rows that there are, of so many, by section."""
    text = [
        "# What the paper's runs need",
        "",
        f"Batch {job.rows}, rows of {job.length}, {job.model.dtype}, {job.training.steps:,} steps. "
        "Nothing ran: the real training step was compiled for each slice by libtpu. Bytes, operations "
        "and times are those of one device and one step; a v3 chip has two devices. `rows a device`: "
        "how many at once, and how often. `TFLOP` is what the model asks for, `counted` XLA's count "
        "with what is computed twice. The last three columns are the roofline: the least there is if "
        "matrix units (MXU), memory (HBM) and links (ICI) overlap fully and reach the maker's figures."
        + _before(job),
        "",
        f"{len(rows)} of {count} plans are there. "
        f"Commit {', '.join(dict.fromkeys(row['commit'] or 'unknown' for row in rows))}; command:",
        "",
        f"    {' '.join(['albert-jax', *sys.argv[1:]])}",
    ]
    for section in dict.fromkeys(row["section"] for row in rows):
        text += ["", f"## {section}", "", _line(HEAD), _line(["---"] * len(HEAD))]
        text += [_row(row, job.training) for row in rows if row["section"] == section]
    return "\n".join(text) + "\n"


def _before(job: Job) -> str:
    """What to say of stages before the last."""
    stages = zip(job.training.updates[:-1], job.stages[:-1], strict=True)
    before = (f"{count:,} steps with {job.rows} rows of {job.length}" for count, job in stages)
    words = " and ".join(before)
    return (
        f" Of the steps, the first are {words}: they fit too, and count in days." if words else ""
    )


def _row(row: dict, training: TrainingConfig) -> str:
    if "error" in row:
        return _line([row["model"], row["topology"], row["error"], *[""] * (len(HEAD) - 3)])
    plan = plans.from_dict(row["plan"])
    return _line([row["model"], row["topology"], *cells(plan, training)])


def cells(plan: Plan, training: TrainingConfig) -> list[str]:
    """A plan in a row of the table, after its name and topology."""
    times, (days, hours) = plan.roofline, plan.run_length(training)
    axes = [f"{axis} {n}" for axis in ("fsdp", "tensor") if (n := getattr(plan.mesh, axis)) > 1]
    return [
        str(plan.topology.chips),
        ", ".join(["data", *axes]),
        plan.remat,
        f"{plan.rows} x {plan.microbatches}",
        f"{plan.memory.total / GIB:.2f}",
        f"{plan.memory.arguments / GIB:.2f}",
        f"{plan.flops / 1e12:.2f}",
        f"{plan.counted / 1e12:.2f}",
        f"{plan.moved / 1e9:.1f}",
        f"{sum(plan.sent.values()) / 1e9:.2f}",
        *(f"{1e3 * seconds:.0f}" for seconds in times),
        f"{times.seconds:.3f}",
        f"{days:.2f}",
        f"{hours:,.0f}",
    ]


def _line(values) -> str:
    return f"| {' | '.join(values)} |"
