"""The experiment on inference runs, and its table holds numbers."""

import re

from experiments.benchmarks.inference import LENGTHS, table


def test_a_row_for_each_precision_and_length():
    rows = re.findall(
        r"\| (\d+) \| (\w+) \| ([\d.]+) \| ([\d.]+) \| ([\d,.]+) \| ([\d,]+) \|",
        table("tiny", 2, 600),
    )
    assert [(int(length), dtype) for length, dtype, *_ in rows] == [
        (length, dtype) for dtype in ("bfloat16", "float32") for length in LENGTHS
    ]
    for length, _, middle, late, texts, pieces in rows:
        texts, pieces = (float(value.replace(",", "")) for value in (texts, pieces))
        assert 0 < float(middle) <= float(late)
        assert abs(pieces - texts * int(length)) <= int(length)  # both are rounded
