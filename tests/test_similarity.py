"""Pairs of texts: their files, their groups, how well vectors find each other."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from etils import epath

from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks.similarity import Pair, Similarity, SimilarityConfig, groups, retrieval
from tests.models import sentencepiece_model

STSB = Path("../shared/data/glue_data/STS-B")
OFFICIAL = (  # columns of STS-B; quotes are text
    "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
    '0\tmain\tMSRvid\t2012test\t0000\tnone\tnone\tThe "cat sat.\tA cat sat.\t5.000\n'
    "1\tmain\tMSRvid\t2012test\t0002\tnone\tnone\tThe dog.\tWho saw the cat?\t0.4\n"
)


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary(sentencepiece_model(), Normalisation())


def task(vocabulary, name="similarity", **changes):
    return Similarity(SimilarityConfig(name=name, **changes), vocabulary)


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def test_the_official_files_of_sts_b(vocabulary, tmp_path):
    (tmp_path / "train.tsv").write_text(OFFICIAL)
    (tmp_path / "dev.tsv").write_text(OFFICIAL)
    (tmp_path / "test.tsv").write_text(
        "\n".join(line.rpartition("\t")[0] for line in OFFICIAL.splitlines())
    )
    similarity = task(vocabulary, data_dir=str(tmp_path))
    pairs = similarity.examples("train")
    assert pairs[0] == Pair(('The "cat sat.', "A cat sat."), 5.0)
    assert [pair.label for pair in pairs] == [5.0, 0.4]
    assert [pair.label for pair in similarity.examples("test")] == [None, None]
    (item,) = similarity.items(pairs[1])
    for part, text in zip(item.parts, pairs[1].texts, strict=True):
        wanted = [vocabulary.cls_id, *vocabulary.encode(text), vocabulary.sep_id]
        assert part.tokens.tolist() == wanted and not part.token_types.any()
    assert isinstance(item.label, float)
    assert similarity.metric == "spearman" and similarity.columns == ("sentence1", "sentence2")


def test_a_score_of_0_is_a_score_of_test(vocabulary, tmp_path):
    row = '{"sentence1": "a", "sentence2": "b", "score": 0}\n'
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text(row * 2)
    found = task(vocabulary, data_dir=str(tmp_path)).examples("test")
    assert [pair.label for pair in found] == [0.0, 0.0]


@pytest.mark.skipif(not STSB.exists(), reason="no GLUE here")
def test_the_real_files_of_sts_b(vocabulary):
    similarity = task(vocabulary, data_dir=str(STSB))
    assert [len(similarity.examples(split)) for split in ("train", "dev", "test")] == [
        5749, 1500, 1379,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a\tb\thigh", r"train.tsv:2: the score 'high' is no number; mend the line$"),
        ("a\tb\tnan", r"train.tsv:2: the score 'nan' is not finite; mend the line$"),
        ("a\tb", r"train.tsv:2: 2 columns, not 3"),
    ],
)
def test_wrong_scores_are_named(vocabulary, tmp_path, row, message):
    (tmp_path / "train.tsv").write_text(f"sentence1\tsentence2\tscore\n{row}\n")
    (tmp_path / "dev.tsv").write_text("sentence1\tsentence2\tscore\na\tb\t1\n")
    with pytest.raises(UserError, match=message):
        task(vocabulary, data_dir=str(tmp_path)).examples("train")


def test_missing_columns_are_named(vocabulary, tmp_path):
    (tmp_path / "train.jsonl").write_text('{"sentence1": "a", "sentence2": "b"}\n')
    (tmp_path / "dev.jsonl").write_text('{"sentence1": "a", "answer": "b"}\n')
    similarity = task(vocabulary, data_dir=str(tmp_path))
    with pytest.raises(UserError, match=r"train.jsonl:1: no score under 'score', found .*pairs"):
        similarity.examples("train")
    with pytest.raises(UserError, match=r"dev.jsonl:1: no text under 'sentence2'; found .*answer"):
        similarity.examples("dev")


def test_pairs_have_groups_and_need_no_score(vocabulary, tmp_path):
    (tmp_path / "train.csv").write_text('q,a\nwho,"x, y"\nwhat,z\nwhy,"x, y"\n')
    (tmp_path / "dev.csv").write_text("q,a\nwho,x\n")
    pairs = task(vocabulary, "pairs", data_dir=str(tmp_path), first="q", second="a")
    found = pairs.examples("train")
    assert [pair.texts for pair in found] == [("who", "x, y"), ("what", "z"), ("why", "x, y")]
    assert found[0].label == found[2].label != found[1].label
    assert all(type(item.label) is int for pair in found for item in pairs.items(pair))
    assert pairs.metric == "mrr"


def test_groups_reach_through_texts_on_either_side():
    numbers = groups([("a", "b"), ("c", "d"), ("e", "b"), ("e", "f"), ("d", "g"), ("h", "h")])
    assert numbers[0] == numbers[2] == numbers[3]
    assert numbers[1] == numbers[4]
    assert len(set(numbers)) == 3
    assert groups([]) == []


def test_long_texts_are_cut(vocabulary):
    (item,) = task(vocabulary, length=10).items(Pair(("the cat " * 20, "")))
    first, second = item.parts
    assert len(first.tokens) == 10 and first.tokens[-1] == vocabulary.sep_id
    assert second.tokens.tolist() == [vocabulary.cls_id, vocabulary.sep_id]


def test_scores_are_correlations_of_cosines(vocabulary):
    rng = np.random.default_rng(0)
    vectors, gold = unit(rng.normal(size=(50, 2, 3))), rng.integers(0, 6, 50).astype(float)
    examples = [Pair(("", ""), label) for label in gold]
    similarity = task(vocabulary)
    predictions = [
        similarity.decode(example, [v]) for example, v in zip(examples, vectors, strict=True)
    ]
    cosines = (vectors[:, 0] * vectors[:, 1]).sum(-1)
    found = similarity.score(examples, predictions)
    assert found["spearman"] == pytest.approx(100 * scipy.stats.spearmanr(gold, cosines)[0])
    assert found["pearson"] == pytest.approx(100 * scipy.stats.pearsonr(gold, cosines)[0])
    assert similarity.score([*examples, Pair(("", ""))], [*predictions, {"score": 9.0}]) == found
    assert similarity.score([Pair(("", ""))], [{"score": 0.0}]) == {}


def test_pairs_are_scored_by_the_place_of_the_right_answer(vocabulary):
    texts = [("q0", "a0"), ("q1", "a1"), ("q2", "a2"), ("q0", "a3"), ("q4", "a1")]
    vectors = np.zeros((5, 2, 4))
    vectors[:, 1] = np.eye(4)[[0, 1, 2, 3, 1]]  # a0, a1, a2, a3
    vectors[:, 0] = [
        [0.5, 0.1, 0.2, 0.9],  # a0 is the first: a3 belongs to q0, too
        [0.7, 0.6, 0.8, 0.1],  # a1 is the third
        [0.4, 0.4, 0.4, 0.4],  # a2 is as near as all others: the last
        [0.5, 0.1, 0.2, 0.9],
        [0.0, 1.0, 0.0, 0.0],
    ]
    pairs = task(vocabulary, "pairs")
    examples = [Pair(pair, 0) for pair in texts]
    predictions = [pairs.decode(example, [v]) for example, v in zip(examples, vectors, strict=True)]
    assert predictions[1]["score"] == pytest.approx(0.6)
    found = pairs.score(examples, predictions)
    assert found["accuracy_at_1"] == pytest.approx(60)
    assert found["mrr"] == pytest.approx(100 * (1 + 1 / 3 + 1 / 4 + 1 + 1) / 5)


def test_ranks_do_not_depend_on_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    texts = [(f"q{i}", f"a{i}") for i in range(30)]
    vectors = unit(rng.normal(size=(30, 2, 4)))
    whole = retrieval(texts, vectors)
    monkeypatch.setattr("albert_jax.tasks.similarity.QUERIES", 7)
    assert retrieval(texts, vectors) == whole and 0 < whole["accuracy_at_1"] < 100


def test_predictions_for_the_user_are_json(vocabulary, tmp_path):
    pairs = task(vocabulary, "pairs", first="q", second="a")
    example = pairs.example({"q": "who", "a": "she"}, "here")
    found = pairs.decode(example, [np.eye(2, dtype=np.float32)])
    assert found == {"score": 0.0} and type(found["score"]) is float
    pairs.write(epath.Path(tmp_path), "test", [example], [found])
    assert (tmp_path / "test.tsv").read_text() == "index\tprediction\n0\t0.000000\n"
