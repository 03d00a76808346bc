"""A signal leaves a note; a second one, and any after, does what it always did."""

import os
import signal
import subprocess
import sys

import pytest

from albert_jax.training.preemption import SIGNALS, preemption


def test_without_a_signal_nothing_is_asked():
    with preemption() as stop:
        assert not stop.asked() and stop.signal is None


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noted_and_the_work_goes_on(number):
    with preemption() as stop:
        os.kill(os.getpid(), number)
        assert stop.asked() and stop.signal == number.name


@pytest.mark.parametrize("number", SIGNALS)
def test_the_second_would_stop_at_once(number):
    others = [other for other in SIGNALS if other != number]
    with preemption() as stop:
        os.kill(os.getpid(), number)
        assert stop.asked()
        assert signal.getsignal(number) is signal.SIG_DFL
        assert all(signal.getsignal(other) is not signal.SIG_DFL for other in others)


def test_the_second_really_stops():
    program = """
import os, signal
from albert_jax.training.preemption import preemption
with preemption():
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
        print("still here", flush=True)
"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert process.returncode == -signal.SIGTERM
    assert process.stdout.splitlines() == ["still here"]


def test_handlers_are_as_before_afterwards():
    def own(number, frame):
        pass

    before = {number: signal.signal(number, own) for number in SIGNALS}
    try:
        with pytest.raises(RuntimeError), preemption():
            os.kill(os.getpid(), signal.SIGTERM)
            raise RuntimeError
        assert all(signal.getsignal(number) is own for number in SIGNALS)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
