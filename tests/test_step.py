"""One update: the same on any number of devices and in any number of parts, compiled once, pure."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from albert_jax.model.albert import AlbertForPretraining
from albert_jax.model.config import AlbertConfig
from albert_jax.training import losses
from albert_jax.training import optimizer as optimizers
from albert_jax.training import state as states
from albert_jax.training.config import TrainingConfig
from albert_jax.training.losses import PRETRAINING
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import ScheduleConfig, schedule
from albert_jax.training.sharding import make_mesh, replicated, to_devices
from albert_jax.training.step import gradient, make_held_out_step, make_train_step, microbatches
from tests.batches import random_batch

CONFIG = AlbertConfig(
    vocab_size=50, embedding_size=8, hidden_size=16, num_layers=2, num_heads=2, ffn_size=32,
    max_positions=30, dtype="float32", initializer_range=0.3,
)  # fmt: skip
DROPPING = dataclasses.replace(CONFIG, hidden_dropout=0.2, attention_dropout=0.2)
MODEL = AlbertForPretraining(DROPPING)
BATCHES = [random_batch(seed=seed) for seed in range(5)]
SHAPES = jax.eval_shape(MODEL.init, jax.random.key(0), BATCHES[0])["params"]
RATE = schedule(ScheduleConfig(learning_rate=0.002, warmup_steps=3, decay_steps=20))
OPTIMIZER = optimizers.make(OptimizerConfig(), RATE, SHAPES)
TRAINING = TrainingConfig(average_decay=0.9)
CLIP = 0.5


@pytest.fixture(scope="module")
def fresh():
    """The state that every test begins with, in numpy."""
    return jax.device_get(jax.jit(partial(states.create, MODEL, OPTIMIZER, BATCHES[0], TRAINING))())


class Trainer:
    """A step with its mesh."""

    def __init__(self, devices=None, training=TRAINING):
        self.mesh = make_mesh(devices)
        self.step = make_train_step(MODEL, PRETRAINING, OPTIMIZER, RATE, training, CLIP, self.mesh)

    def put(self, state):
        return jax.device_put(state, replicated(self.mesh))

    def __call__(self, state, batch):
        return self.step(state, to_devices(batch, self.mesh))

    def history(self, state):
        """The states before and after each of five steps, and the metrics."""
        states, metrics, state = [state], [], self.put(state)
        for batch in BATCHES:
            with jax.transfer_guard("disallow"):
                state, values = self(state, batch)
            metrics.append(jax.device_get(values))
            states.append(jax.device_get(state))
        return states, metrics


@pytest.fixture(scope="module")
def trainers():
    return Trainer(jax.devices()[:1]), Trainer()


@pytest.fixture(scope="module")
def histories(trainers, fresh):
    return [trainer.history(fresh) for trainer in trainers]


def close(a, b, tolerance=1e-5):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=tolerance), a, b)


def distance(a, b):
    return max(jax.tree.leaves(jax.tree.map(lambda x, y: np.abs(x - y).max(), a, b)))


def test_eight_devices_train_as_one_does(histories):
    """Dropout included: its masks belong to the rows, not to the devices."""
    (one, one_metrics), (eight, eight_metrics) = histories
    close(one_metrics, eight_metrics)
    close([state.params for state in one], [state.params for state in eight])
    assert distance(one[0].params, one[-1].params) > 1e-3


def test_several_steps_compile_once(trainers, histories):
    assert [trainer.step._cache_size() for trainer in trainers] == [1, 1]


def test_steps_are_counted(histories):
    assert [int(state.step) for state in histories[1][0]] == list(range(6))


def test_the_rate_that_is_logged_is_that_of_the_step(histories):
    logged = [values["learning_rate"] for values in histories[1][1]]
    np.testing.assert_allclose(logged, [RATE(step) for step in range(5)], rtol=1e-6)


def test_tokens_are_those_that_are_no_padding(histories):
    counted = [values["tokens"] for values in histories[1][1]]
    assert counted == [(batch["example_ids"] != 0).sum() for batch in BATCHES]


def test_the_average_follows_the_parameters(histories):
    states, _ = histories[1]
    average = states[0].params
    for state in states[1:]:
        average = jax.tree.map(lambda a, p: 0.9 * a + 0.1 * p, average, state.params)
    close(states[-1].average, average, 1e-6)
    assert states[-1].best_params is states[-1].average
    assert distance(average, states[-1].params) > 1e-4


def test_the_old_state_is_given_up(trainers, fresh):
    state = trainers[1].put(fresh)
    trainers[1](state, BATCHES[0])
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(state))


def test_dropout_is_a_function_of_the_step(trainers, fresh):
    def loss(step):
        state = trainers[1].put(fresh.replace(step=np.int32(step)))
        return trainers[1](state, BATCHES[0])[1]["loss"]

    assert loss(0) == loss(0)
    assert loss(0) != loss(1)


def test_dropout_is_a_function_of_the_seed(histories, fresh):
    """The parameters are the same; only the seed of the step is another."""
    trainer = Trainer(training=dataclasses.replace(TRAINING, seed=4))
    loss = jax.jit(lambda state, batch: trainer.step(state, batch)[1]["loss"])
    other = loss(trainer.put(fresh), to_devices(BATCHES[0], trainer.mesh))
    assert abs(other - histories[1][1][0]["loss"]) > 1e-3


def test_a_nan_is_seen(trainers, fresh):
    params = jax.tree.map_with_path(
        lambda path, leaf: leaf * np.nan if "pooler" in str(path) else leaf, fresh.params
    )
    _, values = trainers[1](trainers[1].put(fresh.replace(params=params)), BATCHES[0])
    assert np.isnan(values["loss"]) and np.isnan(values["grad_norm"])
    assert np.isfinite(values["mlm_loss"])


def uneven() -> dict:
    """Rows 0 and 4, which are the first of four parts, have fewer predictions than the others."""
    batch = random_batch(seed=9)
    for name in ("mlm_weights", "sentence_weights"):
        batch[name][np.ix_([0, 4], range(1, batch[name].shape[1]))] = 0
    return batch


def part_of(batch: dict, part: int) -> dict:
    """The batch with nothing predicted outside of one of its four parts."""
    outside = np.arange(8) % 4 != part
    return {
        name: np.where(outside[:, None] & ("weights" in name), 0, rows).astype(rows.dtype)
        for name, rows in batch.items()
    }


def gradient_of(batch, params, **training):
    """Without dropout."""
    fn = partial(
        gradient, AlbertForPretraining(CONFIG), PRETRAINING, TrainingConfig(**training), CLIP
    )
    return jax.jit(fn)(params, batch, jax.random.key(0))


@jax.jit
@jax.value_and_grad
def mean_loss(params, batch):
    """The loss written out: the mean over masked words plus the mean over pairs."""
    total = 0.0
    logits = AlbertForPretraining(CONFIG).apply({"params": params}, batch)
    names = (("mlm_targets", "mlm_weights"), ("sentence_labels", "sentence_weights"))
    for values, (targets, weights) in zip(logits, names, strict=True):
        chosen = jnp.take_along_axis(jax.nn.log_softmax(values), batch[targets][..., None], -1)
        total -= (chosen[..., 0] * batch[weights]).sum() / batch[weights].sum()
    return total


def clipped(grads):
    size = np.sqrt(sum((leaf**2).sum() for leaf in jax.tree.leaves(jax.device_get(grads))))
    assert size > CLIP
    return jax.tree.map(lambda leaf: leaf * CLIP / size, grads), size


@pytest.mark.parametrize("parts", [1, 4])
def test_any_number_of_parts_is_one_batch(fresh, parts):
    """A mean of each part's means would fail: the parts have 2 or 8 masked words."""
    loss, expected = mean_loss(fresh.params, uneven())
    expected, size = clipped(expected)
    grads, sums, norm = gradient_of(uneven(), fresh.params, microbatches=parts)
    np.testing.assert_allclose(norm, size, rtol=1e-5)
    close(grads, expected)
    np.testing.assert_allclose(losses.total(sums, losses.weights(uneven())), loss, rtol=1e-6)


def gradient_sums(params, batch, parts, config=CONFIG):
    """The sums behind the metrics alone, which spares compiling the backward pass."""
    training = TrainingConfig(microbatches=parts)
    key = jax.random.key(0)
    model = AlbertForPretraining(config)
    return gradient(model, PRETRAINING, training, CLIP, params, batch, key)[1]


def test_every_part_is_clipped_by_itself(fresh):
    """As the original clips per core, with each part's own weights."""
    parts = [part_of(uneven(), part) for part in range(4)]
    each = [clipped(mean_loss(fresh.params, part)[1])[0] for part in parts]
    expected = jax.tree.map(lambda *grads: sum(grads), *each)
    grads, _, _ = gradient_of(uneven(), fresh.params, microbatches=4, clip_microbatches=True)
    close(grads, expected)


def test_every_part_drops_other_units(fresh):
    """Each part has the key that the split gives it, and the keys make a difference."""
    half = {name: rows[:4] for name, rows in BATCHES[0].items()}
    twice = {name: np.repeat(rows, 2, axis=0) for name, rows in half.items()}

    @jax.jit
    def sums(key):
        logits = MODEL.apply({"params": fresh.params}, half, False, rngs={"dropout": key})
        return losses.pretraining_sums(logits, half)["mlm_loss"]

    first, second = (float(sums(key)) for key in jax.random.split(jax.random.key(0)))
    total = jax.jit(partial(gradient_sums, parts=2, config=DROPPING))(fresh.params, twice)
    assert abs(first - second) > 1e-3
    np.testing.assert_allclose(total["mlm_loss"], first + second, rtol=1e-6)


def test_microbatches_keep_rows_on_their_devices():
    """32 rows on 8 devices, 4 a device: each of the four parts has one of every device."""
    parts = microbatches({"rows": jnp.arange(32)}, 4)["rows"]
    np.testing.assert_array_equal(parts // 4, np.tile(np.arange(8), (4, 1)))


def test_held_out_drops_nothing(trainers, fresh):
    mesh = trainers[1].mesh
    state, batch = trainers[1].put(fresh), to_devices(BATCHES[0], mesh)
    sums, weights = make_held_out_step(MODEL, PRETRAINING, mesh)(state.params, batch)
    expected = jax.jit(partial(gradient_sums, parts=1))(fresh.params, BATCHES[0])
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), sums, expected)
    assert weights["mlm"] == BATCHES[0]["mlm_weights"].sum()
