"""Every score against scikit-learn, scipy or seqeval, on random and on adversarial input."""

import warnings

import numpy as np
import pytest
import seqeval.metrics as seqeval
import sklearn.metrics as sklearn
from scipy import stats
from seqeval.metrics.sequence_labeling import get_entities

from albert_jax.tasks import metrics

CLASSES = {  # labels and predictions
    "random": ([0, 1, 1, 0, 1, 0, 0, 1], [1, 1, 0, 0, 1, 0, 1, 1]),
    "all right": ([0, 1, 1], [0, 1, 1]),
    "all wrong": ([0, 1, 1], [1, 0, 0]),
    "constant predictions": ([0, 1, 0, 1], [1, 1, 1, 1]),
    "constant labels": ([1, 1, 1], [0, 1, 1]),
    "both constant": ([0, 0], [0, 0]),
    "both constant, apart": ([0, 0], [1, 1]),
    "no positive": ([0, 0, 0], [0, 0, 0]),
    "single": ([1], [1]),
    "single, wrong": ([1], [0]),
}
SCORES = {  # two columns
    "ties": ([1.0, 1.0, 2.0, 2.0, 3.0], [5.0, 4.0, 4.0, 4.0, 9.0]),
    "perfect": ([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]),
    "opposite": ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]),
    "constant predictions": ([1.0, 2.0, 3.0], [0.1, 0.1, 0.1]),
    "constant labels": ([2.5, 2.5, 2.5], [1.0, 2.0, 3.0]),
    "NaN": ([1.0, 2.0, 3.0], [1.0, np.nan, 3.0]),
    "far from zero": ([1.0, 2.0, 3.0, 2.0], [1e8 + 1, 1e8 + 2, 1e8 + 3, 1e8]),
    "two": ([1.0, 2.0], [0.3, 0.1]),
}


@pytest.fixture(autouse=True)
def _quiet():
    """The official scorers warn of what we ask them on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def assert_classes_agree(labels, predictions):
    ours = [
        metric(labels, predictions)
        for metric in (metrics.accuracy, metrics.macro_f1, metrics.matthews)
    ]
    theirs = [
        sklearn.accuracy_score(labels, predictions),
        sklearn.f1_score(labels, predictions, average="macro"),
        sklearn.matthews_corrcoef(labels, predictions),
    ]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CLASSES)
def test_scores_of_two_classes(name):
    labels, predictions = CLASSES[name]
    assert_classes_agree(labels, predictions)
    assert metrics.f1(labels, predictions) == pytest.approx(
        sklearn.f1_score(labels, predictions), abs=1e-12
    )


@pytest.mark.parametrize("classes", [2, 3, 20])
def test_scores_of_random_classes(classes):
    rng = np.random.default_rng(classes)
    for size in (1, 2, 5, 50, 1000):
        labels, predictions = rng.integers(0, classes, (2, size))
        assert_classes_agree(labels, predictions)
        if classes == 2:
            ours = metrics.f1(labels, predictions)
            assert ours == pytest.approx(sklearn.f1_score(labels, predictions), abs=1e-12)


def test_matthews_does_not_overflow():
    labels, predictions = np.random.default_rng(0).integers(0, 2, (2, 400_000))
    predictions[: len(labels) // 2] = labels[: len(labels) // 2]
    theirs = sklearn.matthews_corrcoef(labels, predictions)
    assert metrics.matthews(labels, predictions) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("ours, theirs", [("pearson", "pearsonr"), ("spearman", "spearmanr")])
def test_correlations(name, ours, theirs):
    official = float(getattr(stats, theirs)(*SCORES[name]).statistic)
    expected = 0.0 if np.isnan(official) else official
    assert getattr(metrics, ours)(*SCORES[name]) == pytest.approx(expected, abs=1e-12)


def test_random_correlations_with_ties():
    rng = np.random.default_rng(0)
    for size in (2, 3, 10, 1500):
        x, y = rng.integers(0, 6, size) / 5, rng.normal(size=size).round(1)
        if len(set(x)) > 1 and len(set(y)) > 1:
            assert metrics.pearson(x, y) == pytest.approx(stats.pearsonr(x, y)[0], abs=1e-12)
            assert metrics.spearman(x, y) == pytest.approx(stats.spearmanr(x, y)[0], abs=1e-12)


@pytest.mark.parametrize(
    "name", ["accuracy", "f1", "macro_f1", "matthews", "pearson", "spearman", "entity_scores"]
)
def test_of_nothing_is_zero(name):
    assert np.all(np.array(getattr(metrics, name)([], [])) == 0.0)


def test_of_one_pair_there_is_no_correlation():
    assert metrics.pearson([1.0], [2.0]) == metrics.spearman([1.0], [2.0]) == 0.0


def test_lengths_must_agree():
    with pytest.raises(ValueError, match=r"labels of \(3,\) against predictions of \(1,\)"):
        metrics.accuracy([1, 1, 1], [1])


SENTENCES = {  # tags of two annotators
    "perfect": ("B-PER I-PER O B-LOC", "B-PER I-PER O B-LOC"),
    "I without B": ("I-PER I-PER O I-LOC", "B-PER I-PER O B-LOC"),
    "I of another type": ("B-PER I-LOC I-LOC O", "B-PER O I-LOC O"),
    "B after B": ("B-PER B-PER I-PER O", "B-PER I-PER I-PER O"),
    "IOB1": ("I-PER B-PER I-LOC O", "B-PER B-PER B-LOC O"),
    "IOBES": ("S-PER B-LOC I-LOC E-LOC S-PER E-PER", "B-PER B-LOC I-LOC I-LOC B-PER I-PER"),
    "I after E": ("B-PER E-PER I-PER E-PER", "B-PER I-PER I-PER I-PER"),
    "I after S": ("S-PER I-PER O", "B-PER I-PER O"),
    "a dash in the type": ("B-geo-loc I-geo-loc O", "B-geo-loc I-loc O"),
    "no type": ("B I O", "B B O"),
    "no entity": ("O O", "O O"),
    "nothing predicted": ("B-PER O", "O O"),
    "to the last word": ("O B-PER", "O B-PER"),
    "one word": ("B-PER", "I-PER"),
}


def official(labels, predictions):
    return [
        getattr(seqeval, f"{name}_score")(labels, predictions)
        for name in ("precision", "recall", "f1")
    ]


@pytest.mark.parametrize("name", SENTENCES)
def test_entity_scores(name):
    labels, predictions = ([tags.split()] for tags in SENTENCES[name])
    theirs = official(labels, predictions)
    np.testing.assert_allclose(metrics.entity_scores(labels, predictions), theirs, atol=1e-12)


def test_entities_do_not_run_on_into_the_next_sentence():
    labels, predictions = [["B-PER"], ["I-PER"]], [["B-PER"], ["B-PER"]]
    assert metrics.entity_scores(labels, predictions).f1 == 1.0
    assert official(labels, predictions)[-1] == 1.0


def test_random_tags_have_seqevals_entities():
    rng = np.random.default_rng(0)
    tags = ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("PER", "LOC"))]
    for _ in range(300):
        words = list(rng.choice(tags, rng.integers(1, 12)))
        ours = [(kind, start, stop - 1) for kind, start, stop in metrics.entities(words)]
        assert ours == get_entities(words)
    labels, predictions = ([list(rng.choice(tags, 9)) for _ in range(50)] for _ in range(2))
    theirs = official(labels, predictions)
    np.testing.assert_allclose(metrics.entity_scores(labels, predictions), theirs, atol=1e-12)
