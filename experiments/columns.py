"""The columns of tables: what is read from the results of one model and seed, and from the paper's row."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from albert_jax.analysis import cost
from albert_jax.model.config import AlbertConfig
from experiments.results import Result

Found = Mapping[str, Result]  # of one model and seed: "pretrain", measurements, tasks
TASKS = ("squad1", "squad2", "mnli", "sst2", "race")  # of the paper's averages


class Column(NamedTuple):
    """A number of every row.

    Attributes:
      title: what stands over it.
      kind: "share" in per cent, compared by differences; "count"; "ratio" to the reference row; "hours".
      value: of what was found for one model and seed; None if that does not have it.
      paper: of the paper's row; None if the paper does not have it.
      about: a sentence for the notes under a table.
    """

    title: str
    kind: str
    value: Callable[[Found], float | None]
    paper: Callable[[Mapping[str, Any]], float | None]
    about: str = ""


def _parameters(found: Found) -> float | None:
    model = AlbertConfig(**found["pretrain"]["settings"]["model"])
    return float(sum(cost.parameters(model)[part] for part in cost.ENCODER))


def _held_out(name: str) -> Callable[[Found], float | None]:
    def value(found: Found) -> float | None:
        score = found["pretrain"]["scores"].get(name)
        return None if score is None else 100 * score

    return value


def _measured(name: str) -> Callable[[Found], float | None]:
    return lambda found: 100 * found["objectives"][name] if "objectives" in found else None


def _task(name: str) -> Callable[[Found], float | None]:
    return lambda found: found[name]["score"] if name in found else None


def _rate(found: Found) -> float | None:
    return found["pretrain"]["tokens"] / found["pretrain"]["seconds"]["cpu"]


def _hours(found: Found) -> float | None:
    return found["pretrain"]["seconds"]["cpu"] / 3600


def _nothing(row: Mapping[str, Any]) -> None:
    """The paper does not say."""


def _said(name: str) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda row: row.get(name)


def _said_size(row: Mapping[str, Any]) -> float | None:
    return float(row["params"].rstrip("M")) * 1e6 if "params" in row else None


def _said_squad(name: str) -> Callable[[Mapping[str, Any]], float | None]:
    """The mean of F1 and exact match, as it goes into the paper's averages."""
    return lambda row: sum(row[name]) / 2 if row.get(name) else None


def _of_task(name: str, title: str) -> Column:
    said = _said_squad(name) if name.startswith("squad") else _said(name)
    return Column(title, "share", _task(name), said)


COLUMNS = {
    "params": Column(
        "parameters", "count", _parameters, _said_size, "Parameters without the pretraining heads."
    ),
    "speed": Column(
        "speed",
        "ratio",
        _rate,
        _said("speed"),
        "Tokens of pretraining for a second of processor time, which the machine's other work leaves alone.",
    ),
    "hours": Column("hours", "hours", _hours, _said("hours"), "Processor time of pretraining."),
    "mlm": Column(
        "masked LM", "share", _held_out("mlm_accuracy"), _nothing, "Accuracy on held-out text."
    ),
    "sentence": Column(
        "sentence order",
        "share",
        _held_out("sentence_accuracy"),
        _nothing,
        "Accuracy on held-out text.",
    ),
    "on_mlm": Column("masked LM", "share", _measured("mlm"), _said("mlm")),
    "on_nsp": Column("next sentence", "share", _measured("nsp"), _said("on_nsp")),
    "on_sop": Column("sentence order", "share", _measured("sop"), _said("on_sop")),
    "squad1": _of_task("squad1", "SQuAD 1.1, mean of F1 and EM"),
    "squad2": _of_task("squad2", "SQuAD 2.0, mean of F1 and EM"),
    "mnli": _of_task("mnli", "MNLI"),
    "sst2": _of_task("sst2", "SST-2"),
    "race": _of_task("race", "RACE"),
}
