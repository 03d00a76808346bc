"""Where arrays live changes no value: every layout trains as one device does, with no needless exchange."""

import copy
import dataclasses
import functools
import itertools
from collections import Counter
from unittest import mock

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from albert_jax.analysis import collectives, program
from albert_jax.errors import UserError
from albert_jax.model.albert import AlbertForPretraining
from albert_jax.model.config import CHOICES, AlbertConfig
from albert_jax.training import optimizer as optimizers
from albert_jax.training import sharding, tracking
from albert_jax.training import state as states
from albert_jax.training.checkpoint import CheckpointConfig, Checkpoints
from albert_jax.training.config import StepConfig
from albert_jax.training.losses import PRETRAINING
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import ScheduleConfig, schedule
from albert_jax.training.sharding import (
    MeshConfig,
    abstract,
    by_rows,
    check_divisible,
    layout,
    make_mesh,
    replicated,
    spread,
    to_devices,
)
from albert_jax.training.step import make_train_step
from tests import runs
from tests.batches import random_batch
from tests.commands import run

CONFIG = AlbertConfig(
    vocab_size=56, embedding_size=8, hidden_size=16, num_layers=3, num_heads=4, ffn_size=24,
    max_positions=30, dtype="float32", initializer_range=0.3, hidden_dropout=0.1, scan_unroll=1,
)  # fmt: skip
LAYOUTS = {
    "data": MeshConfig(),
    "fsdp": MeshConfig(fsdp=4),
    "tensor": MeshConfig(tensor=2),
    "all three": MeshConfig(data=2, fsdp=2, tensor=2),
}
BATCHES = [random_batch(seed=seed) for seed in range(3)]
QUICKLY = {  # a third of the time to compile, and as exact
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_use_fusion_emitters": False,
}


@dataclasses.dataclass
class Training:
    """A step of some layout, and the state it begins with."""

    sharing: str
    mesh: jax.sharding.Mesh
    optimizer: str = "lamb"

    def __post_init__(self):
        model = AlbertForPretraining(dataclasses.replace(CONFIG, sharing=self.sharing))
        shapes = jax.eval_shape(model.init, jax.random.key(0), BATCHES[0])["params"]
        rate = schedule(ScheduleConfig(learning_rate=0.002, warmup_steps=3, decay_steps=20))
        optimizer = optimizers.make(OptimizerConfig(name=self.optimizer), rate, shapes)
        config = StepConfig(average_decay=0.9)
        create = functools.partial(states.create, model, optimizer, BATCHES[0], config)
        step = make_train_step(model, PRETRAINING, optimizer, rate, config, 0.5, self.mesh)
        self.state = abstract(create, self.mesh)
        self.layout = layout(self.state, self.mesh)
        self.fresh = jax.tree.map(_random, self.state)
        self.step = step.lower(self.state, BATCHES[0]).compile(QUICKLY)

    @functools.cached_property
    def history(self):
        """The state and the metrics after each of three steps, in numpy."""
        state, history = jax.device_put(self.fresh, self.layout), []
        for batch in BATCHES:
            state, metrics = self.step(state, to_devices(batch, self.mesh))
            assert jax.tree.map(lambda leaf: leaf.sharding, state) == self.layout
            history.append(jax.device_get((state, metrics)))
        return history


def _random(leaf):
    """A state's first values; moments that are not 0 make a layout that mixes them up visible."""
    if leaf.ndim == 0:
        return np.zeros((), leaf.dtype)
    rng = np.random.default_rng(leaf.size)
    return np.abs(rng.normal(0, 0.3, leaf.shape)).astype(np.float32)


@functools.cache
def training(sharing, name, optimizer="lamb"):
    alone = make_mesh(jax.devices()[:1])
    mesh = alone if name == "alone" else make_mesh(config=LAYOUTS[name])
    return Training(sharing, mesh, optimizer)


def close(one, other):
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-5, rtol=1e-5), one, other)


@pytest.fixture
def mesh():
    return make_mesh()


@pytest.mark.parametrize("sharing", CHOICES["sharing"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_trains_as_one_device_does(name, sharing):
    """Three steps of LAMB: its trust ratios are norms of matrices that are cut. Dropout included."""
    histories = [training(sharing, which).history for which in ("alone", name)]
    for (one, one_metrics), (many, many_metrics) in zip(*histories, strict=True):
        close(one_metrics, many_metrics)
        close(one, many)
    first, last = (history[0].params for history in (histories[1][0], histories[1][-1]))
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), first, last)
    assert max(jax.tree.leaves(moved)) > 1e-4


@pytest.mark.parametrize("sharing", ["all", "none"])
def test_gradients_are_those_of_one_device(sharing):
    """After the first step the first moment is a tenth of the clipped gradient."""
    alone = training(sharing, "alone").history[0][0].opt_state.m
    largest = max(np.abs(leaf).max() for leaf in jax.tree.leaves(alone))
    for name in LAYOUTS:
        many = training(sharing, name).history[0][0].opt_state.m
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5 * largest), alone, many
        )


def test_adamw_is_the_same_too():
    one, many = (training("all", name, "adamw").history for name in ("alone", "all three"))
    close(one, many)


def test_the_layout_is_the_one_in_the_table():
    train = training("none", "all three")
    specs = jax.tree.map(lambda sharding: sharding.spec, train.layout)
    encoder = specs.params["albert"]["encoder"]
    assert encoder["ffn"]["intermediate"]["kernel"] == P(None, "fsdp", "tensor")
    assert encoder["ffn"]["output"]["kernel"] == P(None, "tensor", "fsdp")
    assert encoder["attention"]["query"]["bias"] == P(None, "tensor")
    assert encoder["attention"]["norm"]["scale"] == P()
    assert specs.params["albert"]["embeddings"]["tokens"] == P()
    for follower in (specs.opt_state.m, specs.opt_state.v, specs.average):
        assert follower == specs.params


def test_the_moments_of_optax_lie_as_their_parameters_do():
    params = training("none", "all three").state.params
    config = OptimizerConfig(name="optax_adamw", bias_correction=True)
    optimizer = optimizers.make(config, lambda step: 1e-3, params)
    mesh = make_mesh(config=LAYOUTS["all three"])
    moments = jax.eval_shape(optimizer.init, params)[0]
    assert layout(moments, mesh).mu == layout(moments, mesh).nu == layout(params, mesh)


def gradients(name, sharing="all"):
    """Arrays that are summed over devices, without single numbers: each exchange's shapes."""
    summed = [e for e in exchanges(name, sharing) if e.kind == "all-reduce"]
    shapes = [[array.shape for array in each.arrays if array.shape] for each in summed]
    return [arrays for arrays in shapes if arrays]


def exchanges(name, sharing="all"):
    return collectives.find(program.read(training(sharing, name).step.as_text()))


def matrices(sharing="all"):
    """Shapes of a layer's parameters and of the others."""
    params = copy.deepcopy(training(sharing, "alone").fresh.params)
    stacked = 1 if sharing == "none" else 0
    encoder = [leaf.shape[stacked:] for leaf in jax.tree.leaves(params["albert"].pop("encoder"))]
    return encoder, [leaf.shape for leaf in jax.tree.leaves(params)]


@pytest.mark.parametrize("sharing", ["all", "none"])
def test_data_parallel_sums_gradients_once_and_exchanges_nothing_else(sharing):
    """In two sums, a layer's and the rest's; the table of tokens has two uses and so two parts.

    On a CPU the sum of a layer stays in the loop over layers; a TPU's compiler takes it out where
    layers share.
    """
    assert {each.kind for each in exchanges("data", sharing)} == {"all-reduce"}
    encoder, others = matrices(sharing)
    layer, rest = gradients("data", sharing)
    assert Counter(layer) == Counter(encoder)
    assert Counter(rest) == Counter([*others, (56, 8)])


@pytest.mark.parametrize("sharing", ["all", "none"])
def test_fsdp_gathers_matrices_and_no_activations(sharing):
    gathers = [e.arrays for e in exchanges("fsdp", sharing) if e.kind != "all-reduce"]
    encoder, _ = matrices(sharing)
    assert {array.shape[-2:] for arrays in gathers for array in arrays} <= set(encoder)
    assert {e.kind for e in exchanges("fsdp", sharing)} == {"all-reduce", "all-gather"}
    assert len(gathers) == 12  # six matrices of a layer, forward and backward


def test_tensor_parallel_ends_each_half_of_a_block_in_one_sum():
    """Forward one sum of activations after each half; backward one before each, of q, k and v together."""
    found = exchanges("tensor")
    assert {each.kind for each in found} == {"all-reduce"}
    rows = BATCHES[0]["tokens"].size // 4
    activations = [e.arrays for e in found if e.arrays[0].shape == (rows, CONFIG.hidden_size)]
    assert sorted(map(len, activations)) == [1, 1, 1, 3]


def test_a_state_moves_between_layouts(tmp_path):
    """A checkpoint of one layout goes on in another, and ends as the run that stayed."""
    source, target = training("none", "all three"), training("none", "fsdp")
    state, _ = source.history[1]
    checkpoints = Checkpoints(tmp_path, CheckpointConfig())
    checkpoints.save(2, jax.device_put(state, source.layout), {})
    step, state, _ = checkpoints.restore(target.state)
    checkpoints.close()
    assert jax.tree.map(lambda leaf: leaf.sharding, state) == target.layout
    state, _ = target.step(state, to_devices(BATCHES[step], target.mesh))
    close(jax.device_get(state), source.history[2][0])


def test_a_mesh_has_all_devices_or_those_given(mesh):
    assert mesh.shape == {"data": 8, "fsdp": 1, "tensor": 1}
    assert list(make_mesh(jax.devices()[2:4]).devices.ravel()) == jax.devices()[2:4]
    assert make_mesh(config=LAYOUTS["fsdp"]).shape == {"data": 2, "fsdp": 4, "tensor": 1}


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (dict(fsdp=3), "mesh.data -1, mesh.fsdp 3 and mesh.tensor 1 do not make up the 8 devices"),
        (dict(data=2, tensor=2), "mesh.data 2, mesh.fsdp 1 and mesh.tensor 2 do not make up"),
        (dict(tensor=0), "mesh.tensor is 0; it must be at least 1"),
        (dict(data=0), "mesh.data is 0; it must be at least 1"),
        (dict(fsdp=16), "mesh.fsdp 16 and mesh.tensor 1 do not make up the 8 devices"),
    ],
)
def test_a_mesh_that_cannot_be_is_named(sizes, message):
    with pytest.raises(UserError, match=message):
        make_mesh(config=MeshConfig(**sizes))


def test_a_matrix_that_cannot_be_cut_is_named():
    odd = {"encoder": {"ffn": {"output": {"kernel": np.zeros((18, 8))}}}}
    with pytest.raises(UserError, match=r"mesh.tensor is 4 .* axis 0 of encoder/ffn/output/kernel"):
        layout(odd, make_mesh(config=MeshConfig(tensor=4)))


def test_one_process_feeds_a_tensor_group():
    devices = jax.devices()
    two = [mock.Mock(process_index=number // 4) for number in range(8)]
    mesh = make_mesh(devices, MeshConfig(tensor=4))
    ours = dict(zip(devices, two, strict=True))
    fake = mock.Mock(shape=mesh.shape, devices=np.vectorize(ours.get)(mesh.devices))
    sharding._check_processes(fake)
    fake.shape = {"tensor": 8}
    with pytest.raises(UserError, match=r"mesh.tensor is 8, more than the devices of one process"):
        sharding._check_processes(fake)


@pytest.mark.parametrize("fsdp", [1, 2, 4, 8, 64])
def test_a_torus_is_split_where_no_axis_of_it_is_as_long(fsdp):
    """A v4 of 4 x 4 x 4 chips."""
    kind = dict(platform="tpu", device_kind="TPU v4", core_on_chip=0, slice_index=0)
    places = itertools.product(range(4), repeat=3)
    devices = [
        mock.Mock(**kind, coords=place, id=n, process_index=n // 4)
        for n, place in enumerate(places)
    ]
    mesh = make_mesh(devices, MeshConfig(fsdp=fsdp))
    assert mesh.shape == {"data": 64 // fsdp, "fsdp": fsdp, "tensor": 1}
    assert set(mesh.devices.ravel()) == set(devices)


def test_every_device_has_its_rows_of_a_batch(mesh):
    batch = random_batch(rows=16)
    with jax.transfer_guard("disallow"):
        arrays = to_devices(batch, mesh)
    for name, array in arrays.items():
        assert array.sharding == by_rows(mesh) and array.dtype == batch[name].dtype
        for number, shard in enumerate(array.addressable_shards):
            np.testing.assert_array_equal(shard.data, batch[name][2 * number : 2 * number + 2])


def test_fsdp_cuts_rows_and_tensor_repeats_them():
    mesh, batch = make_mesh(config=LAYOUTS["all three"]), random_batch(rows=16)
    for move in (to_devices, spread):
        for number, shard in enumerate(move(batch, mesh)["tokens"].addressable_shards):
            rows = slice(number // 2 * 4, number // 2 * 4 + 4)
            np.testing.assert_array_equal(shard.data, batch["tokens"][rows])


def test_what_is_replicated_is_whole_everywhere(mesh):
    value = jax.device_put(np.arange(3.0), replicated(mesh))
    assert [shard.data.shape for shard in value.addressable_shards] == [(3,)] * 8


def test_rows_that_can_be_cut_are_fine(mesh):
    check_divisible(64, 4, mesh)
    check_divisible(16, 4, make_mesh(config=LAYOUTS["tensor"]))


def test_rows_that_cannot_be_cut_are_named(mesh):
    with pytest.raises(UserError, match=r"^data.batch_size is 40; 4 microbatches.*multiple of 32$"):
        check_divisible(40, 4, mesh)
    with pytest.raises(UserError, match=r"on 4 devices \(mesh.data x mesh.fsdp\) .* of 16$"):
        check_divisible(40, 4, make_mesh(config=LAYOUTS["tensor"]))


@pytest.mark.slow
def test_a_run_goes_on_in_another_layout(tmp_path):
    """The command: 3 steps on 8 devices in all three axes, then 3 more on one device; as one run of 6."""
    config = "--config=tests/tiny.py:layers=2,save=3"
    axes = ["--config.mesh.data=2", "--config.mesh.fsdp=2", "--config.mesh.tensor=2"]
    losses = []
    for name, first in (("moved", axes), ("stayed", [])):
        for steps in (3, 6):
            flags = [f"--config.training.steps={steps}", *(first if steps == 3 else [])]
            words = runs.pretrain(tmp_path / name, *flags, config=config)
            finished = run(*words, devices=8 if steps == 3 else 1)
            assert finished.status == 0, finished
        lines = [line for line in tracking.read(tmp_path / name) if line["kind"] == "train"]
        losses.append({line["step"]: line["loss"] for line in lines})
    moved, stayed = losses
    assert list(moved) == list(stayed) == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(list(moved.values()), list(stayed.values()), rtol=1e-5)
