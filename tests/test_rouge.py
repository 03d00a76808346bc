"""ROUGE, and the sentences that it likes best."""

import functools
import itertools

import numpy as np
import pytest
from rouge_score import rouge_scorer

from albert_jax.tasks.rouge import KINDS, Rouge, _Overlap

WORDS = ["cats", "dogs", "running", "mat", "sat", "happily"]


@functools.cache
def rouge(language="en"):
    return Rouge(language)


def test_scores_are_those_of_the_package_with_its_stemmer():
    theirs = rouge_scorer.RougeScorer(KINDS, use_stemmer=True)
    reference = "The Cats were running.\nDogs don't, happily!"
    for said in ["the cat runs\nhappily dogs", "", "nothing else", reference]:
        want = {name: score.fmeasure for name, score in theirs.score(reference, said).items()}
        assert rouge().score(reference, said) == want
    assert rouge().score(reference, reference) == dict.fromkeys(KINDS, 1.0)
    assert rouge().score("cats running", "cat runs")["rouge2"] == 1.0


def test_other_languages_have_words_too():
    assert rouge().score("Русский язык", "русский язык")["rouge1"] == 0.0
    assert rouge("ru").score("Русский язык", "русский, язык")["rouge2"] == 1.0
    assert rouge("ja").score("私はガラス", "私のガラス")["rouge1"] == pytest.approx(0.8)
    assert rouge("de").score("Zwei Häuser_da", "zwei häuser da") == dict.fromkeys(KINDS, 1.0)


def test_the_oracle_takes_what_adds_and_leaves_the_rest():
    sentences = [
        "It rained all day.",
        "The minister resigned on Monday.",
        "Nobody knew why.",
        "The minister has resigned on Monday.",
        "Taxes will rise next year.",
    ]
    reference = "Minister resigned on Monday; taxes rise next year."
    assert rouge().oracle(sentences, reference) == [1, 4]


@pytest.mark.parametrize(("sentences", "reference"), [([], "a"), (["b", ""], "a"), (["a"], "")])
def test_the_oracle_may_be_empty(sentences, reference):
    assert rouge().oracle(sentences, reference) == []


def value(sentences, reference):
    """ROUGE-1 plus ROUGE-2 counted anew, without pairs across sentences."""
    total = 0.0
    for size in (1, 2):
        wanted, said = ngrams([reference], size), ngrams(sentences, size)
        hits = sum(min(said.count(ngram), wanted.count(ngram)) for ngram in set(wanted))
        total += 2 * hits / max(1, len(wanted) + len(said))
    return total


def ngrams(texts, size):
    return [
        tuple(words[i : i + size])
        for words in map(str.split, texts)
        for i in range(len(words) - size + 1)
    ]


def test_no_sentence_could_be_added_to_the_oracle():
    rng = np.random.default_rng(0)
    for _ in range(50):
        *sentences, reference = (" ".join(rng.choice(WORDS, rng.integers(1, 9))) for _ in range(6))
        chosen = rouge("xx").oracle(sentences, reference)
        best = value([sentences[i] for i in chosen], reference)
        singles = [value([sentence], reference) for sentence in sentences]
        assert best >= max(singles) - 1e-9
        assert not chosen or int(np.argmax(singles)) in chosen
        for other in set(range(5)) - set(chosen):
            with_it = [sentences[i] for i in [*chosen, other]]
            assert value(with_it, reference) <= best + 1e-9


def test_a_sum_of_sentences_is_one_text():
    texts = [["a", "b", "a"], ["b", "c"], []]
    overlap = _Overlap(texts, ["a", "b", "c", "c"], 1)
    for chosen in itertools.permutations(range(3), 2):
        got = overlap.with_each(list(chosen[:1]))[chosen[1]]
        said = texts[chosen[0]] + texts[chosen[1]]
        hits = min(said.count("a"), 1) + min(said.count("b"), 1) + min(said.count("c"), 2)
        assert got == pytest.approx(2 * hits / (len(said) + 4))
