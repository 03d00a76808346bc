"""Sizes, their exact parameter counts, and what a wrong choice says."""

import jax
import pytest

from albert_jax.errors import UserError
from albert_jax.model.albert import Albert, AlbertForPretraining, abstract_batch
from albert_jax.model.config import SIZES, AlbertConfig, sized

# Without heads (as released: reference counts), and with both pretraining heads.
COUNTS = {
    "base_v1": (11_683_584, 11_813_810),
    "large_v1": (17_683_968, 17_847_474),
    "xlarge_v1": (58_724_864, 59_021_490),
    "xxlarge_v1": (222_595_584, 223_158_450),
    "base": (11_683_584, 11_813_810),
    "large": (17_683_968, 17_847_474),
    "xlarge": (58_724_864, 59_021_490),
    "xxlarge": (222_595_584, 223_158_450),
    "bert_base": (109_081_344, 109_705_010),
    "bert_large": (334_607_360, 335_691_058),
    "bert_xlarge": (1_275_291_648, 1_279_526_194),
    "tiny": (2_176_128, 2_214_770),
    "mini": (4_794_624, 4_858_290),
    "small": (5_877_888, 5_958_194),
}


def count(model) -> int:
    """Parameters of a model, without allocating any."""
    shapes = jax.eval_shape(model.init, jax.random.key(0), abstract_batch(1, 8, 2, 1))
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


@pytest.mark.parametrize("size", SIZES)
def test_exact_parameter_counts(size):
    config = sized(size)
    assert (count(Albert(config)), count(AlbertForPretraining(config))) == COUNTS[size]


def test_every_count_belongs_to_a_size():
    assert COUNTS.keys() == SIZES.keys()


def test_equal_sizes_need_no_projection():
    config = dict(vocab_size=100, hidden_size=64, num_heads=4, ffn_size=128)
    square = count(Albert(AlbertConfig(embedding_size=64, **config)))
    tables_and_norm = (100 + 512 + 2 + 2) * 64
    factorised = count(Albert(AlbertConfig(embedding_size=32, **config)))
    assert square - factorised == tables_and_norm // 2 - (32 * 64 + 64)


@pytest.mark.parametrize(
    ("sharing", "copies"),
    [("all", (2, 2)), ("attention", (2, 6)), ("ffn", (6, 2))],
)
def test_copies_of_grouped_sharing(sharing, copies):
    config = AlbertConfig(num_layers=6, num_groups=2, sharing=sharing)
    assert tuple(config.num_copies.values()) == copies


def test_groups_follow_the_reference_division():
    config = AlbertConfig(num_layers=5, num_groups=3)
    assert [config.shared_copy(block) for block in range(5)] == [int(b / 5 * 3) for b in range(5)]


def test_inner_layers_run_in_sequence():
    config = AlbertConfig(num_layers=4, num_groups=2, inner_layers=2)
    assert [config.shared_copy(block) for block in range(8)] == [0, 1, 0, 1, 2, 3, 2, 3]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (dict(num_heads=7), "num_heads"),
        (dict(sharing="some"), "sharing"),
        (dict(dtype="float16"), "dtype"),
        (dict(num_layers=0), "num_layers"),
        (dict(hidden_dropout=1.0), "hidden_dropout"),
        (dict(layer_norm_epsilon=-1e-12), "layer_norm_epsilon"),
        (dict(num_groups=13), "num_groups"),
        (dict(num_groups=2, sharing="none"), "num_groups"),
        (dict(attention_kernel="fused", attention_dropout=0.1), "attention_dropout"),
    ],
)
def test_a_wrong_choice_is_named(changes, field):
    with pytest.raises(UserError, match=rf"^model\.{field} is .*must be"):
        AlbertConfig(**changes)


def test_an_unknown_size_names_the_known():
    with pytest.raises(UserError, match=r"huge.*xxlarge"):
        sized("huge")
