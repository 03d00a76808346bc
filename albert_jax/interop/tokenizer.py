"""Vocabularies of Hugging Face folders: SentencePiece, WordPiece, and `tokenizer.json`.

What we write is the description of a SentencePiece model, its normalisation included, as a
`tokenizer.json`. transformers 5 would build another from `spiece.model` alone: its AlbertTokenizer puts a
space behind every user-defined symbol, so that "u.s." or a quotation get other ids.
"""

import base64
import json
import struct
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from etils import epath

from albert_jax.data import files
from albert_jax.data.normalisation import Normalisation, replacements
from albert_jax.data.tokenizer_json import ROLE_PIECES, TokenizerJson, wordpiece
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.interop.protobuf import fields
from albert_jax.interop.settings import Settings

SENTENCEPIECE, WORDPIECE, JSON = "spiece.model", "vocab.txt", "tokenizer.json"
CONFIG, ADDED = "tokenizer_config.json", "added_tokens.json"
STEPS = {
    "do_lower_case": True,
    "keep_accents": False,
    "ascii_punctuation": False,
}  # where CONFIG is silent
PIECES, NORMALIZER = 1, 3  # fields of SentencePiece's ModelProto
PIECE, SCORE = 1, 2  # of a piece
CHARSMAP = 2  # of the NormalizerSpec


def read(folder: epath.Path, convention: str) -> Vocabulary | TokenizerJson:
    """The vocabulary of a folder.

    Args:
      folder: has spiece.model, tokenizer.json or vocab.txt; the first of these is read, but where
        pieces were added, which only tokenizer.json has.
      convention: of digits and commas, see `Vocabulary`; the other kinds have none.

    Raises:
      UserError: there is none, it is damaged, or it lacks pieces that were added.
    """
    added = _added(folder)
    if (folder / JSON).exists() and (added or not (folder / SENTENCEPIECE).exists()):
        vocabulary = TokenizerJson(_text(folder / JSON), str(folder / JSON))
        _check_none(added - set(vocabulary.pieces), folder)
        return vocabulary
    _check_none(added, folder)
    if (folder / SENTENCEPIECE).exists():
        path, said = folder / SENTENCEPIECE, folder / CONFIG
        steps = normalisation(Settings(said).values if said.exists() else {})
        return Vocabulary(path.read_bytes(), steps, str(path), convention)
    if (folder / WORDPIECE).exists():
        return TokenizerJson(_wordpiece(folder), str(folder / WORDPIECE))
    raise UserError(f"{folder}: no vocabulary; {SENTENCEPIECE}, {JSON} or {WORDPIECE} is needed")


def write(folder: epath.Path, vocabulary: Vocabulary | TokenizerJson, positions: int):
    """The files that AutoTokenizer opens; its ids are ours in the convention "none"."""
    if isinstance(vocabulary, Vocabulary):
        (folder / SENTENCEPIECE).write_bytes(vocabulary.model)
        description, steps = _describe(vocabulary), written_steps(vocabulary.normalisation)
    else:
        description, steps = json.loads(vocabulary.json), {}
    pieces = {role: vocabulary.pieces[getattr(vocabulary, f"{role}_id")] for role in _SPECIAL}
    description["post_processor"] = _template(pieces, vocabulary)
    (folder / JSON).write_text(json.dumps(description, ensure_ascii=False))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": positions,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
        **{f"{role}_token": piece for role, piece in pieces.items()},
        **steps,
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n")


_SPECIAL = ("pad", "unk", "cls", "sep", "mask")


def normalisation(said: Mapping[str, Any]) -> Normalisation:
    """How text is normalised before SentencePiece; transformers' defaults where nothing is said."""
    steps = STEPS | {key: said[key] for key in STEPS.keys() & said.keys()}
    return Normalisation(
        lower=steps["do_lower_case"],
        strip_accents=not steps["keep_accents"],
        ascii_punctuation=steps["ascii_punctuation"],
    )


def written_steps(steps: Normalisation) -> dict[str, bool]:
    """The keys that `normalisation` reads."""
    return {
        "do_lower_case": steps.lower,
        "keep_accents": not steps.strip_accents,
        "ascii_punctuation": steps.ascii_punctuation,
    }


def _text(path: epath.Path) -> str:
    return files.decode(path.read_bytes(), path)


def _added(folder: epath.Path) -> set[str]:
    """Pieces that were added to a vocabulary, such as marks of entities; the model is trained on them."""
    listed = _said(folder / JSON).get("added_tokens") or []
    decoder = _said(folder / CONFIG).get("added_tokens_decoder") or {}
    try:
        found = {str(token["content"]) for token in [*listed, *decoder.values()]}
    except (TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"{folder}: its added tokens cannot be read ({error!r}); restore {JSON}"
        ) from error
    return (found | set(_said(folder / ADDED))) - ROLE_PIECES


def _check_none(added: set[str], folder: epath.Path):
    """Raises UserError: there are added pieces, which the other files cannot hold."""
    if added:
        raise UserError(f"{folder}: {min(added)!r} is an added token; save the folder with {JSON}")


def _said(path: epath.Path) -> dict[str, Any]:
    return Settings(path).values if path.exists() else {}


def _wordpiece(folder: epath.Path) -> str:
    """vocab.txt with the options beside it; the original BERT's where nothing is said."""
    options: dict[str, Any] = {
        "do_lower_case": True,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
    }
    if (folder / CONFIG).exists():
        said = Settings(folder / CONFIG).values
        _check_wordpiece(folder / CONFIG, said)
        options |= {key: said[key] for key in options.keys() & said.keys()}
    return wordpiece(
        _text(folder / WORDPIECE),
        str(folder / WORDPIECE),
        lower=options["do_lower_case"],
        strip_accents=options["strip_accents"],
        chinese=options["tokenize_chinese_chars"],
    )


def _check_wordpiece(path: epath.Path, said: Mapping[str, Any]):
    """Raises UserError: words or pieces are found in another way, as in Japanese."""
    for key, ours in {
        "word_tokenizer_type": "basic",
        "subword_tokenizer_type": "wordpiece",
    }.items():
        if said.get(key, ours) != ours:
            raise UserError(f"{path}: {key} is {said[key]!r}; only {ours!r} can be read")


def _describe(vocabulary: Vocabulary) -> dict[str, Any]:
    """A SentencePiece unigram model and the normalisation before it as a tokenizer.json."""
    pieces, charsmap = _model(vocabulary.model)
    special = [
        {"id": number, "content": vocabulary.pieces[number], "special": True} | _AS_IT_IS
        for number in (getattr(vocabulary, f"{role}_id") for role in _SPECIAL)
    ]
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
    return {
        "version": "1.0",
        "added_tokens": special,
        "normalizer": {
            "type": "Sequence",
            "normalizers": _normalizers(vocabulary.normalisation, charsmap),
        },
        "pre_tokenizer": space,
        "decoder": space,
        "model": {"type": "Unigram", "unk_id": vocabulary.unk_id, "vocab": pieces},
    }


_AS_IT_IS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}


def _model(model: bytes) -> tuple[list[tuple[str, float]], bytes]:
    """Pieces with their scores, and SentencePiece's own normalisation table, of a `.model`."""
    pieces, charsmap = [], b""
    for number, value in fields(model):
        if number == PIECES:
            piece = dict(fields(value))
            score = struct.unpack("<f", piece.get(SCORE, 0).to_bytes(4, "little"))[0]
            pieces.append((piece[PIECE].decode(), score))
        if number == NORMALIZER:
            charsmap = dict(fields(value)).get(CHARSMAP, b"")
    return pieces, charsmap


def _normalizers(steps: Normalisation, charsmap: bytes) -> list[dict[str, Any]]:
    """The steps of `data.normalisation.normalise`, then SentencePiece's own. A space at the beginning
    stays: behind a mask it tells a new word, and before the first one Metaspace adds no other."""
    strip = {"type": "Strip", "strip_left": False, "strip_right": True}
    one_space = [_replace(r"\s+", " "), strip]
    out = list(one_space)
    if steps.strip_accents:
        out.append({"type": "NFKD"})
    table = replacements(steps.strip_accents, steps.ascii_punctuation)
    for target in sorted({target or "" for target in table.values()}):
        codes = sorted(code for code, to in table.items() if (to or "") == target)
        out.append(_replace(_character_class(codes), target))
    if steps.lower:
        out.append({"type": "Lowercase"})
    if charsmap:
        text = base64.b64encode(charsmap).decode()
        out.append({"type": "Precompiled", "precompiled_charsmap": text})
    return [*out, *one_space]


def _replace(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def _character_class(codes: list[int]) -> str:
    """A regular expression for any one of some characters, in ranges."""
    ranges = []
    for _, run in groupby(enumerate(codes), key=lambda pair: pair[1] - pair[0]):
        numbers = [code for _, code in run]
        ranges.append(f"\\x{{{numbers[0]:x}}}-\\x{{{numbers[-1]:x}}}")
    return f"[{''.join(ranges)}]"


def _template(pieces: dict[str, str], vocabulary: Vocabulary | TokenizerJson) -> dict[str, Any]:
    """[CLS] A [SEP] B [SEP], types 0 and 1."""
    ids = {pieces["cls"]: vocabulary.cls_id, pieces["sep"]: vocabulary.sep_id}
    cls, end = _special(pieces["cls"], 0), _special(pieces["sep"], 0)
    single = [cls, _sequence("A", 0), end]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, _sequence("B", 1), _special(pieces["sep"], 1)],
        "special_tokens": {p: {"id": p, "ids": [i], "tokens": [p]} for p, i in ids.items()},
    }


def _special(piece: str, kind: int) -> dict[str, Any]:
    return {"SpecialToken": {"id": piece, "type_id": kind}}


def _sequence(name: str, kind: int) -> dict[str, Any]:
    return {"Sequence": {"id": name, "type_id": kind}}
