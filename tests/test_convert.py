"""`albert-jax convert` and `albert_jax.load` on every kind of folder."""

import dataclasses

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
    library = "transformers" if to == "huggingface" else "albert-jax"
    assert card.startswith(f"---\nlibrary_name: {library}\npipeline_tag: fill-mask\n")


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
