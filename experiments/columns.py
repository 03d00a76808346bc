"""The columns of tables: a number of what was found for one model and seed, and of the paper's row.

What was found is {"planned": settings, "pretrain": result, MEASUREMENT: result, TASK: result}, as far as
there are results; the settings are always there. {"chain": {"results": [...]}} are those of the pretraining
and of all that its parameters came from, if none is missing.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from albert_jax.analysis import cost
from albert_jax.model.config import AlbertConfig
from experiments.results import Result

Found = Mapping[str, Result]
Said = Mapping[str, Any]
CLOCK = (  # of the columns speed and hours
    "processor time, so that other work of the machine does not count; of the clock for what a launcher ran"
)
METRICS = {"cola": "matthews", "stsb": "pearson"}  # what is shown of a task; of others, accuracy


class Column(NamedTuple):
    """A number of every row.

    Attributes:
      title: what stands over it.
      kind: how it is written and compared, one of experiments.grid.FORMS.
      value: of what was found; None if that does not have it.
      paper: of the paper's row; None if that does not have it.
      about: a sentence for the notes under a table.
      parts: what it is the mean of, if it is one.
    """

    title: str
    kind: str
    value: Callable[[Found], float | None]
    paper: Callable[[Said], float | None]
    about: str = ""
    parts: tuple["Column", ...] = ()


def mean_of(parts: Sequence[Column], title: str, kind: str = "share", about: str = "") -> Column:
    """The mean of some columns, where none of them is missing."""
    return Column(
        title,
        kind,
        lambda found: mean([part.value(found) for part in parts]),
        lambda row: mean([part.paper(row) for part in parts]),
        about,
        tuple(parts),
    )


def mean(values: Sequence[float | None]) -> float | None:
    """None where one is missing."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


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


def _hours(chain: Result) -> float:
    return sum(map(_seconds, chain["results"])) / 3600


def _task(name: str, title: str) -> Column:
    """The score of fine-tuning, on dev."""
    metric = METRICS.get(name, "accuracy")
    return Column(title, "share", _of(name, lambda result: result["scores"][metric]), _said(name))


def _squad(name: str, title: str, metrics: tuple[str, str], about: str) -> Column:
    """F1 and exact match; their mean is what is compared and goes into averages."""

    def part(number: int) -> Column:
        return Column(
            title,
            "share",
            _of(name, lambda result: result["scores"][metrics[number]]),
            lambda row: row[name][number] if name in row else None,
        )

    about = f"F1/exact match{about}; spread and differences are of their mean."
    return mean_of([part(0), part(1)], title, "pair", about)


def _on_test(result: Result) -> float | None:
    return result["test"]["accuracy"] if result["test"] else None


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
        f"Tokens of pretraining for a second of {CLOCK}.",
    ),
    "hours": Column(
        "hours",
        "hours",
        _of("chain", _hours),
        _said("hours"),
        f"Of pretraining, with that of the models it was grown from, in {CLOCK}.",
    ),
    "updates": Column(
        "updates",
        "number",
        _setting("training", "steps"),
        _said("updates"),
        "Of pretraining, its last stage.",
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
        "Accuracy on held-out pairs.",
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
    "squad1": _squad("squad1", "SQuAD 1.1", ("f1", "exact"), ""),
    "squad2": _squad(
        "squad2",
        "SQuAD 2.0",
        ("best_f1", "best_exact"),
        ", each at the threshold of no answer that is best for it on dev, as SQuAD's own script has it",
    ),
    "mnli": _task("mnli", "MNLI"),
    "sst2": _task("sst2", "SST-2"),
    "race": _task("race", "RACE"),
    "race_test": Column("RACE test", "share", _of("race", _on_test), _said("race_test")),
    "qnli": _task("qnli", "QNLI"),
    "qqp": _task("qqp", "QQP"),
    "rte": _task("rte", "RTE"),
    "mrpc": _task("mrpc", "MRPC"),
    "cola": _task("cola", "CoLA"),
    "stsb": _task("stsb", "STS-B"),
    "wnli": _task("wnli", "WNLI"),
}
