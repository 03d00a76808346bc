"""Batches through a model on eight devices."""

from functools import partial

import jax
import numpy as np
import pytest

from albert_jax.model.tasks import AlbertForTask
from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.stream import outputs
from albert_jax.training.inference import infer, make_forward
from albert_jax.training.sharding import make_mesh, replicated
from tests.models import random_model


def items(count):
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 30, count)
    return [
        Item((Part(rng.integers(5, 38, n).astype(np.int32), np.zeros(n, np.int32)),))
        for n in lengths
    ]


def alone(apply, params, item):
    """What the model says of one item in a row of its own, without padding."""
    (part,) = item.parts
    row = np.ones((1, len(part.tokens)), np.int32)
    batch = {
        "tokens": part.tokens[None],
        "token_types": part.token_types[None],
        "positions": np.arange(len(part.tokens), dtype=np.int32)[None],
        "example_ids": row,
        "cls_positions": np.zeros((1, 1), np.int32),
    }
    return apply({"params": params}, batch)


@pytest.mark.parametrize(("kind", "size"), [("sequence", 3), ("token", 3), ("span", 2)])
def test_packed_rows_on_all_devices_say_what_each_item_alone_does(kind, size):
    pretrained, mesh = random_model(classes=size), make_mesh()
    assert mesh.size == 8
    model = AlbertForTask(pretrained.config, kind, size)
    params = jax.device_put(pretrained.params, replicated(mesh))
    run = partial(infer, make_forward(model, mesh), params, mesh=mesh)
    asked = items(150)
    found = list(outputs(asked, kind, run, pad_id=0, devices=mesh.size))
    assert len(found) == len(asked)
    apply = jax.jit(model.apply)
    for output, item in list(zip(found, asked, strict=True))[::40]:
        expected = np.asarray(alone(apply, pretrained.params, item))[0]
        np.testing.assert_allclose(
            output, expected[0] if kind == "sequence" else expected, atol=1e-5
        )


def test_the_next_batch_is_running_while_one_is_read():
    started, mesh = [], make_mesh(jax.devices()[:1])
    batch = {
        name: np.zeros((1, 4), np.int32)
        for name in ("tokens", "token_types", "positions", "example_ids", "cls_positions")
    }

    def forward(params, batch):
        started.append(len(started))
        return batch["tokens"]

    found = infer(forward, None, ((batch, number) for number in range(4)), mesh)
    for number in range(4):
        output, (_, rest) = next(found)
        assert isinstance(output, np.ndarray) and rest == number
        assert len(started) == min(number + 2, 4)
    assert next(found, None) is None
