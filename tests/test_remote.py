"""Everything of a run in a bucket: text, workdir, checkpoints; the bucket is in memory, on loopback."""

import json
import os
from unittest import mock

import pytest
from etils import epath

from albert_jax.data import remote
from albert_jax.data.records import SPLITS, Records
from albert_jax.errors import UserError
from albert_jax.training import tracking
from albert_jax.training.tracking import RemoteJsonLines
from tests import runs
from tests.buckets import bucket
from tests.commands import call, run
from tests.test_resume import metrics


@pytest.fixture(scope="module")
def gs(tmp_path_factory):
    """A bucket, and a home for the copies of what is in it."""
    home = {"HOME": str(tmp_path_factory.mktemp("home"))}
    with bucket() as url, mock.patch.dict(os.environ, home):
        yield url


@pytest.fixture(scope="module")
def prepared(gs):
    """The folder of records that `prepare` leaves in the bucket: those of tests/runs.py."""
    texts = runs.prepared().parents[1] / "texts.jsonl"
    source = (f"--config.corpus.source={texts}", "--config.corpus.field=body")
    call("prepare", runs.CONFIG, f"--workdir={gs}/W", *source)
    return epath.Path(gs) / "W" / "records"


def test_prepared_text_is_sent_and_fetched_once(prepared):
    assert (prepared / "prepared.json").exists() and (prepared / "statistics.json").exists()
    copy = remote.fetched(prepared)
    assert copy.parent == epath.Path("~/.cache/albert_jax/records").expanduser()
    for split in SPLITS:
        assert len(Records(copy, split)[0].tokens) > 5
    marked = copy / "marked"
    marked.touch()
    assert remote.fetched(prepared) == copy and marked.exists()


def test_a_folder_without_text_is_an_error(gs):
    with pytest.raises(UserError, match="gs://bucket/none: no prepared dataset there"):
        remote.fetched(epath.Path(gs) / "none")


def test_a_local_folder_is_read_where_it_is(tmp_path):
    assert remote.fetched(epath.Path(tmp_path)) == epath.Path(tmp_path)


def test_a_run_in_a_bucket_is_the_run_on_a_disk(prepared, capsys):
    """Begun, resumed, evaluated, asked for words."""
    workdir = prepared.parent
    for steps in (3, 5):
        words = runs.pretrain(workdir, f"--config.training.steps={steps}")
        finished = run(
            *words, f"--config.corpus.records={prepared}", "--config.checkpoint.save_every=3"
        )
        assert finished.status == 0, finished.err
    assert "5 steps, resuming after step 3" in finished.out
    found = [line for line in metrics(workdir) if line["kind"] == "train"]
    assert found == metrics(runs.trained()[0])[:5]
    assert len(json.loads((workdir / "config.json").read_text())["starts"]) == 2
    assert list((workdir / "tensorboard").iterdir()) and (workdir / "curves.png").exists()
    call("fill-mask", f"--model={workdir}", "we [MASK] the people")
    assert capsys.readouterr().out.count("%") == 5


def test_lines_in_a_bucket_are_sent_now_and_then_and_when_asked(gs):
    clock = iter([0.0, 1.0, 61.0, 61.0, 62.0, 63.0]).__next__
    path = epath.Path(gs) / "lines" / "metrics.jsonl"
    lines = RemoteJsonLines(path, 0, clock)
    lines.write(1, "train", {"loss": 1.0})
    assert not path.exists()
    lines.write(2, "train", {"loss": 1.0})
    assert _steps(path) == [1, 2]
    lines.write(3, "train", {"loss": 1.0})
    lines.flush()
    assert _steps(path) == [1, 2, 3]
    again = RemoteJsonLines(path, 2)
    again.write(3, "held_out", {"loss": 1.0})
    again.close()
    assert _steps(path) == [1, 2, 3]


def _steps(path):
    return [line["step"] for line in tracking.read(path.parent)]


def test_beam_cannot_write_there(gs):
    with pytest.raises(SystemExit, match="the workers of Beam cannot write ArrayRecord files"):
        call("prepare", runs.CONFIG, f"--workdir={gs}/beam", "--beam=")
