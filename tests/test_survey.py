"""The table of the paper's models, with plans that are made up."""

import dataclasses
import functools
import json
import os
import re
from pathlib import Path

import pytest
from etils import epath

from albert_jax.commands import survey
from albert_jax.commands.config import pretraining
from albert_jax.commands.plan import job_of
from albert_jax.errors import UserError
from albert_jax.model.albert import abstract_batch
from albert_jax.training.config import TrainingConfig
from albert_jax.training.optimizer import OptimizerConfig
from configs.pretrain import get_config
from tests.test_ahead import JOB
from tests.test_plan import PLAN

RESULTS = Path(__file__).parents[1] / "experiments" / "results"


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
    survey.survey(JOB, output)
    text = output.read_text()
    for name in (*survey.MODELS, "base, E = 768, not shared", "large, 48 layers", "xxlarge, 24"):
        assert name in text
    assert f"{len(made)} of {len(made)} plans are there." in text
    assert "| ALBERT-xlarge | v3:8x8 | not one row a device fits on v3:8x8 |" in text
    assert all(model.dtype == JOB.model.dtype for model, _ in made)
    assert len(made) == 2 * len(survey.MODELS) + sum(map(len, survey.ABLATIONS.values()))


def test_a_row_by_hand(made, tmp_path):
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(dataclasses.replace(JOB, training=TrainingConfig(steps=43_200)), output)
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
    survey.survey(dataclasses.replace(JOB, training=clipped), output)
    assert "| ALBERT-base | h100:8 | data.batch_size is 64; 64 microbatches" in output.read_text()


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        (dict(batch=abstract_batch(64, 128, 77, 3)), "batch.mlm_positions [64, 20] -> [64, 77]"),
        (dict(optimizer=OptimizerConfig(name="adamw")), 'optimizer.name "lamb" -> "adamw"'),
        (
            dict(training=dataclasses.replace(JOB.training, clip_microbatches=True)),
            "training.clip_microbatches false -> true",
        ),
    ],
)
def test_plans_of_other_settings_are_not_mixed_in(made, tmp_path, monkeypatch, changes, difference):
    monkeypatch.setattr(survey, "commit", lambda checkout: None)  # of an installed package
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(JOB, output)
    assert "Commit unknown; command" in output.read_text()
    message = rf"plan.jsonl has plans with other settings \({re.escape(difference)}\); use them"
    with pytest.raises(UserError, match=message):
        survey.survey(dataclasses.replace(JOB, **changes), output)


def test_rows_that_cannot_be_read_are_said(made, tmp_path):
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(JOB, output)
    kept = output.with_suffix(".jsonl")
    settings, row, *_ = kept.read_text().splitlines()
    for damaged in (f'{settings}\n{row}\n{{"section": "The pa', f"{settings}\n{row}\n[1]"):
        kept.write_text(damaged)
        with pytest.raises(UserError, match=r"plan.jsonl, line 3 is damaged; mend or remove it"):
            survey.survey(JOB, output)
    kept.write_text(row)
    with pytest.raises(UserError, match=r"does not begin with its plans' settings; name another"):
        survey.survey(JOB, output)


def test_a_row_without_a_plan_is_made_again(made, tmp_path, monkeypatch):
    """As where libtpu was not installed the first time."""
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(JOB, output)
    assert "not one row a device fits" in output.read_text()
    again = [model for model, _ in made if (model.num_layers, model.hidden_size) == (24, 2048)]
    made.clear()
    survey.survey(JOB, output)
    assert [model for model, _ in made] == again


def test_stages_before_the_last_are_told_and_count(made, tmp_path, monkeypatch):
    """A day of steps of a second, and half of them in half a second."""
    training = TrainingConfig(steps=86_400, stages=((43_200, 256, 32, 5, 1),))
    half = dataclasses.replace(PLAN, counted=PLAN.counted / 2)
    monkeypatch.setattr(survey.Search, "best", lambda _: dataclasses.replace(PLAN, earlier=(half,)))
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(dataclasses.replace(JOB, training=training), output)
    text = output.read_text()
    assert "the first are 43,200 steps with 256 rows of 32: they fit too" in text
    assert "| 1.000 | 0.75 | 144 |" in text


def test_the_rows_that_are_published_are_of_the_command_that_they_name():
    run = pretraining(get_config(), None)
    found = survey._finished(epath.Path(RESULTS / "plan.jsonl"), survey._settings(job_of(run)))
    assert len(found) > 30


def test_finished_rows_are_not_made_again(made, tmp_path):
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(JOB, output)
    whole, count = output.read_text(), len(made)
    kept = output.with_suffix(".jsonl")
    lines = kept.read_text().splitlines()
    assert [json.loads(line)["model"] for line in lines[1:3]] == ["ALBERT-base", "ALBERT-large"]
    kept.write_text("".join(line + "\n" for line in lines[:-2]))
    survey.survey(JOB, output)
    assert len(made) == count + 2 + 4  # and those that have no plan
    assert output.read_text() == whole


def test_a_compiler_that_crashes_takes_no_other_row_with_it(monkeypatch, tmp_path):
    assert survey.apart(len, "abc") == 3
    crash = functools.partial(survey.apart, os.abort)
    monkeypatch.setattr(survey, "apart", lambda *_: crash())
    monkeypatch.setattr(survey, "MODELS", {"ALBERT-base": JOB.model})
    monkeypatch.setattr(survey, "SLICES", ("v6e:8x8",))
    monkeypatch.setattr(survey, "ABLATIONS", {})
    output = epath.Path(tmp_path / "plan.md")
    survey.survey(JOB, output)
    assert "| ALBERT-base | v6e:8x8 | the compiler crashed |" in output.read_text()
