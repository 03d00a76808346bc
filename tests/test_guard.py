"""What counts as trouble."""

import math

import pytest

from albert_jax.training.guard import WINDOW, Guard


def watch(guard, losses):
    return [guard.trouble(step, loss, 1.0) for step, loss in enumerate(losses, 1)]


@pytest.mark.parametrize(
    ("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (2.0, math.nan), (2.0, math.inf)]
)
def test_what_is_not_finite_is_trouble(loss, norm):
    message = Guard(spike=0).trouble(7, loss, norm)
    assert message == f"step 7: loss {loss:.4g}, gradient norm {norm:.4g}"


def test_a_spike_is_trouble():
    *usual, last = watch(Guard(spike=3.0), [2.0] * 30 + [6.2])
    assert not any(usual)
    assert last == "step 31: loss 6.2, 3.1 times the recent median"


def test_less_than_a_spike_is_none():
    assert not any(watch(Guard(spike=3.0), [2.0] * 30 + [5.9]))


def test_without_a_factor_only_nans_count():
    assert not any(watch(Guard(spike=0.0), [2.0] * 30 + [1e9]))


def test_the_first_losses_are_not_judged():
    """There is no usual loss yet."""
    assert not any(watch(Guard(spike=3.0), [1.0] * (WINDOW // 5 - 1) + [9.0]))
    assert watch(Guard(spike=3.0), [1.0] * (WINDOW // 5) + [9.0])[-1]


def test_old_losses_are_forgotten():
    """After a window of low losses, what was usual for long before is a spike."""
    assert watch(Guard(spike=3.0), [10.0] * 2 * WINDOW + [1.0] * WINDOW + [10.0])[-1]


def test_one_bad_loss_does_not_raise_the_bar():
    guard = Guard(spike=3.0)
    watch(guard, [2.0] * 30 + [math.nan, 1e6])
    assert guard.trouble(40, 7.0, 1.0)


def test_going_back_is_counted_for_each_checkpoint_and_forgets_the_losses():
    guard = Guard(spike=3.0)
    watch(guard, [1.0] * 50)
    assert [guard.rewound(step) for step in (10, 10, 20, 10)] == [1, 2, 1, 3]
    assert guard.trouble(11, 9.0, 1.0) is None
