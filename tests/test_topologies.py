"""Slices of accelerators by name, and the compiler for those of TPUs, where it is installed."""

import importlib.util

import jax
import pytest

from albert_jax.analysis import topologies
from albert_jax.analysis.topologies import CHIPS, devices, parse
from albert_jax.errors import UserError

NEEDS_LIBTPU = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed"
)


def test_a_name_says_chips_and_devices():
    v3 = parse("v3:8x8")
    assert (v3.kind, v3.shape, v3.chips, v3.devices, v3.platform) == ("v3", (8, 8), 64, 128, "tpu")
    assert parse("v4:2x2x4").devices == 16
    h100 = parse("h100:8")
    assert (h100.devices, h100.platform, h100.chip.memory) == (8, "gpu", 60e9)


@pytest.mark.parametrize("name", ["v3", "v9:2x2", "v3:axb", "v3:8x8 ", "", "v3:8x"])
def test_a_name_that_is_not_known_is_said(name):
    with pytest.raises(UserError, match=r"--topology=.* is not known; .* v3:4x4, v4:4x4x4"):
        parse(name)


@pytest.mark.parametrize("name", ["v3:8", "v4:4x4", "v5e:4x4x4", "h100:2x4", "v3:0x8"])
def test_a_shape_has_the_axes_of_its_chip(name):
    with pytest.raises(UserError, match=r"a \w+ has sizes as in "):
        parse(name)


def test_without_libtpu_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'libtpu.* is not installed; pip install "jax\[tpu\]"$'):
        devices(parse("v3:2x2"))


@NEEDS_LIBTPU
@pytest.mark.parametrize("kind", ["v3", "v4", "v5e", "v5p", "v6e"])
def test_libtpu_has_the_devices_that_we_count(kind):
    topology = parse(f"{kind}:{'x'.join('4' * CHIPS[kind].dimensions)}")
    found = devices(topology)
    assert len(found) == topology.devices
    assert {device.platform for device in found} == {"tpu"}


@NEEDS_LIBTPU
def test_a_slice_that_there_is_not_is_said():
    with pytest.raises(UserError, match="--topology=v5e:3x5: libtpu knows no such slice"):
        devices(parse("v5e:3x5"))


def test_a_cpu_stands_in_for_gpus():
    assert topologies.devices(parse("h100:8")) == jax.devices()
