"""The table of the paper's models, with plans that are made up."""

import dataclasses
import functools
import json
import os

import pytest
from etils import epath

from albert_jax.commands import survey
from albert_jax.errors import UserError
from albert_jax.model.albert import abstract_batch
from tests.test_ahead import JOB
from tests.test_plan import PLAN


@pytest.fixture
def made(monkeypatch):
    """The (model, topology)s that were planned; ALBERT-xlarge fits nowhere."""
    done = []

    class Search:
        def __init__(self, job, topology):
            self.job, self.topology = job, topology

        def best(self):
            done.append((self.job.model, self.topology.name))
            if self.job.model.num_layers == 24 and self.job.model.hidden_size == 2048:
                raise UserError(f"not one row a device fits on {self.topology.name}")
            return dataclasses.replace(PLAN, topology=self.topology)

    monkeypatch.setattr(survey, "Search", Search)
    monkeypatch.setattr(survey, "apart", lambda function, *arguments: function(*arguments))
    monkeypatch.setattr(survey, "SLICES", ("v3:8x8", "v5e:16x16"))
    return done


def test_every_model_is_in_the_table_or_why_it_is_not(made, tmp_path):
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(JOB, 1000, output)
    text = output.read_text()
    for name in (*survey.MODELS, "base, E = 768, not shared", "large, 48 layers", "xxlarge, 24"):
        assert name in text
    assert f"{len(made)} of {len(made)} plans are there." in text
    assert "| ALBERT-xlarge | v3:8x8 | not one row a device fits on v3:8x8 |" in text
    assert all(model.dtype == JOB.model.dtype for model, _ in made)
    assert len(made) == 2 * len(survey.MODELS) + sum(map(len, survey.ABLATIONS.values()))


def test_a_row_by_hand(made, tmp_path):
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(JOB, 43_200, output)
    row = next(line for line in output.read_text().splitlines() if "ALBERT-base | v5e" in line)
    cells = "256 | data, fsdp 2 | none | 4 x 8 | 12.00 | 2.00 | 150.00 | 197.00 | 81.9 | 20.00"
    times = "1000 | 100 | 100 | 1.000 | 0.50 | 3,072"
    assert row == f"| ALBERT-base | v5e:16x16 | {cells} | {times} |"


def test_what_pretrain_would_refuse_is_a_row_that_says_so(monkeypatch, tmp_path):
    """The reference preset's 64 parts, of a row each, on 8 devices."""
    monkeypatch.setattr(survey, "apart", lambda function, *arguments: function(*arguments))
    monkeypatch.setattr(survey, "MODELS", {"ALBERT-base": JOB.model})
    monkeypatch.setattr(survey, "SLICES", ("h100:8",))
    monkeypatch.setattr(survey, "ABLATIONS", {})
    clipped = dataclasses.replace(JOB.training, clip_microbatches=True, microbatches=64)
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(dataclasses.replace(JOB, training=clipped), 1000, output)
    assert "| ALBERT-base | h100:8 | data.batch_size is 64; 64 microbatches" in output.read_text()


def test_plans_of_another_batch_are_not_mixed_in(made, tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "commit", lambda checkout: None)  # of an installed package
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(JOB, 1000, output)
    assert "Commit unknown; command" in output.read_text()
    other = dataclasses.replace(JOB, batch=abstract_batch(32, 128, 20, 3))
    message = (
        r"plan.jsonl has plans with batch 64, length 128, dtype bfloat16; name another --output"
    )
    with pytest.raises(UserError, match=message):
        survey.survey(other, 1000, output)


def test_finished_rows_are_not_made_again(made, tmp_path):
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(JOB, 1000, output)
    whole, count = output.read_text(), len(made)
    kept = output.with_suffix(".jsonl")
    lines = kept.read_text().splitlines()
    assert [json.loads(line)["model"] for line in lines][:2] == ["ALBERT-base", "ALBERT-large"]
    kept.write_text("".join(line + "\n" for line in lines[:-2]))
    survey.survey(JOB, 1000, output)
    assert len(made) == count + 2
    assert output.read_text() == whole


def test_a_compiler_that_crashes_takes_no_other_row_with_it(monkeypatch, tmp_path):
    assert survey.apart(len, "abc") == 3
    crash = functools.partial(survey.apart, os.abort)
    monkeypatch.setattr(survey, "apart", lambda *_: crash())
    monkeypatch.setattr(survey, "MODELS", {"ALBERT-base": JOB.model})
    monkeypatch.setattr(survey, "SLICES", ("v6e:8x8",))
    monkeypatch.setattr(survey, "ABLATIONS", {})
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(JOB, 1000, output)
    assert "| ALBERT-base | v6e:8x8 | the compiler crashed |" in output.read_text()
