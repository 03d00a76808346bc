import pytest

from albert_jax.errors import UserError
from launch.job import Job
from tests.launching import JOB


@pytest.mark.parametrize("name", ["", "Base", "1base", "base_2", "base-", "b" * 41])
def test_a_name_fits_machines_and_workloads(name):
    with pytest.raises(UserError, match="cannot be called"):
        Job(name, JOB.commands)


@pytest.mark.parametrize("commands", [(), ((),)])
def test_a_job_has_commands(commands):
    with pytest.raises(UserError, match="job base has no command; give it words after --"):
        Job("base", commands)


def test_commands_run_one_after_the_other():
    job = Job("base", (("albert_jax", "prepare"), ("albert_jax", "pretrain", "--init=a b")))
    expected = "py -m albert_jax prepare && exec py -m albert_jax pretrain '--init=a b'"
    assert job.shell("py", last="exec ") == expected
