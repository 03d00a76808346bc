"""What holds for any text: no visible character is lost, and offsets lead back to the raw text."""

import csv
import io
import json
import tempfile

import numpy as np
import pytest
from etils import epath
from hypothesis import assume, given
from hypothesis import strategies as st

from albert_jax.data import files, sentences
from albert_jax.data.normalisation import Normalisation, normalise, printable, trace
from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import CONVENTIONS, Vocabulary
from albert_jax.interop import tokenizer
from albert_jax.tasks import source, squad_files, words
from tests.models import sentencepiece_model
from tests.strategies import HALVES, TEXT, visible

FOLDER = tempfile.TemporaryDirectory(prefix="albert-jax-properties-")
STEPS = st.builds(
    Normalisation, lower=st.booleans(), strip_accents=st.booleans(), ascii_punctuation=st.booleans()
)
SIGMA = dict.fromkeys(map(ord, "ς"), "σ")  # which of the two stands at a word's end


@given(HALVES, STEPS)
def test_normalised_text_is_utf8_with_plain_spaces(text, steps):
    done = normalise(text, steps)
    done.encode()
    assert {c for c in done if c.isspace()} <= {" "}


@given(HALVES, STEPS)
def test_every_normalised_character_is_traced_to_where_it_comes_from(text, steps):
    done, origin = normalise(text, steps), trace(text, steps)
    assert len(origin) == len(done) + 1
    assert (np.diff(origin) >= 0).all() and origin[0] >= 0 and origin[-1] <= len(text)
    for character, place in zip(done, origin, strict=False):
        if character != " ":
            made = normalise(text[place], steps).translate(SIGMA)
            assert character.translate(SIGMA) in made


@given(HALVES, STEPS)
def test_no_character_that_means_something_is_left_out(text, steps):
    kept = set(trace(text, steps)[:-1].tolist())
    for place, character in enumerate(text):
        if normalise(character, steps).strip():
            assert place in kept


@given(HALVES)
def test_sentences_hold_every_visible_character(text):
    found = sentences.split(text)
    assert visible("".join(found)) == visible(printable(text))
    assert all(sentence == sentence.strip() != "" for sentence in found)


@given(HALVES)
def test_spans_of_sentences_follow_each_other_and_cover_the_text(text):
    found, end = sentences.spans(text), 0
    for start, stop in found:
        assert end <= start < stop and text[start:stop] == text[start:stop].strip()
        assert not visible(text[end:start])
        end = stop
    assert not visible(text[end:])


@given(HALVES)
def test_spans_of_words_cover_the_text(text):
    end = 0
    for start, stop in words.spans(text):
        assert end <= start < stop and not visible(text[end:start])
        assert visible(text[start:stop]) == text[start:stop]
        end = stop
    assert not visible(text[end:])


@given(HALVES)
def test_paragraphs_hold_every_visible_character(text):
    assert visible("".join(files.Text(text).paragraphs())) == visible(text)


@given(HALVES, STEPS, st.sampled_from(CONVENTIONS))
def test_offsets_of_sentencepiece(text, steps, convention):
    vocabulary = Vocabulary(sentencepiece_model(), steps, convention=convention)
    ids, spans = vocabulary.encode_offsets(text)
    assert ids == vocabulary.encode(text) == vocabulary.encode_batch([text])[0]
    _check_spans(spans, text)

    def spelled(part: str) -> str:
        return vocabulary._processor.normalize(vocabulary._normalise(part)).replace("▁", "")

    covered = np.zeros(len(text), bool)
    for piece, (begin, end) in zip(ids, spans.tolist(), strict=True):
        covered[begin:end] = True
        if piece != vocabulary.unk_id:
            assert vocabulary.pieces[piece].replace("▁", "") in spelled(text[begin:end])
    assert covered[[place for place, c in enumerate(text) if spelled(c)]].all()


@given(TEXT)
def test_offsets_of_a_tokenizer_json(text):
    pytest.importorskip("tokenizers")
    vocabulary = _tokenizer_json()
    ids, spans = vocabulary.encode_offsets(text)
    assert ids == vocabulary.encode(text)
    _check_spans(spans, text)


def _check_spans(spans: np.ndarray, text: str):
    assert spans.dtype == np.int32 and spans.shape[1:] == (2,)
    begin, end = spans.T
    assert (begin <= end).all() and (np.diff(begin) >= 0).all()
    assert (np.diff(end[end > begin]) >= 0).all()  # a lone space is empty
    assert not len(spans) or (begin[0] >= 0 and end[-1] <= len(text))


def _tokenizer_json() -> TokenizerJson:
    folder = epath.Path(FOLDER.name) / "vocabulary"
    if not folder.exists():
        folder.mkdir()
        tokenizer.write(folder, Vocabulary(sentencepiece_model(), Normalisation()), 512)
    return TokenizerJson((folder / "tokenizer.json").read_text())


def write(name: str, data: bytes) -> epath.Path:
    path = epath.Path(FOLDER.name) / name
    path.write_bytes(data)
    return path


def bodies(path: epath.Path, holds_many: bool = True) -> list[str]:
    told: list[int] = []
    found = [text.body for text in files.read(path, holds_many, "text", told.append)]
    assert sum(told) == path.stat().length
    return found


@given(TEXT, st.booleans())
def test_a_text_file_loses_only_spaces_and_byte_order_marks(text, holds_many):
    found = "".join(bodies(write("x.txt", text.encode()), holds_many))
    assert visible(found).replace("\ufeff", "") == visible(text).replace("\ufeff", "")


@given(st.lists(HALVES, max_size=5))
def test_jsonl_gives_back_the_texts(texts):
    lines = [json.dumps({"text": text, "other": [None]}) for text in texts]
    found = bodies(write("x.jsonl", "\n".join(lines).encode()))
    read = [printable(json.loads(json.dumps(text))) for text in texts]  # joins two halves
    marked = [text.removeprefix("\ufeff") for text in read]
    assert found == [text for text in marked if text and not text.isspace()]


ROWS = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(TEXT, min_size=width, max_size=width), min_size=1, max_size=4)
)


def rows(data: bytes, kind: str, columns: list[str]) -> list[dict]:
    return [record.values for record in source.rows(io.BytesIO(data), kind, "x", columns)]


@given(ROWS)
def test_csv_gives_back_the_cells(cells):
    assume(not cells[0][0].startswith("\ufeff"))  # of the file's first cell it is a mark
    columns, file = [str(i) for i in range(len(cells[0]))], io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows(cells)
    found = rows(file.getvalue().encode(), ".csv", columns)
    assert [list(row.values()) for row in found] == cells


@given(ROWS)
def test_tsv_gives_back_the_cells(cells):
    clean = [[c.translate(dict.fromkeys(map(ord, "\t\r\n"), " ")) for c in row] for row in cells]
    assume(not clean[0][0].startswith("\ufeff"))
    columns = [str(i) for i in range(len(cells[0]))]
    data = "".join("\t".join(row) + "\n" for row in clean).encode()
    assert [list(row.values()) for row in rows(data, ".tsv", columns)] == clean


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(TEXT, JSON, max_size=4), max_size=4))
def test_jsonl_gives_back_the_objects(objects):
    for in_ascii in (True, False):
        data = "\n".join(json.dumps(one, ensure_ascii=in_ascii) for one in objects)
        assert rows(data.encode(), ".jsonl", []) == objects


@st.composite
def paragraphs(draw) -> dict:
    """A paragraph of SQuAD, and questions whose answers stand in it."""
    context = draw(TEXT.filter(visible))
    asked = []
    for number in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(context) - 1))
        text = context[start : draw(st.integers(start + 1, len(context)))]
        answers = [{"text": text, "answer_start": start}] if draw(st.booleans()) else []
        asked.append({"id": f"{number}", "question": draw(TEXT), "answers": answers})
    return {"context": context, "qas": asked}


@given(paragraphs())
def test_squad_gives_back_questions_and_places(paragraph):
    path = write("train.json", json.dumps({"data": [{"paragraphs": [paragraph]}]}).encode())
    found = squad_files.read(str(path), "train", 2)
    assert [(q.id, q.question, q.context) for q in found] == [
        (asked["id"], asked["question"], paragraph["context"]) for asked in paragraph["qas"]
    ]
    for asked, question in zip(paragraph["qas"], found, strict=True):
        for answer, gold in zip(asked["answers"], question.golds, strict=True):
            assert question.context[gold.start : gold.end] == gold.text == answer["text"]
            assert gold.start == answer["answer_start"]
