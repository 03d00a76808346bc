"""What an explanation is of: one answer of a model as a score that can be differentiated.

Of a class it is how far its logit is ahead of the runner-up's, of a score or an option the score, of a span
its log-probability, of no answer that of [CLS], or the model's own logit for it.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from albert_jax.model.albert import Batch
from albert_jax.training.state import Params

KINDS = ("sequence", "choice", "span", "beam")
LONGEST = 30  # pieces of a span
SPAN = "log-probability of the answer's start and end"

Rows = Callable[
    [jax.Array, Batch], jax.Array
]  # (inputs of the first block [P, L, D], P rows) -> [P]


class Target(NamedTuple):
    """An answer, and where the model reads what it says it of.

    Attributes:
      item, part: which of an example's.
      what: the score in words.
      score: of rows that all hold that part alone.
      span: first and last position of the answer in the part, if it is one.
    """

    item: int
    part: int
    what: str
    score: Rows
    span: tuple[int, int] | None = None


def target(
    network: nn.Module,
    params: Params,
    outputs: Sequence[Any],
    token_types: Sequence[np.ndarray],
    labels: Sequence[str] = (),
    is_answered: bool = True,
) -> Target:
    """The model's own answer.

    Args:
      network: an AlbertForTask whose kind is in KINDS.
      params: its parameters.
      outputs: what it said of the items of an example, by item.
      token_types: of their (first) parts, [l] each; a span is in what has type 1.
      labels: names of the classes.
      is_answered: whether the answer to a question is a span, and not that there is none.
    """
    run = _Runner(network, {"params": params})
    if network.kind in ("sequence", "choice"):
        return _of_classes(run, outputs[0], labels)
    if not is_answered:
        return _of_nothing(run, outputs)
    return (_of_span if network.kind == "span" else _of_beam)(run, outputs, token_types)


class _Runner(NamedTuple):
    """The network with its parameters, run from the inputs of the first block."""

    network: nn.Module
    variables: Any

    def outputs(self, x: jax.Array, rows: Batch) -> Any:
        return self.network.apply(self.variables, x, rows, method="answer")

    def spans(self, x: jax.Array, rows: Batch, start: int) -> Any:
        """The SpanScores of a beam head, with the end seen from `start`."""
        starts = jnp.full(rows["cls_positions"].shape, start)

        def seen_from(model: nn.Module) -> Any:
            states, _ = model.albert.encoder(x, rows["example_ids"], True)
            return model.classifier(states, rows, starts)

        # The dropout is in the logit for no answer alone, which is not read.
        return self.network.apply(
            self.variables, method=seen_from, rngs={"dropout": jax.random.key(0)}
        )


def _of_classes(run: _Runner, logits: np.ndarray, labels: Sequence[str]) -> Target:
    best = int(np.argmax(logits))
    if run.network.kind == "choice":
        what = f"the score of option {best + 1} of {len(logits)}"
        return Target(0, best, what, lambda x, rows: run.outputs(x, rows)[:, 0, 0])
    if len(logits) == 1:
        return Target(0, 0, "the score", lambda x, rows: run.outputs(x, rows)[:, 0, 0])
    other = int(np.argsort(-logits, kind="stable")[1])

    def margin(x: jax.Array, rows: Batch) -> jax.Array:
        found = run.outputs(x, rows)[:, 0]  # [P, C]
        return found[:, best] - found[:, other]

    return Target(0, 0, f"{labels[best]} rather than {labels[other]}, in logits", margin)


def _of_span(run: _Runner, outputs: Sequence[np.ndarray], types: Sequence[np.ndarray]) -> Target:
    tables = [
        logits[:, None, 0] + logits[None, :, 1] + _allowed(kinds)
        for logits, kinds in zip(outputs, types, strict=True)
    ]
    item = int(np.argmax([table.max() for table in tables]))
    start, end = map(int, np.unravel_index(np.argmax(tables[item]), tables[item].shape))
    return Target(item, 0, SPAN, _likelihood(run, start, end), (start, end))


def _of_beam(run: _Runner, outputs: Sequence[Any], types: Sequence[np.ndarray]) -> Target:
    tables = [
        beam.start_scores[:, None]
        + beam.end_scores
        + _allowed(kinds)[beam.starts[:, None], beam.ends]
        for beam, kinds in zip(outputs, types, strict=True)
    ]
    item = int(np.argmax([table.max() for table in tables]))
    k, j = np.unravel_index(np.argmax(tables[item]), tables[item].shape)
    start, end = int(outputs[item].starts[k]), int(outputs[item].ends[k, j])

    def likelihood(x: jax.Array, rows: Batch) -> jax.Array:
        found = run.spans(x, rows, start)
        return found.start[:, 0, start] + found.end[:, 0, end]

    return Target(item, 0, SPAN, likelihood, (start, end))


def _of_nothing(run: _Runner, outputs: Sequence[Any]) -> Target:
    """That there is no answer, from the window that is least sure of it."""
    if run.network.kind == "span":
        item = int(np.argmin([logits[0].sum() for logits in outputs]))
        return Target(item, 0, "log-probability of no answer", _likelihood(run, 0, 0))
    item = int(np.argmin([beam.no_answer for beam in outputs]))
    what = "the logit for no answer"
    return Target(item, 0, what, lambda x, rows: run.outputs(x, rows).no_answer[:, 0])


def _likelihood(run: _Runner, start: int, end: int) -> Rows:
    def likelihood(x: jax.Array, rows: Batch) -> jax.Array:
        ends = jax.nn.log_softmax(run.outputs(x, rows), axis=1)  # [P, L, 2]
        return ends[:, start, 0] + ends[:, end, 1]

    return likelihood


def _allowed(types: np.ndarray) -> np.ndarray:
    """0 for a start and an end [l, l] that make a span of the second text, minus infinity for others."""
    inside = types == 1
    inside[-1] = False  # the [SEP] that ends it
    length = np.arange(len(types))[None] - np.arange(len(types))[:, None]
    fits = inside[:, None] & inside[None] & (length >= 0) & (length < LONGEST)
    return np.where(fits, 0.0, -np.inf)
