"""The experiment on compile time runs, and shows what the README says of it."""

import re

from experiments.benchmarks.compile_time import table


def test_depth_costs_nothing_to_compile():
    rows = re.findall(r"\| (\w+) \| ([\d.]+) \| ([\d.]+) \|", table("tiny"))
    assert [mode for mode, *_ in rows] == ["all", "attention", "ffn", "none"]
    assert all(float(deep) < 2 * float(shallow) + 0.5 for _, shallow, deep in rows)
