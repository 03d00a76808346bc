"""The command that finds texts, as a user runs it."""

import itertools
import json
import re

import numpy as np
import pytest

import albert_jax
from albert_jax.commands.embed import embed
from albert_jax.commands.search import beginning
from tests.commands import call
from tests.models import telling_model

TEXTS = [
    "The cat sat on the mat.",
    "who saw the dog?",
    "a (big) cat",
    "the u.s. mat was walking. " * 20,
    "the dog",
]
QUERIES = ["a dog", "the cat sat on the mat."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, a corpus in two formats, its vectors."""
    folder = tmp_path_factory.mktemp("search")
    albert_jax.save(telling_model(), folder / "native")
    (folder / "texts.txt").write_text("\n".join(TEXTS) + "\n")
    with (folder / "posts.jsonl").open("w") as file:
        file.writelines("\n" + json.dumps({"body": text}) + "\n" for text in TEXTS)
    call(
        "embed", f"--model={folder / 'native'}", f"--input={folder / 'texts.txt'}",
        f"--output={folder / 'vectors.npy'}",
    )  # fmt: skip
    return folder


def search(folder, *words, corpus="texts.txt"):
    call("search", f"--model={folder / 'native'}", f"--corpus={folder / corpus}", *words)


def hits(page):
    """By query: (cosine, line, beginning of the text) of each hit."""
    found, query = {}, None
    for line in page.splitlines():
        if line.startswith("  "):
            number, cosine, place, text = line.split(maxsplit=3)
            found[query].append((float(cosine), int(place.rpartition(":")[2]), text))
            assert int(number) == len(found[query])
        else:
            query = line
            found[query] = []
    return found


def expected(query):
    vectors = np.stack(list(embed(telling_model(), [query, *TEXTS])))
    scores = vectors[1:] @ vectors[0]
    return [(pytest.approx(scores[i], abs=6e-4), i + 1) for i in np.argsort(-scores)]


def test_the_nearest_texts_with_their_lines(folder, capsys):
    search(folder, *QUERIES, "--top=3")
    found = hits(capsys.readouterr().out)
    assert list(found) == QUERIES
    for query, own in found.items():
        assert [(cosine, line) for cosine, line, _ in own] == expected(query)[:3]
        for _, line, text in own:
            assert TEXTS[line - 1].startswith(text.removesuffix(" ..."))
    assert found[QUERIES[1]][0][:2] == (1.0, 1)  # case does not matter
    long = [text for _, line, text in itertools.chain(*found.values()) if line == 4]
    assert all(len(text) <= 300 and text.endswith(" ...") for text in long)


def test_the_beginning_of_a_long_text():
    assert beginning(" a\ncat ") == "a cat"
    assert beginning("猫" * 300) == "猫" * 300
    assert beginning("猫" * 301) == "猫" * 296 + " ..."
    assert beginning("a cat " + "猫" * 301) == "a cat " + "猫" * 290 + " ..."
    assert beginning("word " * 100) == "word " * 59 + "..."


def test_stored_vectors_give_the_same(folder, capsys):
    search(folder, *QUERIES, f"--embeddings={folder / 'vectors.npy'}")
    stored = capsys.readouterr().out
    search(folder, *QUERIES)
    assert capsys.readouterr().out == stored
    assert [len(own) for own in hits(stored).values()] == [5, 5]


def test_records_are_found_by_their_field(folder, capsys):
    search(folder, QUERIES[0], "--field=body", "--top=2", corpus="posts.jsonl")
    (own,) = hits(capsys.readouterr().out).values()
    assert [line for _, line, _ in own] == [2 * line for _, line in expected(QUERIES[0])[:2]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"search needs a query"),
        (["a", "--embeddings=nowhere.npy"], r"nowhere.npy: cannot be read"),
        (["a", "--embeddings=FEWER"], r"fewer.npy has 4 vectors, .*texts.txt has 5 texts; embed"),
        (["a", "--embeddings=NARROW"], r"has vectors of 8 numbers, the model makes 16; embed"),
        (["a", "--top=0"], r"top"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(folder, words, message):
    np.save(folder / "fewer.npy", np.ones((4, 16), np.float32))
    np.save(folder / "narrow.npy", np.ones((5, 8), np.float32))
    names = {"FEWER": str(folder / "fewer.npy"), "NARROW": str(folder / "narrow.npy")}
    words = [re.sub("FEWER|NARROW", lambda name: names[name[0]], word) for word in words]
    with pytest.raises(SystemExit, match=message) as stopped:
        search(folder, *words)
    assert "\n" not in str(stopped.value)
