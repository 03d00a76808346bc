"""Items in rows: nothing is lost or mixed up, whatever the packing and the cut into microbatches."""

import numpy as np
import pytest

from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.rows import Layout, evaluation_batches, layout, training_batch
from albert_jax.tasks.task import Head
from albert_jax.training.step import microbatches

CLASSES = Head("sequence", ("a", "b", "c"))


def random_items(count, parts=1, longest=12, seed=0):
    """Items whose tokens are all different and never 0."""
    rng, token = np.random.default_rng(seed), 1
    items = []
    for number in range(count):
        made = []
        for length in rng.integers(2, longest + 1, parts):
            types = (np.arange(length) > length // 2).astype(np.int32)
            made.append(Part(np.arange(token, token + length, dtype=np.int32), types))
            token += length
        items.append(Item(tuple(made), number % 3))
    return items


def found(batch, items):
    """{(item, part): (tokens, token_types)} of what a batch holds; checks the rest of the layout."""
    parts = {}
    for row, slot in zip(*np.nonzero(batch["items"] >= 0), strict=True):
        own = batch["example_ids"][row] == slot + 1
        start = batch["cls_positions"][row, slot]
        np.testing.assert_array_equal(np.flatnonzero(own), start + np.arange(own.sum()))
        np.testing.assert_array_equal(batch["positions"][row, own], np.arange(own.sum()))
        name = int(batch["items"][row, slot]), int(batch["parts"][row, slot])
        assert name not in parts
        parts[name] = batch["tokens"][row, own].tolist(), batch["token_types"][row, own].tolist()
    unused = batch["example_ids"] == 0
    assert (batch["tokens"][unused] == 0).all() and not batch["positions"][unused].any()
    return parts


def wanted(items):
    return {
        (i, j): (part.tokens.tolist(), part.token_types.tolist())
        for i, item in enumerate(items)
        for j, part in enumerate(item.parts)
    }


@pytest.mark.parametrize("parts", [1, 4])
def test_a_batch_holds_every_part_once(parts):
    items = random_items(32, parts)
    rows = layout([len(part.tokens) for item in items for part in item.parts], pad_id=0)
    batch = training_batch(items, CLASSES, rows)
    assert found(batch, items) == wanted(items)
    np.testing.assert_array_equal(batch["labels"], [item.label for item in items])
    np.testing.assert_array_equal(batch["weights"], np.ones(32))


def test_short_items_share_rows():
    items = random_items(64, longest=12)
    rows = layout([len(item.parts[0].tokens) for item in items] + [40], pad_id=0)
    batch = training_batch(items, CLASSES, rows)
    assert rows.length == 40
    assert (batch["example_ids"] > 0).mean() > 0.85
    alone = training_batch(items, CLASSES, rows._replace(slots=1))
    assert alone["tokens"].shape[0] == 64
    assert found(alone, items) == found(batch, items)


def test_rows_are_as_long_as_the_longest_part_needs():
    assert layout([3, 17, 5], pad_id=7) == Layout(24, 6, 7)
    assert layout([24], pad_id=0) == Layout(48, 2, 0)
    assert layout([100, 80], pad_id=0) == Layout(184, 2, 0)
    assert layout([200, 160], pad_id=0) == Layout(256, 1, 0)
    assert layout([500, 400], pad_id=0) == Layout(504, 1, 0)
    assert layout([24], pad_id=0, share=1.5) == Layout(40, 1, 0)  # of parts for a device
    assert layout([24], pad_id=0, share=0.5) == Layout(24, 1, 0)


def test_the_number_of_rows_is_one_of_few():
    """Between 1 and 200 rows there are 45 sizes, none more than an eighth larger than needed."""
    sizes = {}
    for count in range(1, 201):
        items = random_items(count, longest=2)
        rows = training_batch(items, CLASSES, Layout(2, 1, 0))["tokens"].shape[0]
        sizes[count] = rows
        assert count <= rows <= max(count, count * 9 / 8)
    assert len(set(sizes.values())) == 45


@pytest.mark.parametrize(("parts", "devices"), [(1, 8), (4, 1), (3, 4)])
def test_microbatches_and_devices_get_whole_items(parts, devices):
    items = random_items(24, 2)
    batch = training_batch(items, CLASSES, Layout(16, 4, 0), parts, devices)
    assert all(len(array) % (parts * devices) == 0 for array in batch.values())
    cut = {name: np.asarray(x) for name, x in microbatches(batch, parts).items()}
    for number in range(parts):
        own, part = items[number::parts], {name: array[number] for name, array in cut.items()}
        assert found(part, own) == wanted(own)
        labels = [item.label for item in own]
        np.testing.assert_array_equal(part["labels"][: len(own)], labels)
        np.testing.assert_array_equal(
            part["weights"] > 0, np.arange(len(part["weights"])) < len(own)
        )


def test_an_item_without_a_label_weighs_nothing():
    items = [item._replace(label=None if i == 1 else 2) for i, item in enumerate(random_items(3))]
    batch = training_batch(items, CLASSES, Layout(16, 4, 0))
    assert batch["weights"].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("head", "label", "dtype", "shape"),
    [
        (Head("sequence"), 2.5, np.float32, (3,)),
        (Head("choice"), 1, np.int32, (3,)),
        (Head("span"), (1, 2), np.int32, (3, 2)),
    ],
    ids=["score", "choice", "span"],
)
def test_labels_by_kind_of_head(head, label, dtype, shape):
    items = [item._replace(label=label) for item in random_items(3)]
    labels = training_batch(items, head, Layout(16, 4, 0))["labels"]
    assert (labels.dtype, labels.shape) == (dtype, shape)
    assert (labels == np.array(label)).all()


def test_labels_of_tokens_lie_where_the_tokens_lie():
    items = [
        item._replace(label=np.where(item.parts[0].tokens % 3, item.parts[0].tokens, -1))
        for item in random_items(9)
    ]
    batch = training_batch(items, Head("token", ("O", "B")), Layout(16, 4, 0))
    real = batch["example_ids"] > 0
    expected = np.where(real & (batch["tokens"] % 3 > 0), batch["tokens"], -1)
    np.testing.assert_array_equal(batch["labels"], expected)


def test_evaluation_takes_every_item_once_in_order_in_full_rows():
    items = random_items(300, 2)
    batches = list(evaluation_batches(iter(items), Layout(32, 16, 0), rows=8))
    assert [id(item) for _, own in batches for item in own] == list(map(id, items))
    for batch, own in batches:
        assert batch["tokens"].shape == (8, 32)
        assert found(batch, own) == wanted(own)
    full = [(batch["example_ids"] > 0).mean() for batch, _ in batches[:-1]]
    assert np.mean(full) > 0.85


def test_an_item_that_needs_more_rows_gets_them():
    items = [*random_items(2), *random_items(1, 5), *random_items(1)]
    batches = list(evaluation_batches(items, Layout(12, 1, 0), rows=2))
    assert [len(own) for _, own in batches] == [2, 1, 1]
    assert batches[1][0]["tokens"].shape == (5, 12)
    assert list(evaluation_batches([], Layout(12, 1, 0), rows=2)) == []
