"""Rates against a clock that the test winds."""

from types import SimpleNamespace

import jax
import pytest

from albert_jax.training.throughput import Throughput, peak_flops

A100 = SimpleNamespace(device_kind="NVIDIA A100-SXM4-80GB")


@pytest.fixture
def now():
    """What the clock shows."""
    return [100.0]


def test_rates_are_of_the_interval_and_totals_of_the_run(now):
    meter = Throughput([A100, A100], tokens=1000, seconds=50.0, clock=lambda: now[0])
    for _ in range(2):
        meter.add(40_000, 40_000 * 3.12e9)
    now[0] += 4
    expected = {"tokens": 81_000, "seconds": 54.0, "tokens_per_second": 20_000, "mfu": 0.1}
    assert meter.read() == pytest.approx(expected)
    meter.add(500, 0.0)
    now[0] += 1
    assert meter.read()["tokens_per_second"] == pytest.approx(500)


def test_a_pause_does_not_count_and_what_was_before_it_does(now):
    """Two seconds of training, seven of an evaluation and its save, and two more."""
    meter = Throughput([A100], clock=lambda: now[0])
    now[0] += 2
    meter.add(400, 0.0)
    meter.pause()
    now[0] += 7
    assert meter.total() == {"tokens": 400, "seconds": 2}  # as the checkpoint has it
    meter.resume()
    now[0] += 2
    meter.add(400, 0.0)
    assert meter.read() == {"tokens": 800, "seconds": 4, "tokens_per_second": 200, "mfu": 0}
    assert meter.total() == {"tokens": 800, "seconds": 4}


def test_without_a_known_peak_there_is_no_mfu():
    assert set(Throughput(jax.devices()).read()) == {"tokens", "seconds", "tokens_per_second"}


@pytest.mark.parametrize(
    ("kind", "peak"),
    [
        ("TPU v5 lite", 197e12),
        ("TPU v5p", 459e12),
        ("TPU v6 lite", 918e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("cpu", None),
    ],
)
def test_the_most_specific_name_counts(kind, peak):
    assert peak_flops(kind) == peak
