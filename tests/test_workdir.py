"""config.json: what it records, and which changes it refuses."""

import errno
import json
import subprocess

import pytest
from etils import epath

from albert_jax.errors import UserError
from albert_jax.training.workdir import commit, naming, open_workdir, replace

CONFIG = {"model": {"layers": 2, "shape": (3, 4)}, "training": {"steps": 10}, "preset": "tiny"}


def load(workdir):
    return json.loads((workdir / "config.json").read_text())


def test_it_records_settings_and_what_each_start_ran_on(tmp_path):
    workdir = epath.Path(tmp_path / "new" / "run")
    open_workdir(workdir, CONFIG)
    open_workdir(workdir, CONFIG)
    saved = load(workdir)
    assert saved["config"] == json.loads(json.dumps(CONFIG))
    first, _ = saved["starts"]
    assert first["devices"]["kind"] == "cpu" and first["devices"]["count"] == 8
    assert first["version"] and first["libraries"]["jax"] and first["python"]
    assert [path.name for path in workdir.iterdir()] == ["config.json"]


def test_another_config_is_an_error_that_shows_the_difference(tmp_path):
    workdir = epath.Path(tmp_path)
    open_workdir(workdir, CONFIG)
    before = load(workdir)
    other = {"model": {"layers": 3, "shape": (3, 4), "heads": 1}, "training": {"steps": 20}}
    with pytest.raises(UserError) as error:
        open_workdir(workdir, other, may_differ=["training.steps"])
    assert str(error.value) == (
        f"{workdir} holds a run with another config (model.heads absent -> 1; "
        'model.layers 2 -> 3; preset "tiny" -> absent); use its settings, or another --workdir'
    )
    assert load(workdir) == before


def test_what_may_differ_is_taken_over(tmp_path):
    workdir = epath.Path(tmp_path)
    open_workdir(workdir, CONFIG)
    open_workdir(workdir, {**CONFIG, "training": {"steps": 20}}, may_differ=["training"])
    assert load(workdir)["config"]["training"]["steps"] == 20
    with pytest.raises(UserError, match=r"training\.steps 20 -> 30"):
        open_workdir(workdir, {**CONFIG, "training": {"steps": 30}}, may_differ=["train"])


def test_an_earlier_version_lacks_a_setting(tmp_path):
    """It goes on if the setting is what was done then; settings that other runs have are left alone."""
    workdir, added = epath.Path(tmp_path), {"training.new": 1.0, "other.setting": 0}
    open_workdir(workdir, CONFIG)
    newer = {**CONFIG, "training": {"steps": 10, "new": 1.0}}
    with pytest.raises(UserError, match=r"training\.new 1\.0 -> 2\.0"):
        open_workdir(workdir, {**CONFIG, "training": {"steps": 10, "new": 2.0}}, added=added)
    open_workdir(workdir, newer, added=added)
    assert load(workdir)["config"] == json.loads(json.dumps(newer))


def test_a_damaged_file_is_named(tmp_path):
    for text in ("{", "[]", '{"config": 1}'):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(UserError, match=r"config\.json cannot be read"):
            open_workdir(epath.Path(tmp_path), CONFIG)


def test_commit_tells_a_clean_checkout_from_a_changed_one(tmp_path):
    assert commit(tmp_path) is None

    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", *who, *words]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-m", "one")
    clean = git("rev-parse", "HEAD")
    assert commit(tmp_path) == clean
    (tmp_path / "file").write_text("two")
    assert commit(tmp_path) == f"{clean}-dirty"


def test_what_is_written_to_a_full_disk_is_named(tmp_path):
    """The system names a file that cannot be opened, not one that cannot be written to."""
    path = tmp_path / "config.json"
    with pytest.raises(OSError) as full, naming(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert full.value.filename == str(path)
    with pytest.raises(OSError) as absent:
        replace(epath.Path(tmp_path / "nowhere" / "config.json"), "")
    assert absent.value.filename == str(tmp_path / "nowhere" / "config.json.partial")
