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
SPAN = "log-probability of the answer's start and end"

Place = tuple[int, int, int]  # of a span: its item, the first and the last position of its part
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
    labels: Sequence[str] = (),
    place: Place | None = None,
) -> Target:
    """The model's own answer.

    Args:
      network: an AlbertForTask whose kind is in KINDS.
      params: its parameters.
      outputs: what it said of the items of an example, by item.
      labels: names of the classes.
      place: of the answer to a question; None that there is none.
    """
    run = _Runner(network, {"params": params})
    if network.kind in ("sequence", "choice"):
        return _of_classes(run, outputs[0], labels)
    return _of_span(run, *place) if place else _of_nothing(run, outputs)


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


def _of_span(run: _Runner, item: int, start: int, end: int) -> Target:
    likelihood = _likelihood if run.network.kind == "span" else _beam_likelihood
    return Target(item, 0, SPAN, likelihood(run, start, end), (start, end))


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


def _beam_likelihood(run: _Runner, start: int, end: int) -> Rows:
    def likelihood(x: jax.Array, rows: Batch) -> jax.Array:
        found = run.spans(x, rows, start)
        return found.start[:, 0, start] + found.end[:, 0, end]

    return likelihood
