"""The learning rate at hand-worked points, for both ways of joining warm-up and decay."""

import jax
import numpy as np
import pytest

from albert_jax.errors import UserError
from albert_jax.training.schedule import ScheduleConfig, scaled_rate, schedule

PAPER = {"learning_rate": 0.00176, "warmup_steps": 3125, "decay_steps": 125_000}


def rates(steps, **config):
    return np.array(jax.vmap(schedule(ScheduleConfig(**config)))(np.array(steps)))


def test_reference_ramps_from_zero_then_drops_to_the_decay_that_ran_all_along():
    expected = [0.0, 0.00176 * 3124 / 3125, 0.00176 * (1 - 3125 / 125_000), 0.0, 0.0]
    measured = rates([0, 3124, 3125, 125_000, 130_000], **PAPER, joined=False)
    np.testing.assert_allclose(measured, expected, rtol=1e-6, atol=1e-12)
    assert measured[2] == pytest.approx(0.001716)


def test_joined_has_no_zero_and_no_jump():
    steps = np.arange(0, 200)
    measured = rates(steps, learning_rate=0.5, warmup_steps=50, decay_steps=200)
    expected = np.where(steps < 50, 0.5 * (steps + 1) / 51, 0.5 * (200 - steps) / 150)
    np.testing.assert_allclose(measured, expected, rtol=1e-5)
    assert measured.max() == 0.5 and measured[0] > 0


def test_without_warmup_the_first_update_has_the_peak_rate():
    for joined in (True, False):
        measured = rates([0, 5], learning_rate=2.0, warmup_steps=0, decay_steps=10, joined=joined)
        np.testing.assert_allclose(measured, [2.0, 1.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"decay": "polynomial", "power": 2.0}, [1.0, 0.5625, 0.25, 0.0, 0.0]),
        ({"decay": "polynomial", "end": 0.2}, [1.0, 0.8, 0.6, 0.2, 0.2]),
        ({"decay": "cosine", "end": 0.1}, [1.0, 0.1 + 0.9 * (1 + 0.5**0.5) / 2, 0.55, 0.1, 0.1]),
        ({"decay": "constant"}, [1.0] * 5),
    ],
)
def test_shapes_of_decay(config, expected):
    measured = rates(
        [10, 20, 30, 50, 60], learning_rate=1.0, warmup_steps=10, decay_steps=50, **config
    )
    np.testing.assert_allclose(measured, expected, rtol=1e-6, atol=1e-7)


def test_it_runs_on_a_traced_count_and_on_an_int():
    rate = schedule(ScheduleConfig(**PAPER))
    assert float(jax.jit(rate)(np.int32(7))) == float(rate(7))


def test_scaled_rate_follows_the_square_root():
    assert scaled_rate(0.00176, 512, 4096) == pytest.approx(0.00176 / 8**0.5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": 0.0},
        {"warmup_steps": -1},
        {"decay_steps": 3125},
        {"decay": "linear"},
        {"power": 0.0},
        {"end": 1.5},
    ],
)
def test_a_wrong_value_is_named(wrong):
    with pytest.raises(UserError, match=f"schedule.{next(iter(wrong))} is"):
        ScheduleConfig(**(PAPER | wrong))
