"""The original release: its names, its checkpoint format byte for byte, and real TensorFlow where it is."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from etils import epath

import albert_jax
from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.interop import bundle, sstable, tables, tf1
from albert_jax.interop.names import flat, from_params
from tests.models import assert_same, hidden, random_model, sentencepiece_model

MAP = Path(__file__).parents[2] / "shared/reference/checkpoint_map.json"
# What tf.compat.v1.train.Saver of TensorFlow 2.21.0 wrote for WRITTEN.
WRITTEN = {
    "bert/embeddings/LayerNorm/beta": np.arange(3, dtype=np.float32),
    "bert/embeddings/LayerNorm/gamma": np.array([[1.5, -2]], np.float32),
    "global_step": np.array(7, np.int64),
}
INDEX = bytes.fromhex(
    "00000608011a020801001e0f626572742f656d62656464696e67732f4c617965724e6f726d2f6265746108011204"
    "12020803280c35e909503f1a051567616d6d61080112081202080112020802200c2808353d33c8f4000b0d676c6f"
    "62616c5f73746570080912002014280835bbd79f11000000000100000000565b0d13000000000100000000c0f2a1"
    "b00001026800790000000001000000000f3612047e088b010e000000000000000000000000000000000000000000"
    "000000000000000000000000000057fb808b247547db"
)
DATA = bytes.fromhex("000000000000803f000000400000c03f000000c00700000000000000")


def test_the_format_is_tensorflows_byte_for_byte(tmp_path):
    bundle.write(epath.Path(tmp_path / "x.ckpt"), WRITTEN)
    assert (tmp_path / "x.ckpt.index").read_bytes() == INDEX
    assert (tmp_path / "x.ckpt.data-00000-of-00001").read_bytes() == DATA


def test_what_tensorflow_wrote_is_read(tmp_path):
    (tmp_path / "x.ckpt.index").write_bytes(INDEX)
    (tmp_path / "x.ckpt.data-00000-of-00001").write_bytes(DATA)
    checkpoint = bundle.Bundle(epath.Path(tmp_path / "x.ckpt"))
    assert_same({name: checkpoint.read(name) for name in checkpoint.names}, WRITTEN)


def test_many_tensors_of_every_type(tmp_path):
    rng = np.random.default_rng(0)
    tensors = {
        f"scope_{i // 7}/name_{i}": rng.normal(size=(i % 3, 4)[: i % 3]).astype(dtype)
        for i, dtype in enumerate([*bundle.DTYPES.values()] * 12)
    }
    bundle.write(epath.Path(tmp_path / "x"), tensors)
    checkpoint = bundle.Bundle(epath.Path(tmp_path / "x"))
    assert checkpoint.names == sorted(tensors)
    found = {name: checkpoint.read(name) for name in checkpoint.names}
    assert {name: v.dtype for name, v in found.items()} == {n: v.dtype for n, v in tensors.items()}
    assert_same(found, tensors)


@pytest.mark.parametrize("position", [0, 20, 60, 120, 150, 162, 205])
def test_a_changed_index_is_noticed(tmp_path, position):
    changed = bytearray(INDEX)
    changed[position] ^= 1
    (tmp_path / "x.index").write_bytes(bytes(changed))
    with pytest.raises(UserError, match=r"x.index is damaged"):
        bundle.Bundle(epath.Path(tmp_path / "x"))


@pytest.mark.parametrize("size", [0, 10, 47, 100, 205])
def test_an_index_that_is_cut_off_is_noticed(tmp_path, size):
    (tmp_path / "x.index").write_bytes(INDEX[:size])
    with pytest.raises(UserError, match=r"x.index is damaged"):
        bundle.Bundle(epath.Path(tmp_path / "x"))


@pytest.mark.parametrize("data", [DATA[:-1], b"", DATA[:-8] + b"\1" + DATA[-7:], None])
def test_changed_data_is_noticed(tmp_path, data):
    (tmp_path / "x.index").write_bytes(INDEX)
    if data is not None:
        (tmp_path / "x.data-00000-of-00001").write_bytes(data)
    with pytest.raises(UserError, match=r"data-00000-of-00001.*global_step"):
        bundle.Bundle(epath.Path(tmp_path / "x")).read("global_step")


def test_a_compressed_block_is_said():
    content = b"\0\0\0\0\0\0\0\0\1"
    block = content + sstable.masked_crc(content).to_bytes(4, "little")
    table = block + b"\0\x08\0\x08".ljust(40, b"\0") + sstable.MAGIC
    with pytest.raises(ValueError, match=r"it is compressed, as TensorFlow 1\.0"):
        list(sstable.read(table))


@pytest.mark.parametrize("sharing", ["all", "attention", "ffn", "none"])
@pytest.mark.parametrize("embedding", [4, 8])
def test_a_release_there_and_back(tmp_path, sharing, embedding):
    model = random_model(sharing=sharing, embedding_size=embedding, num_layers=3, inner_layers=2)
    albert_jax.save(model, tmp_path / "tf", "tf1")
    back = albert_jax.load(tmp_path / "tf")
    batch = model.encode(["the cat", "who saw the dog"])
    np.testing.assert_array_equal(hidden(back, batch), hidden(model, batch))
    assert back.head == "pretraining"
    albert_jax.save(back, tmp_path / "again", "tf1")
    for name in ("model.ckpt-best.index", "model.ckpt-best.data-00000-of-00001"):
        assert (tmp_path / "tf" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize(("head", "classes"), [("sequence", 3), ("span", 2)])
def test_task_heads(tmp_path, head, classes):
    model = random_model(head=head, classes=classes)
    albert_jax.save(model, tmp_path / "tf", "tf1")
    back = albert_jax.load(tmp_path / "tf")
    assert back.head == head
    assert_same(flat(back.params), flat(model.params))


def test_a_hub_module_with_optimizer_slots(tmp_path):
    model = random_model()
    tensors = from_params(tables.TF1, model.params, model.config)
    slots = {f"{name}/{slot}": v for name, v in tensors.items() for slot in ("adam_m", "adam_v")}
    albert_jax.save(model, tmp_path / "tf", "tf1")
    (tmp_path / "hub/assets").mkdir(parents=True)
    (tmp_path / "hub/variables").mkdir()
    for name in ("albert_config.json", "30k-clean.model"):
        (tmp_path / "tf" / name).rename(tmp_path / "hub/assets" / name)
    named = {f"module/{name}": value for name, value in (tensors | slots).items()}
    bundle.write(epath.Path(tmp_path / "hub/variables/variables"), named)
    assert_same(flat(albert_jax.load(tmp_path / "hub").params), flat(model.params))


def test_what_the_original_code_lacks_is_said(tmp_path):
    for changes, message in (
        (dict(activation="gelu_erf"), "has no gelu_erf; use --to=huggingface"),
        (dict(layer_norm_epsilon=1e-6), "epsilon 1e-12 only"),
        (dict(always_project=True, embedding_size=8), "no projection where E = D"),
        (dict(sharing="none", num_layers=22), "rounds 22 groups in 22 layers so that layer 15"),
    ):
        with pytest.raises(UserError, match=message):
            albert_jax.save(random_model(**changes), tmp_path / "tf", "tf1")
        assert not list(tmp_path.iterdir())
    with pytest.raises(UserError, match="no head for tokens"):
        albert_jax.save(random_model(head="token", classes=3), tmp_path / "tf", "tf1")
    word_pieces = SimpleNamespace(size=38, name="vocab.txt")
    model = dataclasses.replace(random_model(), vocabulary=word_pieces)
    with pytest.raises(UserError, match="the original code reads SentencePiece only"):
        tf1.write(model, epath.Path(tmp_path))
    with pytest.raises(UserError, match="name the folder of a release"):
        tf1.read(epath.Path(tmp_path), "none")
    with pytest.raises(UserError, match="no such file; name a folder with a TF1 checkpoint"):
        bundle.Bundle(epath.Path(tmp_path / "model.ckpt"))


def test_a_missing_and_a_strange_variable_are_named(tmp_path):
    model = random_model()
    tensors = from_params(tables.TF1, model.params, model.config)
    albert_jax.save(model, tmp_path / "tf", "tf1")
    prefix = epath.Path(tmp_path / "tf/model.ckpt-best")
    bundle.write(prefix, tensors | {"bert/embeddings/word_embeddings_2": np.ones(3, np.float32)})
    with pytest.raises(UserError, match="word_embeddings_2 has no place in our model"):
        albert_jax.load(tmp_path / "tf")
    del tensors["bert/pooler/dense/bias"]
    bundle.write(prefix, tensors)
    with pytest.raises(UserError, match="bert/pooler/dense/bias is missing"):
        albert_jax.load(tmp_path / "tf")
    (tmp_path / "tf/other.index").write_bytes(b"")
    with pytest.raises(
        UserError, match=r"one file like \*.index is needed, there is model.ckpt-best"
    ):
        albert_jax.load(tmp_path / "tf")


@pytest.mark.skipif(not MAP.exists(), reason="the published map of names is not here")
def test_every_published_name_is_used():
    """The names and shapes of albert_base, and the same in PyTorch and Flax."""
    published = json.loads(MAP.read_text())["variables"]
    model = random_model(
        vocab_size=30000, embedding_size=128, hidden_size=768, num_layers=12, num_heads=12,
        ffn_size=3072, max_positions=512,
    )  # fmt: skip
    tf1, torch, flax = (
        from_params(names, model.params, model.config)
        for names in (tables.TF1, tables.HUGGINGFACE_ALBERT, tables.FLAX_ALBERT)
    )
    assert {v["tf1"]: v["shape"] for v in published} == {n: list(v.shape) for n, v in tf1.items()}
    assert {v["hf_pytorch"].split(" ")[0] for v in published} == set(torch)
    assert {v["hf_flax"].split(" ")[0] for v in published} == set(flax)
    for variable in published:
        theirs = torch[variable["hf_pytorch"].split(" ")[0]]
        ours = tf1[variable["tf1"]]
        np.testing.assert_array_equal(
            theirs.T if variable["transpose_for_pytorch"] else theirs, ours
        )


def test_real_tensorflow_reads_and_writes_the_same(tmp_path):
    tf = pytest.importorskip("tensorflow")
    model = random_model(sharing="none")
    albert_jax.save(model, tmp_path / "tf", "tf1")
    reader = tf.train.load_checkpoint(str(tmp_path / "tf/model.ckpt-best"))
    tensors = from_params(tables.TF1, model.params, model.config)
    names = set(reader.get_variable_to_shape_map()) - {"global_step"}
    assert_same({name: reader.get_tensor(name) for name in names}, tensors)
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        variables = [
            v1.get_variable(name, initializer=value, use_resource=False)
            for name, value in (tensors | {"global_step": np.array(0, np.int64)}).items()
        ]
        session.run(v1.global_variables_initializer())
        v1.train.Saver(variables).save(session, str(tmp_path / "real"), write_meta_graph=False)
    for suffix in ("index", "data-00000-of-00001"):
        ours, real = tmp_path / f"tf/model.ckpt-best.{suffix}", tmp_path / f"real.{suffix}"
        assert ours.read_bytes() == real.read_bytes()


def test_the_vocabulary_goes_with_it(tmp_path):
    vocabulary = Vocabulary(sentencepiece_model(), Normalisation(ascii_punctuation=False))
    model = dataclasses.replace(random_model(), vocabulary=vocabulary)
    albert_jax.save(model, tmp_path / "tf", "tf1")
    assert (tmp_path / "tf/30k-clean.model").read_bytes() == sentencepiece_model()
    steps = albert_jax.load(tmp_path / "tf").vocabulary.normalisation
    assert steps.lower and steps.strip_accents and not steps.ascii_punctuation
    assert "do_lower_case" not in json.loads((tmp_path / "tf/albert_config.json").read_text())


def test_another_normalisation_is_noted_beside_it(tmp_path):
    """The original code reads any key of its config and takes no notice of these."""
    steps = Normalisation(lower=False, strip_accents=False)
    vocabulary = Vocabulary(sentencepiece_model(), steps)
    model = dataclasses.replace(random_model(), vocabulary=vocabulary)
    albert_jax.save(model, tmp_path / "tf", "tf1")
    assert albert_jax.load(tmp_path / "tf").vocabulary.normalisation == steps


def test_a_chinese_release_has_wordpiece(tmp_path):
    pytest.importorskip("tokenizers")
    albert_jax.save(random_model(), tmp_path / "tf", "tf1")
    (tmp_path / "tf/30k-clean.model").unlink()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\u4e2d", "\u56fd", "cat", "##s"]
    pieces += [f"x{number}" for number in range(random_model().config.vocab_size - len(pieces))]
    (tmp_path / "tf/vocab_chinese.txt").write_text("\n".join(pieces) + "\n")
    assert albert_jax.load(tmp_path / "tf").vocabulary.encode("\u4e2d\u56fdCats") == [5, 6, 7, 8]


def test_a_tensor_of_strings_is_named(tmp_path):
    prefix = epath.Path(tmp_path / "model.ckpt")
    bundle.write(prefix, {"words": np.zeros(2, np.float32)})
    index = tmp_path / "model.ckpt.index"
    header, _ = sstable.read(index.read_bytes())
    index.write_bytes(sstable.write([header, (b"words", bundle.encode(bundle.DTYPE, 7))]))
    with pytest.raises(
        UserError, match=r"model.ckpt.index: words: its type, number 7 of TensorFlow"
    ):
        bundle.Bundle(prefix).read("words")
