"""What a user can do wrong, and the one line that says so: the thing, the place, the remedy."""

import json
import os
import resource
import shutil

import jax
import pytest

from albert_jax.data.records import Records
from albert_jax.errors import UserError
from albert_jax.training.checkpoint import CheckpointConfig, Checkpoints, are_in
from tests import corpus, runs
from tests.commands import call, run

TINY = "--config=tests/tiny.py"


def fails(capfd, *arguments):
    """The line with which a command ends; it is checked to be the only one on stderr."""
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        call(*arguments)
    line = ended.value.code  # python prints it on stderr and exits with 1
    assert isinstance(line, str), f"exit status {line}"
    assert line.startswith("albert-jax: ") and "\n" not in line and "Traceback" not in line
    assert capfd.readouterr().err == ""
    return line


def _truncated_gzip(path):
    corpus.write_gzip(path)
    path.write_bytes(path.read_bytes()[:3000])


def _empty_folder(path):
    path.mkdir()


def _folder_without_text(path):
    path.mkdir()
    (path / "notes.pdf").write_bytes(b"%PDF")


SOURCES = {  # name: (how it is written, what the line says)
    "absent.txt": (lambda path: None, ["absent.txt: no such file or folder", "corpus.source"]),
    "empty": (_empty_folder, ["empty: no files of text there"]),
    "blank.txt": (lambda path: path.write_text("\n \n"), ["blank.txt: no text in it"]),
    "one.txt": (
        lambda path: path.write_text("A word.\n"),
        ["too small for a vocabulary of 500 pieces", "set the model's vocab_size", "add text"],
    ),
    "bad.jsonl": (
        lambda path: path.write_text('{"text": "Yes."}\n{"text": \n'),
        ["bad.jsonl:2: not JSON", "a line holds one object"],
    ),
    "other.jsonl": (
        lambda path: corpus.write_jsonl(path, field="body"),
        ["other.jsonl:1: no text under 'text', found ['body', 'id']", "set corpus.field"],
    ),
    "latin.txt": (
        lambda path: path.write_bytes("Ein schöner Tag.".encode("latin1")),
        ["latin.txt: not UTF-8 at byte 7", "iconv"],
    ),
    "cut.txt.gz": (_truncated_gzip, ["cut.txt.gz: damaged or cut short", "fetch it again"]),
    "no.txt.gz": (
        lambda path: path.write_text("This is no gzip."),
        ["no.txt.gz: damaged or cut short"],
    ),
    "cut.xml": (lambda path: path.write_text("<mediawiki><page>"), ["cut.xml: not a whole XML dump"]),
    "a.txt=much": (lambda path: None, ["a.txt=much", "PATH=WEIGHT"]),
    "tfds:nothing": (lambda path: None, ["tfds:nothing: cannot be read"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_text_that_cannot_be_read(name, tmp_path, capfd):
    write, fragments = SOURCES[name]
    write(tmp_path / name)
    source = name if name.startswith("tfds:") else tmp_path / name
    line = fails(
        capfd, "prepare", TINY, f"--workdir={tmp_path}/W", f"--config.corpus.source={source}"
    )
    for fragment in fragments:
        assert fragment in line
    assert not (tmp_path / "W" / "records").exists()


FLAGS = {  # a flag that is wrong by itself: what the line says
    "--config.optimizer.learning_rat=1": ["learning_rat"],
    "--config.schedule.learning_rat=1": ["learning_rat", "did you mean learning_rate?"],
    "--config.schedule.learning_rate=fast": ["learning_rate", "fast"],
    "--config.training.steps=0": ["training.steps", "at least 1"],
    "--config.model.num_heads=3": ["model.num_heads", "divisor of hidden_size"],
    "--config.data.length=64": ["data.length", "model.max_positions (32)", "raise the positions"],
    "--config.data.objective=sup": ["data.objective", "'sop'"],
    "--config.data.batch_size=9": ["data.batch_size is 9", "8 devices", "a multiple of 8"],
    "--config.training.microbatches=3": ["training.microbatches", "a multiple of 24"],
    "--config.model.vocab_size=400": ["500 pieces", "pass --config.model.vocab_size=500"],
    "--config.corpus.records=nowhere": ["nowhere", "run `albert-jax prepare` first"],
    "--config=tests/tiny.py:stepz=3": ["stepz", "steps"],
    "--config=nowhere.py": ["nowhere.py"],
    "--config.optimizer.groups=((\"bias\",False,False),)": ["optimizer.groups", "add one"],
    "--workdirs=W": ["workdirs"],
    "W": ["W"],
}  # fmt: skip


@pytest.mark.parametrize("flag", FLAGS)
def test_a_wrong_flag(flag, tmp_path, capfd):
    line = fails(capfd, *runs.pretrain(tmp_path / "W", flag, config=TINY))
    for fragment in FLAGS[flag]:
        assert fragment in line
    assert not any((tmp_path / "W").glob("checkpoints/*"))


def test_more_streams_than_documents(tmp_path, capfd):
    flags = ["--config.data.shards=64", "--config.data.batch_size=64"]
    line = fails(capfd, *runs.pretrain(tmp_path / "W", *flags))
    assert "data.shards 64; set data.shards lower or add text" in line


def test_commands_that_are_not_there_or_lack_something(capfd):
    assert "there is no command 'train'; choose one of prepare, " in fails(capfd, "train")
    assert "--config is missing" in fails(capfd, "pretrain", "--workdir=W")
    assert "--workdir is missing" in fails(capfd, "pretrain", TINY)
    assert "needs one of --config=" in fails(capfd, "inspect")
    assert "curves needs a workdir" in fails(capfd, "curves")
    assert "nowhere" in fails(capfd, "curves", "nowhere")


def test_a_vocabulary_that_does_not_fit(tmp_path, capfd):
    corpus.write_text(tmp_path / "a.txt")
    flags = [f"--workdir={tmp_path}/W", f"--config.corpus.source={tmp_path}/a.txt"]
    line = fails(capfd, "prepare", TINY, *flags, "--config.model.vocab_size=30000")
    assert "vocab_size" in line
    given = runs.prepared() / "vocabulary.model"
    flags += [f"--config.corpus.vocabulary={given}", "--config.model.vocab_size=400"]
    line = fails(capfd, "prepare", TINY, *flags)
    assert f"{given}: has 500 pieces" in line and "make them equal" in line
    given = tmp_path / "a.txt"
    line = fails(capfd, "prepare", TINY, *flags, f"--config.corpus.vocabulary={given}")
    assert str(given) in line


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_record(workers, tmp_path, capfd):
    folder = shutil.copytree(runs.prepared(), tmp_path / "records")
    (file,) = folder.glob("*train*array_record*")
    content = bytearray(file.read_bytes())
    for place in range(len(content) // 8, len(content) // 2, 50):
        content[place] ^= 0xFF
    file.write_bytes(content)
    flags = [f"--config.corpus.records={folder}", f"--config.data.workers={workers}"]
    line = fails(capfd, *runs.pretrain(tmp_path / "W", *flags, config=TINY))
    assert str(folder) in line and "damaged" in line and "run `albert-jax prepare` again" in line
    with pytest.raises(Exception, match="damaged"):
        list(Records(folder, "train"))


@pytest.fixture
def workdir(tmp_path):
    """A copy of a finished run."""
    return shutil.copytree(runs.trained()[0], tmp_path / "W")


def test_another_config(workdir, capfd):
    line = fails(capfd, *runs.pretrain(workdir, "--config.training.microbatches=1"))
    assert f"{workdir} holds a run with another config" in line
    assert "training.microbatches 2 -> 1" in line and "another --workdir" in line


def test_damaged_files_of_a_workdir(workdir, capfd):
    path = workdir / "metrics.jsonl"
    path.write_text(path.read_text().replace('{"step": 7, ', '{"step": 7 ', 1))
    assert f"{path}, line 7 is damaged; mend or remove it" in fails(capfd, "curves", workdir)
    path = workdir / "config.json"
    path.write_text(path.read_text()[:-30])
    assert f"{path} cannot be read" in fails(capfd, *runs.pretrain(workdir, config=TINY))
    assert str(path) in fails(capfd, "inspect", f"--model={workdir}")
    assert str(path) in fails(capfd, "fill-mask", f"--model={workdir}", "a [MASK]")
    path.unlink()
    assert "has no config.json" in fails(capfd, "inspect", f"--model={workdir}")


def _damage(checkpoint):
    """Cuts every file of a checkpoint in half."""
    for path in checkpoint.rglob("*"):
        if path.is_file():
            os.truncate(path, path.stat().st_size // 2)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(workdir):
    _damage(workdir / "checkpoints" / "60")
    finished = run(*runs.pretrain(workdir))
    assert finished.status == 0
    line = finished.err.removesuffix("\n")
    assert "\n" not in line
    assert line.startswith(f"albert-jax: checkpoint 60 in {workdir}/checkpoints is damaged")
    assert line.endswith("using 50 instead")
    assert "resuming after step 50" in finished.out
    whole = (runs.trained()[0] / "metrics.jsonl").read_text().splitlines()
    again = (workdir / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["loss"] for line in again if "train" in line] == [
        json.loads(line)["loss"] for line in whole if "train" in line
    ]


def test_no_checkpoint_is_whole(workdir, capfd):
    for checkpoint in (workdir / "checkpoints").iterdir():
        _damage(checkpoint)
    line = fails(capfd, "fill-mask", f"--model={workdir}", "a [MASK]")
    assert "no other can be read" in line and "bring the folder back from a copy" in line


def test_a_start_from_what_is_no_run_or_of_other_sizes(workdir, tmp_path, capfd):
    line = fails(capfd, *runs.pretrain(tmp_path / "V", f"--init={tmp_path}", config=TINY))
    assert f"{tmp_path} is no checkpoint" in line
    flags = [f"--init={workdir}", "--config.model.ffn_size=128"]
    line = fails(capfd, *runs.pretrain(tmp_path / "V", *flags, config=TINY))
    assert "shape" in line and "give the model the checkpoint's sizes" in line


def test_texts_that_cannot_be_filled(workdir, capfd):
    model = f"--model={workdir}"
    assert "'no mask' has no [MASK]" in fails(capfd, "fill-mask", model, "no mask")
    line = fails(capfd, "fill-mask", model, "a [MASK]" + " word" * 40)
    assert "the model takes 32; shorten it" in line
    assert "fill-mask needs a text" in fails(capfd, "fill-mask", model)


def test_a_file_where_the_workdir_should_be(tmp_path, capfd):
    (tmp_path / "W").write_text("")
    line = fails(capfd, *runs.pretrain(tmp_path / "W", config=TINY))
    assert str(tmp_path / "W") in line
    corpus.write_text(tmp_path / "a.txt")
    source = f"--config.corpus.source={tmp_path}/a.txt"
    assert str(tmp_path / "W") in fails(capfd, "prepare", TINY, f"--workdir={tmp_path}/W", source)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path, capfd):
    (tmp_path / "closed").mkdir(mode=0o500)
    line = fails(capfd, *runs.pretrain(tmp_path / "closed" / "W", config=TINY))
    assert f"{tmp_path}/closed/W: Permission denied" in line


def test_the_real_thing_exits_with_1_and_one_line(tmp_path):
    status, _, err = run(*runs.pretrain(tmp_path / "W", "--config.model.vocab_size=400"))
    assert status == 1
    assert err.startswith("albert-jax: ") and err.count("\n") == 1


@pytest.fixture
def full_disk():
    """Stood in for by a limit on the size of files."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_records_on_a_full_disk(tmp_path, capfd, full_disk):
    corpus.write_folder(tmp_path / "texts")
    source = f"--config.corpus.source={tmp_path}/texts"
    line = fails(capfd, "prepare", TINY, f"--workdir={tmp_path}/W", source)
    assert "records" in line and "File too large; check the space on its disk" in line
    assert not (tmp_path / "W" / "records").exists()


def test_a_checkpoint_on_a_full_disk(tmp_path, full_disk):
    checkpoints = Checkpoints(tmp_path, CheckpointConfig())
    checkpoints.save(1, {"params": jax.random.normal(jax.random.key(0), (100, 100))}, {})
    with pytest.raises(UserError, match=r"cannot be written \(File too large.*; check the space"):
        checkpoints.wait()
    checkpoints.close()
    assert not are_in(tmp_path)


def test_a_checkpoint_that_may_not_be_written(tmp_path, monkeypatch):
    """The system's own errors say what is wrong in words, and the file apart."""
    denied = PermissionError(13, "Permission denied", str(tmp_path / "1.tmp"))
    checkpoints = Checkpoints(tmp_path, CheckpointConfig())
    monkeypatch.setattr(
        checkpoints._manager, "save", lambda *_, **__: (_ for _ in ()).throw(denied)
    )
    with pytest.raises(UserError, match=r"cannot be written \(Permission denied\)"):
        checkpoints.save(1, {"params": jax.numpy.ones(3)}, {})


def test_a_run_that_never_saved_may_begin_with_other_settings(tmp_path, capfd):
    wrong = runs.pretrain(tmp_path / "W", f"--init={tmp_path}", config=TINY)
    fails(capfd, *wrong)
    assert (tmp_path / "W" / "config.json").exists()
    line = fails(capfd, *wrong, "--config.data.seed=1")
    assert f"{tmp_path} is no checkpoint" in line  # not: another config
