"""Rates against a clock that the test winds."""

from types import SimpleNamespace

import jax
import pytest

from albert_jax.training.throughput import Throughput, peak_flops

A100 = SimpleNamespace(device_kind="NVIDIA A100-SXM4-80GB")


def test_rates_are_of_the_interval_and_totals_of_the_run():
    now = [100.0]
    meter = Throughput([A100, A100], tokens=1000, seconds=50.0, clock=lambda: now[0])
    now[0] += 7  # compilation
    meter.restart()
    for _ in range(2):
        meter.add(40_000, 40_000 * 3.12e9)
    now[0] += 4
    expected = {"tokens": 81_000, "seconds": 54.0, "tokens_per_second": 20_000, "mfu": 0.1}
    assert meter.read() == pytest.approx(expected)
    meter.add(500, 0.0)
    now[0] += 1
    assert meter.read()["tokens_per_second"] == pytest.approx(500)


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
