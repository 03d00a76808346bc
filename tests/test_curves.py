"""The picture of a run: its data, where stages stand, and that it is drawn."""

import json

import numpy as np
import pytest
from etils import epath

from albert_jax.errors import UserError
from albert_jax.training import curves
from albert_jax.training.tracking import read


def make_run(workdir, steps=60, sentence=True, tokens=True):
    workdir.mkdir()
    lines = []
    for step in range(10, steps + 1, 10):
        line = {"step": step, "kind": "train", "mlm_loss": 5.0, "mlm_accuracy": 0.1}
        line |= {"learning_rate": 1e-3, "grad_norm": 1.0, "tokens_per_second": 1e3}
        line |= {"tokens": 100 * step} if tokens else {}
        line |= {"sentence_accuracy": 0.5} if sentence else {}
        lines.append(line)
    held_out = {"step": steps - 5, "kind": "held_out", "mlm_accuracy": 0.2, "mlm_baseline": 0.07}
    text = "".join(json.dumps(line) + "\n" for line in [*lines, held_out])
    (workdir / "metrics.jsonl").write_text(text)
    return workdir


def stages(x_name, *workdirs):
    return curves._stages([(epath.Path(w), read(w)) for w in workdirs], x_name)


def drawn_titles(monkeypatch, *workdirs):
    titles = []
    monkeypatch.setattr(
        curves,
        "_save",
        lambda figure, path: titles.extend(a.get_title("left") for a in figure.axes),
    )
    curves.plot(*workdirs)
    return titles


def test_it_writes_a_png_into_the_last_workdir(tmp_path):
    one, two = make_run(tmp_path / "one"), make_run(tmp_path / "two")
    path = curves.plot(one, two)
    assert path == epath.Path(two / "curves.png") and not (one / "curves.png").exists()
    assert path.read_bytes().startswith(b"\x89PNG")


def test_stages_follow_each_other_and_held_out_stands_where_training_was(tmp_path):
    first, second = stages("tokens", make_run(tmp_path / "a"), make_run(tmp_path / "b", steps=30))
    assert (first.begin, first.end, second.begin, second.end) == (0, 6000, 6000, 9000)
    assert [line["x"] for line in second.training] == [7000, 8000, 9000]
    assert first.held_out[0]["x"] == 5500 and second.held_out[0]["x"] == 8500


def test_panels_without_numbers_are_left_out(tmp_path, monkeypatch):
    titles = drawn_titles(monkeypatch, make_run(tmp_path / "both"))
    assert titles[:3] == [
        "Masked-LM loss (nats)",
        "Masked-LM accuracy (%)",
        "Sentence accuracy (%)",
    ]
    without = drawn_titles(monkeypatch, make_run(tmp_path / "mlm", sentence=False))
    assert without == [title for title in titles if "Sentence" not in title]


def test_a_stage_may_lack_what_the_next_one_has(tmp_path, monkeypatch):
    first, second = make_run(tmp_path / "a", sentence=False), make_run(tmp_path / "b")
    assert "Sentence accuracy (%)" in drawn_titles(monkeypatch, first, second)


def test_without_token_counts_the_axis_counts_updates(tmp_path):
    workdir = make_run(tmp_path / "a", tokens=False)
    assert stages("step", workdir)[0].end == 60
    assert curves.plot(workdir).exists()


def test_smoothing_is_a_centred_mean_of_what_there_is():
    np.testing.assert_allclose(curves._smooth(np.array([0.0, 3.0, 6.0, 0.0]), 3), [1.5, 3, 3, 3])
    np.testing.assert_allclose(curves._smooth(np.array([1.0, 2.0]), 9), [1.5, 1.5])
    np.testing.assert_allclose(curves._smooth(np.array([1.0, 2.0]), 1), [1.0, 2.0])


def test_a_line_without_a_kind_is_named(tmp_path):
    path = make_run(tmp_path / "a") / "metrics.jsonl"
    path.write_text(path.read_text() + '{"step": 70, "loss": 5.0}\n')
    with pytest.raises(UserError, match=r"metrics.jsonl, line 8 is damaged; mend or remove it"):
        curves.plot(tmp_path / "a")


def test_a_run_without_numbers_is_an_error(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(UserError, match="has no training numbers yet"):
        curves.plot(tmp_path)
