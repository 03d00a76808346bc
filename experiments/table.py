"""What a table of the paper is: rows of models with the paper's numbers, and columns."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from experiments.cell import Cell
from experiments.scales import Model, Scale

Scores = Mapping[str, float | tuple[float, float] | None]  # of the paper; SQuAD as (F1, EM)


class Row(NamedTuple):
    """A model, and what the paper says of it.

    `model` is None where the row is another group's system.
    """

    label: str
    model: Model | None
    paper: Scores


class Table(NamedTuple):
    """A table or figure of the paper."""

    name: str  # "table3"
    title: str
    about: str  # what is compared and what the paper found, for a reader who has not read it
    rows: tuple[Row, ...]
    columns: tuple[str, ...]  # names of experiments.columns.COLUMNS
    reference: int = 0  # the row that the others are compared with
    measurements: tuple[str, ...] = ()  # of every pretrained model, beside its fine-tuning
    downstream: bool = True


def scores(
    squad1: tuple[float, float],
    squad2: tuple[float, float],
    mnli: float,
    sst2: float,
    race: float,
    avg: float,
    **more: Any,
) -> dict[str, Any]:
    """A row of the paper's most frequent kind: F1 and EM, then accuracies, all of a dev set."""
    return dict(squad1=squad1, squad2=squad2, mnli=mnli, sst2=sst2, race=race, avg=avg) | more


def cells(
    table: Table, scale: Scale, text: str, seeds: int, tasks: tuple[str, ...]
) -> Iterator[Cell]:
    """All cells of a table whose results it shows, without those they need."""
    for row in table.rows:
        if row.model is not None:
            for seed in range(seeds):
                yield from row_cells(table, row.model, scale, text, seed, tasks).values()


def row_cells(
    table: Table, model: Model, scale: Scale, text: str, seed: int, tasks: tuple[str, ...]
) -> dict[str, Cell]:
    """The cells of one model and seed by what they give: "pretrain", a measurement or a task."""
    pretrained = scale.pretraining(model, seed, text)
    found = {"pretrain": pretrained}
    for name in table.measurements:
        found[name] = Cell(command=name, config=pretrained.config, init=pretrained)
    return found
