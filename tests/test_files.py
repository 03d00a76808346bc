import bz2
import gzip
import json
import tracemalloc

import pytest

from albert_jax.data import files, text
from albert_jax.errors import UserError


def bodies(source, field="text"):
    return [document.body for document in text.documents(str(source), field)]


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


def test_a_large_file_streams(tmp_path):
    with gzip.open(tmp_path / "x.jsonl.gz", "wt", compresslevel=1) as file:
        for i in range(50_000):
            file.write(f'{{"text": "A sentence with number {i * i * i} in it."}}\n')
    told = []
    stream = text.documents(str(tmp_path / "x.jsonl.gz"), advance=told.append)
    next(stream)
    assert sum(told) < text.size(str(tmp_path / "x.jsonl.gz"))


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
        (
            "x.txt.gz",
            gzip.compress(b"word " * 999, mtime=0)[:-20],
            r"x\.txt\.gz: damaged or cut short",
        ),
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


def test_a_file_that_cannot_be_opened(tmp_path):
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    with pytest.raises(UserError, match=r"gone\.txt: cannot be read \(No such file"):
        list(files.read(tmp_path / "gone.txt", True, "text", lambda size: None))
