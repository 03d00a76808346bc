"""What fine-tuning minimises, by kind of head, as (sum, weight); see losses.py.

A batch holds rows, `items` and `parts` [B, N] (which item, and which of its parts, a packed example is;
-1 for none), `labels` and `weights` by item [E] (token heads: labels [B, L], -1 where nothing is asked).
"""

import jax
import jax.numpy as jnp
import optax

from albert_jax.model.albert import Batch
from albert_jax.model.layers import product
from albert_jax.model.spans import SpanScores
from albert_jax.training.losses import Objective, Sums

TEMPERATURE = 0.05  # of cosines, as in SimCSE (Gao et al. 2021) and sentence-transformers


def objective(kind: str, size: int) -> Objective:
    """The objective of a head; a "sequence" head of size 1 gives a score.

    Args:
      kind: a key of OBJECTIVES.
      size: outputs of the head's dense layer.
    """
    if kind == "sequence" and size == 1:
        return Objective(_score, _items)
    return OBJECTIVES[kind]


def _score(outputs: jax.Array, batch: Batch) -> Sums:
    """Squared error of the raw score [B, N, 1] (google-research/albert, run_classifier.py)."""
    wanted, weights = _of_examples(batch, batch["labels"]), _of_examples(batch, batch["weights"])
    return {"task_loss": (jnp.square(outputs[..., 0] - wanted) * weights).sum()}


def _sequence(logits: jax.Array, batch: Batch) -> Sums:
    """Cross-entropy of the classes [B, N, C]."""
    labels, weights = _of_examples(batch, batch["labels"]), _of_examples(batch, batch["weights"])
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    return _sums(losses, logits.argmax(axis=-1) == labels, weights)


def _choice(logits: jax.Array, batch: Batch) -> Sums:
    """Cross-entropy over the options of an item [B, N, 1], in whatever rows they are."""
    scores, items, count = logits[..., 0].ravel(), batch["items"].ravel(), len(batch["labels"])
    real = items >= 0
    scores = jnp.where(real, scores, -jnp.inf)
    best = jax.lax.stop_gradient(jnp.full(count, -jnp.inf).at[items].max(scores, mode="drop"))
    shifted = jnp.where(real, scores - best[items], -jnp.inf)
    total = jnp.zeros(count).at[items].add(jnp.exp(shifted), mode="drop")
    right = real & (batch["parts"].ravel() == batch["labels"][items])
    wanted = jnp.zeros(count).at[items].add(jnp.where(right, shifted, 0.0), mode="drop")
    exists = batch["weights"] > 0
    losses = jnp.log(jnp.where(exists, total, 1.0)) - wanted
    return _sums(losses, wanted == 0, batch["weights"])


def _token(logits: jax.Array, batch: Batch) -> Sums:
    """Cross-entropy of the classes [B, L, C] of every position with a label."""
    asked = batch["labels"] >= 0
    labels = jnp.where(asked, batch["labels"], 0)
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    return _sums(losses, logits.argmax(axis=-1) == labels, asked)


def _span(logits: jax.Array, batch: Batch) -> Sums:
    """Cross-entropy of start and end [B, L, 2] over the positions of the own example, averaged."""
    own = batch["example_ids"][:, None] == 1 + jnp.arange(batch["items"].shape[1])[None, :, None]
    scores = jnp.where(own[..., None], logits[:, None], -1e30)  # [B, N, L, 2]
    labels, weights = _of_examples(batch, batch["labels"]), _of_examples(batch, batch["weights"])
    wanted = batch["cls_positions"][..., None] + labels  # [B, N, 2]
    losses = optax.softmax_cross_entropy_with_integer_labels(jnp.moveaxis(scores, 2, 3), wanted)
    correct = (scores.argmax(axis=2) == wanted).all(axis=-1)
    return _sums(losses.mean(axis=-1), correct, weights)


def _beam(scores: SpanScores, batch: Batch) -> Sums:
    """The mean cross-entropy of start and end, and half that of there being no answer (squad_utils.py)."""
    labels, weights = _of_examples(batch, batch["labels"]), _of_examples(batch, batch["weights"])
    wanted = batch["cls_positions"][..., None] + labels  # [B, N, 2]
    found = jnp.stack([scores.start, scores.end], axis=2)  # [B, N, 2, L]
    ends = -jnp.take_along_axis(found, wanted[..., None], axis=-1)[..., 0].mean(axis=-1)
    has_none = (labels == 0).all(axis=-1)
    answered = optax.sigmoid_binary_cross_entropy(scores.no_answer, has_none)
    correct = (found.argmax(axis=-1) == wanted).all(axis=-1)
    return _sums(ends + answered / 2, correct, weights)


def _embedding(outputs: jax.Array, batch: Batch) -> Sums:
    """Of vectors [B, N, D]: graded pairs if labels are floats, else pairs that belong together."""
    sides = _sides(outputs, batch)
    graded = jnp.issubdtype(batch["labels"].dtype, jnp.floating)
    return (_graded if graded else _together)(sides, batch["labels"], batch["weights"])


def _together(sides: jax.Array, groups: jax.Array, weights: jax.Array) -> Sums:
    """InfoNCE: each side picks its other side out of those in the microbatch (Radford et al. 2021, CLIP).

    Pairs of one group share a text; they are no negatives of each other.
    """
    exists, own = weights > 0, jnp.arange(len(weights))
    strangers = (groups[:, None] != groups[None]) & exists[:, None] & exists[None]  # [E, E]
    scores = product("ed,fd->ef", sides[:, 0], sides[:, 1], "float32") / TEMPERATURE
    scores = jnp.where(strangers | (own[:, None] == own[None]), scores, -1e30)
    loss = optax.softmax_cross_entropy_with_integer_labels
    return _sums((loss(scores, own) + loss(scores.T, own)) / 2, scores.argmax(1) == own, weights)


def _graded(sides: jax.Array, grades: jax.Array, weights: jax.Array) -> Sums:
    """CoSENT (Su 2022): log(1 + sum of exp(cosine of the lower grade - cosine of the higher)).

    Grades are compared within the microbatch and so need no scale; what counts is the order of the
    cosines, as in Spearman's correlation, wherever between 0 and 1 the model has them.
    """
    cosines, exists = (sides[:, 0] * sides[:, 1]).sum(-1) / TEMPERATURE, weights > 0
    higher = (grades[:, None] > grades[None]) & exists[:, None] & exists[None]
    gaps = jnp.where(higher, cosines[None] - cosines[:, None], -1e30)  # [E, E]
    loss = jax.nn.logsumexp(jnp.append(gaps, 0.0))
    return {"task_loss": loss * weights.sum()}


def _sides(outputs: jax.Array, batch: Batch) -> jax.Array:
    """Vectors of packed examples [B, N, D] -> those of items [E, 2, D]."""
    count = len(batch["weights"])
    items = jnp.where(batch["items"] < 0, count, batch["items"])  # beyond the last: dropped
    zeros = jnp.zeros((count, 2, outputs.shape[-1]))
    return zeros.at[items, batch["parts"]].add(outputs, mode="drop")


def _items(batch: Batch) -> Sums:
    """How many items count."""
    return {"task": batch["weights"].sum()}


def _labels(batch: Batch) -> Sums:
    """How many positions have a label."""
    return {"task": (batch["labels"] >= 0).sum().astype(jnp.float32)}


def _of_examples(batch: Batch, values: jax.Array) -> jax.Array:
    """Values by item [E, ...] -> those of every packed example [B, N, ...]; 0 where there is none."""
    return values.at[batch["items"]].get(mode="fill", fill_value=0, wrap_negative_indices=False)


def _sums(losses: jax.Array, correct: jax.Array, weights: jax.Array) -> Sums:
    return {"task_loss": (losses * weights).sum(), "task_accuracy": (correct * weights).sum()}


# By kind of head. A part's name, here "task", is in the names of its sums and in its weights.
OBJECTIVES: dict[str, Objective] = {
    "sequence": Objective(_sequence, _items),
    "choice": Objective(_choice, _items),
    "token": Objective(_token, _labels),
    "span": Objective(_span, _items),
    "beam": Objective(_beam, _items),
    "embedding": Objective(_embedding, _items),
}
