"""Programs that a measurement runs."""

import sys

import pytest

from albert_jax.errors import UserError
from experiments.benchmarks.child import output


def test_it_gives_what_is_printed():
    assert output([sys.executable, "-c", "print('a'); print('b')"]) == "a\nb\n"


@pytest.mark.parametrize(
    "command, message",
    [
        (["no-such-python", "x.py"], r"no-such-python cannot be started \(No such file"),
        (
            [sys.executable, "-c", "raise ValueError('no torch')", "a", "b"],
            r"-c raise ValueError\('no torch'\) a ... failed with status 1 \(ValueError: no torch\)",
        ),
        ([sys.executable, "-c", "raise SystemExit(3)"], r"status 3 \(it says nothing\)"),
    ],
)
def test_a_failure_is_one_line_that_says_why(command, message):
    with pytest.raises(UserError, match=message):
        output(command)
