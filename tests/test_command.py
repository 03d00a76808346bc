"""A program that is not there is named."""

import pytest

from albert_jax.errors import UserError
from launch.command import Command


def test_a_program_that_is_not_installed():
    with pytest.raises(UserError, match="no-such-cloud is not installed; install it, or see with"):
        Command(("no-such-cloud", "create")).run()
