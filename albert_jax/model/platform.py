"""What is fastest where: the choices that a config leaves to the platform, all of them here.

The figures behind them: experiments/results/speed_profile.md. The platform is that of JAX's default
backend; a program for a TPU that is compiled elsewhere, as `albert-jax plan` does, is traced in
`compiling_for`.
"""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any, Protocol

import jax

from albert_jax.model.config import AlbertConfig

MOST_UNROLLED = 24  # blocks; compile time grows with them
WITHOUT_SPLASH = ("TPU v2", "TPU v3")  # their matrix units take no bfloat16 from a Pallas kernel


class Device(Protocol):
    """What is asked of a device; those of JAX are of this kind."""

    platform: str
    device_kind: str


_device: contextvars.ContextVar[Device | None] = contextvars.ContextVar("device", default=None)


@contextlib.contextmanager
def compiling_for(device: Any) -> Iterator[None]:
    """Choices are made for this device, which need not be there."""
    token = _device.set(device)
    try:
        yield
    finally:
        _device.reset(token)


def backend() -> str:
    """The platform that a program is for: cpu, gpu or tpu."""
    device = _device.get()
    return device.platform if device else jax.default_backend()


def _device_kind() -> str:
    return (_device.get() or jax.devices()[0]).device_kind


def scan_unroll(config: AlbertConfig) -> int:
    """Blocks an iteration of the scan over layers: all on a CPU, where a loop hinders XLA, else one."""
    if config.scan_unroll:
        return config.scan_unroll
    return min(config.num_blocks, MOST_UNROLLED) if backend() == "cpu" else 1


def attention_kernel(config: AlbertConfig, length: int) -> str:
    """The kernel for rows of `length`: only the plain one has dropout, and short rows need no other."""
    if config.attention_kernel != "auto":
        return config.attention_kernel
    if config.attention_dropout or length < 128:
        return "plain"
    if backend() == "tpu":
        return "splash" if length % 128 == 0 and _device_kind() not in WITHOUT_SPLASH else "plain"
    if backend() == "gpu":
        return "fused"
    return "blocked" if length >= 256 or config.dtype == "bfloat16" else "plain"
