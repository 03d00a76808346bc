import numpy as np
import pytest

from albert_jax.data import builder, vocabulary
from albert_jax.data.config import CorpusConfig
from albert_jax.data.documents import Document
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


def test_it_is_a_tfds_dataset_in_shards(prepared):
    import tensorflow_datasets as tfds

    read_only = tfds.builder_from_directory(prepared)
    assert read_only.info.splits["train"].shard_lengths == [15, 15, 15]
    assert len(read_only.as_data_source("held_out")) == 5
    assert len(list(prepared.glob("corpus-train.array_record-*-of-00003"))) == 3


def test_large_vocabularies_keep_their_ids():
    big = Document(np.array([69_999], np.int32), np.array([1], np.int32))
    assert builder.example(big, 70_000)["tokens"].tolist() == [69_999]
    assert builder.features(70_000)["tokens"].np_dtype == np.uint32
    assert builder.features(65_536)["tokens"].np_dtype == np.uint16


def test_nothing_is_left_beside_the_folder(prepared):
    assert [path.name for path in prepared.parent.iterdir()] == ["records"]


def test_a_held_out_split_without_documents_names_the_share_that_has_one(tmp_path, spm):
    few = [Tokenised(document(i), 0.25 + i / 10) for i in range(3)]
    with pytest.raises(UserError, match=r"none of the 3 documents .* 0\.251 takes one"):
        builder.write(few, corpus(tmp_path), spm)
    assert list(tmp_path.iterdir()) == []


def test_one_document_cannot_be_split(tmp_path, spm):
    with pytest.raises(UserError, match="sotu: 1 document in it, and one is to be held out"):
        builder.write(tokenised(1), corpus(tmp_path), spm)


def test_more_shards_than_documents(tmp_path, spm):
    with pytest.raises(UserError, match="9 documents to train on do not fill 20 shards; lower"):
        builder.write(tokenised(10), corpus(tmp_path, shards=20), spm)


def test_a_failure_on_the_way_leaves_nothing(tmp_path, spm):
    def broken():
        yield from tokenised(20)
        raise UserError("x.txt: broken")

    with pytest.raises(UserError, match="broken"):
        builder.write(broken(), corpus(tmp_path), spm)
    assert list(tmp_path.iterdir()) == []
