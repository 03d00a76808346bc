"""Files of words and tags."""

from pathlib import Path

import pytest
from etils import epath
from seqeval.metrics.sequence_labeling import get_entities

from albert_jax.errors import UserError
from albert_jax.tasks import conll

SHARED = Path(__file__).parents[2] / "shared/data/ner/wnut17"
CONLL2003 = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O
German JJ I-NP I-MISC
. . O O

Peter NNP I-NP I-PER
Blackburn NNP I-NP I-PER

"""


def read(tmp_path, text):
    path = tmp_path / "train.conll"
    path.write_bytes(text.encode())
    return conll.read(path)


def test_four_columns_of_conll2003(tmp_path):
    first, second = read(tmp_path, CONLL2003)
    assert first.text == "EU rejects German ."
    assert first.words == ["EU", "rejects", "German", "."]
    assert first.tags == ("I-ORG", "O", "I-MISC", "O")
    assert second == conll.sentence(["Peter", "Blackburn"], ["I-PER", "I-PER"])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("blank", ["", "\t", "  "])
def test_tabs_and_ends_of_lines(tmp_path, end, blank):
    lines = ["@ann\tB-person", "'s\tO", blank, blank, "so\u2028far\tO"]
    first, second = read(tmp_path, "\ufeff" + end.join(lines))
    assert (first.words, first.tags) == (["@ann", "'s"], ("B-person", "O"))
    assert second.words == ["so\u2028far"]


def test_words_that_look_like_nothing_are_words(tmp_path):
    (sentence,) = read(tmp_path, "a\tO\n\u00a0\tO\n\u200b\tB-x\n-\tO\n#\tO\n")
    assert sentence.words == ["a", "\u00a0", "\u200b", "-", "#"]


def test_words_alone(tmp_path):
    first, second = read(tmp_path, "EU\nrejects\n\n.\n")
    assert (first.words, first.tags, second.tags) == (["EU", "rejects"], None, None)


def test_of_several_tags_the_first_counts_and_that_is_said(tmp_path, caplog):
    (sentence,) = read(tmp_path, "a\tB-person,B-group\nb\tI-person\n")
    assert sentence.tags == ("B-person", "I-person")
    assert "1 words have several tags; the first counts" in caplog.text


@pytest.mark.parametrize(
    "text, reason",
    [
        ("a\tO\nb\n", ":2: 'b' has no tag; a line holds a word and its tag"),
        ("a\tO\n\nb\n\n", ":3: 'b' has no tag"),
        ("a O\n\tO\n", ":2: no word before the tag"),
        ("a PER\n", ":1: the tag 'PER' is not O, nor B, I, E or S with a dash and a type"),
        ("a\tB-x,NO\n", ":1: the tag 'B-x,NO' is not O"),
        ("a\t\n", ":1: the tag '' is not O"),
        ("a B-\n", ":1: the tag 'B-' is not O"),
        ("\n\n", ": no words in it"),
        ("", ": no words in it"),
    ],
)
def test_a_malformed_file_is_named(tmp_path, text, reason):
    with pytest.raises(UserError, match=f"train.conll{reason}"):
        read(tmp_path, text)


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "train.conll").write_bytes(b"caf\xe9 O\n")
    with pytest.raises(UserError, match=r"train.conll:1: not UTF-8 at byte 3; convert it"):
        conll.read(tmp_path / "train.conll")


@pytest.mark.parametrize(
    "tags, repaired",
    [
        ("O I-PER I-PER O I-LOC", "O B-PER I-PER O B-LOC"),
        ("B-PER I-LOC", "B-PER B-LOC"),
        ("I-PER B-PER I-PER", "B-PER B-PER I-PER"),
        ("S-PER B-LOC I-LOC E-LOC O", "B-PER B-LOC I-LOC I-LOC O"),
        ("O", "O"),
        ("", ""),
    ],
)
def test_tags_in_b_and_i(tags, repaired):
    assert conll.bio(tags.split()) == repaired.split()
    assert get_entities(conll.bio(tags.split())) == get_entities(tags.split())


def test_predictions_stand_behind_the_tags(tmp_path):
    tagged, bare = conll.sentence(["EU", "is"], ["I-ORG", "O"]), conll.sentence(["EU", "is"])
    conll.write(tmp_path / "a", [tagged, tagged], [["B-ORG", "O"], ["O", "O"]])
    assert (tmp_path / "a").read_text() == "EU I-ORG B-ORG\nis O O\n\nEU I-ORG O\nis O O\n\n"
    conll.write(tmp_path / "b", [bare], [["B-ORG", "O"]])
    assert (tmp_path / "b").read_text() == "EU B-ORG\nis O\n\n"
    conll.write(tmp_path / "c", [conll.sentence(["New York"], ["O"])], [["B-LOC"]])
    assert (tmp_path / "c").read_text() == "New York\tO\tB-LOC\n\n"


@pytest.mark.parametrize(
    "name, split",
    [
        *(("train.conll", "train"), ("dev.txt", "dev"), ("valid.txt", "dev")),
        *(("eng.testb", "test"), ("emerging.test.annotated", "test")),
    ],
)
def test_files_by_their_official_names(tmp_path, name, split):
    (tmp_path / name).touch()
    assert conll.find(str(tmp_path), split) == tmp_path / name


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no dev file there, such as dev.conll or dev.txt; set ta"):
        conll.find(str(tmp_path), "dev")


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """A TFDS dataset with the features of its conll2003, under whatever name it is asked for."""
    import tensorflow_datasets as tfds

    class Tiny(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            types = tfds.features.ClassLabel(names=["O", "B-PER", "I-PER"])
            features = {
                "tokens": tfds.features.Sequence(tfds.features.Text()),
                "ner": tfds.features.Sequence(types),
            }
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            return {"dev": self._generate_examples()}

        def _generate_examples(self):
            yield 0, {"tokens": ["Zoë", "Ann", "is"], "ner": ["B-PER", "I-PER", "O"]}

    builder = Tiny(data_dir=str(tmp_path), file_format="array_record")
    builder.download_and_prepare()
    monkeypatch.setattr(tfds, "builder", lambda name: builder)


def test_a_tfds_dataset(dataset):
    (sentence,) = conll.from_tfds("conll2003", "dev")
    assert sentence == conll.sentence(["Zoë", "Ann", "is"], ["B-PER", "I-PER", "O"])
    with pytest.raises(UserError, match="tfds:conll2003, split train: cannot be read"):
        conll.from_tfds("conll2003", "train")


def test_a_tfds_dataset_of_something_else(monkeypatch):
    monkeypatch.setattr(conll.source, "from_tfds", lambda *_: [({"text": "a"}, "tfds:x")])
    with pytest.raises(UserError, match="tfds:x: no tokens and ner, but text"):
        conll.from_tfds("x", "train")


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared")
def test_wnut17():
    sentences = {split: conll.read(conll.find(str(SHARED), split)) for split in conll.FILES}
    assert {split: len(found) for split, found in sentences.items()} == {
        "train": 3394,
        "dev": 1009,
        "test": 1287,
    }
    assert sum(len(sentence.words) for sentence in sentences["train"]) == 62_730


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    (tmp_path / "train.txt").mkdir()
    with pytest.raises(UserError, match=r"train.txt: cannot be read \(Is a directory\); check the"):
        conll.read(epath.Path(tmp_path / "train.txt"))
