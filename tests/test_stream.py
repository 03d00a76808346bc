"""Examples -> predictions, with a model that only counts."""

import itertools
from typing import NamedTuple

import numpy as np
import pytest

from albert_jax.tasks import stream
from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.stream import batches, of_items, outputs, predictions, row_length
from albert_jax.tasks.task import Head


def part(*tokens):
    return Part(np.array(tokens, np.int32), np.zeros(len(tokens), np.int32))


def item(*lengths, first=10):
    """Parts of these lengths whose tokens are all different."""
    starts = itertools.accumulate(lengths, initial=first)
    return Item(tuple(part(*range(s, s + n)) for s, n in zip(starts, lengths, strict=False)))


def echo_tokens(pairs):
    """A "token" model: at every position, its token and its position."""
    for batch, own in pairs:
        yield np.stack([batch["tokens"], batch["positions"]], axis=-1), (batch, own)


def echo_first(pairs):
    """A model of packed parts: the token at each [CLS]."""
    for batch, own in pairs:
        yield (
            np.take_along_axis(batch["tokens"], batch["cls_positions"], axis=1)[..., None],
            (batch, own),
        )


def random_items(count, longest, seed=0):
    rng = np.random.default_rng(seed)
    return [item(int(n), first=1000 * i) for i, n in enumerate(rng.integers(2, longest, count), 1)]


@pytest.mark.parametrize("devices", [1, 3])
def test_every_token_comes_back_to_its_item(devices):
    items = random_items(700, 60)
    found = list(outputs(items, "token", echo_tokens, pad_id=0, devices=devices))
    assert len(found) == len(items)
    for output, wanted in zip(found, items, strict=True):
        np.testing.assert_array_equal(output[:, 0], wanted.parts[0].tokens)
        np.testing.assert_array_equal(output[:, 1], np.arange(len(wanted.parts[0].tokens)))


def test_parts_of_an_item_stay_together_and_in_order():
    items = [item(5, 30, 7), item(9), item(3, 3)]
    assert [o.tolist() for o in outputs(items, "choice", echo_first, 0)] == [
        [10, 15, 45], [10], [10, 13],
    ]  # fmt: skip
    assert [o.tolist() for o in outputs(items, "embedding", echo_first, 0)] == [
        [[10], [15], [45]], [[10]], [[10], [13]],
    ]  # fmt: skip
    assert [o.tolist() for o in outputs(items, "sequence", echo_first, 0)] == [[10]] * 3


def test_rows_grow_with_the_longest_item_so_far_and_never_shrink():
    lengths = [10, 60, 65, 3, 500, 64, 700]
    made = list(batches([item(n) for n in lengths], pad_id=0))
    assert [(batch["tokens"].shape[1], len(own)) for batch, own in made] == [
        (64, 2), (128, 2), (512, 2), (1024, 1),
    ]  # fmt: skip


def test_a_short_text_alone_is_a_short_row_whatever_came_before():
    ((alone, _),) = batches([item(10)], pad_id=0)
    *_, (after, _) = batches([*[item(500)] * 16, item(20)], pad_id=0)
    for batch in (alone, after):
        assert batch["tokens"].shape == (1, 32) and batch["items"].shape == (1, 8)
    ((many, own),) = batches([item(3)] * 10, pad_id=0)  # ten parts in 30 pieces have slots for 64
    assert many["tokens"].shape == (1, 64) and many["items"].shape == (1, 16)
    assert [
        o.tolist() for o in of_items("sequence", next(echo_first([(many, own)]))[0], many, own)
    ] == [[10]] * 10


def test_shapes_are_few():
    shapes = set()
    for count in range(1, 40):
        made = batches([item(60)] * count, pad_id=0, devices=2)
        shapes |= {batch["tokens"].shape for batch, _ in made}
    assert shapes == {(2 * n, 64) for n in (1, 2, 4, 8, 16, 32)}


def test_rows_are_a_multiple_of_the_devices_even_for_an_item_of_very_many_parts():
    many = item(*[400] * 37)  # a full batch has 16 rows for each device
    ((batch, _),) = batches([many], pad_id=0, devices=2)
    assert len(batch["tokens"]) == 64  # 37 rows, 19 a device, 32 as a power of two
    assert of_items("choice", next(echo_first([(batch, [many])]))[0], batch, [many])[
        0
    ].tolist() == [10 + 400 * i for i in range(37)]


def test_row_lengths():
    assert [row_length(n) for n in (1, 32, 33, 512, 513, 1025)] == [32, 32, 64, 512, 1024, 1536]


class Words(NamedTuple):
    number: int
    counts: list[int]


class Fake:
    """Gives as many items as the example says; its prediction is what came back."""

    head = Head("sequence", ("a",))

    def __init__(self):
        self.asked = 0

    def items(self, example):
        self.asked += 1
        return [item(n, first=100 * example.number + i) for i, n in enumerate(example.counts)]

    def decode(self, example, outputs):
        return {"first": [int(output[0]) for output in outputs]}


def test_predictions_come_in_order_with_their_examples():
    examples = [
        Words(1, [5, 4]),
        Words(2, []),
        Words(3, [9]),
        Words(4, [3, 3, 3]),
        Words(5, []),
        Words(6, []),
    ]
    found = list(predictions(Fake(), examples, echo_first, pad_id=0))
    assert [example for example, _ in found] == examples
    assert [p["first"] for _, p in found] == [[100, 101], [], [300], [400, 401, 402], [], []]


def test_examples_without_items_alone():
    found = list(predictions(Fake(), [Words(1, []), Words(2, [])], echo_first, pad_id=0))
    assert [p for _, p in found] == [{"first": []}] * 2
    assert list(predictions(Fake(), [], echo_first, pad_id=0)) == []


def test_memory_does_not_grow_with_the_stream(monkeypatch):
    """Of an endless stream the first predictions come after a few batches."""
    monkeypatch.setattr(stream, "TOKENS", 256)
    task = Fake()
    endless = (Words(n, [30]) for n in itertools.count(1))
    found = predictions(task, endless, echo_first, pad_id=0)
    for number, (example, _) in enumerate(itertools.islice(found, 500), 1):
        assert example.number == number
        assert task.asked - number < 3 * 256 // 30
