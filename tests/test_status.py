"""The table of where cells stand."""

from etils import epath

from experiments.status import position


def test_how_far_a_run_is_stands_in_its_last_line(tmp_path):
    workdir = epath.Path(tmp_path)
    assert position(workdir) == "no step yet"
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text('{"step": 10}\n{"step": 20, "mlm_accuracy": 0.125}\n')
    assert position(workdir) == "step 20, masked LM 12.5%"
    metrics.write_text('{"step": 30, "mlm_accuracy": null}\n')
    assert position(workdir) == "step 30"
    metrics.write_text('{"step": 30}\n{"st')  # another is being written
    assert position(workdir) == "step 30"
