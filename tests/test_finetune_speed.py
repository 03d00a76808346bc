"""The race of fine-tuning: its table, with both programs pretended."""

import pytest

from experiments.benchmarks import finetune_speed
from experiments.benchmarks.finetune_speed import main


@pytest.fixture
def rates(monkeypatch):
    """Examples a second, by program and precision; every run asks once."""
    asked = []

    def of(program, factor):
        def run(options, padding, precision):
            asked.append((program, padding, precision))
            return factor * (2.0 if precision == "bfloat16" else 1.0) + len(asked) / 100000

        return run

    monkeypatch.setattr(finetune_speed, "ours", of("ours", 40.0))
    monkeypatch.setattr(finetune_speed, "theirs", of("theirs", 10.0))
    return asked


def test_everybody_runs_in_every_round_and_stands_in_the_table(rates, tmp_path, capsys):
    output = tmp_path / "table.md"
    files = ["--init=FOLDER", "--data_dir=glue_data", "--python=PEER"]
    main([*files, "--rounds=3", f"--output={output}"])
    assert rates == rates[:6] * 3
    text = capsys.readouterr().out
    assert text.strip() == output.read_text().strip()
    assert "--data_dir=glue_data --python=PEER --rounds=3" in text
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| Trainer")]
    assert [row[4] for row in rows] == ["8.00", "4.00"] * 2  # ours in bfloat16 / theirs
    assert [row[5].strip(" |") for row in rows] == ["4.00"] * 4
