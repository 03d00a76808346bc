"""metrics.jsonl through kills and rewinds; the progress lines; TensorBoard."""

import io
import math

import numpy as np
import pytest
from etils import epath

from albert_jax.errors import UserError
from albert_jax.training.tracking import JsonLines, Progress, Tracker, cut, read, summary


def written(workdir, steps, begin=0):
    workdir = epath.Path(workdir)
    lines = JsonLines(workdir / "metrics.jsonl", begin)
    for step in steps:
        lines.write(step, "train", {"loss": step / 3})
    lines.close()


def steps(workdir):
    return [line["step"] for line in read(workdir)]


def test_values_come_back_exactly_and_in_order(tmp_path):
    tracker = Tracker(epath.Path(tmp_path), 0, 4)
    loss = np.float32(1 / 3)
    tracker.write(1, "train", {"loss": loss, "grad_norm": np.array(2.5)})
    tracker.write(2, "held_out", {"mlm_accuracy": 0.25})
    tracker.write(3, "train", {"loss": math.inf})
    tracker.close()
    first, second, third = read(tmp_path)
    assert first == {"step": 1, "kind": "train", "loss": float(loss), "grad_norm": 2.5}
    assert second == {"step": 2, "kind": "held_out", "mlm_accuracy": 0.25}
    assert math.isnan(third["loss"])
    assert "null" in (tmp_path / "metrics.jsonl").read_text()  # JSON has no infinity


def test_a_resumed_run_cuts_what_came_after_its_checkpoint(tmp_path):
    written(tmp_path, [1, 2, 3, 4, 5])
    written(tmp_path, [4, 5, 6], begin=3)
    assert steps(tmp_path) == [1, 2, 3, 4, 5, 6]


def test_half_a_line_left_by_a_kill_is_removed(tmp_path):
    written(tmp_path, [1, 2])
    whole = (tmp_path / "metrics.jsonl").read_text()
    (tmp_path / "metrics.jsonl").write_text(whole + '{"step": 3, "ki')
    assert steps(tmp_path) == [1, 2]
    written(tmp_path, [3], begin=2)
    assert steps(tmp_path) == [1, 2, 3]


def test_a_damaged_line_is_named(tmp_path):
    whole = '{"step": 1, "kind": "train"}'
    for damage in ("{nonsense", "[1]", '{"step": "x", "kind": "train"}', '{"step": 2}', "\xff"):
        text = f"{whole}\n{damage}\n{whole}\n"
        (tmp_path / "metrics.jsonl").write_bytes(text.encode("latin-1"))
        with pytest.raises(UserError, match=r"metrics\.jsonl, line 2 is damaged"):
            cut(epath.Path(tmp_path / "metrics.jsonl"), 1)
    with pytest.raises(UserError, match="there is no"):
        read(tmp_path / "elsewhere")


def test_rewinding_a_tracker_writes_each_step_once(tmp_path):
    tracker = Tracker(epath.Path(tmp_path), 0, 9)
    for step in (1, 2, 3):
        tracker.write(step, "train", {"loss": 1.0})
    tracker.rewind(1)
    tracker.write(2, "train", {"loss": 9.0})
    tracker.close()
    assert [(line["step"], line["loss"]) for line in read(tmp_path)] == [(1, 1.0), (2, 9.0)]


def test_tensorboard_gets_the_same_numbers(tmp_path):
    from tensorboardX.proto.event_pb2 import Event

    tracker = Tracker(epath.Path(tmp_path), 0, 9)
    tracker.write(7, "held_out", {"mlm_accuracy": 0.25})
    tracker.close()
    (path,) = (tmp_path / "tensorboard").iterdir()
    found, starts, data = [], [], path.read_bytes()
    while data:  # records: length (8 bytes), its checksum (4), content, its checksum (4)
        size = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + size])
        found += [(event.step, v.tag, v.simple_value) for v in event.summary.value]
        starts += [
            event.step
        ] * event.session_log.status  # START is 1: hides what an earlier one wrote
        data = data[16 + size :]
    assert starts == [1]
    assert found == [(7, "held_out/mlm_accuracy", 0.25)]


def test_other_processes_write_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("jax.process_index", lambda: 1)
    tracker = Tracker(epath.Path(tmp_path), 0, 9)
    tracker.write(1, "train", {"loss": 1.0})
    tracker.say("hello")
    tracker.close()
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr().out == ""


def test_without_a_terminal_there_is_a_plain_line_now_and_then():
    now, out = [0.0], io.StringIO()
    progress = Progress(100, 200, out, clock=lambda: now[0])
    for step in range(101, 201):
        now[0] += 0.5
        progress.write(step, "train", {"loss": 2.0})
    progress.write(200, "held_out", {"mlm_accuracy": 0.3})
    lines = out.getvalue().splitlines()
    assert lines[0] == "step 101/200  loss 2.000  00:49 left"
    assert lines[1].startswith("step 121/200") and "\r" not in out.getvalue()
    assert lines[-2].startswith("step 200/200") and lines[-1] == "step 200, held out: mlm 30.0%"
    assert len(lines) == 7


def test_on_a_terminal_there_is_a_bar_with_the_numbers():
    out = io.StringIO()
    out.isatty = lambda: True
    progress = Progress(10, 20, out)
    progress.write(15, "train", {"loss": 2.5, "mlm_accuracy": 0.125, "mfu": 0.4})
    progress.write(15, "held_out", {"mlm_accuracy": 0.3, "mlm_baseline": 0.07})
    progress.close()
    text = out.getvalue()
    assert "15/20" in text and "loss 2.500 mlm 12.5% mfu 40%" in text
    assert "step 15, held out: mlm 30.0% (guessing 7.0%)\n" in text


def test_summary_leaves_out_what_is_not_there():
    assert summary({"loss": 1.0, "grad_norm": 3.0, "tokens_per_second": 1234.5}) == (
        "loss 1.000 1,234 tokens/s"
    )
