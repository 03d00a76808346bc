"""Notices a run in trouble: a loss or gradient that is not finite, or a sudden spike."""

import math
from collections import Counter, deque
from statistics import median

WINDOW = 100  # recent losses that a spike is measured against


class Guard:
    """Watches losses; remembers the recent ones, and how often the run went back where."""

    def __init__(self, spike: float):
        """`spike`: a loss this many times the recent median is trouble; 0 looks at NaNs only."""
        self._spike = spike
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._rewinds: Counter[int] = Counter()

    def trouble(self, step: int, loss: float, grad_norm: float) -> str | None:
        """What is wrong with this step, in words, or None."""
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            return f"step {step}: loss {loss:.4g}, gradient norm {grad_norm:.4g}"
        usual = median(self._recent) if len(self._recent) >= WINDOW // 5 else None
        self._recent.append(loss)
        if self._spike and usual is not None and loss > self._spike * usual:
            return f"step {step}: loss {loss:.4g}, {loss / usual:.1f} times the recent median"
        return None

    def rewound(self, step: int) -> int:
        """Forgets the losses after going back to `step`; how often it went there."""
        self._recent.clear()
        self._rewinds[step] += 1
        return self._rewinds[step]
