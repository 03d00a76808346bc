"""The kernels behind attention: what each computes is the same, where it is fast is not.

All take q, k, v [B, L, H, K] and example_ids int32 [B, L], and return [B, L, H, K] in the type of v. Position
i sees position j where their `example_ids` are equal. Padding (id 0) sees padding only, so no row of the
softmax is empty and nothing real depends on padding.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P

from albert_jax.model import platform
from albert_jax.model.layers import multiply, product, transpose

HIDDEN = -1e30  # a score that the softmax makes 0
BLOCK = 2**20  # scores that a core's cache holds

Dropout = Callable[[jax.Array], jax.Array]  # of probabilities [B, H, L, L]


def plain(q: jax.Array, k: jax.Array, v: jax.Array, example_ids: jax.Array, dropout: Dropout):
    """Attention as written in the paper; the softmax and both accumulations in float32."""
    q, k, v = (jnp.swapaxes(x, 1, 2) for x in (q, k, v))  # [B, H, L, K]
    scores = product("bhlk,bhmk->bhlm", q, k, q.dtype) / math.sqrt(q.shape[-1])
    probabilities = dropout(jax.nn.softmax(scores + _bias(example_ids)[:, None], axis=-1))
    context = product("bhlm,bhmk->bhlk", probabilities, v, v.dtype)
    return jnp.swapaxes(context, 1, 2).astype(v.dtype)


def fused(q: jax.Array, k: jax.Array, v: jax.Array, example_ids: jax.Array, dropout: Dropout):
    """jax.nn.dot_product_attention, for which JAX 0.10 itself takes XLA's on a GPU. It has no dropout."""
    del dropout
    same = example_ids[:, :, None] == example_ids[:, None, :]
    return jax.nn.dot_product_attention(q, k, v, mask=same[:, None])


def splash(q: jax.Array, k: jax.Array, v: jax.Array, example_ids: jax.Array, dropout: Dropout):
    """The Pallas kernel of that name for TPUs; L is a multiple of 128. It has no dropout.

    A Pallas kernel is not partitioned by XLA. Under a mesh (`jax.set_mesh`) each device runs it on
    its own rows, and with an axis `tensor` on its own heads.
    """
    del dropout
    mesh = jax.sharding.get_abstract_mesh()
    rows = tuple(name for name in mesh.axis_names if name != "tensor")
    if mesh.empty or q.shape[0] % math.prod(mesh.shape[name] for name in rows):  # one row: init
        return _splash(q, k, v, example_ids)
    heads = P(rows, None, "tensor" if "tensor" in mesh.axis_names else None)
    specs = (heads, heads, heads, P(rows))
    return jax.shard_map(_splash, in_specs=specs, out_specs=heads, check_vma=False)(
        q, k, v, example_ids
    )


def _splash(q: jax.Array, k: jax.Array, v: jax.Array, example_ids: jax.Array) -> jax.Array:
    from jax.experimental.pallas.ops.tpu import splash_attention as pallas

    _, length, heads, size = q.shape
    mask = pallas.MultiHeadMask([pallas.FullMask((length, length))] * heads)
    kernel = pallas.make_splash_mha_single_device(
        mask, block_sizes=_splash_blocks(length), interpret=platform.backend() == "cpu"
    )
    q, k, v = (jnp.swapaxes(x, 1, 2) for x in (q / math.sqrt(size), k, v))
    segments = pallas.SegmentIds(q=example_ids, kv=example_ids)
    context = jax.vmap(kernel)(q.astype(v.dtype), k, v, segments)
    return jnp.swapaxes(context, 1, 2).astype(v.dtype)


def blocked(q: jax.Array, k: jax.Array, v: jax.Array, example_ids: jax.Array, dropout: Dropout):
    """A few heads at a time, so that scores stay in a CPU's cache; no scores are kept. No dropout."""
    del dropout
    q, k, v = (jnp.swapaxes(x, 1, 2) for x in (q, k, v))  # [B, H, L, K]
    return jnp.swapaxes(_blocked(q, k, v, example_ids), 1, 2).astype(v.dtype)


@jax.custom_vjp
def _blocked(q: jax.Array, k: jax.Array, v: jax.Array, example_ids: jax.Array) -> jax.Array:
    return _blocked_forward(q, k, v, example_ids)[0]


def _blocked_forward(q: jax.Array, k: jax.Array, v: jax.Array, example_ids: jax.Array):
    bias = jax.lax.optimization_barrier(_bias(example_ids))  # made once, not in every block

    def block(q, k, v):
        scores = _scores(q, k, bias)
        highest = scores.max(axis=-1, keepdims=True)
        weights = jnp.exp(scores - highest)
        total = weights.sum(axis=-1, keepdims=True)
        context = multiply("bhlm,bhmk->bhlk", weights.astype(v.dtype), v) / total
        return context, (highest + jnp.log(total))[..., 0]

    q, k, v = (_blocks(x, _heads_at_a_time(q.shape)) for x in (q, k, v))
    context, log_total = _each(block, q, k, v)
    return _joined(context), (q, k, v, example_ids, context, log_total)


def _blocked_backward(kept: tuple, g: jax.Array) -> tuple:
    """From the logarithm of the softmax's divisor the probabilities are computed again."""
    q, k, v, example_ids, context, log_total = kept
    bias = jax.lax.optimization_barrier(_bias(example_ids))
    dtype, scale = v.dtype, 1 / math.sqrt(v.shape[-1])
    g = _blocks(g, v.shape[2])
    row_sums = (g * context).sum(axis=-1)  # of probabilities times their gradients

    def block(q, k, v, g, log_total, row_sums):
        p = jnp.exp(_scores(q, k, bias) - log_total[..., None])
        dp = multiply("bhlk,bhmk->bhlm", g, v)
        ds = (p * (dp - row_sums[..., None]) * scale).astype(dtype)
        dq = multiply("bhlm,bhmk->bhlk", ds, k)
        dk = multiply("bhml,bhlk->bhmk", transpose(ds), q)
        dv = multiply("bhml,bhlk->bhmk", transpose(p.astype(dtype)), g)
        return dq, dk, dv  # float32: a loop's results in bfloat16 are slow to store on a CPU

    grads = _each(block, q, k, v, g.astype(dtype), log_total, row_sums)
    return (*(_joined(x).astype(dtype) for x in grads), None)


_blocked.defvjp(_blocked_forward, _blocked_backward)

KERNELS: dict[str, Callable[..., jax.Array]] = {
    "plain": plain,
    "blocked": blocked,
    "fused": fused,
    "splash": splash,
}


def _bias(example_ids: jax.Array) -> jax.Array:
    """What hides other examples: 0 or `HIDDEN`, [B, L, L]. Added, not selected: XLA fuses that."""
    return jnp.where(example_ids[:, :, None] == example_ids[:, None, :], 0.0, HIDDEN)


def _scores(q: jax.Array, k: jax.Array, bias: jax.Array) -> jax.Array:
    return multiply("bhlk,bhmk->bhlm", q, k) / math.sqrt(q.shape[-1]) + bias[:, None]


def _heads_at_a_time(shape: tuple[int, ...]) -> int:
    """The most heads whose scores are a block, a divisor of H; at least one."""
    rows, heads, length, _ = shape
    most = max(1, BLOCK // (rows * length * length))
    return max(n for n in range(1, heads + 1) if heads % n == 0 and n <= most)


def _blocks(x: jax.Array, heads: int) -> jax.Array:
    """[B, H, ...] -> [H / heads, B, heads, ...]"""
    return jnp.swapaxes(x.reshape(x.shape[0], -1, heads, *x.shape[2:]), 0, 1)


def _joined(x: jax.Array) -> jax.Array:
    """[n, B, heads, ...] -> [B, n * heads, ...]"""
    x = jnp.swapaxes(x, 0, 1)
    return x.reshape(x.shape[0], -1, *x.shape[3:])


def _each(block: Callable, *arrays: jax.Array):
    """`block` over the leading axis, one after another; without a loop where there is only one."""
    if arrays[0].shape[0] == 1:
        return jax.tree.map(lambda x: x[None], block(*(x[0] for x in arrays)))
    return jax.lax.scan(lambda _, xs: (None, block(*xs)), None, arrays)[1]


def _splash_blocks(length: int):
    """Blocks of up to 512 positions, in both directions and both passes."""
    from jax.experimental.pallas.ops.tpu import splash_attention as pallas

    size = math.gcd(length, 512)
    names = ("q", "kv", "kv_compute", "q_dkv", "kv_dkv", "kv_dkv_compute", "q_dq", "kv_dq")
    sizes: dict[str, Any] = {f"block_{name}": size for name in names}
    return pallas.BlockSizes(**sizes)
