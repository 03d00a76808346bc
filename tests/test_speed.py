"""The races' data is the same for all, their table right, and a racer runs."""

import json
import subprocess
import sys

import numpy as np
import pytest

from albert_jax.model.config import sized
from experiments.benchmarks import growth, race_data, speed

PARAGRAPHS = [np.full(n, n, np.int32) for n in (10, 30, 5, 20, 25, 8)]


def test_full_rows_hold_the_text_in_order():
    rows = race_data.full_rows(PARAGRAPHS, 16)
    np.testing.assert_array_equal(
        np.concatenate([ids for row in rows for ids in row]), np.concatenate(PARAGRAPHS)[:96]
    )
    assert {len(row[0]) for row in rows} == {16}


def test_packed_rows_hold_every_text_once():
    rows = race_data.packed_rows(PARAGRAPHS, 32, 4)
    assert sorted(len(ids) for row in rows for ids in row) == [5, 8, 10, 20, 25, 30]
    assert max(sum(map(len, row)) for row in rows) <= 32
    assert len(rows) == 4


def test_ours_and_theirs_see_the_same_tokens_and_as_many_masks():
    rows = race_data.full_rows(PARAGRAPHS, 28)[:2]
    ours, theirs = race_data.ours(rows, 28, 4), race_data.transformers(rows)
    np.testing.assert_array_equal(ours["tokens"], theirs["input_ids"])
    masked = theirs["labels"] != race_data.IGNORED
    assert masked.sum() == ours["mlm_weights"].sum() == race_data.keras(rows)["weights"].sum() == 8
    np.testing.assert_array_equal(theirs["labels"][masked], theirs["input_ids"][masked])


def test_a_batch_is_padded_to_its_longest():
    theirs = race_data.transformers([[ids] for ids in PARAGRAPHS[:2]])
    assert theirs["input_ids"].shape == (2, 30)
    assert theirs["attention_mask"].sum(axis=1).tolist() == [10, 30]


def test_the_table_divides_by_the_same_precision():
    racers = speed._racers(speed._parser().parse_args(["--torch=python"]), sized("base"))
    assert [racer.name for racer in racers if racer.dtype == "bfloat16"] == [
        "albert_jax bfloat16",
        "transformers eager bfloat16",
        "transformers compiled bfloat16",
    ]
    case = speed.Case("full", 8, 128)
    results = {r.name: speed.Result([2.0, 1.0, 3.0], 1000, 2.5) for r in racers}
    results["transformers eager float32"] = speed.Result([4.0, 4.0, 5.0], 1000, 3.0)
    lines = speed._table(case, results, racers, dict.fromkeys(speed.DTYPES, 1e12), sized("base"))
    (eager,) = [line for line in lines if "eager float32" in line]
    assert "| 250 | 200 to 250 | 2.00 |" in eager
    (ours,) = [line for line in lines if "albert_jax float32" in line]
    assert "| 500 | 333 to 1,000 | 1.00 |" in ours


def test_every_case_of_growth_is_a_config():
    for case in growth.CASES:
        sized("base", **case.changes)


def test_our_racer_answers(tmp_path):
    rows = race_data.full_rows(PARAGRAPHS, 32)[:2]
    race_data.save(tmp_path / "batches.npz", [race_data.ours(rows, 32, 4)])
    case = dict(size="tiny", dtype="float32", changes=dict(vocab_size=64))
    requests = [
        {"do": "load", "case": case, "batches": str(tmp_path / "batches.npz")},
        {"do": "steps", "count": 2},
        {"do": "memory"},
    ]
    done = subprocess.run(
        [sys.executable, speed.RACERS / "ours.py"],
        input="".join(f"{json.dumps(request)}\n" for request in requests),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded, steps, memory = map(json.loads, done.stdout.splitlines())
    assert loaded == {}
    assert steps["seconds"] > 0
    assert 0.1 < memory["gigabytes"] < 10


def test_a_racer_that_ends_is_named():
    process = speed.Process(speed.Racer("broken", "ours", "/bin/true", {}))
    with pytest.raises((SystemExit, BrokenPipeError)):
        process.ask(do="memory")
