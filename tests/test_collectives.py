"""What devices exchange, counted by hand and in programs that XLA has cut."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from albert_jax.analysis import collectives, program
from albert_jax.analysis.collectives import Exchange
from albert_jax.analysis.program import Array
from albert_jax.training.sharding import MeshConfig, make_mesh
from tests.xla import TEXT

MESH = make_mesh(config=MeshConfig(data=2, fsdp=4))


def found(text):
    return collectives.find(program.read(text))


def test_the_exchanges_of_a_program():
    total, gather = found(TEXT)
    assert total == Exchange("all-reduce", (Array("f32", (4, 8), 0),), group=2, times=5)
    assert gather == Exchange("all-gather", (Array("f32", (8, 8), 0),), group=2, times=1)


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("all-reduce", 2 * 3 / 4 * 3 * 128),
        ("all-gather", 3 / 4 * 3 * 128),
        ("reduce-scatter", 3 / 4 * 3 * 128),
        ("collective-permute", 3 * 128),
    ],
)
def test_what_is_sent_around_a_ring(kind, sent):
    """128 bytes between 4 devices, 3 times."""
    assert Exchange(kind, (Array("f32", (4, 8), 0),), group=4, times=3).sent == sent


def test_an_exchange_in_several_lines_counts_once_and_as_often_as_it_runs():
    again = TEXT.replace(
        "  %whole =",
        "  %early = f32[4,8]{1,0} all-reduce(%w), channel_id=1, replica_groups={{0,1}}\n  %whole =",
    )
    assert [(each.kind, each.times) for each in found(again)] == [
        ("all-reduce", 5), ("all-gather", 1),
    ]  # fmt: skip


def test_a_device_alone_exchanges_nothing():
    assert [each.kind for each in found(TEXT.replace("{{0,1}}", "{{0},{1}}"))] == ["all-gather"]


def test_a_tpu_scatters_inside_a_fusion():
    text = TEXT.replace("%double", "%all-reduce-scatter.1").replace(
        "ROOT %twice = f32[8,8]{1,0} add(%w, %w)",
        "ROOT %twice = f32[8,8]{1,0} all-reduce(%w), channel_id=9, "
        "replica_groups=mesh['a'=2,'b'=8] {'a','b':(1)4}",
    )
    (each,) = (each for each in found(text) if each.kind == "reduce-scatter")
    assert (each.group, each.bytes) == (8, 256)


def compiled(function, spec, out):
    x = jax.ShapeDtypeStruct((16, 32), jnp.float32, sharding=NamedSharding(MESH, spec))
    return jax.jit(function, out_shardings=NamedSharding(MESH, out)).lower(x).compile().as_text()


def test_a_gather_that_xla_has_made():
    (each,) = found(compiled(lambda x: x + 1, P("fsdp"), P()))
    assert (each.kind, each.group, each.bytes) == ("all-gather", 4, 16 * 32 * 4)


@pytest.mark.parametrize(("axes", "group"), [("data", 2), ("fsdp", 4), (("data", "fsdp"), 8)])
def test_a_sum_that_xla_has_made(axes, group):
    (each,) = found(compiled(lambda x: x.sum(0), P(axes), P()))
    assert (each.kind, each.group, each.times) == ("all-reduce", group, 1)
    assert each.bytes == np.prod([32, 4])


def test_groups_of_another_form_are_an_error():
    with pytest.raises(ValueError, match="groups that are not known"):
        found(TEXT.replace("{{0,1}}", "everyone"))
