"""The experiment on compile time runs, and shows what the README says of it."""

import re

from albert_jax.model.config import CHOICES
from experiments.benchmarks.compile_time import table


def test_depth_costs_nothing_to_compile(monkeypatch):
    """In two modes of the four, which takes long enough."""
    monkeypatch.setitem(CHOICES, "sharing", ("all", "none"))
    rows = re.findall(r"\| (\w+) \| ([\d.]+) \| ([\d.]+) \|", table("tiny"))
    assert [mode for mode, *_ in rows] == ["all", "none"]
    assert all(float(deep) < 2 * float(shallow) + 0.5 for _, shallow, deep in rows)
