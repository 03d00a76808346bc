"""The stack of blocks: which layers share which parameters, in one scan.

Sharing is a matter of where parameters live, not of code. A block has two parts, attention and feed-forward,
and each part has `config.num_copies` sets of parameters. One set: every layer uses it, and the scan closes
over it. As many sets as blocks: the scan walks along their leading axis. Something between (groups): each
block picks its set. The block and the scan are the same in every mode, so the time to compile does not
depend on depth, unless `scan_unroll` lays blocks out one after another.

`flax.linen.scan` can broadcast or stack a whole collection but not one part of a block; that is why the scan
here is `jax.lax.scan` over `Module.apply`.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from albert_jax.model import platform
from albert_jax.model.attention import Attention
from albert_jax.model.config import AlbertConfig
from albert_jax.model.layers import Dense, Dropout, activation, layer_norm

Params = dict


class FeedForward(nn.Module):
    """The feed-forward half of a block: D -> F -> D, dropout, residual, LayerNorm (post-LN)."""

    config: AlbertConfig

    @nn.compact
    def __call__(self, x: jax.Array, example_ids: jax.Array, deterministic: bool) -> jax.Array:
        """x [B, L, D] -> [B, L, D]. `example_ids` is here so that both halves are called alike."""
        cfg = self.config
        y = Dense(cfg, cfg.ffn_size, name="intermediate")(x)  # [B, L, F]
        y = Dense(cfg, cfg.hidden_size, name="output")(activation(cfg, y).astype(cfg.dtype))
        y = Dropout(cfg.hidden_dropout)(y, deterministic=deterministic)
        return layer_norm(cfg, "norm")(x + y).astype(cfg.dtype)


PARTS = {"attention": Attention, "ffn": FeedForward}
REMAT: dict[str, Callable] = {
    "none": lambda block: block,
    "dots": lambda block: jax.checkpoint(block, policy=jax.checkpoint_policies.dots_saveable),
    "full": jax.checkpoint,
}


class Encoder(nn.Module):
    """`config.num_blocks` blocks over shared or separate parameters.

    Parameters: {"attention": ..., "ffn": ...}; a part with more than one copy has a leading axis of copies.
    """

    config: AlbertConfig

    @nn.compact
    def __call__(
        self, x: jax.Array, example_ids: jax.Array, deterministic: bool, every_layer: bool = False
    ) -> tuple[jax.Array, jax.Array | None]:
        """x [B, L, D] -> the last block's output, and with `every_layer` all outputs [blocks, B, L, D]."""
        cfg = self.config
        parts = {name: part(cfg, parent=None) for name, part in PARTS.items()}
        params = {name: self._params(part, name, x, example_ids) for name, part in parts.items()}
        own = {name: p for name, p in params.items() if _one_per_block(cfg, name)}
        shared = {name: p for name, p in params.items() if name not in own}
        dropout = None if deterministic else self.make_rng("dropout")

        def block(x, inputs):
            index, copy, own = inputs
            for name, part in parts.items():
                p = own[name] if name in own else _pick(shared[name], copy, cfg.num_copies[name])
                rngs = {} if dropout is None else {"dropout": _key(dropout, index, name)}
                x = part.apply({"params": p}, x, example_ids, deterministic, rngs=rngs)
            return x, x if every_layer else None

        blocks = jnp.arange(cfg.num_blocks)
        copies = jnp.array([cfg.shared_copy(i) for i in range(cfg.num_blocks)])
        return jax.lax.scan(
            REMAT[cfg.remat](block), x, (blocks, copies, own), unroll=platform.scan_unroll(cfg)
        )

    def _params(self, part: nn.Module, name: str, x: jax.Array, example_ids: jax.Array) -> Params:
        """This part's parameters: one tree, or one tree with a leading axis of copies."""
        copies = self.config.num_copies[name]

        def one(key):
            return part.init(key, x[:1], example_ids[:1], True)["params"]

        def stack(key):
            return jax.vmap(one)(jax.random.split(key, copies))

        return self.param(name, one if copies == 1 else stack)


def _one_per_block(config: AlbertConfig, part: str) -> bool:
    return config.num_copies[part] == config.num_blocks > 1


def _pick(params: Params, copy: jax.Array, copies: int) -> Params:
    return params if copies == 1 else jax.tree.map(lambda p: jnp.asarray(p)[copy], params)


def _key(key: jax.Array, block: jax.Array, part: str) -> jax.Array:
    """A dropout key of its own for each half of each block, though their parameters may be shared."""
    return jax.random.fold_in(key, 2 * block + list(PARTS).index(part))
