"""A signal to stop becomes a question that the loop asks between two steps."""

import contextlib
import signal
from collections.abc import Iterator

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Preemption:
    """Whether this process was asked to stop, and by which signal."""

    signal: str | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextlib.contextmanager
def preemption() -> Iterator[Preemption]:
    """Inside, SIGTERM and Ctrl-C only leave a note; the same signal again stops at once."""
    asked = Preemption()

    def note(number: int, _):
        asked.signal = signal.Signals(number).name
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
