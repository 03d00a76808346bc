import json

import numpy as np
import pytest

from albert_jax.data import statistics, vocabulary
from albert_jax.data.documents import Document
from albert_jax.data.statistics import Statistics, example_lengths, packed_rows
from albert_jax.data.vocabulary import Normalisation, Vocabulary


def document(*sentence_lengths, token=7):
    lengths = np.array(sentence_lengths, np.int32)
    return Document(np.full(lengths.sum(), token, np.int32), lengths)


@pytest.fixture(scope="module")
def spm():
    words = ["the quick brown fox", "jumps over a lazy dog"] * 3
    return Vocabulary(vocabulary.train(words, 40), Normalisation())


@pytest.fixture
def counted(spm):
    counted = Statistics(spm)
    counted.add(document(10, 20, 30, token=20), "train")
    counted.add(document(40, token=20), "train")
    counted.add(document(99, 1, token=1), "held_out")
    return counted


def test_examples_gather_sentences_until_the_row_is_full():
    # Rows of 13 have room for 10 pieces: 4 + 8 is cut to 10, 10 fills one, 3 is a short last one.
    assert example_lengths([4, 8, 10, 3], 13) == [13, 13, 6]
    assert example_lengths([25], 13) == [13]


def test_packing_is_first_fit():
    assert packed_rows([6, 5, 4, 3, 2], 10) == 2  # 6 + 4, 5 + 3 + 2
    assert packed_rows([10, 10], 10) == 2


def test_counts(counted):
    summary = counted.summary()
    assert summary["documents"] == {"train": 2, "held_out": 1}
    assert (summary["sentences"], summary["tokens"]) == (6, 200)
    assert summary["unknown_per_1000"] == 500
    assert summary["tokens_per_document"]["mean"] == pytest.approx(200 / 3)
    assert summary["tokens_per_document"]["p50"] == 60
    assert summary["tokens_per_sentence"]["max"] == 99
    assert summary["pieces_used"] == 2


def test_the_most_frequent_piece_is_the_unigram_baseline(counted, spm):
    counted.add(document(300, token=20), "train")
    assert counted.summary()["most_frequent"] == {"id": 20, "piece": spm.pieces[20], "share": 0.8}


def test_rows(counted):
    rows = counted.summary()["rows"]["128"]
    # Examples of 63, 43 and 103 tokens: three rows of 128, or two packed ones.
    assert rows["examples_sampled"] == 3
    assert rows["padding_unpacked"] == pytest.approx(1 - 209 / 384)
    assert rows["padding_packed"] == pytest.approx(1 - 209 / 256)


def test_saved_and_printed(counted, tmp_path):
    counted.save(tmp_path)
    summary = json.loads((tmp_path / "statistics.json").read_text())
    assert summary == counted.summary()
    np.testing.assert_array_equal(np.load(tmp_path / "counts.npy"), counted.piece_counts)
    page = statistics.page(summary)
    assert "2 train  1 held out" in page
    assert "500.00 per 1,000 tokens" in page
    assert "padding at  128" in page


def test_merged_counts_are_the_counts_of_all(counted, spm):
    together = Statistics(spm)
    together.add(document(5, 6), "train")
    together.merge(counted)
    counted.add(document(5, 6), "train")
    assert together.summary() == counted.summary()
