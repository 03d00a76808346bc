"""Pictures of a table's results, as SVG: curves of pretraining, sizes, what layers move."""

import io
import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from experiments.comparison import Comparison, Line
from experiments.sizes import paper_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#C8553D", "#3D6FA8", "#4F9D69", "#8A5A9E", "#D19A2A", "#5B5B5B", "#2A9D9D", "#B0477A")
TEXT = "#333333"
SHARED = {"all": "all shared", "none": "nothing shared"}


class Picture(NamedTuple):
    """A drawing and what to read next to it."""

    svg: str
    caption: str


def curves(comparison: Comparison) -> Picture | None:
    """Loss and accuracy of masked words in the last stage: a line a row, the median of its seeds."""
    lines = [line for line in comparison.lines if len(_curve(line, "mlm_loss")) > 1]
    if not lines:
        return None
    tokens = "tokens of the last stage, millions"
    figure, (left, right) = _figure(
        (tokens, "masked LM, loss in nats"), (tokens, "masked LM, % of held-out")
    )
    for axes, name, unit in ((left, "mlm_loss", 1), (right, "mlm_accuracy", 100)):
        for line, colour in zip(lines, _colours(len(lines)), strict=True):
            x, y = zip(*_curve(line, name), strict=True)
            scaled = [unit * value for value in y]
            axes.plot(x, scaled, color=colour, lw=1.6, marker="o", ms=3, label=line.row.label)
    for guess in sorted({point for line in lines for _, point in _curve(line, "mlm_baseline")}):
        right.axhline(100 * guess, color=TEXT, lw=1, ls="--")
    return _picture(
        figure,
        left,
        "Masked words of held-out text, last stage of pretraining. Dashed: what guessing scores, always "
        "the commonest piece.",
    )


def _curve(line: Line, name: str) -> list[tuple[float, float]]:
    """(millions of tokens, median of a held-out number) at every evaluation that all seeds have made."""
    curves = [run.found["pretrain"]["curve"] for run in line.pretrained]
    return [
        (points[0]["tokens"] / 1e6, statistics.median(point[name] for point in points))
        for points in zip(*curves, strict=False)
    ]


def sizes(comparison: Comparison, key: str, name: str) -> Picture | None:
    """Accuracy of masked words against a size of the paper's model, a line for each way of sharing."""
    groups: dict[str, list[tuple[int, Sequence[float]]]] = {}
    ticks = {}
    for line in comparison.lines:
        if line.pretrained and line.row.model:
            model = line.runs[0].found["planned"]["model"]
            group = groups.setdefault(SHARED.get(model["sharing"], model["sharing"]), [])
            paper = paper_size(line.row.model, f"model.{key}")
            group.append((paper, line.entries["mlm"].values))
            ticks[paper] = _tick(paper, model[key])
    if not groups:
        return None
    figure, (axes,) = _figure((f"{name} in the paper", "masked LM, % of held-out"))
    for (label, points), colour in zip(groups.items(), _colours(len(groups)), strict=True):
        points.sort()
        medians = [statistics.median(values) for _, values in points]
        axes.plot([x for x, _ in points], medians, color=colour, lw=1.6, marker="o", label=label)
        for x, values in points:
            axes.plot([x] * len(values), values, ".", color=colour, alpha=0.5)
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(ticks), labels=list(ticks.values()))
    return _picture(figure, axes, "Accuracy of masked words on held-out text; a dot a seed.")


def _tick(paper: int, here: int) -> str:
    return f"{paper:,}" if paper == here else f"{paper:,}\n({here:,} here)"


def layers(comparison: Comparison) -> Picture | None:
    """Distance and angle between the input and the output of every layer (the paper's figure 1)."""
    measured = [
        (line.row.label, run.found["layers"])
        for line in comparison.lines
        for run in line.runs
        if "layers" in run.found
    ]
    if not measured:
        return None
    figure, (axes, right) = _figure(
        ("layer", "L2 distance, divided by sqrt(D)"), ("layer", "angle, degrees")
    )
    labels = dict.fromkeys(label for label, _ in measured)
    colours = dict(zip(labels, _colours(len(labels)), strict=True))
    for label, found in measured:
        number = range(1, len(found["l2"]) + 1)
        scale = found["hidden_size"] ** 0.5
        new = label not in axes.get_legend_handles_labels()[1]
        style: dict[str, Any] = dict(color=colours[label], lw=1.6, marker="o", ms=3)
        axes.plot(number, [x / scale for x in found["l2"]], label=label if new else None, **style)
        right.plot(number, found["degrees"], **style)
    return _picture(
        figure, axes, "Between the input and the output of every layer, held-out tokens."
    )


def _figure(*panels: tuple[str, str]) -> "tuple[Figure, list[Axes]]":
    """A figure with panels beside each other, each of an x and a y label."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * len(panels) + 2.2, 3.6), layout="constrained")
    axes = [figure.add_subplot(1, len(panels), i + 1) for i in range(len(panels))]
    for one, (x, y) in zip(axes, panels, strict=True):
        one.set_xlabel(x, color=TEXT)
        one.set_ylabel(y, color=TEXT)
        one.grid(alpha=0.25, lw=0.6)
        one.tick_params(colors=TEXT, labelsize=9)
        for side in ("top", "right"):
            one.spines[side].set_visible(False)
    return figure, axes


def _colours(count: int) -> Iterable[str]:
    return (COLOURS[i % len(COLOURS)] for i in range(count))


def _picture(figure: "Figure", axes: "Axes", caption: str) -> Picture:
    """The SVG of a figure, the same every time; the legend stands to the right of it."""
    from matplotlib import rc_context

    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=8.5)
    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": "albert", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return Picture(buffer.getvalue(), caption)


PICTURES: dict[str, Callable[[Comparison], Picture | None]] = {
    "curves": curves,
    "layers": layers,
    "embeddings": partial(sizes, key="embedding_size", name="E, size of the embeddings"),
    "depth": partial(sizes, key="num_layers", name="layers"),
    "width": partial(sizes, key="hidden_size", name="D, width"),
}
