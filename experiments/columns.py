"""The columns of tables: a number of what was found for one model and seed, and of the paper's row.

What was found is {"planned": settings, "pretrain": result, MEASUREMENT: result, TASK: result}, as far as
there are results; the settings are always there.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from albert_jax.analysis import cost
from albert_jax.model.config import AlbertConfig
from experiments.results import Result

Found = Mapping[str, Result]
Said = Mapping[str, Any]
METRICS = {  # what is shown of a task; of several metrics, the mean
    "squad1": ("f1", "exact"),
    "squad2": ("f1", "exact"),
    "cola": ("matthews",),
    "stsb": ("pearson",),
}


class Column(NamedTuple):
    """A number of every row.

    Attributes:
      title: what stands over it.
      kind: how it is written and compared, one of experiments.grid.FORMS.
      value: of what was found; None if that does not have it.
      paper: of the paper's row; None if that does not have it.
      about: a sentence for the notes under a table.
    """

    title: str
    kind: str
    value: Callable[[Found], float | None]
    paper: Callable[[Said], float | None]
    about: str = ""


def _said(name: str) -> Callable[[Said], float | None]:
    return lambda row: row.get(name)


def _nothing(row: Said) -> None:
    """The paper does not say."""


def _setting(section: str, name: str) -> Callable[[Found], float | None]:
    return lambda found: found["planned"][section][name]


def _parameters(found: Found) -> float:
    """Without the pretraining heads, as the paper counts."""
    return _count(AlbertConfig(**found["planned"]["model"]))


@functools.cache
def _count(model: AlbertConfig) -> float:
    counts = cost.parameters(model)
    return float(sum(counts[part] for part in cost.ENCODER))


def _said_parameters(row: Said) -> float | None:
    """The paper prints 12M."""
    return float(row["params"].rstrip("M")) * 1e6 if "params" in row else None


def _of(part: str, value: Callable[[Result], float | None]) -> Callable[[Found], float | None]:
    return lambda found: value(found[part]) if part in found else None


def _score(name: str) -> Callable[[Result], float | None]:
    """An accuracy of pretraining, in per cent."""
    return lambda result: 100 * result["scores"][name] if name in result["scores"] else None


def _seconds(result: Result) -> float:
    """Of processors, where the runner has seen them; the clock of training elsewhere."""
    return result["seconds"]["cpu"] or result["training_seconds"]


def _rate(result: Result) -> float:
    return result["tokens"] / _seconds(result)


def _hours(result: Result) -> float:
    return _seconds(result) / 3600


def _task(name: str, title: str) -> Column:
    """The score of fine-tuning; SQuAD's is the mean of F1 and EM, as it goes into averages."""
    metrics = METRICS.get(name, ("accuracy",))

    def value(result: Result) -> float:
        return sum(result["scores"][metric] for metric in metrics) / len(metrics)

    def paper(row: Said) -> float | None:
        said = row.get(name)
        return sum(said) / len(said) if isinstance(said, tuple) else said

    about = "The mean of F1 and exact match." if name.startswith("squad") else ""
    return Column(title, "share", _of(name, value), paper, about)


COLUMNS = {
    "layers": Column("layers", "number", _setting("model", "num_layers"), _said("layers")),
    "hidden": Column("D", "number", _setting("model", "hidden_size"), _said("hidden")),
    "emb": Column("E", "number", _setting("model", "embedding_size"), _said("emb")),
    "params": Column(
        "parameters", "count", _parameters, _said_parameters, "Without the pretraining heads."
    ),
    "exact": Column("exactly", "number", _parameters, _nothing),
    "speed": Column(
        "speed",
        "ratio",
        _of("pretrain", _rate),
        _said("speed"),
        "Tokens of pretraining for a second of processor time; other work of the machine does not count.",
    ),
    "hours": Column(
        "hours", "hours", _of("pretrain", _hours), _said("hours"), "Processor time of pretraining."
    ),
    "mlm": Column(
        "masked LM",
        "share",
        _of("pretrain", _score("mlm_accuracy")),
        _nothing,
        "Accuracy of masked words on held-out text.",
    ),
    "sentence": Column(
        "sentence order",
        "share",
        _of("pretrain", _score("sentence_accuracy")),
        _nothing,
        "Accuracy on held-out pairs; 50 is chance.",
    ),
    "on_mlm": Column("masked LM", "share", _of("objectives", _score("mlm")), _said("mlm")),
    "on_nsp": Column("next sentence", "share", _of("objectives", _score("nsp")), _said("on_nsp")),
    "on_sop": Column("sentence order", "share", _of("objectives", _score("sop")), _said("on_sop")),
    "l2": Column(
        "L2 distance, last layer", "decimal", _of("layers", lambda r: r["l2"][-1]), _nothing
    ),
    "degrees": Column(
        "angle, last layer", "decimal", _of("layers", lambda r: r["degrees"][-1]), _nothing
    ),
    "rate": Column("learning rate", "rate", _setting("schedule", "learning_rate"), _said("rate")),
    "batch": Column("batch", "number", _setting("training", "batch_size"), _said("batch")),
    "dropout": Column("dropout", "decimal", _setting("model", "hidden_dropout"), _said("dropout")),
    "classifier": Column(
        "classifier's dropout",
        "decimal",
        _setting("model", "classifier_dropout"),
        _said("classifier"),
    ),
    "steps": Column("updates", "number", _setting("training", "steps"), _said("steps")),
    "warmup": Column("warm-up", "number", _setting("schedule", "warmup_steps"), _said("warmup")),
    "length": Column("length", "number", _setting("task", "length"), _said("length")),
    "squad1": _task("squad1", "SQuAD 1.1"),
    "squad2": _task("squad2", "SQuAD 2.0"),
    "mnli": _task("mnli", "MNLI"),
    "sst2": _task("sst2", "SST-2"),
    "race": _task("race", "RACE"),
    "qnli": _task("qnli", "QNLI"),
    "qqp": _task("qqp", "QQP"),
    "rte": _task("rte", "RTE"),
    "mrpc": _task("mrpc", "MRPC"),
    "cola": _task("cola", "CoLA"),
    "stsb": _task("stsb", "STS-B"),
    "wnli": _task("wnli", "WNLI"),
}
