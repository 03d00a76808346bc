"""The micro scale: the paper's ratios, and one recipe for all."""

import re

import pytest

from albert_jax.errors import UserError
from configs import micro


def model(argument: str):
    return micro.get_config(argument).model


def test_the_ratios_are_the_papers():
    base, large = model("size=base"), model("size=large")
    assert (base.hidden_size, large.hidden_size) == (192, 256)
    assert (base.embedding_size, base.ffn_size, base.num_heads) == (32, 768, 6)
    assert model("size=bert_base").embedding_size == 192
    assert model("size=bert_base").sharing == "none"
    assert [model(f"size=large,layers={n}").num_layers for n in micro.LAYERS] == [1, 2, 3, 4, 6, 12]


def test_the_first_stage_is_one_layer_that_all_models_of_a_width_have_in_common():
    first = micro.get_config("share=none,stage=one")
    assert first.to_dict() == micro.get_config("share=attention,objective=nsp,stage=one").to_dict()
    assert (first.model.num_layers, first.data.length, first.data.objective) == (1, 32, "none")
    assert (first.model.max_positions, model("size=base").max_positions) == (32, 64)


def test_the_stack_doubles():
    for layers, stages in ((1, 1), (2, 1), (3, 2), (4, 2), (6, 3), (12, 4)):
        assert micro.earlier(layers) == ["one", "two", "four", "eight"][:stages]
    assert micro.get_config("share=none,layers=48,stage=four").model.num_layers == 4
    assert micro.get_config("share=none,layers=48,stage=four").model.sharing == "none"


def test_the_recipe_does_not_depend_on_the_model():
    sections = ("data", "optimizer", "training", "corpus")
    plain, other = (micro.get_config(a) for a in ("size=base", "share=ffn,emb=768,layers=48"))
    assert all(plain[section].to_dict() == other[section].to_dict() for section in sections)
    wide = micro.get_config("size=xxlarge").schedule
    assert wide.learning_rate == pytest.approx(plain.schedule.learning_rate * (192 / 1024) ** 0.5)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("share=x", "config argument share=x must be one of all, attention, ffn, none"),
        ("layers=5", "layers=5 must be one of the paper's: 1, 3, 6, 12, 24, 48"),
        ("emb=98", "embedding_size=98 must be a multiple of 4"),
    ],
)
def test_what_the_paper_does_not_have_is_told(argument, message):
    with pytest.raises(UserError, match=re.escape(message)):
        micro.get_config(argument)
