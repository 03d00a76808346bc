"""Every kernel computes what the plain one does, and so do its gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from albert_jax.model import kernels, platform
from albert_jax.model.config import AlbertConfig

EXAMPLES = [[1] * 50 + [2] * 60 + [3] * 13 + [0] * 5, [1] * 128]  # packed rows of 128


def inputs(length=128, heads=4, size=64, dtype="float32", seed=0):
    keys = jax.random.split(jax.random.key(seed), 4)
    shape = (2, length, heads, size)
    q, k, v, g = (jax.random.normal(key, shape).astype(dtype) for key in keys)
    ids = np.array([(row * 8)[:length] for row in EXAMPLES], np.int32)
    return q, k, v, jnp.asarray(ids), g


def results(kernel, q, k, v, ids, g):
    """What a kernel returns, and its gradients at the places that are not padding."""

    def attend(q, k, v):
        return kernel(q, k, v, ids, lambda x: x)

    context, pull = jax.vjp(attend, q, k, v)
    real = (ids > 0)[:, :, None, None]
    return [x * real for x in (context, *pull(g * real))]


@pytest.mark.parametrize("name", ["blocked", "fused", "splash"])
def test_equals_the_plain_kernel(name):
    given = inputs(heads=2) if name == "splash" else inputs()
    for ours, plain in zip(
        results(kernels.KERNELS[name], *given), results(kernels.plain, *given), strict=True
    ):
        np.testing.assert_allclose(ours, plain, atol=2e-5)


def test_blocks_of_one_head_equal_one_block(monkeypatch):
    given = inputs()
    whole = results(kernels.blocked, *given)
    monkeypatch.setattr(kernels, "BLOCK", 2 * 128 * 128)
    assert kernels._heads_at_a_time((2, 4, 128, 64)) == 1
    for ours, expected in zip(results(kernels.blocked, *given), whole, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("length", [33, 128, 200])
def test_blocked_in_bfloat16_is_as_near_to_the_truth_as_plain(length):
    low = inputs(length, dtype="bfloat16")
    exact = results(kernels.plain, *(x.astype("float32") if x.ndim == 4 else x for x in low))
    for ours, plain, truth in zip(
        results(kernels.blocked, *low), results(kernels.plain, *low), exact, strict=True
    ):
        error = np.abs(ours.astype("float32") - truth).mean()
        assert error <= 1.1 * np.abs(plain.astype("float32") - truth).mean()


def test_heads_at_a_time_divide_the_heads():
    assert kernels._heads_at_a_time((8, 12, 128, 64)) == 6
    assert kernels._heads_at_a_time((4, 12, 512, 64)) == 1
    assert kernels._heads_at_a_time((1, 12, 512, 64)) == 4


@pytest.mark.parametrize(
    ("backend", "length", "changes", "kernel"),
    [
        ("cpu", 128, {}, "blocked"),
        ("cpu", 128, dict(dtype="float32"), "plain"),
        ("cpu", 512, dict(dtype="float32"), "blocked"),
        ("cpu", 64, {}, "plain"),
        ("tpu", 512, {}, "splash"),
        ("tpu", 500, {}, "plain"),
        ("gpu", 512, {}, "fused"),
        ("gpu", 512, dict(attention_dropout=0.1), "plain"),
        ("tpu", 512, dict(attention_kernel="blocked"), "blocked"),
    ],
)
def test_the_platform_chooses(monkeypatch, backend, length, changes, kernel):
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    assert platform.attention_kernel(AlbertConfig(**changes), length) == kernel


def test_all_blocks_are_unrolled_on_a_cpu_only(monkeypatch):
    config = AlbertConfig()
    assert platform.scan_unroll(config) == 12
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    assert platform.scan_unroll(config) == 1
    assert platform.scan_unroll(AlbertConfig(scan_unroll=3)) == 3
