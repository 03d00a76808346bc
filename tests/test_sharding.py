"""Rows are cut over the devices, everything else is on all of them."""

import jax
import numpy as np
import pytest

from albert_jax.errors import UserError
from albert_jax.training.sharding import (
    by_rows,
    check_divisible,
    make_mesh,
    replicated,
    to_devices,
)
from tests.batches import random_batch


@pytest.fixture
def mesh():
    return make_mesh()


def test_a_mesh_has_all_devices_or_those_given(mesh):
    assert mesh.shape == {"data": 8}
    assert list(make_mesh(jax.devices()[2:4]).devices) == jax.devices()[2:4]


def test_every_device_has_its_rows_of_a_batch(mesh):
    batch = random_batch(rows=16)
    with jax.transfer_guard("disallow"):
        arrays = to_devices(batch, mesh)
    for name, array in arrays.items():
        assert array.sharding == by_rows(mesh) and array.dtype == batch[name].dtype
        for number, shard in enumerate(array.addressable_shards):
            np.testing.assert_array_equal(shard.data, batch[name][2 * number : 2 * number + 2])


def test_what_is_replicated_is_whole_everywhere(mesh):
    value = jax.device_put(np.arange(3.0), replicated(mesh))
    assert [shard.data.shape for shard in value.addressable_shards] == [(3,)] * 8


def test_rows_that_can_be_cut_are_fine(mesh):
    check_divisible(64, 4, mesh)


def test_rows_that_cannot_be_cut_are_named(mesh):
    with pytest.raises(UserError, match=r"^data.batch_size is 40; 4 microbatches.*multiple of 32$"):
        check_divisible(40, 4, mesh)
