"""A `main` of experiments as a program."""

import os
import signal

import pytest

from albert_jax.errors import UserError
from experiments.program import parser, serve


@pytest.fixture(autouse=True)
def terminated():
    """The handler of SIGTERM as it was, afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_it_is_given_the_words_of_the_command_line(monkeypatch):
    monkeypatch.setattr("sys.argv", ["x.py", "a", "b"])
    given = []
    serve(given.extend)
    assert given == ["a", "b"]


def test_an_error_is_a_line():
    def main(_):
        raise UserError("no torch")

    with pytest.raises(SystemExit, match=r"^experiments: no torch$"):
        serve(main)


def test_what_the_system_refuses_is_a_line():
    def main(_):
        raise OSError(28, "No space left on device", "runs/a")

    with pytest.raises(SystemExit, match=r"^experiments: runs/a: No space left on device; check"):
        serve(main)


def test_a_wrong_flag_is_a_line(capsys):
    with pytest.raises(
        SystemExit, match=r"^experiments: .*--seeds=3; see python -m experiments.x --"
    ):
        parser("x", "").parse_args(["--seeds=3"])
    assert not capsys.readouterr().err


def test_a_signal_ends_it_as_an_interrupt_does():
    cleaned = []

    def main(_):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            cleaned.append(True)

    with pytest.raises(SystemExit, match=r"^experiments: interrupted; it goes on$"):
        serve(main, "it goes on")
    assert cleaned
