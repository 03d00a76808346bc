"""A model that answers: what `evaluate`, `predict` and `explain` share, and the way in from Python.

predict = albert_jax.predictor(albert_jax.load(CHECKPOINT))
predict(["a gripping film", "two hours of my life"])
"""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from albert_jax.commands.labels import CLASSIFIERS, named, ordered, says_a_score, size
from albert_jax.errors import UserError
from albert_jax.interop.pretrained import Pretrained, check_several
from albert_jax.model.tasks import AlbertForTask
from albert_jax.tasks import squad
from albert_jax.tasks.classification import Classification
from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.multiple_choice import MultipleChoice
from albert_jax.tasks.similarity import Similarity
from albert_jax.tasks.stream import LENGTHS, Infer, outputs, predictions
from albert_jax.tasks.table import family
from albert_jax.tasks.task import Example, Output, Prediction, Task, check_types
from albert_jax.training.config import build
from albert_jax.training.inference import Forward, infer, make_forward
from albert_jax.training.sharding import make_mesh, replicated

HEADLESS = ("mlm", "sentence")  # parameters that no task reads
USUAL = {
    "sequence": "text",
    "token": "tagging",
    "span": "squad2",
    "beam": "squad2",
    "choice": "choice",
}
CUT = (Classification, MultipleChoice, Similarity)  # the others read a long text in windows

Input = str | tuple[str, ...] | Mapping[str, Any]


class Predictor:
    """A model, a task, and the programs that run them: `predictor(inputs)` -> a prediction of each.

    Attributes:
      model: its classes are in the order of the task.
      task: makes items of inputs, and predictions of what the model says.
      name: of the task.
      network: the model's module.
    """

    def __init__(self, model: Pretrained, task: Task, name: str, devices: Sequence[jax.Device]):
        """`devices` share every batch; see `predictor`."""
        self.model, self.task, self.name = model, task, name
        self.network = AlbertForTask(model.config, task.head.kind, task.head.size)
        self._mesh = make_mesh(list(devices))
        params = {name: p for name, p in model.params.items() if name not in HEADLESS}
        self._params = jax.device_put(params, replicated(self._mesh))
        self._forward = make_forward(self.network, self._mesh)
        self._layout = {"pad_id": model.vocabulary.pad_id, "devices": self._mesh.size}

    def __call__(self, inputs: Iterable[Input]) -> list[Prediction]:
        """Predictions as the task makes them, JSON.

        Args:
          inputs: texts, tuples of texts in the order of `task.columns`, or records that name them.

        Raises:
          UserError: an input has not the texts that the task reads.
        """
        check_several(inputs, "predict")
        records = [self.record(value, f"input {number}") for number, value in enumerate(inputs)]
        examples = [self.task.example(r, f"input {number}") for number, r in enumerate(records)]
        return [prediction for _, prediction in self.stream(examples)]

    def stream(self, examples: Iterable[Example]) -> Iterator[tuple[Example, Prediction]]:
        """Every example once, in order, with its prediction, in constant memory."""
        return predictions(self.task, examples, self._infer(self._forward), **self._layout)

    def outputs(self, items: Iterable[Item], method: Callable | None = None) -> Iterator[Output]:
        """What the model says of every item (tasks/task.py, `Output`), in order.

        `method`, (network, batch) -> vectors of packed parts [B, N, D], stands in for the head.
        """
        kind = "embedding" if method else self.task.head.kind
        forward = make_forward(self.network, self._mesh, method) if method else self._forward
        return outputs(items, kind, self._infer(forward), **self._layout)

    def record(self, value: Input, place: str) -> Mapping[str, Any]:
        """An input with the names of its texts; `place` is for errors."""
        if isinstance(value, Mapping):
            return value
        if not isinstance(value, Collection):
            raise UserError(
                f"{place} is {value!r}; it must be a text, a tuple of texts or a record"
            )
        texts, columns = (value,) if isinstance(value, str) else value, self.task.columns
        if len(texts) != len(columns):
            raise UserError(
                f"{place}: {len(texts)} texts, the task reads {len(columns)}: {', '.join(columns)}"
            )
        return dict(zip(columns, texts, strict=True))

    def compile(self) -> "Predictor":
        """Compiles for one row of each of the usual lengths, so that no text has to wait for it."""
        longest = self.model.config.max_positions
        for length in sorted({min(length, longest) for length in LENGTHS}):
            tokens = np.full(length, self.model.vocabulary.pad_id, np.int32)
            row = Item((Part(tokens, np.zeros_like(tokens)),))
            list(self.outputs([row]))
        return self

    def _infer(self, forward: Forward) -> Infer:
        return partial(infer, forward, self._params, mesh=self._mesh)


def predictor(
    model: Pretrained,
    task: str | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    labels: Sequence[str] = (),
    devices: Sequence[jax.Device] | None = None,
) -> Predictor:
    """A model ready to answer.

    Args:
      model: what `load` returns; it has the head that the task needs.
      task: its name (tasks/table.py); None: the one that the model was tuned for, or the usual one
        of its head.
      settings: of the section `task`, where they are not those of the tuning or the defaults.
      labels: what the model's classes are called, in their order, if it does not say or not as the
        task does.
      devices: that share every batch; None: the first one alone, which answers a single text fastest.

    Raises:
      UserError: model, task and labels do not go together.
    """
    model = named(model, labels)
    name = task or model.task.get("name") or _usual(model)
    opened = _open(model, name, settings or {})
    check_types(opened, name, model.config.num_types)
    wanted = opened.head.labels
    if opened.head.kind == "choice" and says_a_score(model):
        model = dataclasses.replace(model, head="choice")  # the same layer; TF1 does not say which
    if opened.head.kind not in ("embedding", model.head):
        raise _other_head(model, name, opened.head.kind)
    if opened.head.kind == "sequence" and opened.head.size != size(model):
        raise UserError(
            f"{name} needs {opened.head.size} outputs, the model has {size(model)}; name the task that "
            "it was tuned for"
        )
    if opened.head.kind in CLASSIFIERS and wanted != model.labels:
        model = ordered(model, name, wanted)
    return Predictor(model, opened, name, devices or jax.devices()[:1])


def _usual(model: Pretrained) -> str:
    """The task of a model that does not say which it was tuned for."""
    if model.head not in USUAL:
        raise UserError(
            f"the model has a head of pretraining ({model.head}) and none of a task; fine-tune it, or "
            "name a --task that needs none"
        )
    return "score" if says_a_score(model) else USUAL[model.head]


def _open(model: Pretrained, name: str, settings: Mapping[str, Any]) -> Task:
    """The task as the model was tuned for it, if it was, within the model's positions."""
    section, kind = family(name)
    fields = {field.name: field.default for field in dataclasses.fields(section)}
    tuned = model.task if model.task.get("name") == name else {}
    said = {**tuned, "name": name, **settings}
    values = fields | said
    if "head" in fields and model.head in squad.HEADS:
        values["head"] = model.head
    if "labels" in fields and not values["labels"] and name != "score":
        if model.head not in CLASSIFIERS:
            raise _other_head(model, name, "classes")
        values["labels"] = model.labels
    if "length" in fields:
        values |= _lengths(model, values, said, issubclass(kind, CUT))
    return kind(build(section, values, "task"), model.vocabulary)


def _lengths(
    model: Pretrained, values: Mapping[str, Any], said: Mapping[str, Any], cuts: bool
) -> dict[str, int]:
    """Lengths within the model's positions. A text that is cut has as many pieces as the model takes
    where nobody says how many, and what is a part of the length is no more than half of it."""
    longest = model.config.max_positions
    whole = cuts and "length" not in said
    length = model.task.get("length", longest) if whole else values["length"]
    if type(length) is not int:
        return {}  # the section refuses it
    length = min(length, longest)
    halves = {"question_length": length // 2, "overlap": (length - 2) // 2}
    unsaid = halves.keys() & values.keys() - said.keys()
    return {"length": length} | {name: min(values[name], halves[name]) for name in unsaid}


def _other_head(model: Pretrained, name: str, kind: str) -> UserError:
    return UserError(
        f"{name} needs a head of the kind {kind}, the model's is {model.head}; "
        f"fine-tune it: albert-jax finetune --config=configs/finetune.py:task={name}"
    )
