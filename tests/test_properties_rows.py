"""What holds for any documents and items: every token in its place once, nothing special masked."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from albert_jax.data.batch_config import BatchConfig
from albert_jax.data.masking import choose_words, mask_examples, row_budgets
from albert_jax.data.normalisation import Normalisation
from albert_jax.data.packing import pack
from albert_jax.data.rows import BlockRows
from albert_jax.data.segments import (
    assemble,
    bounds,
    cut_chunk,
    cut_documents,
    lay_out,
    reference_pairs,
    split_chunks,
)
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.rows import evaluation_batches, layout, training_batch
from albert_jax.tasks.squad import Squad, SquadConfig
from albert_jax.tasks.squad_files import Gold, Question
from albert_jax.tasks.task import Head
from albert_jax.tasks.windows import owners, windows
from tests.models import sentencepiece_model
from tests.strategies import CLS, MASK, SEP, TEXT, documents, symbols

SEEDS = st.integers(0, 2**32 - 1).map(np.random.default_rng)
OBJECTIVES = st.sampled_from(["sop", "nsp", "none"])


@given(documents(), st.integers(5, 40), st.floats(0, 1), SEEDS)
def test_chunks_are_the_documents_cut_between_sentences(found, room, short_share, rng):
    text = lay_out(found)
    starts, lengths = cut_documents(text, room, 2, short_share, rng)
    ends = starts + lengths
    assert starts[0] == 0 and ends[-1] == len(text.tokens)
    assert (starts[1:] == ends[:-1]).all() and (lengths > 0).all() and (lengths <= room).all()
    assert set(text.sentence_bounds[text.document_bounds]) <= {0, *ends.tolist()}
    for end in set(ends.tolist()) - set(text.sentence_bounds.tolist()):
        last = np.searchsorted(text.sentence_bounds, end) - 1
        assert np.diff(text.sentence_bounds)[last] > room


@given(documents(most=1), st.integers(0, 60), st.data())
def test_a_chunk_for_a_gap_is_cut_where_it_fits(found, room, data):
    bound = lay_out(found).sentence_bounds.tolist()
    start = data.draw(st.sampled_from(bound[:-1]))
    end = data.draw(st.sampled_from([b for b in bound if b > start]))
    assume(end - start > room)  # else it fits whole, and nobody asks
    cuts = cut_chunk(bound, start, end, room)
    assert list(cuts) == sorted(set(cuts)) and all(0 < cut < end - start for cut in cuts)
    assert not cuts or cuts[0] <= room
    if cuts and start + cuts[0] not in bound:
        assert cuts[1:] == () or start + cuts[1] in bound


@given(documents(), st.integers(5, 40), OBJECTIVES, SEEDS)
def test_pairs_are_chunks_in_two_parts(found, room, objective, rng):
    text = lay_out(found)
    chunks = cut_documents(text, room, 2, 0.2, rng)
    pairs = split_chunks(text, *chunks, objective, rng)
    first, second = (
        [_tokens(text, *span) for span in zip(start, length, strict=True)]
        for start, length in (pairs[:2], pairs[2:4])
    )
    for number, chunk in enumerate(_tokens(text, *span) for span in zip(*chunks, strict=True)):
        one, other, label = first[number], second[number], pairs.label[number]
        assert one and bool(other) == bool(pairs.weight[number])
        if label and objective == "nsp":
            assert chunk[: len(one)] == one and 0 < len(other) <= len(chunk) - len(one)
        else:
            assert chunk == (other + one if label else one + other)


def _tokens(text, start, length) -> list[int]:
    return text.tokens[start : start + length].tolist()


@given(documents(), st.integers(8, 40), OBJECTIVES, st.booleans(), SEEDS)
def test_reference_pairs_fit_and_are_of_their_documents(found, length, objective, random, rng):
    text = lay_out(found)
    random = random and objective == "sop"
    pairs = reference_pairs(text, length, objective, 0.2, random, rng)
    assert (pairs.lengths() <= length).all() and (pairs.first_length > 0).all()
    edges = text.sentence_bounds[text.document_bounds]
    of = [np.searchsorted(edges, s, "right") for s in (pairs.first_start, pairs.second_start)]
    paired = pairs.weight > 0
    assert (pairs.second_length > 0).tolist() == paired.tolist()
    assert (of[0] == of[1])[paired & (pairs.label == 0)].all()
    for start, size in (pairs[:2], pairs[2:4]):
        stop = edges[np.searchsorted(edges, start, "right").clip(max=len(edges) - 1)]
        assert (start + size <= stop)[size > 0].all()


@given(documents(), st.integers(5, 40), OBJECTIVES, SEEDS)
def test_assembled_examples_hold_both_segments(found, room, objective, rng):
    text = lay_out(found)
    pairs = split_chunks(text, *cut_documents(text, room, 2, 0.2, rng), objective, rng)
    examples = assemble(text, pairs, symbols(found, rng))
    edges = bounds(examples.lengths)
    for number, pair in enumerate(zip(*pairs, strict=True)):
        own = slice(edges[number], edges[number + 1])
        first, second = _tokens(text, *pair[:2]), _tokens(text, *pair[2:4])
        tail = [*second, SEP] if second else []
        assert examples.tokens[own].tolist() == [CLS, *first, SEP, *tail]
        assert examples.token_types[own].tolist() == [0] * (len(first) + 2) + [1] * len(tail)


@given(
    st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=12), min_size=1, max_size=6),
    st.integers(1, 4),
    st.data(),
    SEEDS,
)
def test_words_are_chosen_up_to_the_budget(examples, max_ngram, data, rng):
    budgets = np.array([data.draw(st.integers(0, 15)) for _ in examples])
    lengths, edges = np.concatenate(examples), bounds(np.array([len(e) for e in examples]))
    chosen = choose_words(lengths, edges, budgets, max_ngram, rng)
    for budget, low, high in zip(budgets, edges[:-1], edges[1:], strict=True):
        own, taken = lengths[low:high], chosen[low:high]
        left = budget - own[taken].sum()
        assert left >= 0
        if max_ngram == 1:
            assert not (own[~taken] <= left).any()


@given(documents(), st.integers(5, 30), st.integers(1, 4), st.data(), SEEDS)
def test_masks_hide_whole_words_and_nothing_special(found, room, max_ngram, data, rng):
    text, known = lay_out(found), symbols(found, rng)
    pairs = split_chunks(text, *cut_documents(text, room, 2, 0.2, rng), "sop", rng)
    examples = assemble(text, pairs, known)
    budgets = np.array([data.draw(st.integers(0, 12)) for _ in examples.lengths])
    masked = mask_examples(examples, budgets, known, max_ngram, rng)
    assert (np.diff(masked.positions) > 0).all()
    assert not np.isin(masked.targets, [CLS, SEP]).any()
    np.testing.assert_array_equal(examples.tokens[masked.positions], masked.targets)
    kept = np.ones(len(examples.tokens), bool)
    kept[masked.positions] = False
    np.testing.assert_array_equal(masked.tokens[kept], examples.tokens[kept])
    edges = bounds(examples.lengths)
    for budget, low, high in zip(budgets, edges[:-1], edges[1:], strict=True):
        assert (~kept[low:high]).sum() <= budget
        words: list[list[int]] = []
        for place in range(low, high):
            if examples.tokens[place] in (CLS, SEP):
                continue
            if known.word_starts[examples.tokens[place]] or not words:
                words.append([])
            words[-1].append(place)
        assert all(len(set(kept[word].tolist())) == 1 for word in words)


@given(
    st.lists(st.lists(st.integers(3, 30), min_size=1, max_size=5), min_size=1, max_size=6),
    st.integers(1, 40),
    st.floats(0, 1),
)
def test_budgets_of_a_row_add_up_to_its_share(rows, predictions, share):
    row = np.repeat(np.arange(len(rows)), [len(lengths) for lengths in rows])
    lengths = np.concatenate(rows)
    row_length = max(map(sum, rows))
    found = row_budgets(lengths, row, row_length, predictions, share)
    used, sums = np.bincount(row, lengths), np.bincount(row, found)
    assert (found >= 0).all() and (found <= lengths).all() and (sums <= predictions).all()
    wanted = used * min(share, predictions / row_length)
    assert (np.abs(sums - wanted) <= 0.5 + 1e-9).all()


def anywhere(chunk: int, offset: int, room: int) -> tuple[int, ...]:
    return (room,) if room >= 4 else ()


def nowhere(chunk: int, offset: int, room: int) -> tuple[int, ...]:
    return ()


@given(
    st.lists(st.integers(1, 29), max_size=40),
    st.integers(1, 6),
    st.integers(0, 3),
    st.sampled_from([anywhere, nowhere]),
)
def test_packed_rows_hold_every_chunk_once(lengths, slots, extra, cut):
    packed = pack(np.array(lengths, np.int64), 32, slots, extra, cut)
    assert (np.bincount(packed.row, packed.length + extra, 1) <= 32).all()
    assert (np.bincount(packed.row, minlength=1) <= slots).all()
    for source, length in enumerate(lengths):
        own = np.flatnonzero(packed.source == source)
        own = own[np.argsort(packed.offset[own])]
        edges = [*packed.offset[own].tolist(), length]
        assert edges[0] == 0 and np.diff(edges).tolist() == packed.length[own].tolist()
        assert cut is anywhere or len(own) == 1


@given(documents(), st.integers(12, 40), st.integers(1, 5), OBJECTIVES, SEEDS)
def test_rows_give_back_the_documents(found, length, slots, objective, rng):
    """Unmasked and without special pieces, the rows of a block are its documents' tokens, each once."""
    config = BatchConfig(
        batch_size=1, length=length, predictions=length, examples_per_row=slots, objective=objective
    )
    rows = BlockRows(config, symbols(found, rng)).random_map(found, rng)
    tokens = rows["tokens"].copy()
    row, place = np.nonzero(rows["mlm_weights"])
    at = row, rows["mlm_positions"][row, place]
    targets = tokens[at] = rows["mlm_targets"][row, place]
    assert not np.isin(targets, [CLS, SEP]).any() and (rows["example_ids"][at] > 0).all()
    assert not (tokens == MASK).any()
    real = (rows["example_ids"] > 0) & ~np.isin(tokens, [CLS, SEP])
    assert not tokens[rows["example_ids"] == 0].any()
    there = sorted(np.concatenate([document.tokens for document in found]).tolist())
    if objective != "nsp":
        assert sorted(tokens[real].tolist()) == there
    else:
        assert set(tokens[real].tolist()) <= set(there)
    _check_examples(rows, tokens, slots)


def _check_examples(rows: dict, tokens: np.ndarray, slots: int):
    """Each is in one piece, counts its positions from 0 and begins with [CLS], where it says."""
    for row, ids in enumerate(rows["example_ids"]):
        assert ids.max() <= slots
        for slot in range(ids.max()):
            own = np.flatnonzero(ids == slot + 1)
            start = rows["cls_positions"][row, slot]
            assert own.tolist() == list(range(start, start + len(own)))
            assert rows["positions"][row, own].tolist() == list(range(len(own)))
            assert tokens[row, own[0]] == CLS and tokens[row, own[-1]] == SEP
            types = rows["token_types"][row, own]
            assert (np.diff(types) >= 0).all()
            if rows["sentence_weights"][row, slot]:
                assert types[-1] == 1 and (tokens[row, own] == SEP).sum() == 2


@given(st.integers(0, 80), st.integers(1, 20), st.integers(1, 30))
def test_windows_cover_the_text(count, room, stride):
    found = windows(count, room, stride)
    starts, stops = found.T
    assert starts[0] == 0 and stops[-1] == count and (stops - starts <= room).all()
    assert (starts[1:] <= stops[:-1]).all() and (np.diff(starts) == min(stride, room)).all()
    assert (stops[:-1] < count).all()
    for piece, owner in enumerate(owners(found, count)):
        contexts = np.minimum(piece - starts, stops - 1 - piece)
        assert contexts[owner] == contexts.max() >= 0


@st.composite
def questions(draw) -> Question:
    """A question whose answer stands in its text, and begins and ends with a visible character."""
    context = draw(TEXT)
    places = [place for place, c in enumerate(context) if c.isalnum()]
    assume(places)
    start = draw(st.sampled_from(places))
    end = 1 + draw(st.sampled_from([place for place in places if place >= start]))
    return Question("1", draw(TEXT), context, (Gold(context[start:end], start, end),))


VOCABULARY = Vocabulary(sentencepiece_model(), Normalisation())


@given(questions())
def test_the_right_pieces_are_the_right_answer(question):
    """Logits at the label decode to text that holds the answer and begins and ends in its pieces."""
    task = Squad(SquadConfig(name="squad1", length=600, answer_length=500), VOCABULARY)
    ids, offsets = VOCABULARY.encode_offsets(question.context)
    gold = question.gold
    assume(any(start < gold.end and end > gold.start for start, end in offsets.tolist()))
    assume(len(ids) < 500)
    (item,) = task.items(question)
    logits = np.full((len(item.parts[0].tokens), 2), -10, np.float32)
    logits[item.label, [0, 1]] = 10
    answer = task.decode(question, [logits])
    assert answer["answer"] == question.context[answer["start"] : answer["end"]]
    solid = offsets[offsets[:, 1] > offsets[:, 0]]
    touched = solid[(solid[:, 0] < gold.end) & (solid[:, 1] > gold.start)]
    assert (answer["start"], answer["end"]) == (touched[0, 0], touched[-1, 1])


@given(questions(), st.integers(12, 24), st.integers(1, 8))
def test_labels_of_windows_are_where_the_answer_is(question, length, stride):
    config = SquadConfig(name="squad1", length=length, stride=stride, question_length=5)
    task = Squad(config, VOCABULARY)
    ids, offsets = VOCABULARY.encode_offsets(question.context)
    gold = question.gold
    answer = {
        place
        for place, (start, end) in enumerate(offsets.tolist())
        if start < end and start < gold.end and end > gold.start
    }
    assume(answer)
    items = task.items(question)
    assert any(item.label != (0, 0) for item in items)
    shown: list[int] = []
    for item, (start, stop) in zip(items, task._reading(question).windows.tolist(), strict=True):
        tokens = item.parts[0].tokens.tolist()
        first = tokens.index(SEP) + 1
        assert len(tokens) <= length and tokens[first:-1] == ids[start:stop]
        shown += range(start, stop)
        if item.label != (0, 0):
            begin, end = (place - first + start for place in item.label)
            assert {begin, end} <= set(range(start, stop))
            assert max(min(answer), start) == begin and min(max(answer), stop - 1) == end
    assert set(shown) == set(range(len(ids)))


@st.composite
def items(draw) -> list[Item]:
    """Items of one to three parts, whose tokens are all different and never 0."""
    made, token = [], 1
    for lengths in draw(
        st.lists(st.lists(st.integers(2, 20), min_size=1, max_size=3), min_size=1, max_size=12)
    ):
        parts = []
        for length in lengths:
            parts.append(Part(np.arange(token, token := token + length), np.arange(length) % 2))
        made.append(Item(tuple(parts), draw(st.none() | st.integers(0, 2))))
    return made


def parts_of(batch: dict, first: int = 0) -> dict[tuple[int, int], tuple[list, list]]:
    """{(item, part): (tokens, types)} of a batch."""
    found = {}
    for row, slot in zip(*np.nonzero(batch["items"] >= 0), strict=True):
        own = batch["example_ids"][row] == slot + 1
        assert batch["cls_positions"][row, slot] == np.flatnonzero(own)[0]
        assert batch["positions"][row, own].tolist() == list(range(own.sum()))
        name = first + int(batch["items"][row, slot]), int(batch["parts"][row, slot])
        assert name not in found
        found[name] = batch["tokens"][row, own].tolist(), batch["token_types"][row, own].tolist()
    assert (batch["example_ids"] > 0).sum() == sum(len(tokens) for tokens, _ in found.values())
    return found


def parts_in(found: list[Item]) -> dict[tuple[int, int], tuple[list, list]]:
    return {
        (i, j): (part.tokens.tolist(), part.token_types.tolist())
        for i, item in enumerate(found)
        for j, part in enumerate(item.parts)
    }


def laid(found: list[Item]):
    return layout([len(part.tokens) for item in found for part in item.parts], pad_id=0)


@given(items(), st.integers(1, 4))
def test_a_training_batch_holds_every_part_once(found, devices):
    head = Head("sequence", ("a", "b", "c"))
    batch = training_batch(found, head, laid(found), devices=devices)
    assert parts_of(batch) == parts_in(found)
    assert len(batch["tokens"]) % devices == len(batch["labels"]) % devices == 0
    labels = [item.label for item in found]
    assert batch["weights"].tolist()[: len(found)] == [label is not None for label in labels]
    assert batch["labels"].tolist()[: len(found)] == [label or 0 for label in labels]
    assert not batch["weights"][len(found) :].any()


@given(items(), st.integers(1, 4))
def test_evaluation_gives_every_item_once_and_in_order(found, rows):
    together: dict = {}
    order: list[Item] = []
    for batch, held in evaluation_batches(found, laid(found), rows):
        assert len(batch["tokens"]) >= rows
        together |= parts_of(batch, len(order))
        order += held
    assert together == parts_in(found) and all(a is b for a, b in zip(order, found, strict=True))
