"""Hugging Face folders: literal ones, made here, and those of transformers where it is installed."""

import dataclasses
import json

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from etils import epath

import albert_jax
from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.interop import huggingface, tables, tokenizer
from albert_jax.interop.names import flat, from_params
from tests.models import assert_same, edit_weights, hidden, random_model, sentencepiece_model

CONFIG = {  # of transformers
    "model_type": "albert",
    "architectures": ["AlbertForPreTraining"],
    "vocab_size": 40,
    "embedding_size": 4,
    "hidden_size": 8,
    "num_hidden_layers": 4,
    "num_hidden_groups": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 16,
    "hidden_act": "gelu_new",
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
GROUP = "albert.encoder.albert_layer_groups"
SHAPES = {  # the names in full, spelled out here a second time
    "albert.embeddings.word_embeddings.weight": (40, 4),
    "albert.embeddings.position_embeddings.weight": (16, 4),
    "albert.embeddings.token_type_embeddings.weight": (2, 4),
    "albert.embeddings.LayerNorm.weight": (4,),
    "albert.embeddings.LayerNorm.bias": (4,),
    "albert.encoder.embedding_hidden_mapping_in.weight": (8, 4),
    "albert.encoder.embedding_hidden_mapping_in.bias": (8,),
    "albert.pooler.weight": (8, 8),
    "albert.pooler.bias": (8,),
    "predictions.bias": (40,),
    "predictions.dense.weight": (4, 8),
    "predictions.dense.bias": (4,),
    "predictions.LayerNorm.weight": (4,),
    "predictions.LayerNorm.bias": (4,),
    "sop_classifier.classifier.weight": (2, 8),
    "sop_classifier.classifier.bias": (2,),
} | {
    f"{GROUP}.{group}.albert_layers.0.{name}": shape
    for group in range(2)
    for name, shape in {
        **{f"attention.{x}.weight": (8, 8) for x in ("query", "key", "value", "dense")},
        **{f"attention.{x}.bias": (8,) for x in ("query", "key", "value", "dense", "LayerNorm")},
        "attention.LayerNorm.weight": (8,),
        "ffn.weight": (12, 8),
        "ffn.bias": (12,),
        "ffn_output.weight": (8, 12),
        "ffn_output.bias": (8,),
        "full_layer_layer_norm.weight": (8,),
        "full_layer_layer_norm.bias": (8,),
    }.items()
}


@pytest.fixture(scope="module")
def spm():
    return sentencepiece_model()


def tensors(shapes=SHAPES, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def make_folder(path, spm, weights=None, **changes):
    """A folder as transformers writes one; changes of its config, None takes a key away."""
    path.mkdir()
    config = {key: value for key, value in (CONFIG | changes).items() if value is not None}
    (path / "config.json").write_text(json.dumps(config))
    safetensors.numpy.save_file(
        tensors() if weights is None else weights, path / "model.safetensors"
    )
    (path / "spiece.model").write_bytes(spm)
    return path


def test_every_tensor_finds_its_place(tmp_path, spm):
    source = tensors()
    model = albert_jax.load(make_folder(tmp_path / "hf", spm, source))
    ours = flat(model.params)
    pairs = {
        "albert/embeddings/tokens": "albert.embeddings.word_embeddings.weight",
        "albert/embeddings/norm/scale": "albert.embeddings.LayerNorm.weight",
        "mlm/bias": "predictions.bias",
    }
    for name, theirs in pairs.items():
        np.testing.assert_array_equal(ours[name], source[theirs])
    np.testing.assert_array_equal(
        ours["albert/encoder/ffn/output/kernel"][1],
        source[f"{GROUP}.1.albert_layers.0.ffn_output.weight"].T,
    )
    assert model.config.num_groups == 2 and model.head == "pretraining"
    assert model.config.activation == "gelu_tanh" and model.config.num_heads == 2


def test_there_and_back_is_the_same(tmp_path, spm):
    source = make_folder(tmp_path / "hf", spm)
    albert_jax.save(albert_jax.load(source), tmp_path / "back", "huggingface")
    assert_same(
        safetensors.numpy.load_file(source / "model.safetensors"),
        safetensors.numpy.load_file(tmp_path / "back/model.safetensors"),
    )
    back = json.loads((tmp_path / "back/config.json").read_text())
    assert {key: back[key] for key in CONFIG} == CONFIG


@pytest.mark.parametrize("sharing", ["all", "attention", "ffn", "none"])
@pytest.mark.parametrize("inner", [1, 2])
def test_every_sharing_is_written_as_groups(tmp_path, spm, sharing, inner):
    model = random_model(sharing=sharing, inner_layers=inner, num_layers=3)
    albert_jax.save(model, tmp_path / "hf", "huggingface")
    said = json.loads((tmp_path / "hf/config.json").read_text())
    assert (said["num_hidden_groups"], said["inner_group_num"]) == (
        1 if sharing == "all" else 3,
        inner,
    )
    back = albert_jax.load(tmp_path / "hf")
    batch = model.encode(["the cat", "who saw the dog"])
    np.testing.assert_array_equal(hidden(back, batch), hidden(model, batch))


@pytest.mark.parametrize("sharing", ["attention", "ffn"])
def test_groups_of_half_a_block_are_written_too(tmp_path, spm, sharing):
    model = random_model(sharing=sharing, num_groups=2)
    albert_jax.save(model, tmp_path / "hf", "huggingface")
    batch = model.encode(["the cat"])
    np.testing.assert_array_equal(
        hidden(albert_jax.load(tmp_path / "hf"), batch), hidden(model, batch)
    )


def test_without_projection_the_identity_is_written_and_left_out_again(tmp_path, spm):
    model = random_model(embedding_size=8)
    albert_jax.save(model, tmp_path / "hf", "huggingface")
    written = safetensors.numpy.load_file(tmp_path / "hf/model.safetensors")
    kernel = written["albert.encoder.embedding_hidden_mapping_in.weight"]
    np.testing.assert_array_equal(kernel, np.eye(8))
    back = albert_jax.load(tmp_path / "hf")
    assert back.config == model.config
    assert_same(flat(back.params), flat(model.params))


def test_a_projection_of_a_square_table_is_kept(tmp_path, spm):
    model = random_model(embedding_size=8, always_project=True)
    model.params["albert"]["embeddings"]["projection"]["bias"][:] = 0  # as transformers begins with
    albert_jax.save(model, tmp_path / "hf", "huggingface")
    back = albert_jax.load(tmp_path / "hf")
    assert back.config.always_project
    assert_same(flat(back.params), flat(model.params))


@pytest.mark.parametrize(
    ("head", "classes", "name"),
    [
        ("sequence", 3, "classifier"),
        ("token", 5, "classifier"),
        ("choice", 1, "classifier"),
        ("span", 2, "qa_outputs"),
    ],
)
def test_task_heads(tmp_path, spm, head, classes, name):
    model = random_model(head=head, classes=classes)
    albert_jax.save(model, tmp_path / "hf", "huggingface")
    written = safetensors.numpy.load_file(tmp_path / "hf/model.safetensors")
    assert written[f"{name}.weight"].shape == (classes, 8)
    back = albert_jax.load(tmp_path / "hf")
    assert back.head == head and len(back.labels) == classes
    assert_same(flat(back.params), flat(model.params))
    said = json.loads((tmp_path / "hf/config.json").read_text())
    kinds = {"sequence": "single_label_classification"}
    assert said.get("problem_type") == kinds.get(head)
    auto = said["architectures"][0].replace("Albert", "AutoModel")
    assert f"model = {auto}.from_pretrained" in (tmp_path / "hf/README.md").read_text()


def test_scores_are_a_regression_and_several_labels_are_refused(tmp_path):
    """transformers' pipeline would squash a score of a model that does not say so."""
    albert_jax.save(random_model(head="sequence", classes=1), tmp_path / "hf", "huggingface")
    config = tmp_path / "hf/config.json"
    said = json.loads(config.read_text())
    assert said["problem_type"] == "regression"
    config.write_text(json.dumps(said | {"problem_type": "multi_label_classification"}))
    with pytest.raises(UserError, match=r"config.json: problem_type is 'multi_label_classificat"):
        albert_jax.load(tmp_path / "hf")


@pytest.mark.parametrize(
    ("head", "edit", "message"),
    [
        ("sequence", lambda t: t.pop("albert.pooler.bias"), "albert.pooler.bias is missing"),
        (
            "choice",
            lambda t: [t.pop(f"albert.pooler.{part}") for part in ("weight", "bias")],
            "model.safetensors: a head for choice reads the pooler, which is missing; fetch",
        ),
        (
            "token",
            lambda t: t.update({"classifier.bias": np.zeros(5, np.float32)}),
            r"the head for token has a kernel \[8, 1\] and a bias \[5\]; put the config",
        ),
        ("span", lambda t: None, r"the head for span has a kernel \[8, 1\] and a bias \[1\]"),
    ],
)
def test_a_head_that_is_not_whole_is_named(tmp_path, head, edit, message):
    albert_jax.save(random_model(head=head, classes=1), tmp_path / "hf", "huggingface")
    edit_weights(tmp_path / "hf", edit)
    with pytest.raises(UserError, match=message):
        albert_jax.load(tmp_path / "hf")


def test_a_table_of_its_own_is_the_masked_lm_heads(tmp_path, spm):
    with pytest.raises(UserError, match="tie_word_embeddings is False; only models with True can"):
        albert_jax.load(make_folder(tmp_path / "hf", spm, tie_word_embeddings=False))
    albert_jax.save(random_model(head="token", classes=3), tmp_path / "tagger", "huggingface")
    config = tmp_path / "tagger/config.json"
    config.write_text(config.read_text().replace('embeddings": true', 'embeddings": false'))
    assert "false" in config.read_text() and albert_jax.load(tmp_path / "tagger").head == "token"


def test_several_scores_of_a_text_are_refused(tmp_path):
    """As classes they would be squashed."""
    albert_jax.save(random_model(head="sequence", classes=3), tmp_path / "hf", "huggingface")
    config = tmp_path / "hf/config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"problem_type": "regression"}))
    with pytest.raises(UserError, match=r"config.json: problem_type is 'regression' of 3 numbers"):
        albert_jax.load(tmp_path / "hf")


def test_words_that_are_found_in_another_way_are_refused(tmp_path, spm):
    folder = make_folder(tmp_path / "hf", spm)
    (folder / "spiece.model").unlink()
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    (folder / "tokenizer_config.json").write_text('{"word_tokenizer_type": "mecab"}')
    with pytest.raises(UserError, match=r"word_tokenizer_type is 'mecab'; only 'basic' can be"):
        albert_jax.load(folder)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("added_tokens.json", {"[E1]": 38}),
        ("tokenizer_config.json", {"added_tokens_decoder": {"38": {"content": "[E1]"}}}),
    ],
)
def test_pieces_that_were_added_are_not_lost(tmp_path, spm, file, content):
    """Their embeddings are trained; spelled out in other pieces, texts would get other answers."""
    pytest.importorskip("tokenizers")
    folder = make_folder(tmp_path / "hf", spm)
    (folder / file).write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"hf: '\[E1\]' is an added token; save the folder with"):
        albert_jax.load(folder)
    plain = tokenizer._describe(Vocabulary(spm, Normalisation()))
    write = (folder / "tokenizer.json").write_text
    write(json.dumps(plain))
    with pytest.raises(UserError, match=r"hf: '\[E1\]' is an added token"):
        albert_jax.load(folder)
    own = plain["added_tokens"][0] | {"id": 38, "content": "[E1]"}
    write(json.dumps(plain | {"added_tokens": [*plain["added_tokens"], own]}))
    model = albert_jax.load(folder)
    assert model.vocabulary.encode("[E1] the cat")[0] == 38
    albert_jax.save(model, tmp_path / "back", "huggingface")
    assert albert_jax.load(tmp_path / "back").vocabulary.encode("[E1]") == [38]


def test_added_pieces_without_a_tokenizer_are_refused(tmp_path, spm):
    folder = make_folder(tmp_path / "hf", spm)
    (folder / "spiece.model").rename(tmp_path / "spiece.model")
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    (folder / "added_tokens.json").write_text('{"[PAD]": 0, "[E1]": 5}')
    with pytest.raises(UserError, match=r"hf: '\[E1\]' is an added token"):
        albert_jax.load(folder)
    (folder / "tokenizer_config.json").write_text('{"added_tokens_decoder": {"5": "[E1]"}}')
    with pytest.raises(UserError, match=r"its added tokens cannot be read \(TypeError.*restore"):
        albert_jax.load(folder)


def test_a_bare_encoder(tmp_path, spm):
    bare = {
        name.removeprefix("albert."): value
        for name, value in tensors().items()
        if name.startswith("albert.")
    }
    model = albert_jax.load(make_folder(tmp_path / "hf", spm, bare, architectures=["AlbertModel"]))
    assert model.head == "encoder" and set(model.params) == {"albert"}


def test_old_names_and_second_copies(tmp_path, spm):
    source = tensors()
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): v
        for name, v in source.items()
    }
    old["predictions.decoder.weight"] = source["albert.embeddings.word_embeddings.weight"].copy()
    old["predictions.decoder.bias"] = old.pop("predictions.bias")
    old["albert.embeddings.position_ids"] = np.arange(16)[None]
    model = albert_jax.load(make_folder(tmp_path / "hf", spm, old))
    assert_same(flat(model.params), flat(albert_jax.load(make_folder(tmp_path / "b", spm)).params))


def test_shards(tmp_path, spm):
    source, folder = tensors(), make_folder(tmp_path / "hf", spm)
    (folder / "model.safetensors").unlink()
    names = sorted(source)
    places = {name: f"model-0000{1 + (i % 2)}-of-00002.safetensors" for i, name in enumerate(names)}
    for file in set(places.values()):
        part = {name: source[name] for name in names if places[name] == file}
        safetensors.numpy.save_file(part, folder / file)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    assert_same(from_params(tables.HUGGINGFACE_ALBERT, *_parts(albert_jax.load(folder))), source)
    index.write_text(json.dumps({"weight_map": places | {names[0]: "../hf/secret.safetensors"}}))
    with pytest.raises(
        UserError, match=r"'\.\./hf/secret.safetensors', which is not a file of its"
    ):
        albert_jax.load(folder)
    index.write_text(json.dumps({"weight_map": places | {"ghost": places[names[0]]}}))
    with pytest.raises(UserError, match="ghost is in none of the files"):
        albert_jax.load(folder)
    index.write_text(json.dumps({"weight_map": places | {names[0]: places[names[1]]}}))
    with pytest.raises(UserError, match=f"{names[0]} is not where"):
        albert_jax.load(folder)
    (folder / places[names[0]]).unlink()
    with pytest.raises(UserError, match=r"no such file, and model.safetensors.index.json names it"):
        albert_jax.load(folder)


def _parts(model):
    return model.params, model.config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("predictions.dense.bias"), "predictions.dense.bias is missing"),
        (lambda t: t.pop("albert.embeddings.LayerNorm.bias"), "LayerNorm.bias is missing"),
        (lambda t: t.update(stranger=np.ones(2, np.float32)), "stranger has no place"),
        (
            lambda t: t.update({"albert.pooler.weight": np.ones((8, 7), np.float32)}),
            r"albert.pooler.weight is \[8, 7\], its config makes it \[8, 8\]",
        ),
        (
            lambda t: t.update({"predictions.decoder.bias": np.ones(40, np.float32)}),
            "predictions.decoder.bias differs from predictions.bias",
        ),
        (
            lambda t: t.update({"albert.pooler.bias": np.ones(8, np.int8)}),
            "albert.pooler.bias is I8; weights must be one of float32",
        ),
        (
            lambda t: t.update({"albert.pooler.bias": np.array([np.nan] + [0] * 7, np.float32)}),
            "albert.pooler.bias has numbers that are not finite",
        ),
    ],
)
def test_a_tensor_that_is_wrong_is_named(tmp_path, spm, change, message):
    weights = tensors()
    change(weights)
    with pytest.raises(UserError, match=message):
        albert_jax.load(make_folder(tmp_path / "hf", spm, weights))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(model_type="gpt2"), "model_type is 'gpt2'; albert and bert can be read"),
        (dict(hidden_size=None), "hidden_size is missing"),
        (dict(hidden_act="swish"), "hidden_act is 'swish'; only gelu"),
        (dict(num_attention_heads=3), "num_heads is 3"),
        (dict(hidden_size="8"), "config.json"),
        (dict(position_embedding_type="relative_key"), "position_embedding_type is 'relative_key'"),
        (dict(vocab_size=30), "has 38 pieces, the model's table has 30"),
        (dict(num_hidden_layers=18, num_hidden_groups=14), "rounds 14 groups in 18 layers"),
    ],
)
def test_a_config_that_is_wrong_is_named(tmp_path, spm, changes, message):
    weights = None
    if "vocab_size" in changes:
        weights = {
            name: value[:30] if value.shape[0] == 40 else value for name, value in tensors().items()
        }
    with pytest.raises(UserError, match=message):
        albert_jax.load(make_folder(tmp_path / "hf", spm, weights, **changes))


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (["AlbertForSequenceClassification"], "AlbertForSequenceClassification"),
        (None, "AutoModelFor... with the name of its head"),
        (["os.system('x') or A"], "AutoModelFor... with the name of its head"),
    ],
)
def test_pickles_are_refused_with_the_safe_way(tmp_path, spm, said, kind):
    folder = make_folder(tmp_path / "hf", spm, architectures=said)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"it is a pickle.*save_pretrained.*copy the voc") as caught:
        albert_jax.load(folder)
    assert f"with transformers, {kind}.from_pretrained" in str(caught.value)


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, np.float16])
def test_halves_are_read(tmp_path, spm, dtype):
    halves = {name: value.astype(dtype) for name, value in tensors().items()}
    model = albert_jax.load(make_folder(tmp_path / "hf", spm, halves))
    there = from_params(tables.HUGGINGFACE_ALBERT, model.params, model.config)
    assert_same(there, {name: value.astype(np.float32) for name, value in halves.items()})


def test_damage_is_named(tmp_path, spm):
    folder = make_folder(tmp_path / "hf", spm)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-5])
    with pytest.raises(UserError, match=r"model.safetensors is damaged"):
        albert_jax.load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="there are no weights in it"):
        albert_jax.load(folder)


def test_old_flax_files(tmp_path, spm):
    from flax.serialization import msgpack_serialize

    model = albert_jax.load(make_folder(tmp_path / "hf", spm))
    theirs = from_params(tables.FLAX_ALBERT, model.params, model.config)
    folder = make_folder(tmp_path / "flax", spm)
    (folder / "model.safetensors").unlink()
    (folder / "flax_model.msgpack").write_bytes(msgpack_serialize(huggingface.nested(theirs)))
    assert_same(flat(albert_jax.load(folder).params), flat(model.params))
    (folder / "flax_model.msgpack").write_bytes(b"\x93no")
    with pytest.raises(UserError, match=r"flax_model.msgpack is damaged"):
        albert_jax.load(folder)
    (folder / "flax_model.msgpack").write_bytes(msgpack_serialize({}))
    with pytest.raises(UserError, match=r"flax_model.msgpack holds no parameters"):
        albert_jax.load(folder)


def test_names_are_used_once():
    for names in (
        tables.HUGGINGFACE_ALBERT,
        tables.HUGGINGFACE_BERT,
        tables.FLAX_ALBERT,
        tables.TF1,
    ):
        theirs = [*names.once.values(), *names.per_block.values()]
        assert len(theirs) == len(set(theirs))


def test_a_convention_is_passed_on(tmp_path, spm):
    folder = make_folder(tmp_path / "hf", spm)
    assert albert_jax.load(folder, convention="huggingface").vocabulary.convention == "huggingface"
    with pytest.raises(UserError, match="convention is 'x'; choose one of none, original"):
        albert_jax.load(folder, convention="x")


def test_normalisation_comes_back(tmp_path, spm):
    model = random_model()
    for steps in (Normalisation(), Normalisation(lower=False, ascii_punctuation=False)):
        typed = dataclasses.replace(model, vocabulary=Vocabulary(spm, steps))
        folder = epath.Path(tmp_path / f"hf{steps.lower}")
        albert_jax.save(typed, folder, "huggingface")
        assert albert_jax.load(folder).vocabulary.normalisation == steps


def test_heads_that_are_not_known_are_named(tmp_path, spm):
    heads = ("predictions", "sop_classifier")
    alone = {name: v for name, v in tensors().items() if not name.startswith(heads[0])}
    with pytest.raises(UserError, match="a sentence head without a masked-LM head is not known"):
        albert_jax.load(make_folder(tmp_path / "sop", spm, alone))
    bare = {name: v for name, v in tensors().items() if not name.startswith(heads)}
    classes = {"classifier.weight": np.ones((2, 8)), "classifier.bias": np.ones(2)}
    bare |= {name: value.astype(np.float32) for name, value in classes.items()}
    folder = make_folder(tmp_path / "bare", spm, bare, architectures=["AlbertModel"])
    with pytest.raises(UserError, match=r"\['AlbertModel'\], and the file has a classifier; name"):
        albert_jax.load(folder)


def test_a_folder_without_a_vocabulary(tmp_path, spm):
    folder = make_folder(tmp_path / "hf", spm)
    (folder / "spiece.model").unlink()
    with pytest.raises(
        UserError, match=r"no vocabulary; spiece.model, tokenizer.json or vocab.txt"
    ):
        albert_jax.load(folder)


def test_a_parameter_without_a_name_is_named(spm):
    model = random_model()
    params = model.params | {"stranger": {"bias": np.ones(2, np.float32)}}
    with pytest.raises(
        UserError, match="stranger/bias has no name in this format; use --to=native"
    ):
        from_params(tables.HUGGINGFACE_ALBERT, params, model.config)
