"""Our own export: config.json, model.safetensors and the vocabulary. No optimizer, no run around it."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from etils import epath

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.interop import weights
from albert_jax.interop.names import check_head, check_params, flat, nested
from albert_jax.interop.pretrained import HEADS, Pretrained
from albert_jax.interop.settings import Settings
from albert_jax.model.config import AlbertConfig
from albert_jax.training.config import build
from albert_jax.training.workdir import replace

FORMAT = "albert-jax 1"
WEIGHTS, SENTENCEPIECE, JSON = "model.safetensors", "vocabulary.model", "tokenizer.json"


def read(folder: epath.Path, convention: str) -> Pretrained:
    """A folder that `write` made.

    Raises:
      UserError: a file is missing or damaged; the line names it.
    """
    said = Settings(folder / "config.json")
    if said.field("format") != FORMAT:
        raise UserError(
            f"{said.path} is of format {said.field('format')!r}, which is not {FORMAT!r}; export it "
            "again, or read it with the version that wrote it"
        )
    config = build(AlbertConfig, said.field("model"), "model")
    tensors = weights.read_safetensors(folder / WEIGHTS)
    check_params(tensors, config, str(folder / WEIGHTS))
    vocabulary = read_vocabulary(folder, said.field("normalisation"), convention)
    head, labels = said.field("head"), tuple(map(str, said.typed("labels", list)))
    if head not in HEADS:
        raise UserError(f"{said.path}: head is {head!r}; it must be one of {', '.join(HEADS)}")
    params = nested(tensors)
    check_head(params, head, config, str(folder / WEIGHTS))
    origin, task = said.typed("origin", dict), said.typed("task", dict)
    return Pretrained(config, params, vocabulary, head, labels, origin, task)


def write(model: Pretrained, folder: epath.Path):
    """The three files; every parameter under its own name, such as albert/pooler/bias."""
    tensors = {name: np.ascontiguousarray(value) for name, value in flat(model.params).items()}
    weights.write(folder / WEIGHTS, tensors, {"format": FORMAT})
    write_vocabulary(folder, model.vocabulary)
    description = {
        "format": FORMAT,
        "model": dataclasses.asdict(model.config),
        "normalisation": normalisation(model.vocabulary),
        "head": model.head,
        "labels": model.labels,
        "task": model.task,
        "origin": model.origin,
    }
    (folder / "config.json").write_text(json.dumps(description, indent=2) + "\n")


def read_vocabulary(
    folder: epath.Path, steps: Mapping[str, Any], convention: str
) -> Vocabulary | TokenizerJson:
    """What `write_vocabulary` wrote; `steps` is what `normalisation` said of it."""
    normalisation = build(Normalisation, steps, "normalisation")
    if (folder / JSON).exists():
        return TokenizerJson((folder / JSON).read_text(), str(folder / JSON))
    return Vocabulary.load(folder / SENTENCEPIECE, normalisation, convention)


def write_vocabulary(folder: epath.Path, vocabulary: Vocabulary | TokenizerJson):
    """Writes the file of a vocabulary; one that is there stays until this is whole."""
    name, content = _file(vocabulary)
    replace(folder / name, content)


def check_vocabulary(folder: epath.Path, vocabulary: Vocabulary | TokenizerJson, given: str):
    """Raises UserError: the vocabulary in `folder` is not that of the checkpoint `given`."""
    name, content = _file(vocabulary)
    if not (folder / name).exists() or (folder / name).read_bytes() != content:
        raise UserError(
            f"{folder} holds a run with another vocabulary than that of {given}; "
            "give the checkpoint that it began from, or another --workdir"
        )


def _file(vocabulary: Vocabulary | TokenizerJson) -> tuple[str, bytes]:
    """The name and the content of a vocabulary's file."""
    if isinstance(vocabulary, TokenizerJson):
        return JSON, vocabulary.json.encode()
    return SENTENCEPIECE, vocabulary.model


def normalisation(vocabulary: Vocabulary | TokenizerJson) -> dict[str, Any]:
    """What is done to a text first, for a config file; a tokenizer.json has that in itself."""
    steps = Normalisation() if isinstance(vocabulary, TokenizerJson) else vocabulary.normalisation
    return dataclasses.asdict(steps)
