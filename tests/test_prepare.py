import dataclasses
import json
import shutil
import subprocess
import sys
import time

import psutil
import pytest

from albert_jax.commands.prepare import prepare
from albert_jax.data import records
from albert_jax.data.config import CorpusConfig
from albert_jax.data.records import Records
from albert_jax.errors import UserError
from tests.models import sentencepiece_model

BOOKS = {f"{i}.txt": f"This is book number {i}. It has a few words in it.\n" * 9 for i in range(30)}


@pytest.fixture
def corpus(tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    for name, body in BOOKS.items():
        (books / name).write_text(body)
    workdir = tmp_path / "workdir"
    workdir.mkdir()
    return CorpusConfig(
        source=str(books), records=str(workdir / "records"), held_out=0.4, workers=1
    )


def test_a_folder_becomes_records_and_a_page(corpus, capsys):
    prepare(corpus, 42)
    train, held_out = Records(corpus.records, "train"), Records(corpus.records, "held_out")
    assert len(train) + len(held_out) == 30
    assert len(held_out) > 0
    spm = records.load_vocabulary(corpus.records)
    assert spm.size == 42
    decoded = {spm.decode(document.tokens) for document in (*train, *held_out)}
    expected = {" ".join(body.lower().split()) for body in BOOKS.values()}
    assert {d.replace(" ", "") for d in decoded} == {e.replace(" ", "") for e in expected}
    page = capsys.readouterr().out
    assert f"{len(train)} train  {len(held_out)} held out" in page
    assert "sentences                        540" in page


def test_the_split_does_not_depend_on_where_a_document_stands(corpus, tmp_path):
    prepare(corpus, 42)
    for i in range(0, 30, 2):
        (tmp_path / "books" / f"{i}.txt").unlink()
    model = f"{corpus.records}/vocabulary.model"
    half = dataclasses.replace(corpus, records=str(tmp_path / "half"), vocabulary=model)
    prepare(half, 42)
    for split in records.SPLITS:
        assert 0 < len(_texts(half, split)) < len(_texts(corpus, split))
        assert _texts(half, split) < _texts(corpus, split)


def _texts(corpus, split):
    return {tuple(document.tokens.tolist()) for document in Records(corpus.records, split)}


def test_a_second_time_it_does_nothing(corpus, capsys):
    prepare(corpus, 42)
    before = (capsys.readouterr(), _modified(corpus))
    prepare(corpus, 42)
    assert capsys.readouterr().out == f"{corpus.records}: already prepared\n"
    assert _modified(corpus) == before[1]


def _modified(corpus):
    from etils import epath

    return {path.name: path.stat().mtime for path in epath.Path(corpus.records).iterdir()}


def test_other_settings_are_an_error(corpus):
    prepare(corpus, 42)
    with pytest.raises(UserError, match=r"was prepared with seed=0, now 1; vocab_size=42, now 41"):
        prepare(dataclasses.replace(corpus, seed=1), 41)


def test_text_that_has_changed_is_an_error(corpus, tmp_path, capsys):
    """Its content, not the times of its files; and where there is no text any more, records will do."""
    prepare(corpus, 42)
    book = tmp_path / "books" / "3.txt"
    book.write_text(BOOKS["3.txt"])
    prepare(corpus, 42)
    for body in (BOOKS["3.txt"] + "One more.\n", BOOKS["3.txt"].replace("few", "new")):
        book.write_text(body)
        with pytest.raises(UserError, match=r"books: the text has changed since .*"):
            prepare(corpus, 42)
    shutil.rmtree(tmp_path / "books")
    capsys.readouterr()
    prepare(corpus, 42)
    assert "already prepared" in capsys.readouterr().out


def test_records_of_an_earlier_version_are_taken_as_they_are(corpus, tmp_path):
    prepare(corpus, 42)
    path = tmp_path / "workdir" / "records" / "prepared.json"
    prepared = json.loads(path.read_text())
    path.write_text(json.dumps({name: prepared[name] for name in ("settings", "documents")}))
    (tmp_path / "books" / "3.txt").write_text("Other words.")
    prepare(corpus, 42)
    assert records.load_vocabulary(corpus.records).size == 42
    assert records.load_statistics(corpus.records)["most_frequent"]


def test_a_given_vocabulary(corpus, tmp_path):
    prepare(corpus, 42)
    given = dataclasses.replace(
        corpus, vocabulary=f"{corpus.records}/vocabulary.model", records=str(tmp_path / "other")
    )
    prepare(given, 42)
    assert _pieces(given) == _pieces(corpus)
    with pytest.raises(
        UserError, match=r"vocabulary\.model: has 42 pieces, the model's vocab_size"
    ):
        prepare(dataclasses.replace(given, records=str(tmp_path / "third")), 43)


def _pieces(corpus):
    return records.load_vocabulary(corpus.records).pieces


KILLED = """
import sys, time
from albert_jax.commands.prepare import prepare
from albert_jax.data import text
from albert_jax.data.config import CorpusConfig

def stuck(*args, **options):
    yield from (text.Text(f"This is book {i}. " * 20_000) for i in range(12))
    print("stuck", flush=True)
    time.sleep(100)

if __name__ == "__main__":
    text.documents = stuck
    source, records, vocabulary = sys.argv[1:]
    prepare(CorpusConfig(source=source, records=records, vocabulary=vocabulary, workers=2), 42)
"""


def test_killed_in_the_middle_it_starts_again_cleanly(corpus, tmp_path):
    first = dataclasses.replace(corpus, records=str(tmp_path / "first"))
    prepare(first, 42)
    (tmp_path / "killed.py").write_text(KILLED)
    vocabulary = f"{first.records}/vocabulary.model"
    command = [sys.executable, tmp_path / "killed.py", corpus.source, corpus.records, vocabulary]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"stuck\n"
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    left = [path.name for path in (tmp_path / "workdir").iterdir()]
    assert left and "records" not in left
    _wait_for(lambda: not any(worker.is_running() for worker in workers))

    prepare(corpus, 42)
    assert [path.name for path in (tmp_path / "workdir").iterdir()] == ["records"]
    assert _pieces(corpus) == _pieces(first)


def _wait_for(condition):
    for _ in range(100):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("the worker processes outlive the command")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source", " "),
        ("field", ""),
        ("held_out", 0.0),
        ("held_out", 1.0),
        ("vocab_sentences", 100),
        ("shards", -1),
        ("workers", -1),
        ("seed", -1),
    ],
)
def test_a_bad_setting_is_named(field, value):
    with pytest.raises(UserError, match=f"corpus.{field}={value!r}: must be"):
        CorpusConfig(**{field: value})


def test_without_beam(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "albert_jax.data.beam", None)
    monkeypatch.delattr("albert_jax.data.beam", raising=False)
    vocabulary = tmp_path / "38.model"
    vocabulary.write_bytes(sentencepiece_model())
    corpus = CorpusConfig(vocabulary=str(vocabulary), records=str(tmp_path / "records"))
    with pytest.raises(UserError, match=r"not installed: pip install 'albert-jax\[beam\]'"):
        prepare(corpus, 38, [])
