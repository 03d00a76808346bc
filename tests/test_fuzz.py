"""The targets of fuzzing on the inputs that they begin with; where atheris is installed."""

import pytest

from albert_jax.errors import UserError
from albert_jax.interop import sstable


def test_seeds_are_read_or_refused(monkeypatch):
    pytest.importorskip("atheris")
    monkeypatch.setattr(sstable, "masked_crc", sstable.masked_crc)  # a target changes it
    from experiments.fuzz.targets import TARGETS

    for target in TARGETS.values():
        seeds = list(target.seeds())
        assert seeds
        for seed in seeds:
            try:
                target.run(seed)
            except UserError as error:
                assert "\n" not in str(error)
