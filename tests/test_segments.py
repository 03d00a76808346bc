import random
from itertools import chain, pairwise

import numpy as np
import pytest

from albert_jax.data.documents import Document
from albert_jax.data.segments import (
    Pairs,
    Symbols,
    _truncate,
    assemble,
    bounds,
    cut_chunk,
    cut_documents,
    lay_out,
    ranges,
    reference_pairs,
    split_chunks,
)
from tests.speeches import speeches

SIGMAS = 4.5  # one false alarm in 150,000 comparisons


def numbered(documents: list[Document]) -> list[Document]:
    """The same documents with every token its own number, so that spans can be recognised."""
    starts = bounds(np.array([len(document.tokens) for document in documents]))
    return [
        document._replace(tokens=np.arange(start, start + len(document.tokens), dtype=np.int32))
        for start, document in zip(starts, documents, strict=False)
    ]


def notes(documents: list[Document], sentences: int = 4) -> list[Document]:
    """Short documents of real text: the first sentences of each speech, one to a few."""
    counts = [1 + i % sentences for i in range(len(documents))]
    return [
        Document(
            document.tokens[: document.sentence_lengths[:n].sum()], document.sentence_lengths[:n]
        )
        for n, document in zip(counts, documents, strict=True)
    ]


def transcription(documents, index, length, short_share, draw, other_half=False):
    """The reference's chunks of one document; yields lists A and B and the label."""
    edges = [0, *np.cumsum(documents[index].sentence_lengths)]
    pieces = documents[index].tokens.tolist()
    sentences = [pieces[a:b] for a, b in pairwise(edges)]
    target = length - 3
    if draw.random() < short_share:
        target = draw.randint(2, length - 3)
    chunk, i = [], 0
    while i < len(sentences):
        chunk.append(sentences[i])
        if i == len(sentences) - 1 or sum(map(len, chunk)) >= target:
            middle = draw.randint(1, len(chunk) - 1) if len(chunk) > 1 else 1
            first, second = list(chain(*chunk[:middle])), list(chain(*chunk[middle:]))
            label = 0
            if len(chunk) == 1 or (other_half and draw.random() < 0.5):
                second, label = elsewhere(documents, index, target - len(first), draw), 1
                i -= len(chunk) - middle
            elif not other_half and draw.random() < 0.5:
                first, second, label = second, first, 1
            while len(first) + len(second) > length - 3:
                longer = first if len(first) > len(second) else second
                longer.pop(0 if draw.random() < 0.5 else -1)
            yield first, second, label
            chunk = []
        i += 1


def elsewhere(documents, index, target, draw):
    other = index
    while other == index:
        other = draw.randrange(len(documents))
    edges = [0, *np.cumsum(documents[other].sentence_lengths)]
    start, found = draw.randrange(len(edges) - 1), []
    for a, b in pairwise(edges[start:]):
        found += documents[other].tokens[a:b].tolist()
        if len(found) >= target:
            break
    return found


def features(pairs) -> list[float]:
    """What one pass over all documents looks like."""
    a = np.array([len(first) for first, _, _ in pairs])
    b = np.array([len(second) for _, second, _ in pairs])
    label = np.array([label for *_, label in pairs])
    begins = np.array([first[0] for first, _, _ in pairs])
    ends = np.array([second[-1] for _, second, _ in pairs])
    tokens = a.sum(), b.sum(), (a * a).sum(), (a * b).sum()
    return [len(pairs), label.mean(), (a * label).sum(), *tokens, begins.sum(), ends.sum()]


@pytest.mark.parametrize("objective", ["sop", "nsp"])
@pytest.mark.parametrize("length", [41, 128])
def test_reference_pairs_follow_the_reference(objective, length):
    documents, passes = numbered(notes(speeches()[0], 30)), 120
    text, rng, draw = lay_out(documents), np.random.default_rng(0), random.Random(0)
    ours, theirs = [], []
    for _ in range(passes):
        pairs = reference_pairs(text, length, objective, 0.1, objective == "sop", rng)
        spans = zip(*(field.tolist() for field in pairs[:5]), strict=True)
        ours.append(
            features([(range(a, a + n), range(b, b + m), label) for a, n, b, m, label in spans])
        )
        plain = [
            pair
            for i in range(len(documents))
            for pair in transcription(documents, i, length, 0.1, draw, objective == "nsp")
        ]
        theirs.append(features(plain))
    ours, theirs = np.array(ours), np.array(theirs)
    error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / passes)
    assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) <= SIGMAS * error).all()


def test_random_negatives_put_label_one_over_half():
    text = lay_out(notes(speeches()[0]))
    rng = np.random.default_rng(1)
    labels = np.concatenate(
        [reference_pairs(text, 96, "sop", 0.1, True, rng).label for _ in range(30)]
    )
    assert labels.mean() > 0.5 + SIGMAS * 0.5 / np.sqrt(len(labels))


def test_without_random_negatives_a_lone_sentence_has_no_label():
    text = lay_out(notes(speeches()[0]))
    pairs = reference_pairs(text, 96, "sop", 0.0, False, np.random.default_rng(1))
    assert 0 < pairs.weight.sum() < len(pairs.weight)
    np.testing.assert_array_equal(pairs.weight == 0, pairs.second_length == 0)
    assert not pairs.label[pairs.weight == 0].any()
    assert pairs.lengths().max() <= 96


@pytest.mark.parametrize("room", [20, 21])
def test_truncation_equals_token_by_token(room):
    a, b = (x.reshape(-1) for x in np.mgrid[1:30, 0:30])
    zeros = np.zeros_like(a)
    pairs = Pairs(zeros, a, zeros + 1000, b, zeros, zeros)
    cut = _truncate(pairs, np.full_like(a, room), np.random.default_rng(2))
    for i, (first, second) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        while first + second > room:
            first, second = (first - 1, second) if first > second else (first, second - 1)
        assert (cut.first_length[i], cut.second_length[i]) == (first, second)
    assert (cut.first_start + cut.first_length <= a).all()
    assert cut.first_start.max() > 0 and cut.second_start.max() > 1000


def test_random_segments_come_from_another_document():
    first, second = speeches()[0][:2]
    text = lay_out([first, second])
    pairs = reference_pairs(text, 41, "nsp", 0.1, False, np.random.default_rng(3))
    own = pairs.first_start < len(first.tokens)
    other = pairs.second_start < len(first.tokens)
    assert pairs.label.sum() > 50
    assert (own != other)[pairs.label == 1].mean() > 0.98  # the tenth draw may be the same


@pytest.mark.parametrize("short_share", [0.0, 0.5])
def test_cut_documents_loses_nothing(short_share):
    documents, _ = speeches()
    text = lay_out(documents + notes(documents))
    starts, lengths = cut_documents(text, 93, 13, short_share, np.random.default_rng(3))
    assert lengths.min() > 0 and lengths.max() <= 93
    np.testing.assert_array_equal(ranges(starts, lengths), np.arange(len(text.tokens)))
    ends = text.sentence_bounds[text.document_bounds]
    assert np.isin(ends[:-1], starts).all()
    if not short_share:
        whole = np.diff(ends) <= 93
        assert np.isin(ends[:-1][whole] + np.diff(ends)[whole], starts + lengths).all()
        assert (np.bincount(np.searchsorted(ends, starts, side="right") - 1)[whole] == 1).all()


def test_chunks_begin_elsewhere_every_time():
    text = lay_out(speeches()[0])
    rng = np.random.default_rng(3)
    first, second = (cut_documents(text, 509, 13, 0.0, rng)[0] for _ in range(2))
    assert len(np.intersect1d(first, second)) < 0.5 * len(first)


def test_only_a_lone_sentence_is_cut_inside():
    bound = [0, 30, 35, 50]  # sentences of 30, 5 and 15 tokens
    assert cut_chunk(bound, 0, 50, 40) == (35,)
    assert cut_chunk(bound, 0, 50, 20) == (20, 30)  # the loose end is cut off from the rest
    assert cut_chunk(bound, 35, 50, 10) == (10,)
    assert cut_chunk(bound, 0, 50, 7) == ()


def chunks(text, rng):
    return cut_documents(text, 93, 13, 0.1, rng)


def test_sop_swaps_half_at_a_sentence_boundary():
    text, rng = lay_out(speeches()[0]), np.random.default_rng(4)
    starts, lengths = chunks(text, rng)
    pairs = split_chunks(text, starts, lengths, "sop", rng)
    swapped, paired = pairs.label == 1, pairs.weight == 1
    total = paired.sum()
    assert abs(pairs.label.sum() - total / 2) <= SIGMAS * np.sqrt(total) / 2
    middle = np.where(swapped, pairs.first_start, pairs.second_start)
    assert np.isin(middle[paired], text.sentence_bounds).all()
    np.testing.assert_array_equal(np.where(swapped, pairs.second_start, pairs.first_start), starts)
    np.testing.assert_array_equal(pairs.first_length + pairs.second_length, lengths)
    order = np.where(swapped, pairs.second_length, pairs.first_length) + starts
    np.testing.assert_array_equal(order[paired], middle[paired])
    inside = [
        ((text.sentence_bounds > a) & (text.sentence_bounds < a + n)).any()
        for a, n in zip(starts, lengths, strict=True)
    ]
    np.testing.assert_array_equal(paired, inside)


def test_every_inner_boundary_is_as_likely():
    document = Document(np.arange(12, dtype=np.int32), np.array([3, 4, 2, 3]))
    text, draws = lay_out([document]), 6000
    starts, lengths = np.full(draws, 1), np.full(draws, 11)
    pairs = split_chunks(text, starts, lengths, "sop", np.random.default_rng(5))
    middle = np.where(pairs.label, pairs.first_start, pairs.second_start)
    counts = np.bincount(middle, minlength=12)
    assert counts[[3, 7, 9]].sum() == draws
    assert np.abs(counts[[3, 7, 9]] / draws - 1 / 3).max() <= SIGMAS * np.sqrt(2 / 9 / draws)


def test_nsp_takes_half_from_another_document():
    text, rng = lay_out(speeches()[0]), np.random.default_rng(6)
    starts, lengths = chunks(text, rng)
    pairs = split_chunks(text, starts, lengths, "nsp", rng)
    total = pairs.weight.sum()
    assert abs(pairs.label.sum() - total / 2) <= SIGMAS * np.sqrt(total) / 2
    ends = text.sentence_bounds[text.document_bounds]
    own = np.searchsorted(ends, pairs.first_start, side="right")
    other = np.searchsorted(ends, pairs.second_start, side="right")
    random_one = pairs.label == 1
    assert (own[random_one] != other[random_one]).all()
    last = pairs.second_start + pairs.second_length - 1
    np.testing.assert_array_equal(
        np.searchsorted(ends, last, side="right")[random_one], other[random_one]
    )
    assert np.isin(pairs.second_start[random_one], text.sentence_bounds).all()
    true = (pairs.label == 0) & (pairs.weight == 1)
    np.testing.assert_array_equal((starts + pairs.first_length)[true], pairs.second_start[true])


def test_second_segments_of_both_labels_are_alike():
    """A loose end, or a length, would tell a segment from elsewhere: a rule that reads no text."""
    text, rng = lay_out(speeches()[0]), np.random.default_rng(8)
    starts, lengths = chunks(text, rng)
    pairs = split_chunks(text, starts, lengths, "nsp", rng)
    ends = pairs.second_start + pairs.second_length
    assert np.isin(ends[pairs.weight == 1], text.sentence_bounds).all()
    one, other = (
        pairs.second_length[(pairs.weight == 1) & (pairs.label == label)] for label in (0, 1)
    )
    error = np.sqrt(one.var() / len(one) + other.var() / len(other))
    assert abs(one.mean() - other.mean()) <= SIGMAS * error


def test_one_document_has_no_other():
    text, rng = lay_out(speeches()[0][:1]), np.random.default_rng(9)
    pairs = split_chunks(text, *chunks(text, rng), "nsp", rng)
    assert not pairs.label.any() and 0 < pairs.weight.sum() < len(pairs.weight)
    assert ((pairs.second_length > 0) == (pairs.weight == 1)).all()


def test_none_is_one_segment():
    text, rng = lay_out(speeches()[0]), np.random.default_rng(7)
    for pairs in (
        split_chunks(text, *chunks(text, rng), "none", rng),
        reference_pairs(text, 96, "none", 0.1, False, rng),
    ):
        assert not pairs.second_length.any() and not pairs.weight.any() and not pairs.label.any()
        assert 90 < pairs.lengths().max() <= 96


def test_assemble():
    text = lay_out([Document(np.arange(10, 20, dtype=np.int32), np.array([4, 6]))])
    two, one = [4, 3, 1, 2, 1, 1], [0, 2, 0, 0, 0, 0]
    examples = assemble(text, Pairs(*np.array([two, one]).T), Symbols(np.ones(30, bool)))
    assert examples.tokens.tolist() == [2, 14, 15, 16, 3, 11, 12, 3, 2, 10, 11, 3]
    assert examples.token_types.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]
    assert examples.lengths.tolist() == [8, 4]


def test_empty_documents_vanish():
    empty = Document(np.zeros(0, np.int32), np.zeros(0, np.int32))
    full = Document(np.arange(3, dtype=np.int32), np.array([1, 2]))
    assert lay_out([empty, full, empty]).document_bounds.tolist() == [0, 2]
    assert lay_out([empty]).tokens.shape == (0,)
