"""`albert-jax convert` and `albert_jax.load` on every kind of folder."""

import dataclasses

import numpy as np
import pytest

import albert_jax
from albert_jax.commands import convert, fill_mask, inspect, load
from albert_jax.errors import UserError
from albert_jax.interop.names import flat
from tests.models import assert_same, random_model

FORMATS = ("native", "huggingface", "tf1")


@pytest.fixture
def source(tmp_path):
    origin = {"data": "sotu", "commit": "abc", "metrics": {"mlm_loss": 2.51234}}
    model = dataclasses.replace(random_model(), origin=origin)
    albert_jax.save(model, tmp_path / "source")
    return tmp_path / "source"


def test_through_every_format_and_back(tmp_path, source):
    first = source
    for number, to in enumerate((*FORMATS, "native")):
        convert.main([str(source), str(tmp_path / str(number)), f"--to={to}"])
        source = tmp_path / str(number)
    assert_same(flat(albert_jax.load(source).params), flat(albert_jax.load(first).params))


@pytest.mark.parametrize("to", FORMATS)
def test_a_model_card_says_where_it_is_from(tmp_path, source, to):
    convert.main([str(source), str(tmp_path / "out"), f"--to={to}"])
    card = (tmp_path / "out/README.md").read_text()
    for words in (
        "| data | sotu |",
        "| commit | abc |",
        "| mlm_loss | 2.512 |",
        "| hidden_size | 8 |",
    ):
        assert words in card
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: fill-mask\n")


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path, source):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    with pytest.raises(UserError, match="out is there already and not empty"):
        convert.main([str(source), str(tmp_path / "out"), "--to=native"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path, source):
    (tmp_path / "out").mkdir()
    convert.main([str(source), str(tmp_path / "out"), "--to=native"])
    assert albert_jax.load(tmp_path / "out").head == "pretraining"


def test_what_fails_leaves_nothing(tmp_path, source, monkeypatch):
    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(load, "card", fail)
    with pytest.raises(OSError, match="no space"):
        albert_jax.save(random_model(), tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"source"}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["a"], "convert needs a source, a destination and a format"),
        (["a", "b"], "convert needs a source, a destination and a format"),
        (["a", "b", "--to=native"], "a is no folder; name a run's workdir, a native export"),
    ],
)
def test_a_wrong_command_line(argv, message):
    with pytest.raises(UserError, match=message):
        convert.main(argv)


def test_an_unknown_format(tmp_path, source):
    with pytest.raises(UserError, match="format 'onnx' is unknown; choose one of native"):
        convert.main([str(source), str(tmp_path / "out"), "--to=onnx"])


def test_a_folder_that_is_no_checkpoint(tmp_path):
    with pytest.raises(UserError, match=r"is no checkpoint: it has no config\.json"):
        albert_jax.load(tmp_path)
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(UserError, match=r"config\.json cannot be read"):
        albert_jax.load(tmp_path)


@pytest.mark.parametrize("to", FORMATS)
def test_commands_take_every_format(tmp_path, source, to, capsys):
    convert.main([str(source), str(tmp_path / "out"), f"--to={to}"])
    fill_mask.main([f"--model={tmp_path / 'out'}", "the [MASK] sat"])
    inspect.main([f"--model={tmp_path / 'out'}"])
    out = capsys.readouterr().out
    assert "1:" in out and "without heads" in out


def test_fill_mask_needs_no_more_than_its_head(tmp_path):
    model = random_model()
    del model.params["sentence"], model.params["albert"]["pooler"]
    tokens = fill_mask.encode(model.vocabulary, "the [MASK] sat")
    assert len(fill_mask.fill(model, tokens, 3)[0]) == 3
    del model.params["mlm"]
    with pytest.raises(UserError, match="has no masked-LM head"):
        fill_mask.fill(model, tokens, 3)


def test_encode_makes_a_batch():
    model = random_model()
    batch = model.encode(["the cat", ("the [MASK] dog", "a cat")])
    ids = model.vocabulary.encode
    cls, sep, mask = (getattr(model.vocabulary, f"{role}_id") for role in ("cls", "sep", "mask"))
    second = [cls, *ids("the"), mask, *ids("dog"), sep, *ids("a cat"), sep]
    assert batch["tokens"][1].tolist() == second
    assert batch["token_types"][1].tolist() == [0] * (second.index(sep) + 1) + [1] * (
        len(ids("a cat")) + 1
    )
    assert batch["example_ids"].sum(axis=1).tolist() == [2 + len(ids("the cat")), len(second)]
    assert batch["mlm_positions"].tolist() == [[0], [second.index(mask)]]
    assert batch["positions"].dtype == np.int32 and batch["cls_positions"].tolist() == [[0], [0]]
    with pytest.raises(UserError, match=r"text 1 has \d+ pieces, the model takes 32"):
        model.encode(["the cat", "the cat " * 40])


def test_load_takes_a_model_apart(source):
    config, params, vocabulary = albert_jax.load(source)
    assert config.hidden_size == 8 and set(params) == {"albert", "mlm", "sentence"}
    assert vocabulary.size == 38
    with pytest.raises(AttributeError):
        albert_jax.lode  # noqa: B018
