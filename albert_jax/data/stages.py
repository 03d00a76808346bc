"""Stages of a run: rows of another number and length for the first updates, as 128 positions before 512.

Every stage reads the text in an order of its own, from its beginning. The position in the data is
that of every stage begun so far, so a run stopped or rewound on either side of a boundary goes on
as if nothing had been.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from albert_jax.data.batch_config import BatchConfig
from albert_jax.data.batches import Batch, Batches
from albert_jax.data.documents import Documents
from albert_jax.data.segments import Symbols
from albert_jax.errors import UserError

Earlier = tuple[int, int, int, int, int]  # updates, rows, length, predictions, examples a row


class Stage(NamedTuple):
    """The rows of all updates up to `last` that no stage before it has."""

    name: str  # before its streams in a position; "" for the last stage
    last: float  # an update, counted from 1; infinity for the last stage
    rows: BatchConfig


def stages(config: BatchConfig, earlier: Sequence[Earlier]) -> list[Stage]:
    """All stages of a run, the last with the rows of `config`.

    Raises:
      UserError: a stage has no updates, or its rows are not possible.
    """
    found, last = [], 0
    for number, (steps, rows, length, predictions, examples) in enumerate(earlier):
        changes: dict[str, Any] = {"batch_size": rows, "length": length}
        changes |= {"predictions": predictions, "examples_per_row": examples}
        try:
            of_stage = dataclasses.replace(config, seed=config.seed + number + 1, **changes)
        except UserError as error:
            raise UserError(f"training.stages, number {number}: {error}") from error
        if steps < 1:
            raise UserError(f"training.stages, number {number}: {steps} updates; give it some")
        last += steps
        found.append(Stage(f"stage{number}/", last, of_stage))
    return [*found, Stage("", math.inf, config)]


class StagedBatches:
    """The batches of a run, whatever their stage; like `Batches`, whose arguments it takes."""

    def __init__(
        self,
        documents: Documents,
        config: BatchConfig,
        earlier: Sequence[Earlier],
        symbols: Symbols,
        process_index: int = 0,
        process_count: int = 1,
    ):
        self._stages = stages(config, earlier)
        self._positions: dict[str, dict[str, Any]] = {}  # of the stages that were left
        self._open = lambda rows: Batches(documents, rows, symbols, process_index, process_count)
        self._stage = self._stages[0]
        self._batches = self._open(self._stage.rows)

    def stage(self, step: int) -> Stage:
        """The stage of an update, counted from 1."""
        return next(stage for stage in self._stages if step <= stage.last)

    def take(self, step: int) -> Batch:
        """This process's rows of the next batch of the stage that update `step` belongs to."""
        if (stage := self.stage(step)) != self._stage:
            self._leave()
            self._stage, self._batches = stage, self._open(stage.rows)
            if stage.name in self._positions:
                self._batches.set_state(self._positions[stage.name])
        return next(self._batches)

    def state(self) -> dict[str, Any]:
        """Where every stage that was begun goes on: {stage and stream: position}; JSON-able."""
        positions = self._positions | {self._stage.name: self._batches.state()}
        return {
            f"{name}{stream}": position
            for name, streams in positions.items()
            for stream, position in streams.items()
        }

    def set_state(self, state: dict[str, Any]):
        """Continues from a `state`; it may hold the streams of other processes as well."""
        self._positions = {
            stage.name: _streams(state, stage.name)
            for stage in self._stages
            if _streams(state, stage.name)
        }
        if self._stage.name in self._positions:
            self._batches.set_state(self._positions[self._stage.name])

    def close(self):
        """Ends the worker processes."""
        self._batches.close()

    def _leave(self):
        self._positions[self._stage.name] = self._batches.state()
        self._batches.close()


def _streams(state: dict[str, Any], name: str) -> dict[str, Any]:
    """The positions of one stage by stream."""
    found = {key.removeprefix(name): value for key, value in state.items() if key.startswith(name)}
    return {stream: value for stream, value in found.items() if "/" not in stream}
