"""What reads input, as functions of bytes: each may raise UserError, and nothing else.

A first byte chooses the file's kind, or whether the rest is the file or changes a valid one. Random bytes
seldom pass a checksum or a parser of JSON; changes in the content behind them do.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterable
from typing import NamedTuple

import atheris
import numpy as np
from etils import epath

from albert_jax.data import files, normalisation, sentences, tokenisation, wikitext
from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.interop import bundle, huggingface, native, settings, sstable, tokenizer, weights
from albert_jax.interop.protobuf import encode
from albert_jax.tasks import conll, race, source, squad_files
from experiments.fuzz import seeds
from experiments.fuzz.seeds import read_or_changed, whole_and_changed

FOLDER = epath.Path(tempfile.mkdtemp(prefix="albert-jax-fuzz-"))
STEPS = normalisation.Normalisation()
ENDINGS = (".txt", ".jsonl", ".txt.gz", ".jsonl.bz2")


class Target(NamedTuple):
    """A reader, and small inputs to begin with."""

    run: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]


def text(data: bytes):
    """A text file as far as the tokeniser: documents, paragraphs, sentences, normalised."""
    path = _file(f"x{ENDINGS[data[0] % 4]}", data[1:])
    for document in files.read(path, bool(data[0] & 4), "text", lambda size: None):
        tokenisation.draw(document, 0)
        for paragraph in document.paragraphs():
            for sentence in sentences.split(paragraph):
                normalisation.trace(sentence, STEPS)


def dump(data: bytes):
    """A Wikipedia dump, from its XML to the paragraphs of its articles."""
    for document in files.read(_file("x.xml", data), True, "text", lambda size: None):
        document.paragraphs()


def markup(data: bytes):
    """The wikitext of one article."""
    wikitext.plain(data.decode(errors="replace"))


def table(data: bytes):
    """TSV, CSV or JSONL of a task, and lines of words and tags."""
    kind, data = data[0] % 4, data[1:]
    if kind == 3:
        conll.read(_file("x.conll", data))
        return
    for record in source.rows(data.splitlines(keepends=True), source.KINDS[kind], "x"):
        for column in record.values:
            with contextlib.suppress(UserError):
                source.text(record, column).encode()


def squad(data: bytes):
    """A file of SQuAD 2.0."""
    path = _file("x-train.json", read_or_changed(data, seeds.SQUAD))
    for question in squad_files.read(str(path), "train", 2):
        question.context.encode()


def passages(data: bytes):
    """A file of RACE."""
    (FOLDER / "train" / "high").mkdir(parents=True, exist_ok=True)
    _file("train/high/1.txt", read_or_changed(data, seeds.RACE))
    list(race.read(str(FOLDER), "train"))


def tensors(data: bytes):
    """safetensors, whole or with another header; an index of shards; msgpack of Flax."""
    kind, data = data[0] % 4, data[1:]
    if kind == 0:
        weights.read_safetensors(_file("x.safetensors", data))
    elif kind == 1:
        header = read_or_changed(data, seeds.HEADER)
        content = len(header).to_bytes(8, "little") + header + bytes(24)
        weights.read_safetensors(_file("x.safetensors", content))
    elif kind == 2:
        (FOLDER / "shards").mkdir(exist_ok=True)
        _file(f"shards/{weights.INDEX}", read_or_changed(data, seeds.SHARDS))
        weights.read(FOLDER / "shards")
    else:
        weights.read_flax(_file("x.msgpack", data))


def checkpoint(data: bytes):
    """A TF1 checkpoint: its index as bytes, or as entries. Every checksum is 0, so that changes pass."""
    sstable.masked_crc = lambda data: 0
    kind, data = data[0] % 2, data[1:]
    _file("x.index", sstable.write(_entries(data)) if kind else data)
    _file("x.data-00000-of-00001", bytes(64))
    opened = bundle.Bundle(FOLDER / "x")
    for name in opened.names:
        with contextlib.suppress(UserError):
            opened.read(name)


def tokenizer_json(data: bytes):
    """A tokenizer.json, and what it makes of a text."""
    (FOLDER / "json").mkdir(exist_ok=True)
    _file("json/tokenizer.json", read_or_changed(data, *seeds.tokenizers()))
    _encode(tokenizer.read(FOLDER / "json", "none"))


def pieces(data: bytes):
    """A SentencePiece model, and what it makes of a text."""
    _encode(Vocabulary(data, STEPS, "x"))


def config(data: bytes):
    """The config.json of a Hugging Face folder, of the original release and of our export."""
    kind, data = data[0] % 3, data[1:]
    if kind == 0:
        _file("config.json", read_or_changed(data, *seeds.HUGGINGFACE))
        huggingface.read(FOLDER, "none")
    elif kind == 1:
        settings.read_original(_file("x.json", read_or_changed(data, seeds.HUGGINGFACE[0])))
    else:
        (FOLDER / "native").mkdir(exist_ok=True)
        _file("native/config.json", read_or_changed(data, seeds.NATIVE))
        native.read(FOLDER / "native", "none")


def _encode(vocabulary: Vocabulary | TokenizerJson):
    ids, spans = vocabulary.encode_offsets("The Ca\u0301t, 1,000 \ufb01ne ... \U0001f600")
    assert len(ids) == len(spans)
    vocabulary.decode(ids)


def _entries(data: bytes) -> list[tuple[bytes, bytes]]:
    """A header and entries of any keys and values."""
    provider = atheris.FuzzedDataProvider(data)
    entries = [(b"", encode(bundle.SHARDS, 1))]
    while provider.remaining_bytes():
        size = provider.ConsumeIntInRange(0, 60)
        entries.append((provider.ConsumeBytes(4), provider.ConsumeBytes(size)))
    return entries


def _file(name: str, data: bytes) -> epath.Path:
    (FOLDER / name).write_bytes(data)
    return FOLDER / name


def _index() -> bytes:
    sstable.masked_crc = lambda data: 0
    bundle.write(FOLDER / "seed", {"a/b": np.zeros((2, 3), np.float32), "a/c": np.array(1)})
    return (FOLDER / "seed.index").read_bytes()


def _numbered(inputs: Iterable[bytes]) -> list[bytes]:
    """Each behind the byte that chooses its kind."""
    return [bytes([number]) + data for number, data in enumerate(inputs)]


def _tensors() -> list[bytes]:
    safe, packed = seeds.tensors()
    changes = [b"\1" + seed for seed in whole_and_changed(seeds.HEADER)]
    return [b"\0" + safe, b"\3" + packed, *changes] + [
        b"\2" + seed for seed in whole_and_changed(seeds.SHARDS)
    ]


def _configs() -> list[bytes]:
    foreign = whole_and_changed(*seeds.HUGGINGFACE)
    ours = [b"\2" + seed for seed in whole_and_changed(seeds.NATIVE)]
    return [bytes([kind]) + seed for kind in (0, 1) for seed in foreign] + ours


TARGETS = {
    "text": Target(text, lambda: _numbered(seeds.FILES * 2)),
    "dump": Target(dump, lambda: [seeds.PAGE]),
    "markup": Target(markup, lambda: [seeds.MARKUP]),
    "table": Target(table, lambda: _numbered(seeds.TABLES)),
    "squad": Target(squad, lambda: whole_and_changed(seeds.SQUAD)),
    "race": Target(passages, lambda: whole_and_changed(seeds.RACE)),
    "tensors": Target(tensors, _tensors),
    "checkpoint": Target(checkpoint, lambda: [b"\0" + _index(), b"\1" + bytes(range(60))]),
    "tokenizer": Target(tokenizer_json, lambda: whole_and_changed(*seeds.tokenizers())),
    "pieces": Target(pieces, lambda: [seeds.sentencepiece_model()]),
    "config": Target(config, _configs),
}
