"""Writes the prepared dataset: a TFDS builder whose folder appears whole or not at all.

Shards are written here and not by TFDS's own writer: that one goes over the text once for each
split, shuffles by way of the disk (training shuffles anyway) and beyond a gigabyte wants
TensorFlow for it. Tokens are stored as the bytes of uint16, or uint32 for large vocabularies.
"""

import contextlib
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter
from etils import epath

from albert_jax.data import records
from albert_jax.data.config import CorpusConfig
from albert_jax.data.documents import Document
from albert_jax.data.statistics import Statistics
from albert_jax.data.tokenisation import Tokenised
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError

_SHARD_BYTES = 1 << 29  # of the source, for each shard


def write(
    tokenised: Iterable[Tokenised],
    corpus: CorpusConfig,
    vocabulary: Vocabulary,
    source_bytes: int | None = None,
) -> None:
    """Writes the dataset into `corpus.records`; a failure or a kill leaves nothing there.

    Args:
      tokenised: the documents; a draw below `corpus.held_out` goes to the held-out split.
      corpus: settings, recorded in `prepared.json`.
      vocabulary: recorded as `vocabulary.model`.
      source_bytes: from which the number of shards follows, unless `corpus.shards` gives it.

    Raises:
      UserError: one of the splits would be empty, or there are fewer documents than shards.
    """
    shards = corpus.shards or 1 + (source_bytes or 0) // _SHARD_BYTES
    build(LocalBuilder(corpus, vocabulary, tokenised, shards))


def build(builder: "CorpusBuilder", config: tfds.download.DownloadConfig | None = None) -> None:
    """Runs a builder, clearing away what an interrupted run left and TFDS's empty downloads."""
    folder = builder.data_path
    remove_leftovers(folder)
    if folder.exists():
        folder.rmdir()  # empty, or `records.is_prepared` would have complained
    downloads = folder.parent / f"incomplete.NOTHING_{folder.name}"
    try:
        builder.download_and_prepare(download_dir=downloads, download_config=config)
    finally:
        remove_leftovers(folder)


def remove_leftovers(folder: epath.Path) -> None:
    """Removes the unfinished datasets, which TFDS writes beside the folder and then renames."""
    if folder.parent.exists():
        for leftover in folder.parent.glob(f"incomplete.*_{folder.name}"):
            leftover.rmtree()


class CorpusBuilder(  # type: ignore[call-arg]  # TFDS loads late, and hides its bases
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """Tokenised documents, each with its sentence lengths, in two splits.

    TFDS wants the name, and not to be registered, said again by each subclass.
    """

    name = "corpus"
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, corpus: CorpusConfig, vocabulary: Vocabulary):
        self._corpus, self._vocabulary = corpus, vocabulary
        super().__init__(data_dir=corpus.records, file_format="array_record")

    def _build_data_dir(self, given_data_dir: str) -> tuple[str, str]:
        """The dataset lies in the folder itself, not in name/version below it."""
        folder = epath.Path(given_data_dir)
        return str(folder.parent), str(folder)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(builder=self, features=features(self._vocabulary.size))

    def _split_generators(self, dl_manager):
        raise NotImplementedError("see the subclasses")

    def _generate_examples(self):
        raise NotImplementedError("see the subclasses")

    def _log_download_bytes(self) -> None:
        """Nothing is downloaded; TFDS would print that it is."""

    def _log_download_done(self) -> None:
        """The commands print what was prepared."""


class LocalBuilder(CorpusBuilder, skip_registration=True):  # type: ignore[call-arg]  # as above
    """Writes both splits in one pass over the documents."""

    name = "corpus"

    def __init__(
        self,
        corpus: CorpusConfig,
        vocabulary: Vocabulary,
        tokenised: Iterable[Tokenised],
        shards: int,
    ):
        self._tokenised, self._shards = tokenised, shards
        super().__init__(corpus, vocabulary)

    def _download_and_prepare(self, dl_manager, download_config) -> None:
        """Called by TFDS with a temporary folder in place of the real one."""
        statistics = Statistics(self._vocabulary)
        with contextlib.ExitStack() as stack:
            splits = {
                "train": _Split(self, "train", self._shards, stack),
                "held_out": _Split(self, "held_out", 1, stack),
            }
            lowest = self._share_out(splits, statistics)
        _check_splits(splits, self._corpus, lowest)
        infos = [split.info() for split in splits.values()]
        self.info.set_splits(tfds.core.splits.SplitDict(infos))
        documents = {name: split.documents for name, split in splits.items()}
        statistics.save(self.data_path)
        records.save_prepared(self.data_path, self._corpus, self._vocabulary, documents)

    def _share_out(self, splits: dict[str, "_Split"], statistics: Statistics) -> float:
        """Writes each document to its split; returns the lowest draw."""
        lowest = 1.0
        for document, draw in self._tokenised:
            name = split_of(draw, self._corpus)
            splits[name].write(document)
            statistics.add(document, name)
            lowest = min(lowest, draw)
        return lowest


def split_of(draw: float, corpus: CorpusConfig) -> str:
    """The split of a document with this draw."""
    return "held_out" if draw < corpus.held_out else "train"


def features(vocab_size: int) -> tfds.features.FeaturesDict:
    """How TFDS stores a `Document`: two arrays as bytes."""
    types = {"tokens": _token_type(vocab_size), "sentence_lengths": np.uint32}
    return tfds.features.FeaturesDict(
        {
            name: tfds.features.Tensor(shape=(None,), dtype=dtype, encoding="bytes")
            for name, dtype in types.items()
        }
    )


def example(document: Document, vocab_size: int) -> dict[str, np.ndarray]:
    """The document in the types in which it is stored."""
    return {
        "tokens": document.tokens.astype(_token_type(vocab_size)),
        "sentence_lengths": document.sentence_lengths.astype(np.uint32),
    }


def _token_type(vocab_size: int) -> type:
    return np.uint16 if vocab_size <= 1 << 16 else np.uint32


class _Split:
    """The files of one split; documents are dealt to them in turn."""

    def __init__(self, builder: LocalBuilder, name: str, shards: int, stack: contextlib.ExitStack):
        self.name, self.documents = name, 0
        self._features = builder.info.features
        self._vocab_size = builder._vocabulary.size
        self._template = builder._get_filename_template(name)
        self.paths = [
            self._template.sharded_filepath(shard_index=i, num_shards=shards) for i in range(shards)
        ]
        self._writers = [ArrayRecordWriter(str(path), "group_size:1") for path in self.paths]
        for writer, path in zip(self._writers, self.paths, strict=True):
            stack.callback(_write, path, writer.close)

    def write(self, document: Document) -> None:
        record = self._features.serialize_example(example(document, self._vocab_size))
        shard = self.documents % len(self._writers)
        _write(self.paths[shard], self._writers[shard].write, record)
        self.documents += 1

    def info(self) -> tfds.core.SplitInfo:
        """What TFDS writes down about the finished split."""
        shards = len(self.paths)
        return tfds.core.SplitInfo(
            name=self.name,
            shard_lengths=[len(range(i, self.documents, shards)) for i in range(shards)],
            num_bytes=sum(path.stat().length for path in self.paths),
            filename_template=self._template,
        )


def _write(path: epath.Path, write: Callable, *arguments) -> None:
    """Calls a writer of records, which says with a RuntimeError that a disk is full."""
    try:
        write(*arguments)
    except RuntimeError as error:
        reason = str(error).partition(";")[0]
        raise UserError(f"{path}: {reason}; check the space on its disk and run again") from error


def _check_splits(splits: dict[str, _Split], corpus: CorpusConfig, lowest: float) -> None:
    train, held_out = splits["train"], splits["held_out"]
    documents = train.documents + held_out.documents
    if documents < 2:
        raise UserError(
            f"{corpus.source}: {documents} document in it, and one is to be held out; in a single "
            "text file blank lines separate documents, in a folder each file is one"
        )
    if not held_out.documents:
        raise UserError(
            f"corpus.held_out={corpus.held_out}: none of the {documents} documents of "
            f"{corpus.source} falls to it; {lowest + 0.001:.3f} takes one"
        )
    if train.documents < len(train.paths):
        raise UserError(
            f"{corpus.source}: {train.documents} documents to train on do not fill "
            f"{len(train.paths)} shards; lower corpus.shards or corpus.held_out"
        )
