"""A program that is not there is named; one that hangs has failed."""

import pytest

from albert_jax.errors import UserError
from launch.command import Command


def test_a_program_that_is_not_installed():
    with pytest.raises(UserError, match="no-such-cloud is not installed; install it, or see with"):
        Command(("no-such-cloud", "create")).run()


def test_what_takes_longer_than_it_may_has_failed():
    assert Command(("sleep", "60")).answer(0.1) is None
    assert not Command(("sleep", "60")).run(0.1)
    assert Command(("true",)).run(10) and Command(("echo", "it")).answer(10) == "it"
