"""Distances between layers, against numpy."""

import jax.numpy as jnp
import numpy as np

from albert_jax.analysis.probes import layer_distances


def test_distances_and_angles_over_the_tokens():
    rng = np.random.default_rng(0)
    layers = rng.normal(size=(4, 2, 5, 8)).astype(np.float32)
    example_ids = np.array([[1, 1, 2, 0, 0], [1, 1, 1, 1, 0]])
    layers[:, example_ids == 0] = 1e6  # padding plays no part
    sums, tokens = layer_distances(jnp.asarray(layers), jnp.asarray(example_ids))
    found = {name: values / tokens for name, values in sums.items()}
    assert tokens == 7
    for block in range(3):
        pairs = [
            (layers[block, b, i], layers[block + 1, b, i]) for b, i in np.argwhere(example_ids > 0)
        ]
        l2 = np.mean([np.linalg.norm(y - x) for x, y in pairs])
        angles = [
            np.degrees(np.arccos(x @ y / np.linalg.norm(x) / np.linalg.norm(y))) for x, y in pairs
        ]
        np.testing.assert_allclose(found["l2"][block], l2, rtol=1e-5)
        np.testing.assert_allclose(found["degrees"][block], np.mean(angles), rtol=1e-4)


def test_a_layer_that_changes_nothing_moves_nothing():
    layers = jnp.ones((2, 1, 3, 4))
    found, tokens = layer_distances(layers, jnp.ones((1, 3), int))
    assert found["l2"].tolist() == [0.0] and found["degrees"][0] < 0.1 and tokens == 3
