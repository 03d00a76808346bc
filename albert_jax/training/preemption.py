"""A signal to stop becomes a question that the loop asks between two steps.

Of several processes it is enough that one is told: jax agrees with all on the step to stop after.
"""

import contextlib
import signal
from collections.abc import Iterator

import jax
from jax.experimental import multihost_utils

STOPPED = 75  # exit status of a command that has saved and is not done; EX_TEMPFAIL, "try again"
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Preemption:
    """Whether the run was asked to stop, and by which signal."""

    signal: str | None = None
    _questions = 0

    def asked(self) -> bool:
        """Asked once a step by every process, and answered alike in all."""
        self._questions += 1
        if jax.process_count() > 1 and multihost_utils.reached_preemption_sync_point(
            self._questions
        ):
            self.signal = signal.SIGTERM.name
        return self.signal is not None


@contextlib.contextmanager
def preemption() -> Iterator[Preemption]:
    """Inside, SIGTERM and Ctrl-C only leave a note; the same signal again stops at once.

    With several processes, SIGTERM is jax's to note, and Ctrl-C is made one.
    """
    asked, alone = Preemption(), jax.process_count() == 1

    def note(number: int, _):
        asked.signal = signal.Signals(number).name
        signal.signal(number, signal.SIG_DFL)

    def pass_on(number: int, _):
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)

    handlers = dict.fromkeys(SIGNALS, note) if alone else {signal.SIGINT: pass_on}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
