"""How a run would go where it cannot run: the search by a compiler that pretends, and the real one once."""

import dataclasses
import json
import re
from pathlib import Path
from unittest import mock

import pytest

from albert_jax.analysis import ahead, plan, topologies
from albert_jax.analysis.ahead import Memory, OutOfMemoryError
from albert_jax.analysis.plan import Plan, Search
from albert_jax.commands.config import pretraining
from albert_jax.commands.plan import page
from albert_jax.errors import UserError
from albert_jax.model.albert import abstract_batch
from albert_jax.model.config import sized
from albert_jax.training.config import TrainingConfig
from albert_jax.training.sharding import MeshConfig, make_mesh
from configs.pretrain import get_config
from tests.commands import call
from tests.test_ahead import JOB
from tests.test_topologies import NEEDS_LIBTPU

CONFIG = f"--config={Path(__file__).parents[1] / 'configs' / 'pretrain.py'}:size=tiny,batch=256,length=128"
TINY = f"{CONFIG} --config.model.vocab_size=1000"
V5E = topologies.parse("v5e:2x4")
PLAN = Plan(
    topology=V5E,
    mesh=MeshConfig(fsdp=2),
    remat="none",
    rows=4,
    microbatches=8,
    memory=Memory(2 * 2**30, 0, 10 * 2**30),
    flops=150e12,
    counted=197e12,
    moved=81.9e9,
    sent={"all-reduce": 10e9, "all-gather": 10e9},
    exchanges={"all-reduce": 12, "all-gather": 24},
)


@pytest.fixture
def pretend(monkeypatch):
    """A compiler for which so many rows a device fit; remat trebles them. HBM limits, or does not."""

    def make(rows, limit="mxu"):
        tried = []

        def compile_step(job, mesh, topology):
            at_once = job.rows // mesh.size // job.training.microbatches
            tried.append((job.model.remat, at_once))
            if at_once > rows * (3 if job.model.remat == "full" else 1):
                raise OutOfMemoryError("Ran out of memory.\nAnd more words")
            return at_once

        def describe(job, topology, config, mesh, compiled):
            slow = limit == "hbm" and job.model.remat == "none"
            values = dict(rows=compiled, microbatches=job.training.microbatches)
            values |= dict(remat=job.model.remat, moved=1e15 if slow else 0.0, mesh=config)
            return Plan(**{**PLAN.__dict__, **values})

        monkeypatch.setattr(ahead, "compile_step", compile_step)
        monkeypatch.setattr(plan, "describe", describe)
        monkeypatch.setattr(topologies, "devices", lambda topology: topologies.jax.devices())
        return tried

    return make


def test_the_most_rows_that_fit_are_found(pretend):
    """64 rows on 8 devices: 8 each at the most."""
    tried = pretend(rows=3)
    best = Search(JOB, V5E).best()
    assert (best.rows, best.microbatches, best.remat) == (2, 4, "none")
    assert tried == [("none", 8), ("none", 4), ("none", 2)]


def test_blocks_are_computed_again_where_that_is_faster(pretend):
    pretend(rows=3, limit="hbm")
    best = Search(JOB, V5E).best()
    assert (best.rows, best.remat) == (8, "full")


def test_blocks_are_computed_again_where_nothing_else_fits(pretend):
    pretend(rows=0.5)
    assert Search(JOB, V5E).best().remat == "full"


def test_where_nothing_fits_that_is_said(pretend):
    pretend(rows=0)
    with pytest.raises(UserError, match=r"not one row a device fits on v5e:2x4; raise mesh.fsdp"):
        Search(JOB, V5E).best()


def test_attempts_are_told_and_not_made_again(pretend):
    tried, lines = pretend(rows=4), []
    search = Search(JOB, V5E, tell=lines.append)
    search.attempt("none", 2)
    search.best()
    assert tried == [("none", 4), ("none", 8)]
    assert lines == [
        "remat none, 2 x 4 rows of 128 a device: fits, 12.00 GiB a device",
        "remat none, 1 x 8 rows of 128 a device: does not fit (Ran out of memory)",
    ]


def test_parts_that_are_clipped_stay_as_many(pretend):
    """Their number is part of the recipe: fewer would be another update."""
    tried = pretend(rows=8)
    clipped = dataclasses.replace(JOB.training, clip_microbatches=True, microbatches=4)
    assert Search(dataclasses.replace(JOB, training=clipped), V5E).best().microbatches == 4
    assert tried == [("none", 2)]


SHORT = TrainingConfig(steps=100, stages=((90, 256, 32, 5, 1),))


def test_every_stage_must_fit_and_goes_the_same_way(pretend):
    """First 32 short rows a device, of which 8 fit at once, then 8."""
    tried = pretend(rows=8)
    best = Search(dataclasses.replace(JOB, training=SHORT), V5E).best()
    assert [(stage.rows, stage.microbatches) for stage in best.stages] == [(8, 4), (2, 4)]
    assert tried == [("none", 32), ("none", 16), ("none", 8), ("none", 2)]


def test_a_stage_that_the_devices_cannot_share_is_said(pretend):
    pretend(rows=8)
    odd = dataclasses.replace(JOB, training=TrainingConfig(stages=((90, 60, 32, 5, 1),)))
    with pytest.raises(UserError, match=r"batch_size is 60; 1 microbatches .* on 8 devices"):
        Search(odd, V5E)


def test_a_run_takes_as_long_as_its_stages():
    """90 updates of half a second, 10 of a second."""
    half = dataclasses.replace(PLAN, counted=PLAN.counted / 2)
    plan = dataclasses.replace(PLAN, earlier=(half,))
    assert plan.seconds(SHORT) == pytest.approx(55)
    run = pretraining(get_config("size=tiny,length=128,batch=64,short=90"), None)
    text = page(plan, run)
    assert "112,500 steps with 256 rows of 32: 4 a device at once, 12.00 GiB, 500 ms" in text
    assert "125,000 steps take at least 0.80 days, 153 chip-hours" in text


def test_what_a_stand_in_compiles_must_fit_too(pretend):
    """12 GiB, on a GPU of 11."""
    pretend(rows=8)
    small = dataclasses.replace(topologies.CHIPS["h100"], memory=11 * 2**30)
    with (
        mock.patch.dict(topologies.CHIPS, h100=small),
        pytest.raises(UserError, match="not one row"),
    ):
        Search(JOB, topologies.parse("h100:8")).best()


def test_what_pretrain_would_refuse_is_not_planned(pretend):
    tried = pretend(rows=8)
    odd = dataclasses.replace(JOB, batch=abstract_batch(60, 128, 20, 3))
    with pytest.raises(UserError, match=r"batch_size is 60; 1 microbatches .* on 8 devices"):
        Search(odd, V5E)
    with pytest.raises(UserError, match=r"batch_size is 64; 3 microbatches .* a multiple of 24"):
        Search(JOB, V5E).attempt("none", 3)
    clipped = dataclasses.replace(JOB.training, clip_microbatches=True, microbatches=64)
    with pytest.raises(UserError, match=r"64 microbatches .* need a multiple of 512"):
        Search(dataclasses.replace(JOB, training=clipped), V5E).best()
    assert not tried


@pytest.mark.parametrize(
    ("size", "topology", "fsdp"),
    [
        ("xxlarge", "v3:8x8", 1),  # 3.3 GiB of state and gradient
        ("bert_large", "v3:8x8", 1),
        ("bert_xlarge", "v3:8x8", 4),  # 18.9 GiB, half of 15.48 free
        ("bert_xlarge", "v4:4x4x4", 2),
        ("bert_xlarge", "v5p:4x4x4", 1),
    ],
)
def test_a_large_state_is_cut_over_as_few_devices_as_do(size, topology, fsdp):
    assert plan.layout(sized(size), topologies.parse(topology)) == MeshConfig(fsdp=fsdp)


def test_a_mesh_of_the_users_is_kept(pretend):
    pretend(rows=8)
    assert Search(JOB, V5E, MeshConfig(tensor=2)).config == MeshConfig(tensor=2)


@pytest.mark.parametrize("tensor", [2, 8])
def test_heads_are_computed_whole_where_layers_are_cut(tensor):
    """Against XLA's count of the program that is cut; layers laid out, since it counts a loop once."""
    model = dataclasses.replace(
        JOB.model, vocab_size=20_000, num_heads=8, scan_unroll=3, attention_kernel="plain"
    )
    job = dataclasses.replace(JOB, model=model)
    config = MeshConfig(tensor=tensor)
    mesh, gpus = make_mesh(config=config), topologies.parse("h100:8")
    compiled = ahead.compile_step(job, mesh, gpus)
    found = plan.describe(job, gpus, config, mesh, compiled)
    assert found.counted == pytest.approx(compiled.cost_analysis()["flops"], rel=0.05)
    assert found.flops == pytest.approx(found.counted, rel=0.05)


def test_the_page_by_hand():
    run = pretraining(get_config("size=tiny,length=128"), None)
    text = page(PLAN, run)
    for line in (
        "4 rows a device at once, 32 in all; 8 times a step",
        "--config.training.microbatches=8 --config.model.remat=none --config.mesh.fsdp=2",
        "total                12.00\n  of                   15.75",
        "all-reduce              10 GB sent in 12 exchanges",
        "matrix units         1e+03    100%",
        "memory                 100     10%",
        "links                  100     10%",
        "a step               1e+03  if everything overlaps, 1.2e+03 if nothing does",
        "125,000 steps take at least 1.45 days, 278 chip-hours",
    ):
        assert line in text
    assert "estimate" not in text


def test_a_plan_survives_being_kept():
    for kept in (PLAN, dataclasses.replace(PLAN, earlier=(PLAN,))):
        assert plan.from_dict(json.loads(json.dumps(kept.to_dict()))) == kept


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "plan needs --topology=v3:8x8 or the like, or --all"),
        (["--all"], "plan --all needs --output=FILE.md and no --topology"),
        (["--all", "--output=x.md", "--topology=v3:8x8"], "no --topology"),
        (["--topology=v3"], "--topology=v3 is not known"),
    ],
)
def test_flags_that_do_not_go_together(flags, message):
    with pytest.raises(SystemExit, match=message):
        call("plan", CONFIG, *flags)


@NEEDS_LIBTPU
def test_a_tpu_reduces_gradients_outside_the_loop_over_layers(capsys):
    """The whole command with the real compiler."""
    call("plan", *TINY.split(), "--topology=v5e:2x4", "--config.model.num_layers=9")
    text = capsys.readouterr().out
    assert "remat none, 1 x 32 rows of 128 a device: fits" in text
    assert int(re.search(r"all-reduce .* sent in (\d+) exchanges", text)[1]) < 6
    assert "all-gather" not in text


def test_gpus_get_an_estimate_that_says_so(capsys):
    call("plan", *TINY.split(), "--topology=h100:8")
    text = capsys.readouterr().out
    assert "h100:8: 8 chips, 8 devices" in text
    assert "An estimate" in text and "all-reduce" in text
