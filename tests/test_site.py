import pytest

from albert_jax.errors import UserError
from launch import site
from launch.job import Job
from tests.launching import JOB, SITE


def test_the_file_is_a_site_and_flags_change_it():
    assert site.load().accelerator == "v3-64"
    changed = site.load(accelerator="v5p-8", spot=False)
    assert (changed.accelerator, changed.spot) == ("v5p-8", False)


def test_what_knows_no_other_hosts_gets_one():
    assert SITE.slice(JOB).name == "v3-128"
    assert SITE.slice(Job("sst2", JOB.commands, one_host=True)).name == "v3-8"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("= ", "cannot be read"),
        ('colour = "red"', "colour is not a setting"),
        ("nodes = '2'", "nodes is '2'; make it a int"),
        ("nodes = 0", "nodes is 0 in the site; make it 1 or more"),
    ],
)
def test_a_wrong_file_is_an_error(change, message, tmp_path):
    lines = [
        line for line in site.FILE.read_text().splitlines() if line[:5] != change.partition(" ")[0]
    ]
    path = tmp_path / "site.toml"
    path.write_text("\n".join([*lines, change]))
    with pytest.raises(UserError, match=message):
        site.load(path)


def test_a_missing_setting_is_an_error(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(site.FILE.read_text().replace("zone", "#"))
    with pytest.raises(UserError, match="zone is missing"):
        site.load(path)


def test_a_file_that_is_no_text_is_an_error(tmp_path):
    path = tmp_path / "site.toml"
    path.write_bytes(b'project = "caf\xe9"')
    with pytest.raises(UserError, match=r"site.toml cannot be read \(.*codec.*\); correct it"):
        site.load(path)
