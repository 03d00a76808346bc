"""The arithmetic against XLA's own count of operations, and against the parameters there are."""

import dataclasses

import jax
import pytest

from albert_jax.analysis import cost
from albert_jax.model.albert import AlbertForPretraining, abstract_batch
from albert_jax.model.config import AlbertConfig
from albert_jax.training import losses

# Wide enough that matrix products dominate; unrolled and with plain attention, since XLA counts the body
# of a loop once.
CONFIG = AlbertConfig(
    vocab_size=500, embedding_size=64, hidden_size=256, num_layers=3, num_heads=4, ffn_size=1024,
    max_positions=512, dtype="float32", scan_unroll=6, attention_kernel="plain",
)  # fmt: skip
ROWS, LENGTH, PREDICTIONS, EXAMPLES = 2, 512, 20, 3
BATCH = abstract_batch(ROWS, LENGTH, PREDICTIONS, EXAMPLES)
KINDS = [
    {},
    dict(sharing="none"),
    dict(embedding_size=256),
    dict(num_groups=3, inner_layers=2),
    dict(vocab_size=8000),
]


def shapes(config):
    init = AlbertForPretraining(config).init
    return jax.eval_shape(init, jax.random.key(0), BATCH)["params"]


def counted(function, config) -> float:
    """XLA's operations for one row."""
    analysis = jax.jit(function).lower(shapes(config), BATCH).cost_analysis()
    return analysis["flops"] / ROWS


def loss(config):
    def function(params, batch):
        logits = AlbertForPretraining(config).apply({"params": params}, batch)
        return losses.total(losses.pretraining_sums(logits, batch), losses.weights(batch))

    return function


@pytest.mark.parametrize("changes", KINDS, ids=str)
def test_forward_operations_are_those_of_xla(changes):
    config = dataclasses.replace(CONFIG, **changes)
    flops = cost.forward_flops(config, LENGTH, PREDICTIONS, EXAMPLES)
    assert sum(flops.values()) == pytest.approx(counted(loss(config), config), rel=0.05)


@pytest.mark.parametrize("changes", KINDS[:2], ids=str)
def test_training_operations_are_those_of_xla(changes):
    config = dataclasses.replace(CONFIG, **changes)
    flops = cost.training_flops(config, LENGTH, PREDICTIONS, EXAMPLES)
    assert flops == pytest.approx(counted(jax.value_and_grad(loss(config)), config), rel=0.05)


@pytest.mark.parametrize("changes", KINDS, ids=str)
def test_parameters_are_those_there_are(changes):
    config = dataclasses.replace(CONFIG, **changes)
    total = sum(leaf.size for leaf in jax.tree.leaves(shapes(config)))
    assert sum(cost.parameters(config).values()) == total
    assert cost.state_bytes(cost.parameters(config)) == 12 * total


def test_sharing_saves_parameters_and_no_operations():
    unshared = dataclasses.replace(CONFIG, sharing="none")
    shapes = (LENGTH, PREDICTIONS, EXAMPLES)
    assert cost.forward_flops(unshared, *shapes) == cost.forward_flops(CONFIG, *shapes)
    saved = cost.parameters(unshared)["encoder"] / cost.parameters(CONFIG)["encoder"]
    assert saved == 3
