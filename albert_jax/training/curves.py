"""A picture of a run, or of stages that continue each other: losses, accuracies, rate, speed."""

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from etils import epath

from albert_jax.errors import UserError
from albert_jax.training.tracking import read

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINING, HELD_OUT, GUESS, TEXT = "#7A9CC6", "#C8553D", "#8A8A8A", "#333333"
SMOOTHING = 1 / 25  # a smoothed value is the mean of this share of the longest stage's readings


class Panel(NamedTuple):
    """One small picture: which numbers, in which unit."""

    title: str
    unit: str
    training: str
    held_out: str | None = None
    baseline: str | None = None
    guess: str = ""  # what the baseline does


PANELS = (
    Panel("Masked-LM loss", "nats", "mlm_loss", "mlm_loss"),
    Panel(
        "Masked-LM accuracy", "%", "mlm_accuracy", "mlm_accuracy", "mlm_baseline",
        "always the commonest piece",
    ),
    Panel(
        "Sentence accuracy", "%", "sentence_accuracy", "sentence_accuracy", "sentence_baseline",
        "always the commoner label",
    ),
    Panel("Learning rate", "", "learning_rate"),
    Panel("Gradient norm, before clipping", "", "grad_norm"),
    Panel("Throughput", "tokens/s", "tokens_per_second"),
)  # fmt: skip


class Stage(NamedTuple):
    """The numbers of one workdir; x is tokens, or updates, counted from the first stage's begin."""

    name: str
    begin: float
    end: float
    training: list[dict]  # each with its "x"
    held_out: list[dict]


def plot(*workdirs: epath.PathLike) -> epath.Path:
    """Draws metrics.jsonl of a workdir, or of several in a row, to curves.png in the last of them.

    Raises:
      UserError: a workdir has no numbers yet.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    runs = [(epath.Path(workdir), read(workdir)) for workdir in workdirs]
    x_name = "tokens" if all("tokens" in line for line in _training(runs)) else "step"
    stages = _stages(runs, x_name)
    panels = [panel for panel in PANELS if any(_has(stage, panel) for stage in stages)]
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)
    figure = Figure(figsize=(12, 6.4), layout=layout, facecolor="white")
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(2, 3, number + 1)
        _draw(axes, panel, stages)
        axes.set_xlabel("tokens seen" if x_name == "tokens" else "updates", color=TEXT)
    _legend(figure, stages)
    return _save(figure, runs[-1][0] / "curves.png")


def _training(runs: Iterable[tuple[epath.Path, list[dict]]]) -> list[dict]:
    """All training lines; raises UserError for a run that has none."""
    found = []
    for workdir, lines in runs:
        own = [line for line in lines if line["kind"] == "train"]
        if not own:
            raise UserError(f"{workdir} has no training numbers yet; let it run a while")
        found += own
    return found


def _stages(runs: Sequence[tuple[epath.Path, list[dict]]], x_name: str) -> list[Stage]:
    """Lays the runs end to end. Held-out lines carry only a step: they stand where training was."""
    stages, begin = [], 0.0
    for workdir, lines in runs:
        training = [line | {"x": begin + line[x_name]} for line in lines if line["kind"] == "train"]
        steps, xs = ([line[k] for line in training] for k in ("step", "x"))
        held_out = [
            line | {"x": float(np.interp(line["step"], [0, *steps], [begin, *xs]))}
            for line in lines
            if line["kind"] == "held_out"
        ]
        stages.append(Stage(workdir.name, begin, xs[-1], training, held_out))
        begin = xs[-1]
    return stages


def _has(stage: Stage, panel: Panel) -> bool:
    return bool(_points(stage.training, panel.training)[0].size)


def _points(lines: list[dict], name: str | None) -> tuple[np.ndarray, np.ndarray]:
    """x and values of the lines that have this number."""
    pairs = [(line["x"], line[name]) for line in lines if name in line]
    x, y = np.array(pairs, np.float64).reshape(-1, 2).T
    return x, y


def _window(stages: Iterable[Stage]) -> int:
    """How many readings a smoothed value is the mean of, odd; one measure for the whole picture."""
    return 2 * round(SMOOTHING * max(len(stage.training) for stage in stages) / 2) + 1


def _smooth(y: np.ndarray, window: int) -> np.ndarray:
    """Centred moving mean; at the ends, of the values there are."""
    inside = slice(window // 2, window // 2 + y.size)
    total, count = (np.convolve(v, np.ones(window))[inside] for v in (y, np.ones_like(y)))
    return total / count


def _draw(axes: "Axes", panel: Panel, stages: Sequence[Stage]):
    scale = 100 if panel.unit == "%" else 1
    for stage in stages:
        if not _has(stage, panel):  # one may have no sentence loss
            continue
        x, y = _points(stage.training, panel.training)
        if panel.training == "learning_rate":  # nothing in it is noise
            axes.plot(x, y, color=TRAINING, lw=1.8)
            continue
        axes.plot(x, scale * y, color=TRAINING, lw=0.6, alpha=0.35)
        axes.plot(x, scale * _smooth(y, _window(stages)), color=TRAINING, lw=1.8)
        x, y = _points(stage.held_out, panel.held_out)
        axes.plot(x, scale * y, color=HELD_OUT, lw=1.4, marker="o", ms=3.5)
    _draw_baseline(axes, panel, stages, scale)
    for stage in stages[1:]:
        axes.axvline(stage.begin, color=TEXT, lw=0.8, ls=(0, (1, 2)))
    _dress(axes, panel, stages)


def _draw_baseline(axes: "Axes", panel: Panel, stages: Sequence[Stage], scale: float):
    """What guessing reaches, as a dashed line with its words under it."""
    from matplotlib.patheffects import withStroke

    values = np.concatenate([_points(s.held_out, panel.baseline)[1] for s in stages])
    if values.size:
        level = scale * values[-1]
        axes.axhline(level, color=GUESS, lw=1.2, ls=(0, (5, 3)))
        low, high = axes.get_ylim()
        axes.set_ylim(bottom=min(low, level - 0.1 * (high - low)))  # room for the words
        axes.annotate(
            f"{panel.guess}, {level:.1f} %", (1, level), (-2, -3), color=GUESS, fontsize=8,
            xycoords=("axes fraction", "data"), textcoords="offset points", ha="right", va="top",
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )  # fmt: skip


def _dress(axes: "Axes", panel: Panel, stages: Sequence[Stage]):
    """Titles, units and limits; as little ink as will do."""
    from matplotlib.ticker import EngFormatter

    title = f"{panel.title} ({panel.unit})" if panel.unit else panel.title
    axes.set_title(title, loc="left", fontsize=11, color=TEXT, pad=8)
    axes.set_xlim(0, 1.015 * stages[-1].end)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    if panel.training in ("learning_rate", "grad_norm", "tokens_per_second"):
        axes.set_ylim(bottom=0)
    if panel.unit == "tokens/s":
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    axes.grid(axis="y", color="#E6E6E6", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#BBBBBB")
    axes.tick_params(colors=TEXT, labelsize=9, length=3, color="#BBBBBB")


def _legend(figure: "Figure", stages: Sequence[Stage]):
    """The names of the stages, and one legend for all panels."""
    from matplotlib.lines import Line2D

    window = _window(stages)
    training = "training" if window == 1 else f"training, mean of {window} readings (thin: each)"
    lines = [Line2D([], [], color=TRAINING, lw=1.8, label=training)]
    if any(stage.held_out for stage in stages):
        lines.append(Line2D([], [], color=HELD_OUT, lw=1.4, marker="o", ms=3.5, label="held out"))
    figure.legend(handles=lines, loc="outside upper right", ncols=2, frameon=False, fontsize=10)
    names = ", then ".join(stage.name for stage in stages)
    figure.suptitle(names, x=0.01, ha="left", fontsize=13, color=TEXT, weight="bold")


def _save(figure: "Figure", path: epath.Path) -> epath.Path:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    path.write_bytes(buffer.getvalue())
    return path
