"""The comparison of fine-tuned scores: its table, with both programs pretended."""

import pytest

from experiments.benchmarks import finetune_scores
from experiments.benchmarks.finetune_scores import main


@pytest.fixture
def asked(monkeypatch):
    """What was run, in order."""
    runs = []

    def of(program, scores):
        def run(options, task, seed):
            runs.append((program, task, seed))
            return scores[seed]

        return run

    monkeypatch.setattr(finetune_scores, "ours", of("ours", (80.0, 90.0, 84.0)))
    monkeypatch.setattr(finetune_scores, "theirs", of("theirs", (83.0, 85.5, 70.0)))
    return runs


def test_every_seed_of_both_stands_in_the_table(asked, tmp_path, capsys):
    output = tmp_path / "table.md"
    main(["--init=F", "--data_dir=a b", "--python=PEER", f"--output={output}"])
    each = [(program, "mrpc", seed) for seed in range(3) for program in ("ours", "theirs")]
    assert [run for run in asked if run[1] == "mrpc"] == each
    text = capsys.readouterr().out
    assert text.strip() == output.read_text().strip()
    assert "--init=F '--data_dir=a b' --python=PEER" in text
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if "| MRPC" in line]
    assert rows[0][4:] == ["80.00 90.00 84.00", "84.00", "+1.00"]
    assert rows[1][4:6] == ["83.00 85.50 70.00", "83.00"]
