"""What is fastest where: the choices that a config leaves to the platform, all of them here.

The figures behind them: experiments/results/speed.md. A program for a TPU that is compiled elsewhere must
choose itself, as `albert-jax plan` does: the platform is that of JAX's default backend.
"""

import jax

from albert_jax.model.config import AlbertConfig

MOST_UNROLLED = 12  # blocks; compile time grows with them


def scan_unroll(config: AlbertConfig) -> int:
    """Blocks an iteration of the scan over layers: all on a CPU, where a loop hinders XLA, else one."""
    if config.scan_unroll:
        return config.scan_unroll
    return min(config.num_blocks, MOST_UNROLLED) if jax.default_backend() == "cpu" else 1


def attention_kernel(config: AlbertConfig, length: int) -> str:
    """The kernel for rows of `length`: only the plain one has dropout, and short rows need no other."""
    if config.attention_kernel != "auto":
        return config.attention_kernel
    if config.attention_dropout or length < 128:
        return "plain"
    backend = jax.default_backend()
    if backend == "tpu":
        return "splash" if length % 128 == 0 else "plain"
    if backend == "gpu":
        return "fused"
    return "blocked" if length >= 256 or config.dtype == "bfloat16" else "plain"
