"""How fast a run is: tokens a second, and the share of the devices' peak that it uses (MFU)."""

import time
from collections.abc import Callable, Sequence

import jax

# Dense bfloat16 FLOP/s of one jax device, by how its `device_kind` begins; from the makers' data
# sheets. A TPU v2 or v3 device is one core, half a chip.
PEAK_FLOPS = {
    "TPU v2": 22.5e12,
    "TPU v3": 61.5e12,
    "TPU v4": 275e12,
    "TPU v5 lite": 197e12,
    "TPU v5e": 197e12,
    "TPU v5": 459e12,
    "TPU v6": 918e12,
    "NVIDIA A100": 312e12,
    "NVIDIA H100 PCIe": 756e12,
    "NVIDIA H100": 989e12,
    "NVIDIA H200": 989e12,
    "NVIDIA L4": 121e12,
    "NVIDIA B200": 2250e12,
}


class Throughput:
    """Counts tokens and seconds over a run; rates are since the last reading."""

    def __init__(
        self,
        devices: Sequence[jax.Device],
        *,
        tokens: int = 0,
        seconds: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ):
        """`tokens` and `seconds` are what earlier parts of the run have taken."""
        peaks = [peak for device in devices if (peak := peak_flops(device.device_kind))]
        self._peak = sum(peaks) if len(peaks) == len(devices) else None
        self._clock, self._tokens, self._seconds = clock, tokens, seconds
        self._new, self._flops = 0, 0.0  # in this interval
        self._start: float = clock()
        self._stopped: float | None = None

    def add(self, tokens: int, flops: float):
        """Counts the tokens of a finished step, and the operations they took."""
        self._new += tokens
        self._flops += flops

    def pause(self):
        """Until `resume` no time counts: what an evaluation or a save takes is not training's."""
        self._stopped = self._clock()

    def resume(self):
        """Time counts again, in the same interval."""
        self._start += self._clock() - self._now()
        self._stopped = None

    def total(self) -> dict[str, float]:
        """{tokens, seconds} of the run so far; the interval goes on."""
        seconds = self._seconds + self._now() - self._start
        return {"tokens": self._tokens + self._new, "seconds": seconds}

    def read(self) -> dict[str, float]:
        """`total`, and {tokens_per_second, mfu} of this interval; begins the next.

        `mfu` is absent where a device's peak is not known.
        """
        total, end = self.total(), self._now()
        elapsed = max(end - self._start, 1e-9)
        values = {**total, "tokens_per_second": self._new / elapsed}
        if self._peak:
            values["mfu"] = self._flops / elapsed / self._peak
        self._tokens += self._new
        self._seconds += end - self._start
        self._start, self._new, self._flops = end, 0, 0.0
        return values

    def _now(self) -> float:
        return self._clock() if self._stopped is None else self._stopped


def peak_flops(device_kind: str) -> float | None:
    """Dense bfloat16 FLOP/s of a device, None if unknown (a CPU)."""
    known = [name for name in PEAK_FLOPS if device_kind.startswith(name)]
    return PEAK_FLOPS[max(known, key=len)] if known else None
