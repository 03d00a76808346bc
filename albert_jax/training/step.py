"""One update, jitted: batch -> losses -> gradient -> optimizer -> state, and the held-out step."""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from albert_jax.model.albert import Batch
from albert_jax.training import losses
from albert_jax.training.config import StepConfig
from albert_jax.training.optimizer import average, clip
from albert_jax.training.sharding import by_rows, layout, replicated, rows_stay
from albert_jax.training.state import Params, TrainState

Metrics = dict[str, jax.Array]


def make_train_step(
    model: nn.Module,
    objective: losses.Objective,
    optimizer: optax.GradientTransformation,
    rate: optax.Schedule,
    config: StepConfig,
    clip_norm: float,
    mesh: Mesh,
) -> Callable[[TrainState, Batch], tuple[TrainState, Metrics]]:
    """The jitted (state, batch) -> (state, metrics); the old state's memory is given up to the new."""

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(jax.random.key(config.seed), state.step)
        with rows_stay(mesh):
            grads, sums, norm = gradient(
                model, objective, config, clip_norm, state.params, batch, key
            )
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        lr = rate(state.step)
        state = TrainState(
            step=state.step + 1,
            params=params,
            opt_state=opt_state,
            average=average(state.average, params, config.average_decay),
        )
        state = jax.lax.with_sharding_constraint(state, layout(state, mesh))
        return state, _metrics(objective, sums, batch) | {"grad_norm": norm, "learning_rate": lr}

    return jax.jit(
        step,
        donate_argnums=0,
        in_shardings=(None, by_rows(mesh)),  # the state has its layout, and keeps it
        out_shardings=(None, replicated(mesh)),
    )


def make_held_out_step(
    model: nn.Module, objective: losses.Objective, mesh: Mesh
) -> Callable[[Params, Batch], tuple[losses.Sums, losses.Sums]]:
    """The jitted (params, batch) -> (sums of losses and correct predictions, weights); no dropout."""

    def step(params: Params, batch: Batch) -> tuple[losses.Sums, losses.Sums]:
        with rows_stay(mesh):
            logits = model.apply({"params": params}, batch)
        return objective.sums(logits, batch), objective.weights(batch)

    return jax.jit(step, in_shardings=(None, by_rows(mesh)), out_shardings=replicated(mesh))


def gradient(
    model: nn.Module,
    objective: losses.Objective,
    config: StepConfig,
    clip_norm: float,
    params: Params,
    batch: Batch,
    key: jax.Array,
) -> tuple[Params, losses.Sums, jax.Array]:
    """The clipped gradient of a batch, the sums behind its losses, and the norm before clipping.

    The weights that losses are divided by do not depend on parameters, so they are known before the first
    microbatch; the gradient of any number of microbatches is that of the whole batch. With
    `clip_microbatches` each part is divided by its own weights and clipped, and the parts are added up:
    what google-research/albert does with TPU cores in the place of microbatches.
    """
    grad_fn = jax.value_and_grad(partial(_loss, model, objective), has_aux=True)

    def part(microbatch: Batch, key: jax.Array):
        own = config.clip_microbatches
        (_, sums), grads = grad_fn(
            params, microbatch, key, objective.weights(microbatch if own else batch)
        )
        return (clip(grads, clip_norm)[0] if own else grads), sums

    if config.microbatches == 1:
        grads, sums = part(batch, key)
    else:
        grads, sums = _accumulate(part, microbatches(batch, config.microbatches), key)
    clipped, norm = clip(grads, 0.0 if config.clip_microbatches else clip_norm)
    return clipped, sums, norm


def microbatches(batch: Batch, count: int) -> Batch:
    """[B, ...] -> [count, B / count, ...]; strided, so that every device keeps the rows it has."""
    return jax.tree.map(lambda x: jnp.swapaxes(x.reshape(-1, count, *x.shape[1:]), 0, 1), batch)


def _metrics(objective: losses.Objective, sums: losses.Sums, batch: Batch) -> Metrics:
    weights = objective.weights(batch)
    tokens = (batch["example_ids"] > 0).sum()
    return losses.means(sums, weights) | {"loss": losses.total(sums, weights), "tokens": tokens}


def _loss(model, objective, params, batch, key, weights):
    logits = model.apply({"params": params}, batch, deterministic=False, rngs={"dropout": key})
    sums = objective.sums(logits, batch)
    return losses.total(sums, weights), sums


def _accumulate(part: Callable, parts: Batch, key: jax.Array):
    """The sum of `part(microbatch, key of its own)` over the leading axis of `parts`."""
    count = parts["tokens"].shape[0]

    def add(total, inputs):
        return jax.tree.map(jnp.add, total, part(*inputs)), None

    first = jax.tree.map(lambda x: x[0], parts)
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(part, first, key))
    return jax.lax.scan(add, zeros, (parts, jax.random.split(key, count)))[0]
