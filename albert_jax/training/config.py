"""Frozen dataclasses from a ConfigDict: every key is known, typed and read, or it is an error.

A dataclass stands beside the code that reads it; this file has the one way to build them and the section
that the loops themselves read.
"""

import dataclasses
import difflib
import itertools
from collections.abc import Mapping
from typing import Any, TypeVar, cast, get_args, get_origin

from albert_jax.errors import UserError

Section = TypeVar("Section")


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepConfig:
    """What one update reads of the section `training`, in pretraining and in fine-tuning."""

    seed: int = 0  # of parameters and dropout; the data of pretraining has its own
    microbatches: int = 1  # a batch is worked through in this many parts, with the same result
    clip_microbatches: bool = (
        False  # clip each part's gradient and add up, as the original does per core
    )
    average_decay: float = 0.0  # of the moving average of parameters; 0 keeps none

    def __post_init__(self):
        require(self.microbatches >= 1, self, "microbatches", "at least 1")
        require(0 <= self.average_decay < 1, self, "average_decay", "in [0, 1)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig(StepConfig):
    """The section `training` of pretraining: how long, how often to look, what to do in trouble."""

    steps: int = 125_000  # updates
    # First stages, whose rows are not those of `data` (data/stages.py): each is
    # (updates, rows, length, predictions, examples a row).
    stages: tuple[tuple[int, int, int, int, int], ...] = ()
    embeddings: str = "random"  # or "counted": those of tokens, in the text (data/cooccurrence.py)
    embedding_deviation: float = 1.0  # initial, also of their projection: this times all others'
    log_every: int = 10  # updates
    evaluate_every: int = 1000  # updates
    evaluation_batches: int = 20  # held-out batches at the most
    on_failure: str = "stop"  # or "rewind": back to the last checkpoint, past the data that did it
    spike: float = 0.0  # a loss this many times the recent median is a failure; 0: only a NaN is

    @property
    def updates(self) -> list[int]:
        """How many there are of each stage, the last included; `steps` in all."""
        begun = itertools.accumulate((first for first, *_ in self.stages), initial=0)
        ends = [min(update, self.steps) for update in begun] + [self.steps]
        return [end - begin for begin, end in itertools.pairwise(ends)]

    def __post_init__(self):
        super().__post_init__()
        for name in ("steps", "log_every", "evaluate_every", "evaluation_batches"):
            require(getattr(self, name) >= 1, self, name, "at least 1")
        require(self.embeddings in ("random", "counted"), self, "embeddings", "random or counted")
        require(self.embedding_deviation > 0, self, "embedding_deviation", "positive")
        require(self.on_failure in ("stop", "rewind"), self, "on_failure", "stop or rewind")
        require(self.spike == 0 or self.spike > 1, self, "spike", "0 or more than 1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TuningConfig(StepConfig):
    """The section `training` of fine-tuning; its seed is also that of the order of the examples."""

    batch_size: int = 32  # items an update: texts, questions, windows
    steps: int = 0  # updates; 0: as many as `epochs` take
    epochs: float = 3.0
    layer_decay: float = 1.0  # the rate of a layer is this times that of the layer above it
    log_every: int = 10  # updates
    evaluate_every: int = 0  # updates; 0: ten times in the run
    patience: int = 0  # evaluations without a better score before the run ends; 0: it never does

    def __post_init__(self):
        super().__post_init__()
        for name, least in (("batch_size", 1), ("steps", 0), ("log_every", 1), ("patience", 0)):
            require(getattr(self, name) >= least, self, name, f"at least {least}")
        require(self.evaluate_every >= 0, self, "evaluate_every", "at least 0")
        require(self.steps > 0 or self.epochs > 0, self, "epochs", "positive, or training.steps")
        require(0 < self.layer_decay <= 1, self, "layer_decay", "above 0 and at most 1")


def require(holds: bool, config: StepConfig, name: str, remedy: str):
    """Raises UserError, naming a field of the section `training`, unless `holds`."""
    if not holds:
        raise UserError(f"training.{name} is {getattr(config, name)!r}; it must be {remedy}")


def build(section: type[Section], values: Mapping[str, Any], path: str = "config") -> Section:
    """The dataclass `section` from a mapping, nested dataclasses included.

    Raises:
      UserError: a key is unknown, missing or of the wrong type; the line names it.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{path} is {values!r}; it must be a section, of keys and values")
    fields = {field.name: field for field in dataclasses.fields(cast(Any, section))}
    for key in values:
        if key not in fields:
            close = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(fields)}"
            raise UserError(f"{path}.{key} is not a setting; {hint}")
    if missing := fields.keys() - values.keys():
        raise UserError(f"{path}.{min(missing)} is missing from the config file")
    return section(
        **{key: _value(fields[key].type, values[key], f"{path}.{key}") for key in fields}
    )


def _value(kind: Any, value: Any, path: str) -> Any:
    """`value` as the type a field asks for: a nested dataclass, a tuple of types, or a plain type."""
    if kind is Any:  # built already
        return value
    if dataclasses.is_dataclass(kind):
        return build(cast(type, kind), value, path)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), value, path)
    if type(value) is not kind:
        raise UserError(f"{path} is {value!r}; it must be of type {kind.__name__}")
    return value


def _tuple(kinds: tuple, value: Any, path: str) -> tuple:
    """A list or tuple as a tuple of `kinds`; (X, ...) is any number of X."""
    if not isinstance(value, list | tuple):
        raise UserError(f"{path} is {value!r}; it must be a tuple")
    if kinds[-1] is Ellipsis:
        if kinds[0] is str and len(value) == 1 and type(value[0]) is str:  # as a flag has it: a,b
            value = value[0].split(",")
        kinds = kinds[:1] * len(value)
    if len(value) != len(kinds):
        raise UserError(f"{path} is {value!r}; it must have {len(kinds)} items")
    items = zip(kinds, value, strict=True)
    return tuple(_value(kind, item, f"{path}[{i}]") for i, (kind, item) in enumerate(items))
