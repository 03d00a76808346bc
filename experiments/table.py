"""What a table or figure of the paper is: rows with the paper's numbers, columns, pictures."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from experiments.cell import Cell
from experiments.scale import Choice, Model, Scale

Scores = Mapping[str, Any]  # of the paper, by column; SQuAD as (F1, EM)
AVERAGED = ("squad1", "squad2", "mnli", "sst2", "race")  # what the paper's averages are of
TASKS = (*AVERAGED, "qnli", "qqp", "rte", "mrpc", "cola", "stsb", "wnli")
SCORED = {name: name for name in TASKS} | {"race_test": "race"}  # column -> task that it comes of


class Row(NamedTuple):
    """A model, and what the paper says of it.

    Attributes:
      model: None where the row is another group's system.
      task: what the row is about, in a table of tasks.
    """

    label: str
    model: Model | None
    paper: Scores
    task: str = ""


class Table(NamedTuple):
    """A table or figure of the paper.

    Attributes:
      name: "table3".
      about: what is compared and what the paper found, for a reader who has not read it.
      columns: names of experiments.columns.COLUMNS.
      reference: the row that the others are compared with, or one for each row; None compares none.
      measurements: of every pretrained model, beside its fine-tuning.
      is_run: whether anything must run for it; otherwise it follows from the settings alone.
      pictures: names of experiments.plots.PICTURES.
    """

    name: str
    title: str
    about: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    reference: int | tuple[int, ...] | None = 0
    measurements: tuple[str, ...] = ()
    is_run: bool = True
    pictures: tuple[str, ...] = ("curves",)

    @property
    def tasks(self) -> tuple[str, ...]:
        """What the models are fine-tuned on."""
        return tuple(SCORED[name] for name in self.scored)

    @property
    def scored(self) -> tuple[str, ...]:
        """The columns that come of fine-tuning."""
        return tuple(name for name in self.columns if name in SCORED)

    def reference_of(self, number: int) -> int | None:
        """The row that a row is compared with, maybe itself."""
        return self.reference[number] if isinstance(self.reference, tuple) else self.reference


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


def cells(table: Table, scale: Scale, choice: Choice) -> Iterator[Cell]:
    """All cells of a table whose results it shows, without those they need."""
    for row in table.rows:
        if row.model is not None and table.is_run:
            for seed in range(choice.seeds):
                yield from row_cells(table, row.model, scale, choice, seed).values()


def row_cells(
    table: Table, model: Model, scale: Scale, choice: Choice, seed: int
) -> dict[str, Cell]:
    """The cells of one model and seed by what they give: "pretrain", a measurement or a task."""
    pretrained = scale.pretraining(model, seed, choice)
    found = {"pretrain": pretrained}
    plain = pretrained.text and pretrained.text.text  # where the model has more, what others have
    for name in table.measurements:
        found[name] = Cell(command=name, config=pretrained.config, text=plain, init=pretrained)
    for task in table.tasks:
        if choice.tasks is None or task in choice.tasks:
            found[task] = scale.tuned(pretrained, task, seed, choice.data)
    return found
