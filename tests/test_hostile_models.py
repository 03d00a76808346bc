"""Model folders that somebody tampered with: what fuzzing found (experiments/fuzz), and its like."""

import json
from functools import partial

import pytest
from etils import epath
from flax.serialization import msgpack_serialize

from albert_jax.data.normalisation import Normalisation
from albert_jax.data.tokenizer_json import wordpiece
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.interop import bundle, huggingface, native, settings, sstable, tokenizer, weights
from albert_jax.interop.protobuf import encode
from albert_jax.model.config import AlbertConfig
from tests.models import sentencepiece_model

TINY = AlbertConfig(
    vocab_size=8, embedding_size=2, hidden_size=4, num_layers=2, num_heads=2, ffn_size=4
)
HUGGINGFACE = {"model_type": "albert"} | settings.write_albert(TINY)
NATIVE = {"format": native.FORMAT, "model": {}, "normalisation": {}, "head": "encoder"}
DEEP = "[" * 100_000


def write(folder, name, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text)
    return epath.Path(folder / name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": ["albert"]}, r"model_type is \"\['albert'\]\""),
        ({"hidden_act": ["gelu"]}, r"hidden_act is \"\['gelu'\]\""),
        ({"num_hidden_layers": "12"}, "num_hidden_layers is '12'; it must be 1 to 10000"),
        ({"num_hidden_layers": 10**30}, "it must be 1 to 10000"),  # was a loop over as many
        ({"num_hidden_layers": True}, "num_hidden_layers is True"),
        ({"num_hidden_groups": [1]}, r"num_hidden_groups is \[1\]"),
        ({"hidden_size": "768"}, "model.hidden_size is '768'; it must be of type int"),
        ({"hidden_size": 4.0}, "model.hidden_size is 4.0; it must be of type int"),
        ({"hidden_size": True}, "model.hidden_size is True"),
        ({"hidden_dropout_prob": float("nan")}, r"model.hidden_dropout is nan; it must be in \[0"),
        ({"layer_norm_eps": None}, "model.layer_norm_epsilon is None"),
        ({"is_decoder": [[]]}, r"is_decoder is \[\[\]\]; only models with False"),
    ],
)
def test_a_value_of_another_kind_in_a_config(tmp_path, changes, message):
    write(tmp_path, "config.json", HUGGINGFACE | changes)
    with pytest.raises(UserError, match=message):
        huggingface.read(epath.Path(tmp_path), "none")


@pytest.mark.parametrize(
    "content", [DEEP, "[]", '[["model_type", "albert"]]', "null", "9" * 5000, "\0"]
)
def test_a_config_that_is_no_object(tmp_path, content):
    path = write(tmp_path, "config.json", content)
    for read in (settings.read_albert, settings.read_original, lambda p: native.read(p.parent, "")):
        with pytest.raises(
            UserError, match=r"config\.json cannot be read .* must be a JSON object"
        ):
            read(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": ["albert-jax 1"]}, r"is of format \['albert-jax 1'\]"),
        ({"model": "tiny"}, "model is 'tiny'; it must be a section"),
        ({"model": {"hidden_size": 1}}, r"model\.\w+ is missing"),
    ],
)
def test_a_value_of_another_kind_in_our_export(tmp_path, changes, message):
    write(tmp_path, "config.json", NATIVE | changes)
    with pytest.raises(UserError, match=message):
        native.read(epath.Path(tmp_path), "none")


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match=r"model\.safetensors: cannot be read \(No such file"):
        weights.read_safetensors(epath.Path(tmp_path / "model.safetensors"))


@pytest.mark.parametrize(
    "places",
    [
        *([["a", "x"]], None, 3, {"a": 1, "b": "x"}, {"a": ["x"]}, {"a": "\ud800"}),
        *({"a": "x" * 5000}, {"a": "\0"}, {"a": "/etc/passwd"}, {"a": "../x"}, {"a": ".."}),
        *({"a": "sub/x"}, {"a": ""}),
    ],
)
def test_an_index_of_shards_that_names_anything(tmp_path, places):
    write(tmp_path, weights.INDEX, {"weight_map": places})
    write(tmp_path.parent, "x", "no tensors")
    with pytest.raises(UserError, match=r"index\.json|no such file") as caught:
        weights.read(epath.Path(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\xc1", b"\x82\x01\x02\xa1a\x03"),  # nothing, no msgpack, {1: 2, "a": 3}
        *(msgpack_serialize({"a": {}}), msgpack_serialize({"params": 3}), msgpack_serialize([1])),
    ],
)
def test_msgpack_of_another_kind(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=r"x is damaged|x holds no parameters|weights must be"):
        weights.read_flax(epath.Path(tmp_path / "x"))


def entry(**changes) -> bytes:
    """An entry of four bytes in a TF1 checkpoint."""
    values = {"DTYPE": 1, "SHAPE": b"", "SIZE": 4, "CRC": sstable.masked_crc(bytes(4))} | changes
    return b"".join(encode(getattr(bundle, name), value) for name, value in values.items())


def shape(*sizes: int) -> bytes:
    return b"".join(encode(2, encode(1, size)) for size in sizes)


@pytest.mark.parametrize(
    "value",
    [
        *(entry(SHARD=b"/../x"), entry(OFFSET=b"0"), entry(SIZE=b"4"), entry(CRC=b"0")),
        *(entry(DTYPE=b"1"), entry(SHAPE=7), entry(SHAPE=encode(2, encode(1, b"1")))),
        *(entry(SHAPE=shape(*[1] * 100)), entry(SHAPE=shape(0, 2**63), SIZE=0), b"\xff" * 9),
        *(entry(SHAPE=shape(2**63)), entry(OFFSET=2**69), entry(SHARD=2**69), entry(SLICES=b"x")),
    ],
)
def test_an_entry_of_a_tf1_checkpoint_that_is_none(tmp_path, value):
    (tmp_path / "x.data-00000-of-00001").write_bytes(bytes(4))
    header = encode(bundle.SHARDS, 1)
    (tmp_path / "x.index").write_bytes(sstable.write([(b"", header), (b"a", value)]))
    with pytest.raises(UserError, match=r"x\.(index|data)"):
        bundle.Bundle(epath.Path(tmp_path / "x")).read("a")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([(b"", encode(bundle.SHARDS, b"1"))], "begin with a header"),
        ([(b"", b"")], "begin with a header"),
        ([(b"", encode(bundle.SHARDS, 1)), (b"b", b""), (b"a", b"")], "not in order"),
        ([(b"", encode(bundle.SHARDS, 1)), (b"a", b""), (b"a", b"")], "not in order"),
        ([(b"", encode(bundle.SHARDS, 1)), (b"a" * 5000, b"")], "too long"),
        ([(b"", encode(bundle.SHARDS, 1)), (b"\xff", b"")], "decode"),
    ],
)
def test_an_index_of_a_tf1_checkpoint_that_is_none(tmp_path, entries, message):
    (tmp_path / "x.index").write_bytes(sstable.write(entries))
    with pytest.raises(UserError, match=rf"x\.index is damaged .*{message}"):
        bundle.Bundle(epath.Path(tmp_path / "x"))


def wordpieces(**changes) -> dict:
    pieces = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe"
    return json.loads(wordpiece(pieces, lower=True, strip_accents=None, chinese=True)) | changes


@pytest.mark.parametrize(
    "content",
    [
        *("", DEEP, "null", "[]", {"model": None}, {"model": {"type": "WordPiece"}}),
        b"\xff",
        partial(wordpieces, version=2),  # made in the test: the library may be absent
        partial(wordpieces, model={"type": "Unigram", "vocab": []}),
        partial(wordpieces, normalizer=dict(type="Replace", pattern={"Regex": "("}, content="")),
    ],
)
def test_a_tokenizer_that_is_none(tmp_path, content):
    pytest.importorskip("tokenizers")
    if isinstance(content, bytes):
        (tmp_path / "tokenizer.json").write_bytes(content)
    else:
        write(tmp_path, "tokenizer.json", content() if callable(content) else content)
    with pytest.raises(UserError, match=r"tokenizer\.json"):
        tokenizer.read(epath.Path(tmp_path), "none")


def test_a_tokenizer_without_an_unknown_piece(tmp_path):
    pytest.importorskip("tokenizers")
    pieces = [[piece, 0.0] for piece in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the")]
    write(tmp_path, "tokenizer.json", wordpieces(model={"type": "Unigram", "vocab": pieces}))
    vocabulary = tokenizer.read(epath.Path(tmp_path), "none")
    for encode_ in (
        vocabulary.encode,
        vocabulary.encode_offsets,
        lambda t: vocabulary.encode_batch([t]),
    ):
        with pytest.raises(
            UserError, match=r"tokenizer\.json: .* damaged one \(.*unk_id. is missing"
        ):
            encode_("cat")


def test_a_tokenizer_that_does_not_name_its_kind(tmp_path):
    pytest.importorskip("tokenizers")
    content = wordpieces()
    del content["model"]["type"]
    write(tmp_path, "tokenizer.json", content)
    assert tokenizer.read(epath.Path(tmp_path), "none").word_starts.all()


def test_a_sentencepiece_model_whose_pieces_are_no_text():
    model = sentencepiece_model().replace(b"[MASK]", b"\xffMASK]")
    with pytest.raises(UserError, match="x: not a SentencePiece model, or a damaged one"):
        Vocabulary(model, Normalisation(), "x")
