"""The arithmetic of the roofline, by an example computed by hand."""

import pytest

from albert_jax.analysis import topologies
from albert_jax.analysis.roofline import Roofline, roofline, run_length


def test_a_v5e_by_hand():
    """197 TFLOP at 197 TFLOP/s, 409.5 GB at 819 GB/s, 20 GB at 200 GB/s."""
    times = roofline(topologies.parse("v5e:16x16"), flops=197e12, moved=409.5e9, sent=20e9)
    assert times == pytest.approx((1.0, 0.5, 0.1))
    assert (times.seconds, times.apart) == (pytest.approx(1.0), pytest.approx(1.6))
    assert times.limit == "mxu"


def test_a_device_of_a_v3_is_half_a_chip():
    v3 = topologies.parse("v3:8x8")
    assert roofline(v3, 61.5e12, 450e9, 0) == pytest.approx((1, 1, 0))


def test_the_slowest_sets_the_time():
    assert Roofline(1.0, 3.0, 2.0).limit == "hbm"
    assert Roofline(1.0, 3.0, 2.0).seconds == 3.0


def test_a_run_in_days_and_chip_hours():
    """43,200 steps of 2 s are a day, on 256 chips 6144 chip-hours."""
    assert run_length(topologies.parse("v5e:16x16"), 2 * 43_200) == (1.0, 6144.0)
