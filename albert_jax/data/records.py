"""The prepared dataset: tokenised documents as a TFDS dataset in ArrayRecord files.

The folder of a prepared dataset holds both splits ("train", "held_out"), TFDS's description of
them, `vocabulary.model`, `statistics.json`, `counts.npy` and `prepared.json` with the settings. It
appears by one rename when all of it is written. This file reads the dataset and knows what belongs
to it; `data.builder` writes it.
"""

import contextlib
import dataclasses
import functools
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from etils import epath

from albert_jax.data import features, text
from albert_jax.data.config import CorpusConfig
from albert_jax.data.documents import Document
from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError

SPLITS = ("train", "held_out")
PREPARED = "prepared.json"
VOCABULARY, STATISTICS = "vocabulary.model", "statistics.json"
_REMEDY = "remove the folder and run `albert-jax prepare` again"


class Records:
    """The documents of a split, by index; opened when first read, so it travels lightly.

    Args:
      folder: of the prepared dataset.
      split: "train" or "held_out".

    Raises:
      UserError: there is no prepared dataset in the folder.
    """

    def __init__(self, folder: epath.PathLike, split: str):
        if split not in SPLITS:
            raise ValueError(f"split {split!r} is none of {SPLITS}")
        self.folder, self.split = str(folder), split
        self._length = read_prepared(folder)["documents"][split]
        self._source: Any = None  # of TFDS

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Document:
        """The document at `index`, 0 <= index < len; UserError if its record is damaged."""
        if not 0 <= index < len(self):
            raise IndexError(f"{self!r} has {len(self)} documents, not {index + 1}")
        source = self._opened()
        try:
            return _document(source[index])
        except Exception as error:  # whatever the storage and the decoder raise on damaged bytes
            raise self._damaged(index) from error

    def __getitems__(self, indices: Sequence[int]) -> list[Document]:
        """Many documents at once: ArrayRecord takes as long for a single record as for dozens."""
        source = self._opened()
        try:
            return [_document(example) for example in source.__getitems__(indices)]
        except Exception:  # one of them is damaged: which?
            return [self[index] for index in indices]

    @functools.cached_property
    def mean_length(self) -> float:
        """Tokens a document, of both splits together."""
        statistics = load_statistics(self.folder)
        return statistics["tokens"] / sum(statistics["documents"].values())

    def _opened(self):
        if self._source is None:
            self._source = self._open()
        return self._source

    def _open(self):
        with _damage_is_told(epath.Path(self.folder) / "dataset_info.json"):
            source = tfds_builder(self.folder).as_data_source(self.split)
            if len(source) != len(self):
                raise ValueError(f"{len(source)} documents, {len(self)} in {PREPARED}")
        return source

    def _damaged(self, index: int) -> UserError:
        return UserError(
            f"{self.folder}: record {index} of split {self.split!r} is damaged or missing"
            f"{self._file(index)}; {_REMEDY}"
        )

    def _file(self, index: int) -> str:
        """The file that holds a record."""
        splits = tfds_builder(self.folder).info.splits
        files = splits[f"{self.split}[{index}:{index + 1}]"].filenames
        return f" (in {', '.join(files)})"

    def __repr__(self) -> str:
        return f"Records({self.folder!r}, {self.split!r})"


def _document(example: dict[str, np.ndarray]) -> Document:
    """What TFDS decoded, as a document; ValueError if it does not hold together."""
    document = Document(*(example[name].astype(np.int32) for name in Document._fields))
    if document.sentence_lengths.sum() != len(document.tokens):
        raise ValueError("sentences do not add up")
    return document


def tfds_builder(folder: epath.PathLike):
    """TFDS's view of a prepared dataset; imported late, because it takes most of a second."""
    features.check(folder)
    import tensorflow_datasets as tfds

    return tfds.builder_from_directory(folder)


def read_prepared(folder: epath.PathLike) -> dict:
    """`prepared.json`: {"settings": ..., "documents": {split: count}, ...}, as `save_prepared` says."""
    path = epath.Path(folder) / PREPARED
    if not path.exists():
        raise UserError(f"{folder}: no prepared dataset there; run `albert-jax prepare` first")
    with _damage_is_told(path):
        prepared = json.loads(path.read_text())
        _normalisation(prepared)
        if not all(isinstance(prepared["documents"][split], int) for split in SPLITS):
            raise ValueError("documents are not counted")
    return prepared


def load_statistics(folder: epath.PathLike) -> dict:
    """`statistics.json`, as `data.statistics.page` prints it."""
    prepared, path = read_prepared(folder), epath.Path(folder) / STATISTICS
    with _damage_is_told(path):
        return json.loads(_verified(path, prepared))


def load_vocabulary(folder: epath.PathLike) -> Vocabulary:
    """The vocabulary a dataset was prepared with, and its normalisation."""
    prepared, path = read_prepared(folder), epath.Path(folder) / VOCABULARY
    with _damage_is_told(path):
        return Vocabulary(_verified(path, prepared), _normalisation(prepared), str(path))


def _verified(path: epath.Path, prepared: dict) -> bytes:
    """The content of a file that `prepared.json` has a checksum of, unless it is of an earlier version."""
    content = path.read_bytes()
    checksums = prepared.get("checksums") or {path.name: zlib.crc32(content)}
    if checksums[path.name] != zlib.crc32(content):
        raise ValueError("it is not as it was written")
    return content


def _normalisation(prepared: dict) -> Normalisation:
    fields = [field.name for field in dataclasses.fields(Normalisation)]
    return Normalisation(**{name: prepared["settings"][name] for name in fields})


@contextlib.contextmanager
def _damage_is_told(path: epath.Path) -> Iterator[None]:
    """Turns what is raised on a file that is missing, cut off or changed into UserError."""
    try:
        yield
    except Exception as error:  # JSON, TFDS, protobuf and SentencePiece have each their own
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"{path} cannot be read ({lines[0][:120]}); {_REMEDY}") from error


def settings(corpus: CorpusConfig, vocab_size: int) -> dict:
    """What decides the content of a prepared dataset."""
    chosen = dataclasses.asdict(corpus)
    return {k: v for k, v in chosen.items() if k not in ("records", "workers")} | {
        "vocab_size": vocab_size
    }


def is_prepared(corpus: CorpusConfig, vocab_size: int) -> bool:
    """Whether the dataset is there already, with these settings and of this text.

    Raises:
      UserError: it is there with other settings or of other text, or the folder holds something else.
    """
    folder = epath.Path(corpus.records)
    if not (folder / PREPARED).exists():
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"{folder}: holds something else than a prepared dataset; move it away")
        return False
    prepared, wanted = read_prepared(folder), settings(corpus, vocab_size)
    there = prepared["settings"]
    differences = [
        f"{k}={there.get(k)!r}, now {v!r}" for k, v in wanted.items() if there.get(k) != v
    ]
    if differences:
        raise UserError(
            f"{folder}: was prepared with {'; '.join(differences)}; "
            "choose another corpus.records or remove the folder"
        )
    found = text.fingerprint(corpus.source)
    if found and prepared.get("text") not in (None, found):
        raise UserError(
            f"{corpus.source}: the text has changed since {folder} was prepared from it; "
            "choose another corpus.records or remove the folder"
        )
    return True


def save_prepared(
    folder: epath.Path, corpus: CorpusConfig, vocabulary: Vocabulary, documents: dict[str, int]
) -> None:
    """Writes the vocabulary and `prepared.json` into the folder of a dataset, after its statistics.

    The latter holds the settings and the documents of each split; and, which datasets of earlier
    versions lack, the fingerprint of the text and the checksums of the small files.
    """
    (folder / VOCABULARY).write_bytes(vocabulary.model)
    prepared = {
        "settings": settings(corpus, vocabulary.size),
        "documents": documents,
        "text": text.fingerprint(corpus.source),
        "checksums": {
            name: zlib.crc32((folder / name).read_bytes()) for name in (VOCABULARY, STATISTICS)
        },
    }
    (folder / PREPARED).write_text(json.dumps(prepared, indent=2) + "\n")
