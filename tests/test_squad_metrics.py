"""Against the official scripts of SQuAD 1.1 and 2.0, written out here a question at a time."""

import random
import re
import string

import numpy as np
import pytest

from albert_jax.tasks.squad_metrics import answered, answered_or_not, best_threshold, normalise

WORDS = [
    *("the", "a", "an", "The,", "cat", "dog.", "\u201cdog\u201d", "\u2014", "!", "?", "-", "u.s."),
    *(
        "A's",
        "\u00e9te\u0301",
        "\u00c9TE\u0301",
        "1,000",
        "the-end",
        "an.",
        "\u0130",
        "\u00a0",
        "'",
        "\u00df",
        "",
        "",
    ),
]


def texts(chance, longest):
    return " ".join(chance.choice(WORDS) for _ in range(chance.randrange(longest)))


def words(answer):
    """normalize_answer: lower case, punctuation, articles, white space, in this order."""
    answer = "".join(c for c in answer.lower() if c not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", answer).split()


def f1(said, gold, empty):
    """`empty` is what two answers without words have in common: 0 in evaluate-v1.1.py, 1 in v2.0."""
    if not said or not gold:
        return empty * (said == gold)
    rest, common = list(gold), 0
    for word in said:
        if word in rest:
            rest.remove(word)
            common += 1
    if common == 0:
        return 0
    precision, recall = common / len(said), common / len(gold)
    return (2 * precision * recall) / (precision + recall)


def raw_scores(said, golds, version):
    if version == 2:
        golds = [gold for gold in golds if words(gold)] or [""]
    exact = max(words(said) == words(gold) for gold in golds)
    return exact, max(f1(words(said), words(gold), version - 1) for gold in golds)


def find_best_thresh(scores, has_answer, said, odds):
    best = current = sum(not has for has in has_answer)
    threshold = 0.0
    for i in sorted(range(len(said)), key=lambda i: odds[i]):
        current += scores[i] if has_answer[i] else -1 if said[i] else 0
        if current > best:
            best, threshold = current, odds[i]
    return best / len(scores), threshold


def questions(chance, version):
    """Gold answers and what is said; often right, often empty, often articles only."""
    golds = [[texts(chance, 5) for _ in range(chance.randrange(2 - version, 4))] for _ in range(20)]
    golds = [own or ([""] if version == 1 else []) for own in golds]
    said = [chance.choice([texts(chance, 5), "", *own, *own]) for own in golds]
    return golds, said


@pytest.mark.parametrize(("version", "score"), [(1, answered), (2, answered_or_not)])
def test_scores_are_the_official_ones(version, score):
    chance = random.Random(version)
    for _ in range(100):
        golds, said = questions(chance, version)
        wanted = [raw_scores(s, own, version) for s, own in zip(said, golds, strict=True)]
        np.testing.assert_allclose(score(golds, said), np.transpose(wanted), rtol=1e-15)


def test_thresholds_are_the_official_ones():
    chance = random.Random(3)
    for _ in range(200):
        golds, said = questions(chance, 2)
        odds = [chance.choice([-1.5, 0.0, 0.5, 2.0, chance.random()]) for _ in said]
        has_answer = [bool(own) for own in golds]
        for scores in answered_or_not(golds, said):
            wanted = find_best_thresh(scores, has_answer, said, odds)
            is_empty = np.array([not s for s in said])
            found = best_threshold(scores, np.array(has_answer), is_empty, np.array(odds))
            assert found == pytest.approx(wanted, rel=1e-12)


def test_what_the_official_scripts_are_known_for():
    assert normalise("The U.S.,  an Apple!") == "us apple"
    assert normalise("theatre a-the") == "theatre athe"  # punctuation goes before articles
    assert answered([["Paris", "in Paris, France"]], ["paris france"]).tolist() == [[0], [0.8]]
    assert answered([["the"]], ["a"]).tolist() == [[1], [0]]
    assert answered_or_not([["the"]], ["a"]).tolist() == [[1], [1]]
    assert answered_or_not([[], []], ["", "paris"]).tolist() == [[1, 0], [1, 0]]
