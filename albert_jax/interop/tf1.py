"""The original release: albert_config.json, a SentencePiece model and a TF1 checkpoint, in and out.

A hub module keeps the same in assets/ and variables/, with "module/" before every name. The Chinese releases
have vocab_chinese.txt instead of SentencePiece. The original's normalisation is that of its flags; where a
vocabulary of ours has another, albert_config.json gets keys that the original code takes no notice of.
"""

import json

import numpy as np
from etils import epath

from albert_jax.data import files
from albert_jax.data.tokenizer_json import TokenizerJson, wordpiece
from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.errors import UserError
from albert_jax.interop import bundle, settings, tables, tokenizer
from albert_jax.interop.names import (
    Tensors,
    check_groups,
    check_head,
    from_params,
    groups,
    renamed,
    to_params,
)
from albert_jax.interop.pretrained import Pretrained
from albert_jax.model.config import AlbertConfig

CONFIG, CHECKPOINT, VOCABULARY = "albert_config.json", "model.ckpt-best", "30k-clean.model"
HUB = "module/"  # before every name of a hub module
OPTIMIZER = ("/adam_m", "/adam_v")  # of LAMB and of AdamW: <name>/adam_m
STEP = "global_step"
AS_WRITTEN = Normalisation(ascii_punctuation=False)  # the original leaves quotes and dashes alone


def config_path(folder: epath.Path) -> epath.Path | None:
    """Where the config of an original release is; None if the folder is none."""
    found = [path for path in (folder / CONFIG, folder / "assets" / CONFIG) if path.exists()]
    return found[0] if found else None


def has_checkpoint(folder: epath.Path) -> bool:
    """Whether there are weights of TF1; a folder of another format may have kept the config."""
    return bool(_like(folder, "*.index"))


def read(folder: epath.Path, convention: str) -> Pretrained:
    """A folder as released, or a hub module.

    Raises:
      UserError: a file is missing, damaged or of another model; the line names it.
    """
    path = config_path(folder)
    if path is None:
        raise UserError(f"{folder}: there is no {CONFIG} in it; name the folder of a release")
    config, checkpoint = settings.read_original(path), bundle.Bundle(_prefix(folder))
    check_groups(config, _group(config), "the original code")
    tensors = _parameters(checkpoint)
    params = to_params(tables.TF1, tensors, config, str(_prefix(folder)))
    head = _head(params)
    params = renamed(params, "span", "classifier")
    check_head(params, head, config, str(_prefix(folder)))
    vocabulary = _vocabulary(folder, path, convention)
    return Pretrained(config, params, vocabulary, head, (), {"source": folder.name})


def write(model: Pretrained, folder: epath.Path):
    """The files of a release: the original code reads them.

    Raises:
      UserError: the original code has no such model or vocabulary.
    """
    config = model.config
    if not isinstance(model.vocabulary, Vocabulary):
        raise UserError("the original code reads SentencePiece only; use --to=huggingface")
    if model.head == "token":
        raise UserError("the original code has no head for tokens; use --to=huggingface")
    description = settings.write_original(config)
    check_groups(config, _group(config), "the original code")
    params = model.params
    if model.head == "span":
        params = renamed(params, "classifier", "span")
    tensors = from_params(tables.TF1, params, config) | {STEP: np.array(0, np.int64)}
    if model.vocabulary.normalisation != AS_WRITTEN:
        description |= tokenizer.written_steps(model.vocabulary.normalisation)
    (folder / CONFIG).write_text(json.dumps(description, indent=2) + "\n")
    (folder / VOCABULARY).write_bytes(model.vocabulary.model)
    bundle.write(folder / CHECKPOINT, tensors)


def _vocabulary(
    folder: epath.Path, path: epath.Path, convention: str
) -> Vocabulary | TokenizerJson:
    """SentencePiece, with the normalisation that an export of ours notes; Chinese releases have WordPiece."""
    pieces = _like(folder, "vocab*.txt")
    if len(pieces) == 1 and not _like(folder, "*.model"):
        text = files.decode(pieces[0].read_bytes(), pieces[0])
        described = wordpiece(text, str(pieces[0]), lower=True, strip_accents=None, chinese=True)
        return TokenizerJson(described, str(pieces[0]))
    normalisation = tokenizer.normalisation(settings.Settings(path).values)
    return Vocabulary.load(_one(folder, "*.model"), normalisation, convention)


def _group(config: AlbertConfig):
    """The group that the original code runs in a layer."""
    layers, wanted = config.num_layers, groups(config)
    return lambda layer: int(layer / layers * wanted)


def _prefix(folder: epath.Path) -> epath.Path:
    index = _one(folder, "*.index")
    return index.parent / index.name.removesuffix(".index")


def _one(folder: epath.Path, pattern: str) -> epath.Path:
    """The only file like `pattern` in a release or a hub module."""
    found = _like(folder, pattern)
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise UserError(f"{folder}: one file like {pattern} is needed, there is {names}")
    return found[0]


def _like(folder: epath.Path, pattern: str) -> list[epath.Path]:
    places = (folder, folder / "variables", folder / "assets")
    return sorted(path for place in places if place.exists() for path in place.glob(pattern))


def _parameters(checkpoint: bundle.Bundle) -> Tensors:
    """Every tensor but the optimizer's and the step, under its name outside of a hub module."""
    names = [name for name in checkpoint.names if not name.endswith(OPTIMIZER)]
    in_hub = names and all(name.startswith(HUB) for name in names)
    plain = {name: name.removeprefix(HUB) if in_hub else name for name in names}
    return {short: checkpoint.read(name) for name, short in plain.items() if short != STEP}


def _head(params: dict) -> str:
    """What stands on the encoder; a classifier may be of RACE, too, which looks the same."""
    for branch, head in (("span", "span"), ("classifier", "sequence"), ("sentence", "pretraining")):
        if branch in params:
            return head
    return "masked_lm" if "mlm" in params else "encoder"
