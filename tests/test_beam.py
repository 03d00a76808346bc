"""Beam's DirectRunner gives the records that one machine gives; skipped without the extra."""

import dataclasses

import pytest

from albert_jax.commands.prepare import prepare
from albert_jax.data import records
from albert_jax.data.config import CorpusConfig
from albert_jax.data.records import Records
from albert_jax.errors import UserError

pytest.importorskip("apache_beam")


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "books").mkdir()
    for i in range(30):
        body = f"This is book number {i}. It has a few words in it.\n" * 9
        (tmp_path / "books" / f"{i}.txt").write_text(body)
    return CorpusConfig(
        source=f"{tmp_path}/books=1.5", records=str(tmp_path / "local"), held_out=0.4, workers=1
    )


def documents(corpus, split):
    return sorted(document.tokens.tolist() for document in Records(corpus.records, split))


def test_beam_writes_what_one_machine_writes(corpus, tmp_path):
    prepare(corpus, 42)
    on_beam = dataclasses.replace(corpus, records=str(tmp_path / "beam"), shards=2)
    prepare(on_beam, 42, beam=[])
    for split in records.SPLITS:
        assert documents(on_beam, split) == documents(corpus, split)
    assert _counts(on_beam) == _counts(corpus)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beam", "books", "local"]


def _counts(corpus):
    statistics = records.load_statistics(corpus.records)
    return {key: value for key, value in statistics.items() if key != "rows"}


def test_an_empty_split_is_one_line(corpus, tmp_path):
    tiny = dataclasses.replace(corpus, held_out=0.0001)
    with pytest.raises(
        UserError, match=r"corpus.held_out=0.0001: leaves a split without documents"
    ):
        prepare(tiny, 42, beam=[])
    assert [path.name for path in tmp_path.iterdir()] == ["books"]
