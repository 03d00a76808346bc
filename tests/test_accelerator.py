import pytest

from albert_jax.errors import UserError
from launch.accelerator import GENERATIONS, Accelerator

NODES = {  # GKE's name of the nodes, in its table of machine types
    "v3-8": "tpu-v3-device",
    "v3-32": "tpu-v3-slice",
    "v4-8": "tpu-v4-podslice",
    "v5litepod-8": "tpu-v5-lite-podslice",
    "v5p-16": "tpu-v5p-slice",
    "v6e-8": "tpu-v6e-slice",
}
SLICES = {  # chips, hosts, topology, runtime; from Google's tables of each generation
    "v3-8": (4, 1, "2x2", "tpu-ubuntu2204-base"),
    "v3-128": (64, 16, "8x8", "tpu-ubuntu2204-base"),
    "v3-1024": (512, 128, "16x32", "tpu-ubuntu2204-base"),
    "v4-8": (4, 1, "2x2x1", "tpu-ubuntu2204-base"),
    "v4-16": (8, 2, "2x2x2", "tpu-ubuntu2204-base"),
    "v4-64": (32, 8, "2x4x4", "tpu-ubuntu2204-base"),
    "v5litepod-8": (8, 1, "2x4", "v2-alpha-tpuv5-lite"),
    "v5litepod-16": (16, 4, "4x4", "v2-alpha-tpuv5-lite"),
    "v5litepod-256": (256, 64, "16x16", "v2-alpha-tpuv5-lite"),
    "v5p-256": (128, 32, "4x4x8", "v2-alpha-tpuv5"),
    "v6e-8": (8, 1, "2x4", "v2-alpha-tpuv6e"),
    "v6e-32": (32, 8, "4x8", "v2-alpha-tpuv6e"),
}


@pytest.mark.parametrize("name", SLICES)
def test_a_slice_has_what_google_says(name):
    it = Accelerator(name)
    assert (it.chips, it.hosts, it.topology, it.generation.runtime) == SLICES[name]


@pytest.mark.parametrize("name", NODES)
def test_nodes_are_called_what_gke_calls_them(name):
    assert Accelerator(name).nodes == NODES[name]


@pytest.mark.parametrize("name", GENERATIONS)
def test_every_generation_has_a_slice_of_one_host(name):
    assert Accelerator(f"{name}-64").one_host.hosts == 1


@pytest.mark.parametrize(
    "name", ["v5e-16", "v3", "v3-x", "h100-8", "v3-24", "v4-1", "v4-9", "v6e-0"]
)
def test_other_names_are_errors(name):
    with pytest.raises(UserError, match=f"accelerator '?{name}"):
        Accelerator(name)
