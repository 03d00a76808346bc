"""Against transformers and torch, where they are installed: `make test-peers`.

What is measured is printed (pytest -s), and kept in experiments/results/interop.md.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import albert_jax
from albert_jax.interop import huggingface
from albert_jax.model.albert import Albert, AlbertForPretraining
from albert_jax.model.heads import Classifier
from albert_jax.training.losses import pretraining_sums, total, weights
from tests.models import assert_same, random_model, sentencepiece_model

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.numpy")
pytestmark = pytest.mark.peers

OUTPUTS, GRADIENTS = 2e-5, 1e-4  # absolute; relative to the largest entry of a tensor
SCALE = 0.15  # of random weights; at 0.3 attention saturates, and torch's float32 is off its own float64
GRID = [
    dict(embedding_size=e, num_hidden_groups=g, inner_group_num=i, hidden_act=act)
    for e, g, i, act in itertools.product((16, 32), (1, 2, 4), (1, 2), ("gelu", "gelu_new", "relu"))
]
HEADS = {
    "Model": {},
    "ForMaskedLM": {},
    "ForPreTraining": {},
    "ForSequenceClassification": {"num_labels": 3},
    "ForTokenClassification": {"num_labels": 5},
    "ForQuestionAnswering": {"num_labels": 2},
    "ForMultipleChoice": {},
}


def name(fields):
    return "-".join(str(value) for value in fields.values())


def theirs(folder, head, seed=0, **fields):
    """A transformers model with random weights, everything away from zero, saved in `folder`."""
    config = transformers.AlbertConfig(
        vocab_size=60, hidden_size=32, num_hidden_layers=4, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=32, initializer_range=SCALE,
        **fields,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = getattr(transformers, f"Albert{head}")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    (folder / "spiece.model").write_bytes(sentencepiece_model())
    return model


def rows(lengths, width, seed=0):
    """A batch with one example a row, in our layout."""
    rng = np.random.default_rng(seed)
    real = (np.arange(width)[None] < np.array(lengths)[:, None]).astype(np.int32)
    split = np.arange(width)[None] >= np.array(lengths)[:, None] // 2
    return {
        "tokens": (rng.integers(5, 60, (len(lengths), width)) * real).astype(np.int32),
        "token_types": (split * real).astype(np.int32),
        "positions": np.arange(width, dtype=np.int32)[None] * real,
        "example_ids": real,
        "cls_positions": np.zeros((len(lengths), 1), np.int32),
        "mlm_positions": np.tile(np.arange(1, 4, dtype=np.int32), (len(lengths), 1)),
    }


def packed(batch, lengths):
    """The examples of `batch`, all in one row."""
    pieces = {
        key: np.concatenate([batch[key][i, :n] for i, n in enumerate(lengths)])[None]
        for key in ("tokens", "token_types", "positions")
    }
    starts = np.cumsum([0, *lengths[:-1]]).astype(np.int32)
    examples = np.repeat(np.arange(1, len(lengths) + 1), lengths).astype(np.int32)
    masked = (batch["mlm_positions"] + starts[:, None]).reshape(1, -1)
    return pieces | dict(
        example_ids=examples[None], cls_positions=starts[None], mlm_positions=masked
    )


def ask(model, batch):
    """What transformers makes of a batch of one example a row."""
    inputs = {
        "input_ids": torch.tensor(batch["tokens"]).long(),
        "token_type_ids": torch.tensor(batch["token_types"]).long(),
        "attention_mask": torch.tensor(batch["example_ids"]),
    }
    with torch.no_grad():
        return model(**inputs)


def ours(model, batch):
    """Hidden states [B, L, D], and the pooled [CLS] [B, N, D] where the model has a pooler."""

    def run(module, batch):
        x = module.layers(batch)[-1]
        return x, module.pool(x, batch["cls_positions"]) if "pooler" in model.params[
            "albert"
        ] else x

    module = Albert(model.config)
    apply = jax.jit(lambda params, batch: module.apply({"params": params}, batch, method=run))
    return apply(model.params["albert"], batch)


def gap(one, other):
    return float(np.abs(np.asarray(one) - np.asarray(other)).max())


@pytest.mark.parametrize("fields", GRID, ids=name)
def test_outputs_of_the_grid(tmp_path, fields):
    """Padded, unpadded and packed; hidden states, pooled, both heads of pretraining; there and back."""
    model = theirs(tmp_path / "hf", "ForPreTraining", **fields)
    loaded = albert_jax.load(tmp_path / "hf")
    albert_jax.save(loaded, tmp_path / "back", "huggingface")
    assert_same(
        safetensors.load_file(tmp_path / "hf/model.safetensors"),
        safetensors.load_file(tmp_path / "back/model.safetensors"),
    )
    apply = jax.jit(AlbertForPretraining(loaded.config).apply)
    lengths = [14, 9, 6]
    batch = rows(lengths, 14)
    want, base = ask(model, batch), ask(model.albert, batch)
    gaps = {}
    mlm, sentence = apply({"params": loaded.params}, batch)
    states, pooled = ours(loaded, batch)
    real = batch["example_ids"].astype(bool)
    gaps["hidden"] = gap(np.asarray(states)[real], base.last_hidden_state.numpy()[real])
    gaps["pooled"] = gap(pooled[:, 0], base.pooler_output.numpy())
    gaps["mlm"] = gap(mlm, want.prediction_logits[:, 1:4].numpy())
    gaps["sentence"] = gap(sentence[:, 0], want.sop_logits.numpy())
    full = rows([14, 14], 14, seed=1)
    unpadded = ask(model, full)
    mlm, sentence = apply({"params": loaded.params}, full)
    gaps["unpadded"] = max(
        gap(mlm, unpadded.prediction_logits[:, 1:4].numpy()),
        gap(sentence[:, 0], unpadded.sop_logits.numpy()),
    )
    mlm, sentence = apply({"params": loaded.params}, packed(batch, lengths))
    gaps["packed"] = max(
        gap(mlm[0].reshape(3, 3, -1), want.prediction_logits[:, 1:4].numpy()),
        gap(sentence[0], want.sop_logits.numpy()),
    )
    print(name(fields), {key: f"{value:.1e}" for key, value in gaps.items()})
    assert max(gaps.values()) < OUTPUTS


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("fields", GRID[::7], ids=name)
def test_every_head(tmp_path, head, fields):
    model = theirs(tmp_path / "hf", head, **fields, **HEADS[head])
    loaded = albert_jax.load(tmp_path / "hf")
    assert loaded.head == huggingface.CLASSES[head]
    albert_jax.save(loaded, tmp_path / "back", "huggingface")
    reopened = getattr(transformers, f"Albert{head}").from_pretrained(tmp_path / "back").eval()
    for key, value in model.state_dict().items():
        assert torch.equal(value, reopened.state_dict()[key]), key
    if "classifier" not in loaded.params:
        return
    batch = rows([14, 9, 6], 14)
    states, pooled = ours(loaded, batch)
    x = states if loaded.head in ("token", "span") else pooled[:, 0]
    kernel = loaded.params["classifier"]["classifier"]["kernel"]
    classifier = Classifier(loaded.config, kernel.shape[1])
    logits = classifier.apply({"params": loaded.params["classifier"]}, x)
    want = answers(model, head, batch)
    if loaded.head in ("token", "span"):  # what stands on padding means nothing
        real = batch["example_ids"].astype(bool)
        logits, want = np.asarray(logits)[real], want[real]
    print(head, name(fields), f"{gap(logits, want):.1e}")
    assert gap(logits, want) < OUTPUTS


def answers(model, head, batch):
    """What the head of a transformers model says, one answer a row or position."""
    if head == "ForMultipleChoice":  # the rows as the choices of one question
        with torch.no_grad():
            return model(
                input_ids=torch.tensor(batch["tokens"]).long()[None],
                token_type_ids=torch.tensor(batch["token_types"]).long()[None],
                attention_mask=torch.tensor(batch["example_ids"])[None],
            ).logits.reshape(-1, 1)
    output = ask(model, batch)
    if head == "ForQuestionAnswering":
        return torch.stack([output.start_logits, output.end_logits], -1)
    return output.logits


@pytest.mark.parametrize("fields", GRID[::5], ids=name)
def test_gradients_of_the_pretraining_loss(tmp_path, fields):
    model = theirs(tmp_path / "hf", "ForPreTraining", **fields)
    loaded = albert_jax.load(tmp_path / "hf")
    batch = rows([14, 9, 6], 14)
    rng = np.random.default_rng(2)
    batch |= {
        "mlm_targets": rng.integers(5, 60, (3, 3)).astype(np.int32),
        "mlm_weights": np.ones((3, 3), np.float32),
        "sentence_labels": np.array([[0], [1], [1]], np.int32),
        "sentence_weights": np.ones((3, 1), np.float32),
    }
    apply = AlbertForPretraining(loaded.config).apply

    def loss(params):
        return total(pretraining_sums(apply({"params": params}, batch), batch), weights(batch))

    value, gradients = jax.jit(jax.value_and_grad(loss))(jax.tree.map(jnp.asarray, loaded.params))
    labels = torch.full((3, 14), -100)
    labels[:, 1:4] = torch.tensor(batch["mlm_targets"]).long()
    output = model(
        input_ids=torch.tensor(batch["tokens"]).long(),
        token_type_ids=torch.tensor(batch["token_types"]).long(),
        attention_mask=torch.tensor(batch["example_ids"]),
        labels=labels,
        sentence_order_label=torch.tensor(batch["sentence_labels"]).long(),
    )
    output.loss.backward()
    assert abs(float(value) - output.loss.item()) < GRADIENTS * output.loss.item()
    found = huggingface.from_params(huggingface.tables.HUGGINGFACE_ALBERT, gradients, loaded.config)
    largest = 0.0
    for key, parameter in model.named_parameters():
        want = parameter.grad.numpy()
        if key.endswith("word_embeddings.weight"):  # transformers gives padding no gradient
            want, found[key] = want[1:], found[key][1:]
        if key.endswith("key.bias"):  # zero but for rounding: it moves all scores of a row alike
            assert max(np.abs(want).max(), np.abs(found[key]).max()) < 1e-6
            continue
        largest = max(largest, gap(found[key], want) / np.abs(want).max())
    print(name(fields), f"{largest:.1e}")
    assert largest < GRADIENTS


@pytest.mark.parametrize("sharing", ["all", "attention", "ffn", "none"])
@pytest.mark.parametrize("embedding", [4, 8])
def test_ours_opens_there(tmp_path, sharing, embedding):
    """AutoModel, AutoTokenizer and pipeline open every sharing mode, and E = D."""
    model = random_model(sharing=sharing, embedding_size=embedding, num_layers=3, inner_layers=2)
    albert_jax.save(model, tmp_path / "hf", "huggingface")
    texts = ["The cat sat on the mat.", ("who saw the U.S. cat?", "a (big) dog"), "a [MASK] dog"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    batch = model.encode(texts)
    for row, text in enumerate(texts):
        pair = (text,) if isinstance(text, str) else text
        got = tokenizer(*pair)
        length = int(batch["example_ids"][row].sum())
        assert got["input_ids"] == batch["tokens"][row, :length].tolist()
        assert got["token_type_ids"] == batch["token_types"][row, :length].tolist()
    encoder = transformers.AutoModel.from_pretrained(tmp_path / "hf").eval()
    want = ask(encoder, batch)
    states, pooled = ours(model, batch)
    real = batch["example_ids"].astype(bool)
    assert gap(np.asarray(states)[real], want.last_hidden_state.numpy()[real]) < OUTPUTS
    assert gap(pooled[:, 0], want.pooler_output.numpy()) < OUTPUTS
    fill = transformers.pipeline("fill-mask", str(tmp_path / "hf"))
    assert len(fill("a [MASK] dog")) == 5
