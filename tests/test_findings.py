"""What tables show, as it is read from its file."""

import pytest

from albert_jax.errors import UserError
from experiments.findings import FINDINGS, Finding, finding
from experiments.scales import SCALES
from experiments.tables import TABLES


def test_a_finding_is_read_by_scale_and_table(tmp_path):
    path = tmp_path / "findings.toml"
    assert finding("micro", "table3", path) is None
    path.write_text('[micro.table3]\nholds = "Wider is better."\nuntold = "By how much."\n')
    found = finding("micro", "table3", path)
    assert found == Finding(holds="Wider is better.", untold="By how much.")
    assert list(found.verdicts()) == [
        ("Holds", "Wider is better."),
        ("Cannot be told", "By how much."),
    ]
    assert finding("paper", "table3", path) is None


@pytest.mark.parametrize(
    "text", ["Wider is better.", '[micro.table3]\nhold = "x"\n', '[micro]\ntable3 = "x"\n']
)
def test_what_cannot_be_read_is_named(tmp_path, text):
    path = tmp_path / "findings.toml"
    path.write_text(text)
    keys = "holds, fails, untold, details in "
    with pytest.raises(
        UserError, match=rf"findings.toml cannot be read \(.*\); a table has {keys}"
    ):
        finding("micro", "table3", path)


def test_every_finding_is_of_a_table_and_says_something():
    found = {(scale, name): finding(scale, name) for scale in SCALES for name in TABLES}
    told = [it for it in found.values() if it is not None]
    assert len(told) == FINDINGS.read_text().count("\n[")  # none is of another name
    assert all(list(it.verdicts()) and it.details for it in told)
