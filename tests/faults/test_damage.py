"""Damaged files: what is read is what was written, or one line says what is wrong and where."""

import json
import random
import shutil
from collections import Counter

import numpy as np
import pytest

from albert_jax.data.records import Records, load_statistics, load_vocabulary
from albert_jax.errors import UserError
from tests import runs
from tests.commands import run
from tests.test_checkpoint import restored, saved
from tests.test_resume import metrics

DRAW = random.Random(7)


def gone(path):
    path.unlink()


def emptied(path):
    path.write_bytes(b"")


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: DRAW.randrange(len(content))])


def flipped(path):
    """One bit, anywhere."""
    content = bytearray(path.read_bytes())
    content[DRAW.randrange(len(content))] ^= 1 << DRAW.randrange(8)
    path.write_bytes(content)


DAMAGES = {
    "missing": gone,
    "empty": emptied,
    "cut short": cut,
    "with a flipped bit": flipped,
}


def files(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints") / "c"
    saved(folder, [1, 2])
    return folder


def after(damage, name, checkpoints, folder, capfd):
    """The step that a copy comes back with, after damage to a file; one that is set aside is told."""
    shutil.copytree(checkpoints, folder)
    damage(folder / name)
    capfd.readouterr()
    step = restored(folder)
    told = [line for line in capfd.readouterr().err.splitlines() if "albert-jax" in line]
    if step == 1:
        assert len(told) == 1 and "checkpoint 2" in told[0] and "using 1 instead" in told[0]
        assert (folder / "damaged-2").exists()
    else:
        assert not told
    shutil.rmtree(folder)
    return step


@pytest.mark.parametrize("kind", DAMAGES)
def test_every_file_of_a_checkpoint(kind, checkpoints, tmp_path, capfd, record_property):
    names = [name for name in files(checkpoints) if name.parts[0] == "2"]
    steps = [after(DAMAGES[kind], name, checkpoints, tmp_path / "c", capfd) for name in names]
    record_property(f"a file of the newest checkpoint {kind}", shares(steps))


def shares(steps):
    count = Counter(steps)
    return f"{len(steps)} | {count[2]} harmless, {count[1]} noticed: the one before was used"


@pytest.mark.slow
def test_flipped_bits_of_a_checkpoint(checkpoints, tmp_path, capfd, record_property):
    names = [name for name in files(checkpoints) if name.parts[0] == "2"]
    steps = [
        after(flipped, DRAW.choice(names), checkpoints, tmp_path / "c", capfd) for _ in range(300)
    ]
    record_property("a random bit of the newest checkpoint", shares(steps))


def content(folder):
    """All that `pretrain` reads of a prepared dataset."""
    documents = {
        split: [np.concatenate(document) for document in Records(folder, split)]
        for split in ("train", "held_out")
    }
    return load_vocabulary(folder).model, load_statistics(folder), documents


def is_read_or_named(folder, expected):
    """Whether damage was harmless; if not, the line that it leads to says what to do."""
    try:
        found = content(folder)
    except UserError as error:
        assert str(folder) in str(error) and "`albert-jax prepare`" in str(error)
        assert "\n" not in str(error)
        return False
    np.testing.assert_equal(found, expected)
    return True


@pytest.mark.parametrize("kind", DAMAGES)
def test_every_file_of_prepared_text(kind, tmp_path, record_property):
    harmless, expected = [], content(runs.prepared())
    for name in files(runs.prepared()):
        folder = shutil.copytree(runs.prepared(), tmp_path / name)
        DAMAGES[kind](folder / name)
        harmless.append(is_read_or_named(folder, expected))
    outcome = f"{sum(harmless)} harmless, {len(harmless) - sum(harmless)} named with the remedy"
    record_property(f"a file of prepared text {kind}", f"{len(harmless)} | {outcome}")


@pytest.mark.slow
def test_flipped_bits_of_prepared_text(tmp_path, record_property):
    harmless, expected = [], content(runs.prepared())
    for number in range(150):
        folder = shutil.copytree(runs.prepared(), tmp_path / str(number))
        flipped(folder / DRAW.choice(files(folder)))
        harmless.append(is_read_or_named(folder, expected))
        shutil.rmtree(folder)
    outcome = f"{sum(harmless)} harmless, {len(harmless) - sum(harmless)} named with the remedy"
    record_property("a random bit of prepared text", f"{len(harmless)} | {outcome}")


def test_a_run_without_one_of_its_shards(tmp_path, record_property):
    """It says which, and when the file is back it goes on as if nothing had been."""
    folder = shutil.copytree(runs.prepared(), tmp_path / "records")
    shutil.copytree(runs.trained()[0], tmp_path / "W", ignore=shutil.ignore_patterns("60"))
    words = runs.pretrain(tmp_path / "W", f"--config.corpus.records={folder}")
    (shard,) = folder.glob("*train*array_record*")
    shard.rename(tmp_path / "shard")
    ended = run(*words)
    *_, line = ended.err.splitlines()
    assert ended.status == 1 and "Traceback" not in ended.err
    assert f"albert-jax: {folder}: record" in line and shard.name in line
    (tmp_path / "shard").rename(shard)
    assert run(*words).status == 0
    assert metrics(tmp_path / "W") == metrics(runs.trained()[0])
    record_property("a missing shard of records", "1 | one line; bitwise on when it was back")


def test_settings_of_prepared_text_that_are_not_there(tmp_path):
    folder = shutil.copytree(runs.prepared(), tmp_path / "records")
    prepared = json.loads((folder / "prepared.json").read_text())
    for lacking in ("settings", "documents"):
        rest = {name: value for name, value in prepared.items() if name != lacking}
        (folder / "prepared.json").write_text(json.dumps(rest))
        with pytest.raises(UserError, match=r"prepared\.json cannot be read \('"):
            Records(folder, "train")
