"""The order of the examples: every one once an epoch, a function of seed and update alone."""

import numpy as np
import pytest

from albert_jax.errors import UserError
from albert_jax.tasks.epochs import Epochs
from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.task import Head


class Numbers:
    """A task whose examples are lengths; an item's first token is its number."""

    head = Head("sequence", ("a", "b"))

    def items(self, example):
        number, length = example
        tokens = np.full(length, number, np.int32)
        return [Item((Part(tokens, np.zeros(length, np.int32)),), None if number == 0 else 1)]


EXAMPLES = [(number, 2 + number % 5) for number in range(23)]  # of number 0 nothing is asked


def epochs(seed=0, batch_size=4, examples=EXAMPLES, **cut):
    return Epochs(Numbers(), examples, pad_id=0, batch_size=batch_size, seed=seed, **cut)


def numbers(batch):
    """The items of a batch by number, in its order."""
    rows, slots = np.nonzero(batch["items"] >= 0)
    found = batch["tokens"][rows, batch["cls_positions"][rows, slots]]
    return found[np.argsort(batch["items"][rows, slots])].tolist()


def test_an_epoch_has_every_labelled_item_once_and_each_another_order():
    data = epochs()
    assert len(data.items) == 22
    order = [number for step in range(22) for number in numbers(data.batch(step))]
    first, second = order[:22], order[22:44]
    assert sorted(first) == sorted(second) == list(range(1, 23))
    assert first != second and first != sorted(first)


def test_a_batch_depends_on_seed_and_update_alone():
    one, other = epochs(), epochs()
    later = one.batch(9)
    for step in (3, 9):
        batch = other.batch(step)
    for name, array in later.items():
        np.testing.assert_array_equal(array, batch[name])
    assert numbers(epochs(seed=1).batch(9)) != numbers(later)


def test_microbatches_hold_the_same_items():
    whole, parts = epochs(batch_size=6).batch(2), epochs(batch_size=6, microbatches=3).batch(2)
    own = (parts["tokens"] * (parts["positions"] == 0) * (parts["example_ids"] > 0)).ravel()
    assert sorted(own[own > 0]) == sorted(numbers(whole))


def test_a_batch_may_be_larger_than_the_data():
    assert sorted(numbers(epochs(batch_size=44).batch(0))) == sorted([*range(1, 23)] * 2)


def test_updates_of_some_epochs():
    data = epochs()
    assert [data.steps(number) for number in (1, 2, 0.01)] == [6, 11, 1]
    assert data.mean_tokens == pytest.approx(np.mean([length for _, length in EXAMPLES[1:]]))


def test_without_labels_there_is_nothing_to_learn():
    with pytest.raises(UserError, match="no training example has a label"):
        epochs(examples=EXAMPLES[:1])
