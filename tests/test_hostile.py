"""Text that is meant to hurt: endless lines, bombs, loops of links, halves of characters, wrong encodings."""

import bz2
import gzip
import json
import resource
import subprocess
import sys
import tracemalloc

import pytest

from albert_jax.data import files, text, tokenisation, wikitext
from albert_jax.data.normalisation import Normalisation
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.tasks import source, squad_files
from tests.models import sentencepiece_model

MIB = 1 << 20
PAGE = "<page><ns>0</ns><revision><text>{}</text></revision></page>"


def bodies(path, field="text"):
    return [document.body for document in text.documents(str(path), field)]


@pytest.fixture
def short_documents(monkeypatch):
    """A mebibyte is the longest document."""
    monkeypatch.setattr(files, "LONGEST", MIB)
    monkeypatch.setattr(files, "LONGEST_PAGE", MIB)


BOMBS = {  # name: content that is 4 to 16 MiB when it is unpacked
    "line.txt.gz": lambda: gzip.compress(b"a" * 16 * MIB),
    "line.txt.bz2": lambda: bz2.compress(bytes(16 * MIB)),
    "lines.txt.gz": lambda: gzip.compress(b"a word\n" * (16 * MIB // 7)),
    "line.jsonl.gz": lambda: gzip.compress(b'{"text": "' + b"a" * 16 * MIB + b'"}'),
    "page.xml.gz": lambda: gzip.compress(
        f'<m xmlns="x">{PAGE.format("a" * 16 * MIB)}</m>'.encode()
    ),
    "tags.xml.bz2": lambda: bz2.compress(b'<m xmlns="x">' + b"<a/>" * MIB + b"</m>"),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("in_folder", [False, True])
def test_a_bomb_is_not_unpacked(tmp_path, short_documents, name, in_folder):
    (tmp_path / name).write_bytes(BOMBS[name]())
    assert (tmp_path / name).stat().st_size < MIB // 4
    tracemalloc.start()
    with pytest.raises(UserError, match=f"{name}: a document of more than 1 MiB; cut it up"):
        bodies(tmp_path if in_folder else tmp_path / name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (30 if "tags" in name else 12) * MIB


def test_a_document_of_the_greatest_length_is_read(tmp_path, short_documents):
    (tmp_path / "x.txt").write_text("a" * (MIB - 1) + "\n\n" + "b " * (MIB // 2 - 1) + "\n")
    assert [len(body) for body in bodies(tmp_path / "x.txt")] == [MIB, MIB - 1]


def test_entities_are_not_expanded(tmp_path):
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    declared = f'<!DOCTYPE m [<!ENTITY l0 "ha">{laughs}]>'
    (tmp_path / "x.xml").write_text(f'{declared}<m xmlns="x">{PAGE.format("&l9;")}</m>')
    with pytest.raises(UserError, match=r"x\.xml: not a whole XML dump \(it has a document type"):
        bodies(tmp_path / "x.xml")


def test_an_entity_reads_no_file(tmp_path):
    (tmp_path / "secret").write_text("password")
    declared = f'<!DOCTYPE m [<!ENTITY s SYSTEM "file://{tmp_path}/secret">]>'
    (tmp_path / "x.xml").write_text(f'{declared}<m xmlns="x">{PAGE.format("&s;")}</m>')
    with pytest.raises(UserError, match="it has a document type"):
        bodies(tmp_path / "x.xml")


LINE = """
import sys
from albert_jax.data import text, tokenisation, vocabulary
from albert_jax.data.normalisation import Normalisation
spm = vocabulary.Vocabulary.load(sys.argv[2], Normalisation())
found = tokenisation.tokenise(text.documents(sys.argv[1]), spm, seed=0, workers=1)
print(sum(len(one.document.tokens) for one in found))
"""


@pytest.mark.slow
@pytest.mark.parametrize("content", ["the cat sat on the mat. ", "word ", "a"])
def test_a_line_of_100_megabytes(tmp_path, content):
    """Sentences, words without an end, one word: read and tokenised in 60 times their size."""
    (tmp_path / "spm.model").write_bytes(sentencepiece_model())
    line = content * (100_000_000 // len(content))
    (tmp_path / "x.txt").write_text(line)
    command = [sys.executable, "-c", LINE, str(tmp_path / "x.txt"), str(tmp_path / "spm.model")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    one = Vocabulary(sentencepiece_model(), Normalisation()).encode(content * 2)
    assert int(done.stdout) >= len(one) // 2 * (len(line) // len(content)) * 0.99
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert peak < 60 * len(line)


NASTY = (
    "half \ud83d of a character",
    "n\0l and \x1b[31m",
    "\u202eright to left\u202c and \u2066back\u2069",
    "ze\u200bro\u200d wi\ufeffdth \u2060.",
    "the cat \u0301\u0301\u0301 sat",
    "\ufdfa \ufb03 \u2026",
)


def test_nasty_characters_become_documents(tmp_path):
    (tmp_path / "x.jsonl").write_text("\n".join(json.dumps({"text": one}) for one in NASTY))
    spm = Vocabulary(sentencepiece_model(), Normalisation())
    texts = text.documents(str(tmp_path / "x.jsonl"))
    found = list(tokenisation.tokenise(texts, spm, seed=0, workers=1))
    assert len(found) == len(NASTY)
    for one, body in zip(found, NASTY, strict=True):
        ids = spm.encode(body)
        assert one.document.tokens.tolist() == ids and one.document.sentence_lengths.sum() == len(
            ids
        )


def test_halves_of_characters_in_squad_keep_every_place(tmp_path):
    answer = {"text": "the \ud83d cat", "answer_start": 2}
    asked = {"id": "1\udc00", "question": "who\ud83d?", "answers": [answer]}
    paragraph = {"context": "\ud800 the \ud83d cat.", "qas": [asked]}
    content = {"data": [{"paragraphs": [paragraph]}]}
    (tmp_path / "train.json").write_text(json.dumps(content))
    (found,) = squad_files.read(str(tmp_path), "train", 2)
    assert (found.id, found.question) == ("1\ufffd", "who\ufffd?")
    assert found.context == "\ufffd the \ufffd cat." and found.gold == ("the \ufffd cat", 2, 11)


@pytest.mark.parametrize(
    ("data", "byte"),
    [
        ("caf\u00e9\n\n".encode() + "caf\u00e9\n".encode("latin-1"), 10),
        ("caf\u00e9".encode("utf-16"), 0),
        (b"ok\n\xc3\x28\n", 3),
        (b"half a character \xe2\x82", 17),
        (b"surrogate \xed\xa0\x80", 10),
        (b"overlong \xc0\xaf", 9),
    ],
)
def test_mixed_encodings_are_told_by_the_byte(tmp_path, data, byte):
    for name, content in (("x.txt", data), ("x.txt.gz", gzip.compress(data))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=rf"{name}: not UTF-8 at byte {byte}; convert it"):
            bodies(tmp_path / name)


@pytest.fixture
def loops(tmp_path):
    """Links up, to itself, to a sister, and chains that double at each step."""
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(f"Text {name}.")
        (tmp_path / name / "up").symlink_to(tmp_path)
        (tmp_path / name / "self").symlink_to(tmp_path / name)
    (tmp_path / "a" / "sister").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "sister").symlink_to(tmp_path / "a")
    return tmp_path


def test_links_in_a_circle_are_followed_once(loops, caplog):
    assert sorted(bodies(loops)) == ["Text a.", "Text b."]
    assert "is read already" in caplog.text
    assert text.size(str(loops)) == 14


def test_a_glob_follows_no_links_in_a_circle(loops):
    (loops / ".hidden").mkdir()
    (loops / ".hidden" / "x.txt").write_text("hidden")
    assert sorted(bodies(loops / "**" / "*.txt")) == ["Text a.", "Text b."]


def test_a_link_that_is_its_own_target(tmp_path):
    (tmp_path / "x.txt").symlink_to(tmp_path / "x.txt")
    for source_ in (tmp_path, tmp_path / "*.txt"):
        with pytest.raises(UserError, match=r"x\.txt"):
            bodies(source_)
        with pytest.raises(UserError, match=r"x\.txt"):
            text.size(str(source_))


DEEP = "[" * 100_000
JSONS = {
    "deep": f'{{"text": {DEEP}',
    "a number of 5,000 digits": f'{{"text": {"9" * 5000}}}',
    "not a number": '{"text": NaN}',
}


@pytest.mark.parametrize("name", JSONS)
def test_json_that_python_cannot_hold(tmp_path, name):
    (tmp_path / "x.jsonl").write_text(JSONS[name])
    with pytest.raises(UserError, match=r"x\.jsonl:1: "):
        bodies(tmp_path / "x.jsonl")
    with pytest.raises(UserError, match=r"x\.jsonl:1: "):
        [source.text(row, "text") for row in source.read(files.epath.Path(tmp_path / "x.jsonl"))]


MARKUP = (
    "{{",
    "[[",
    "{|\n|",
    "<ref>",
    "<div>",
    "''",
    "[http://a ",
    "{{{",
    "<!--",
    "\n==",
    "&",
    "[[a|",
)


@pytest.mark.parametrize("mark", MARKUP)
def test_markup_that_never_ends(mark):
    """1,000 times what opens something: the parser takes the square of their number, but no stack."""
    wikitext.plain("The cat. " + mark * 1_000 + " The end.")
