import itertools
import json

import numpy as np
import pytest

from albert_jax.data.batch_config import recommended
from albert_jax.data.batches import Batches, _block_size, held_out
from albert_jax.data.documents import Document
from albert_jax.data.segments import Symbols
from albert_jax.errors import UserError
from tests.speeches import speeches

CHANGES = {"examples_per_row": 9, "shards": 2, "workers": 0, "block_tokens": 6144, "seed": 5}
CONFIG = recommended(12, 128, **CHANGES)


def assert_same(one, two):
    assert one.keys() == two.keys()
    for name in one:
        assert one[name].dtype == two[name].dtype
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def joined(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def corpus():
    documents, symbols = speeches()
    return documents[:12], symbols  # three blocks an epoch for each of two streams


def start(config=CONFIG, **process):
    documents, symbols = corpus()
    return Batches(documents, config, symbols, **process)


def collect(count, config=CONFIG, **process):
    batches = start(config, **process)
    states, found = [], []
    for _ in range(count):
        states.append(json.loads(json.dumps(batches.state())))
        found.append(next(batches))
    return batches, states, found


@pytest.fixture(scope="module")
def run():
    """The batches of more than two epochs, and the state before each."""
    return collect(270)


def test_the_same_seed_gives_the_same_batches(run):
    _, _, expected = run
    for one, two in zip(collect(5)[2], expected, strict=False):
        assert_same(one, two)
    other = collect(1, recommended(12, 128, **CHANGES | {"seed": 6}))[2][0]
    assert (other["tokens"] != expected[0]["tokens"]).mean() > 0.5


def test_batches_have_their_shape(run):
    batch = run[2][0]
    shapes = {name: array.shape for name, array in batch.items()}
    assert {shapes[name] for name in ("tokens", "token_types", "positions", "example_ids")} == {
        (12, 128)
    }
    assert {shapes[name] for name in shapes if name.startswith("mlm")} == {(12, 20)}
    assert {shapes[name] for name in ("cls_positions", "sentence_labels", "sentence_weights")} == {
        (12, 9)
    }
    assert len(batch) == 10 and all(array.flags.c_contiguous for array in batch.values())


def test_resume_is_bitwise_at_every_boundary(run):
    batches, states, expected = run
    blocks = np.array([[state[s]["block"] for s in "01"] for state in states])
    boundaries = np.flatnonzero(np.diff(blocks, axis=0).any(axis=1))
    assert (blocks[-1] > 6).all()  # two epochs
    fresh = start()
    for at in {0, 1, 100, *boundaries.tolist(), *(boundaries[:-1] + 1).tolist()}:
        for iterator in (fresh, batches):
            iterator.set_state(states[at])
            assert iterator.state() == states[at]
            assert_same(next(iterator), expected[at])
            assert_same(next(iterator), expected[at + 1])


def test_worker_processes_make_the_same_batches(run):
    _, states, expected = run
    batches = start(recommended(12, 128, **CHANGES | {"workers": 1}))
    batches.set_state(states[37])
    for at in range(37, 80):
        assert batches.state() == states[at]
        assert_same(next(batches), expected[at])
    batches.set_state(states[3])
    assert batches.state() == states[3]
    assert_same(next(batches), expected[3])
    batches.close()


def test_two_hosts_make_the_batches_of_one(run):
    _, states, expected = run
    hosts = [collect(20, process_index=p, process_count=2)[2] for p in range(2)]
    for *parts, whole in zip(*hosts, expected, strict=False):
        assert_same(joined(parts), whole)
    second = start(process_index=1, process_count=2)
    second.set_state(states[200])  # saved by one host, continued by two
    assert_same(next(second), {name: array[6:] for name, array in expected[200].items()})


def test_an_epoch_reads_every_document_once_and_hosts_share_none():
    documents = [
        Document(np.full(97, 5 + i, np.int32), np.array([40, 30, 27], np.int32)) for i in range(34)
    ]
    symbols = Symbols(np.ones(39, bool))
    config = recommended(
        4, 100, shards=2, workers=0, block_tokens=600, mask_share=0.0, short_share=0.0
    )
    seen = []
    for host in range(2):
        batches = Batches(documents, config, symbols, process_index=host, process_count=2)
        rows = itertools.chain.from_iterable(batch["tokens"][:, 1] for batch in batches)
        epochs = [list(itertools.islice(rows, 17)) for _ in range(3)]
        assert all(len(set(epoch)) == 17 for epoch in epochs)
        seen.append(epochs)
    for one, two in zip(*seen, strict=True):
        assert sorted(one + two) == list(range(5, 39))
    assert sorted(seen[0][0]) != sorted(seen[0][1])  # streams are dealt anew every epoch


def test_masks_are_new_in_every_epoch():
    words = Document(np.arange(5, 99, dtype=np.int32), np.array([94], np.int32))
    config = recommended(1, 97, workers=0, short_share=0.0)
    batches = Batches([words], config, Symbols(np.ones(99, bool)))
    masks = {next(batches)["mlm_positions"].tobytes() for _ in range(30)}
    assert len(masks) == 30


def test_few_long_documents():
    documents, symbols = speeches()
    batches = Batches(documents[:3], recommended(8, 64, shards=2, workers=0), symbols)
    assert all((next(batches)["example_ids"][:, 0] == 1).all() for _ in range(100))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 13, 31, 100])
def test_no_document_is_alone_in_a_block(count):
    """Its other segments of nsp would be its own."""
    documents = [Document(np.arange(100), np.array([0]))] * count
    for tokens in (1, 200, 250, 400, 1000, 10**6):
        size = _block_size(documents, count, recommended(8, 64, block_tokens=tokens))
        assert count == 1 or (size > 1 and count % size != 1)
        assert size <= max(3 * tokens / 100, 5) or size == count


def test_one_novel_among_headlines_leaves_the_blocks_as_large_as_asked():
    documents = [Document(np.arange(10), np.array([10]))] * 5000
    for place in (0, 1000, 4999):
        mixed = [*documents[:place], Document(np.arange(50_000), np.array([50_000]))]
        mixed += documents[place + 1 :]
        size = _block_size(mixed, len(mixed), recommended(8, 64, block_tokens=10_000))
        assert 450 < size < 550  # of 20 tokens on average


def test_held_out_is_one_fixed_pass():
    documents, symbols = speeches()
    config = recommended(32, 128, workers=0, block_tokens=6400)
    once = list(held_out(documents[:5], config, symbols))
    again = recommended(32, 128, workers=0, block_tokens=6400, seed=9, shards=4)
    for one, two in zip(once, held_out(documents[:5], again, symbols), strict=True):
        assert_same(one, two)
    tokens = sum(len(document.tokens) for document in documents[:5])
    examples = sum(int((batch["example_ids"].max(axis=1)).sum()) for batch in once)
    specials = sum(int(batch["sentence_weights"].sum()) for batch in once) + 2 * examples
    assert sum(int((batch["example_ids"] > 0).sum()) for batch in once) == tokens + specials
    filler = once[-1]["example_ids"][:, 0] == 0
    assert 0 < filler.sum() < 32 and all(len(batch["tokens"]) == 32 for batch in once)
    assert not any(array[filler].any() for array in once[-1].values())
    hosts = [held_out(documents[:5], config, symbols, p, 2) for p in range(2)]
    for *parts, whole in zip(*hosts, once, strict=True):
        assert_same(joined(parts), whole)


class Damaged(list):
    def __getitem__(self, index):
        if index == 7:
            raise UserError("record 7 is damaged")
        return super().__getitem__(index)


def test_a_damaged_record_stops_the_run_by_name():
    documents, symbols = corpus()
    with pytest.raises(UserError, match="record 7 is damaged"):
        list(Batches(Damaged(documents), CONFIG, symbols))


def test_what_cannot_be_is_said():
    documents, symbols = speeches()
    with pytest.raises(UserError, match=r"3 documents, fewer than data\.shards 4"):
        Batches(documents[:3], recommended(8, 64, shards=4), symbols)
    with pytest.raises(UserError, match=r"data\.shards 2 is no multiple of the 3 processes"):
        Batches(documents, recommended(8, 64, shards=2), symbols, process_count=3)
    with pytest.raises(UserError, match="no document is held out"):
        next(held_out([], recommended(8, 64), symbols))
