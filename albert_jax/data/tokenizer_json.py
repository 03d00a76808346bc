"""Vocabularies of the `tokenizers` library: WordPiece of BERT, and any `tokenizer.json`.

They bring their own normalisation. The library is the extra `albert-jax[tokenizers]`.
"""

import contextlib
import json
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from albert_jax.data.normalisation import printable
from albert_jax.errors import UserError

ROLES = {  # our name of a special piece -> what it is called in vocabularies
    "pad_id": ("[PAD]", "<pad>"),
    "unk_id": ("[UNK]", "<unk>"),
    "cls_id": ("[CLS]",),
    "sep_id": ("[SEP]",),
    "mask_id": ("[MASK]",),
}
ROLE_PIECES = frozenset(spelling for spellings in ROLES.values() for spelling in spellings)


class TokenizerJson:
    """A `tokenizer.json` with the interface of `Vocabulary`.

    Attributes:
      json: the file's text.
      size, pieces, word_starts, is_special: as in `Vocabulary`.
      pad_id, unk_id, cls_id, sep_id, mask_id: found by their names.
    """

    pad_id: int
    unk_id: int
    cls_id: int
    sep_id: int
    mask_id: int

    def __init__(self, text: str, name: str = "tokenizer.json"):
        """`name` is what errors call it. Raises UserError: it cannot be read or lacks a special piece."""
        self.json, self.name = text, name
        self._tokenizer = _parsed(text, name)
        self.size = self._tokenizer.get_vocab_size()
        self.pieces = [self._tokenizer.id_to_token(i) for i in range(self.size)]
        if None in self.pieces:
            raise UserError(
                f"{name}: id {self.pieces.index(None)} has no piece; the file is damaged"
            )
        for role, spellings in ROLES.items():
            found = [self.pieces.index(piece) for piece in spellings if piece in self.pieces]
            if not found:
                raise UserError(f"{name}: it has no {spellings[0]}, which the model needs")
            setattr(self, role, found[0])
        specials = (self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id)
        self.is_special = np.isin(np.arange(self.size), specials)
        self.word_starts = _word_starts(self.pieces, type(self._tokenizer.model).__name__)

    def __reduce__(self):
        return TokenizerJson, (self.json, self.name)

    def __len__(self) -> int:
        return self.size

    def encode(self, text: str) -> list[int]:
        """A text as ids, without special tokens."""
        return self._encoding(text).ids

    def encode_offsets(self, text: str) -> tuple[list[int], np.ndarray]:
        """`encode`, and which characters of the raw text each piece stands for, as `Vocabulary` has it.

        Returns:
          ids of l pieces and spans int32 [l, 2], begin and end in `text`.
        """
        encoding, spans, limit = self._encoding(text), [], len(text)
        for piece, (begin, end) in zip(encoding.tokens[::-1], encoding.offsets[::-1], strict=True):
            spans.append((limit, limit) if piece == "▁" else _trimmed(text, begin, end, limit))
            limit = spans[-1][0]
        return encoding.ids, np.array(spans[::-1], np.int32).reshape(-1, 2)

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """`encode` of many texts in one call."""
        texts = [printable(text) for text in texts]
        with _failure_is_told(self.name):
            batch = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [encoding.ids for encoding in batch]

    def decode(self, ids: Iterable[int]) -> str:
        """Ids as text; special tokens are written out."""
        return self._tokenizer.decode([int(i) for i in ids], skip_special_tokens=False)

    def _encoding(self, text: str):
        with _failure_is_told(self.name):
            return self._tokenizer.encode(printable(text), add_special_tokens=False)


def wordpiece(
    vocabulary: str,
    name: str = "vocab.txt",
    *,
    lower: bool,
    strip_accents: bool | None,
    chinese: bool,
) -> str:
    """A BERT `vocab.txt`, a piece a line, as the text of a `tokenizer.json`.

    Args:
      vocabulary: the file's text.
      name: what errors call it.
      lower: lower-case the text.
      strip_accents: drop combining characters; None follows `lower`, as the original BERT does.
      chinese: every Chinese character is a word.

    Raises:
      UserError: a piece is there twice.
    """
    pieces, library = _numbered(vocabulary, name), _library()
    tokenizer = library.Tokenizer(library.models.WordPiece(pieces, unk_token="[UNK]"))
    tokenizer.normalizer = library.normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=chinese, strip_accents=strip_accents, lowercase=lower
    )
    tokenizer.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = library.decoders.WordPiece(prefix="##")
    return tokenizer.to_str()


def _numbered(vocabulary: str, name: str) -> dict[str, int]:
    """The pieces of a `vocab.txt` with their ids."""
    lines = vocabulary.replace("\r\n", "\n").rstrip("\n").split("\n")
    pieces = {piece: number for number, piece in enumerate(lines)}
    if len(pieces) < len(lines):
        piece = next(piece for number, piece in enumerate(lines) if pieces[piece] != number)
        raise UserError(
            f"{name}: the piece {piece!r} is in lines {lines.index(piece) + 1} and {pieces[piece] + 1}; "
            "bring the file from the original again"
        )
    return pieces


def _trimmed(text: str, begin: int, end: int, limit: int) -> tuple[int, int]:
    """A span without the spaces it begins with, and with the dropped accents that follow it."""
    begin = end - len(text[begin:end].lstrip())
    while end < limit and unicodedata.combining(text[end]):
        end += 1
    return begin, end


def _word_starts(pieces: list[str], model: str) -> np.ndarray:
    """WordPiece marks what goes on in a word, SentencePiece what begins one."""
    if model == "WordPiece":
        return np.array([not piece.startswith("##") for piece in pieces])
    return np.array([piece.startswith("▁") for piece in pieces])


def _parsed(text: str, name: str):
    """The library's tokenizer, without the padding and cutting that the file may ask for."""
    library = _library()
    with _failure_is_told(name):
        tokenizer = library.Tokenizer.from_str(_with_own_pieces(json.loads(text)))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True  # "[MASK]" in a text is text
    return tokenizer


def _with_own_pieces(description: dict[str, Any]) -> str:
    """The description with the user's added pieces as plain ones, which are found in texts."""
    for token in description.get("added_tokens") or ():
        token["special"] = token["content"] in ROLE_PIECES
    return json.dumps(description)


@contextlib.contextmanager
def _failure_is_told(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the library raises nothing narrower
        raise UserError(
            f"{name}: not a tokenizer.json, or a damaged one ({error}); bring it from the original again"
        ) from error


def _library():
    try:
        import tokenizers
    except ModuleNotFoundError as error:
        raise UserError(
            "this vocabulary needs the tokenizers library: pip install 'albert-jax[tokenizers]'"
        ) from error
    return tokenizers
