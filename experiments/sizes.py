"""What the paper's sizes have become at a scale: both, of every model of a table."""

from collections.abc import Iterable, Mapping
from typing import Any

from experiments.cell import Cell
from experiments.grid import Grid, Item
from experiments.scale import Model, Scale
from experiments.scales import SCALES

SIZES = {  # setting of a pretraining -> what a reader calls it
    "model.vocab_size": "V, pieces in the vocabulary",
    "model.embedding_size": "E, size of the embeddings",
    "model.hidden_size": "D, width of the layers",
    "model.num_layers": "layers",
    "data.length": "pieces in a row",
    "data.batch_size": "rows in an update",
    "training.steps": "updates",
}
STAGE = ("model.num_layers", "training.steps", "data.batch_size", "data.length")
EXAMPLE = "model.embedding_size"


def grid(scale: Scale, models: Iterable[Model]) -> Grid:
    """A row for each size: the values that these models have in the paper, and those at the scale."""
    models = list(models)
    sizes = {name: pairs(scale, models, name) for name in SIZES}
    rows = [
        [label, *(", ".join(f"{x:,}" for x in side) for side in zip(*sizes[name], strict=True))]
        for name, label in SIZES.items()
    ]
    stages = sorted({stage for model in models for stage in earlier(scale, model)})
    rows += [_row(*stage) for stage in stages]
    paper, here = sizes[EXAMPLE][0]
    return Grid(
        name="sizes",
        title=f"Sizes at the scale {scale.name}",
        about=(
            "The rows of tables that are run are named by the paper's sizes, and computed at smaller ones: "
            f"a row called E = {paper} has E = {here}."
        ),
        header=["size", "paper", "here"],
        rows=[[Item(word) for word in row] for row in rows],
        notes=[
            f"All settings: {scale.pretraining(models[0], 0, scale.default).config.partition(':')[0]}."
        ],
    )


def pairs(scale: Scale, models: Iterable[Model], name: str) -> list[tuple[int, int]]:
    """(in the paper, at the scale) of one setting, each pair once, the smallest first."""
    return sorted(
        {(paper_size(model, name), size(_settings(scale, model), name)) for model in models}
    )


def paper_size(model: Model, name: str) -> int:
    """The setting `section.name` of a model's pretraining in the paper."""
    return size(_settings(SCALES["paper"], model), name)


def size(settings: Mapping[str, Any], name: str) -> int:
    """The setting `section.name` of a whole config."""
    section, _, key = name.partition(".")
    return settings[section][key]


def earlier(scale: Scale, model: Model) -> Iterable[tuple[int, ...]]:
    """The sizes STAGE of the stages of pretraining whose parameters a model's last one begins with."""
    cell: Cell | None = scale.pretraining(model, 0, scale.default).init
    while cell is not None:
        yield tuple(size(cell.settings, name) for name in STAGE)
        cell = cell.init


def _row(layers: int, updates: int, rows: int, length: int) -> list[str]:
    whose, plural = (" of deeper models", "s") if layers > 1 else ("", "")
    words = f"{layers} layer{plural}, {updates:,} updates of {rows} rows of {length} pieces"
    return [f"an earlier stage{whose}", "–", words]


def _settings(scale: Scale, model: Model) -> Mapping[str, Any]:
    return scale.pretraining(model, 0, scale.default).settings
