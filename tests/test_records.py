import dataclasses
import pickle

import numpy as np
import pytest

from albert_jax.data import builder, records, vocabulary
from albert_jax.data.config import CorpusConfig
from albert_jax.data.documents import Document
from albert_jax.data.records import Records
from albert_jax.data.tokenisation import Tokenised
from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError


@pytest.fixture(scope="module")
def spm():
    words = ["the quick brown fox", "jumps over a lazy dog"] * 3
    return Vocabulary(vocabulary.train(words, 40), Normalisation(lower=False))


def document(i):
    lengths = np.arange(1, 3 + i % 5, dtype=np.int32)
    return Document((np.arange(lengths.sum(), dtype=np.int32) + i) % 40, lengths)


def corpus(tmp_path, **options):
    return CorpusConfig(records=str(tmp_path / "records"), held_out=0.1, lower=False, **options)


def tokenised(count):
    """Every tenth document has a draw below 0.1."""
    return [Tokenised(document(i), i % 10 / 10) for i in range(count)]


@pytest.fixture
def prepared(tmp_path, spm):
    builder.write(tokenised(50), corpus(tmp_path, shards=3), spm)
    return tmp_path / "records"


def test_every_document_comes_back_once_and_in_its_split(prepared):
    train, held_out = Records(prepared, "train"), Records(prepared, "held_out")
    assert (len(train), len(held_out)) == (45, 5)
    assert sorted(map(_key, train)) == sorted(_key(document(i)) for i in range(50) if i % 10)
    assert sorted(map(_key, held_out)) == sorted(_key(document(i)) for i in range(0, 50, 10))


def _key(document):
    return document.tokens.tolist(), document.sentence_lengths.tolist()


def test_arrays_are_int32(prepared):
    one = Records(prepared, "train")[7]
    assert isinstance(one, Document)
    assert one.tokens.dtype == one.sentence_lengths.dtype == np.int32


def test_records_travel_to_other_processes_even_when_open(prepared):
    opened = Records(prepared, "train")
    expected = _key(opened[3])
    assert _key(pickle.loads(pickle.dumps(opened))[3]) == expected


def test_many_documents_at_once_are_those_one_by_one(prepared):
    train, indices = Records(prepared, "train"), [40, 3, 3, 17]
    together = train.__getitems__(indices)
    assert list(map(_key, together)) == [_key(train[index]) for index in indices]
    assert all(isinstance(document, Document) for document in together)


def test_the_mean_length_is_that_of_all_documents(prepared):
    mean = np.mean([len(document(i).tokens) for i in range(50)])
    assert Records(prepared, "train").mean_length == pytest.approx(mean)


def test_the_vocabulary_comes_back_with_its_normalisation(prepared, spm):
    loaded = records.load_vocabulary(prepared)
    assert loaded.pieces == spm.pieces
    assert loaded.normalisation == Normalisation(lower=False)


def test_prepared_once(prepared, tmp_path):
    assert records.is_prepared(corpus(tmp_path, shards=3), 40)
    assert records.is_prepared(corpus(tmp_path, shards=3, workers=2), 40)


def test_other_settings_show_the_difference(prepared, tmp_path):
    changed = dataclasses.replace(corpus(tmp_path, shards=3), lower=True)
    with pytest.raises(UserError, match="was prepared with lower=False, now True; choose another"):
        records.is_prepared(changed, 40)
    with pytest.raises(UserError, match="vocab_size=40, now 50"):
        records.is_prepared(corpus(tmp_path, shards=3), 50)


def test_nothing_prepared(tmp_path):
    assert not records.is_prepared(corpus(tmp_path), 40)
    with pytest.raises(
        UserError, match=r"records: no prepared dataset there; run `albert-jax prep"
    ):
        Records(tmp_path / "records", "train")


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="holds something else than a prepared dataset"):
        records.is_prepared(corpus(tmp_path), 40)


def test_a_damaged_record_is_named(prepared):
    path = sorted(prepared.glob("corpus-train*"))[1]
    data = bytearray(path.read_bytes())
    for damaged in (slice(64, 72), slice(65_600, 65_608)):
        data[damaged] = b"\xff" * 8
    path.write_bytes(data)
    train = Records(prepared, "train")
    train[0]
    with pytest.raises(
        UserError, match=r"records: record \d+ of split 'train'.*is damaged"
    ) as error:
        [train[i] for i in range(len(train))]
    assert path.name in str(error.value)
    with pytest.raises(UserError) as together:
        Records(prepared, "train").__getitems__(range(len(train)))
    assert str(together.value) == str(error.value)


def test_a_truncated_shard_is_named(prepared):
    path = sorted(prepared.glob("corpus-held_out*"))[0]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"record 0 of split 'held_out'.*is damaged"):
        Records(prepared, "held_out")[0]


def test_a_missing_shard_is_named(prepared):
    sorted(prepared.glob("corpus-held_out*"))[0].unlink()
    with pytest.raises(UserError, match=r"record 0 of split 'held_out'.*is damaged or missing"):
        Records(prepared, "held_out")[0]


def test_a_damaged_description_is_named(tmp_path):
    (tmp_path / records.PREPARED).write_text("{")
    with pytest.raises(UserError, match=r"prepared.json cannot be read \(.*\); remove"):
        records.read_prepared(tmp_path)
