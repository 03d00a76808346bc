"""The original's algorithm as it stands in the race, and what is said of made rows."""

import random
import sys

import numpy as np

from albert_jax.data.files import Text
from albert_jax.data.normalisation import Normalisation
from albert_jax.data.vocabulary import Vocabulary
from experiments.benchmarks import pipeline, reference_data
from tests.models import sentencepiece_model

WORDS = [f"▁word{i}" for i in range(50)]
DOCUMENTS = [[[WORDS[(i * j) % 50] for i in range(12)] for j in range(1, 30)] for _ in range(6)]


def made(length=64, predictions=20):
    return list(reference_data.examples(DOCUMENTS, WORDS, length, predictions, seed=1))


def test_examples_are_pairs_that_fit():
    for example in made():
        assert len(example.pieces) == len(example.types) <= 64
        assert example.pieces[0] == "[CLS]" and example.pieces[-1] == "[SEP]"
        assert len(example.positions) <= max(1, round(0.15 * len(example.pieces)))
        assert "[SEP]" not in example.targets


def test_hidden_pieces_are_the_targets():
    hidden = [e for e in made() if "[MASK]" in e.pieces]
    assert hidden
    for example in hidden:
        masks = [i for i, piece in enumerate(example.pieces) if piece == "[MASK]"]
        assert set(masks) <= set(example.positions)


def test_a_chunk_of_one_sentence_has_label_one():
    lone = [[[word] * 60] for word in WORDS[:5]]
    assert {e.label for e in reference_data.examples(lone, WORDS, 64, 5, seed=0)} == {1}


def test_truncation_takes_from_the_longer():
    first, second = list("abcdefgh"), list("xyz")
    reference_data._truncate(first, second, 8, random.Random(0))
    assert (len(first), len(second)) == (5, 3)


def test_features_are_padded():
    example = made()[0]
    ids = {piece: i for i, piece in enumerate([*WORDS, "[CLS]", "[SEP]", "[MASK]"])}
    row = reference_data.features(example, ids, 64, 20)
    assert {name: len(values) for name, values in row.items()} == {
        "input_ids": 64,
        "input_mask": 64,
        "segment_ids": 64,
        "masked_lm_positions": 20,
        "masked_lm_ids": 20,
        "masked_lm_weights": 20,
        "next_sentence_labels": 1,
    }


def test_described_by_hand():
    said = pipeline.described(
        {
            "example_ids": np.array([[1, 1, 1, 0], [1, 1, 1, 1]]),
            "mlm_positions": np.array([[1, 2], [3, 0]]),
            "mlm_weights": np.array([[1.0, 1.0], [1.0, 0.0]]),
            "sentence_labels": np.array([[1], [0]]),
            "sentence_weights": np.array([[1.0], [1.0]]),
        }
    )
    assert said == {
        "real positions": 7 / 8,
        "masked, of real ones": 3 / 7,
        "rows with all predictions": 0.5,
        "masked next to masked": 1 / 3,
        "pairs of label 1": 0.5,
    }


def test_the_other_library_is_given_the_paragraphs_and_the_pieces(tmp_path, monkeypatch):
    racer = tmp_path / "racer.py"
    racer.write_text(
        "import json, pathlib, sys\n"
        "texts, folder, length, rows, passes = sys.argv[1:]\n"
        "lines = pathlib.Path(texts).read_text().splitlines()\n"
        "assert [json.loads(line)['text'] for line in lines] == ['the cat', 'the mat', 'a dog']\n"
        "assert (pathlib.Path(folder) / 'tokenizer.json').exists()\n"
        "print(json.dumps({'prepare': int(length), 'batches': int(rows) * int(passes)}))\n"
    )
    monkeypatch.setattr(pipeline, "RACER", racer)
    texts = [Text("the cat\n\nthe mat"), Text("a dog")]
    vocabulary = Vocabulary(sentencepiece_model(), Normalisation())
    rates = pipeline.hugging_face(texts, vocabulary, 64, sys.executable)
    assert [numbers["rate"] for numbers in rates.values()] == [64, pipeline.ROWS * pipeline.PASSES]
