"""A model with all that belongs to it, whatever format it came from."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.interop.names import Params
from albert_jax.model.config import AlbertConfig

# What stands on the encoder. Parameters: "pretraining" has mlm and sentence, "masked_lm" mlm alone, the
# tasks have a classifier: of the pooled [CLS] (sequence, choice), of every position (token, span), or a
# search for spans (beam); an embedding is the mean of the encoder's states, without parameters.
HEADS = (
    *("encoder", "masked_lm", "pretraining"),
    *("sequence", "token", "span", "choice", "beam", "embedding"),
)


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """Config, parameters (numpy) and vocabulary; `config, params, vocabulary = ...` takes it apart.

    Attributes:
      head: one of HEADS.
      labels: names of the classes, in order, where the head has some.
      origin: where the model is from, for the model card: source, data, commit, metrics; JSON.
      task: the section `task` of the run that fine-tuned it; empty where that is not known.
    """

    config: AlbertConfig
    params: Params
    vocabulary: Vocabulary | TokenizerJson
    head: str = "pretraining"
    labels: tuple[str, ...] = ()
    origin: dict[str, Any] = dataclasses.field(default_factory=dict)
    task: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.vocabulary.size > self.config.vocab_size:
            raise UserError(
                f"{self.vocabulary.name} has {self.vocabulary.size} pieces, the model's table has "
                f"{self.config.vocab_size}; put the model's own vocabulary beside it"
            )

    def __iter__(self) -> Iterator:
        return iter((self.config, self.params, self.vocabulary))

    def encode(self, texts: Sequence[str | tuple[str, str]]) -> dict[str, np.ndarray]:
        """Texts, or pairs of texts, as a batch that the model reads, one in each row.

        Returns:
          The batch layout of the model: tokens, token_types, positions, example_ids int32 [B, L], L
          that of the longest; cls_positions [B, 1]; mlm_positions [B, M], where [MASK] was
          written (slots over are 0).

        Raises:
          UserError: an input is no text and no pair, or longer than the model's positions.
        """
        check_several(texts, "encode")
        rows = [self._row(text, f"text {number}") for number, text in enumerate(texts)]
        length = max((len(tokens) for tokens, _ in rows), default=0)
        if length > self.config.max_positions:
            longest = next(i for i, (tokens, _) in enumerate(rows) if len(tokens) == length)
            raise UserError(
                f"text {longest} has {length} pieces, the model takes {self.config.max_positions}; shorten it"
            )
        tokens = _padded([tokens for tokens, _ in rows], self.vocabulary.pad_id)
        mask = self.vocabulary.mask_id
        masks = [np.flatnonzero(np.array(row) == mask).tolist() for row, _ in rows]
        real = _padded([[1] * len(row) for row, _ in rows])
        return {
            "tokens": tokens,
            "token_types": _padded([types for _, types in rows]),
            "positions": real * np.arange(length, dtype=np.int32)[None],
            "example_ids": real,
            "cls_positions": np.zeros((len(rows), 1), np.int32),
            "mlm_positions": _padded(masks),
        }

    def _row(self, text: str | tuple[str, str], place: str) -> tuple[list[int], list[int]]:
        """[CLS] A [SEP] B [SEP] and the type of each token, 0 or 1."""
        segments = (text,) if isinstance(text, str) else text
        self._check(segments, place)
        tokens, types = [self.vocabulary.cls_id], [0]
        for kind, segment in enumerate(segments):
            ids = [*encode_masked(self.vocabulary, segment), self.vocabulary.sep_id]
            tokens += ids
            types += [kind] * len(ids)
        return tokens, types

    def _check(self, segments: Any, place: str):
        """Raises UserError: these are no texts, or the model has not as many token types."""
        is_known = isinstance(segments, tuple | list) and len(segments) > 0
        if not is_known or not all(isinstance(one, str) for one in segments):
            raise UserError(
                f"{place} is {str(segments)[:40]}; it must be a text, or a pair of texts"
            )
        if len(segments) > self.config.num_types:
            raise UserError(
                f"{place} is of {len(segments)} texts, and the model has {self.config.num_types} token "
                "types (type_vocab_size); encode no more of them together"
            )


def check_several(texts: Any, call: str):
    """Raises UserError: one text or one record where a list of them is needed.

    Args:
      texts: what was given.
      call: the function's name.
    """
    if isinstance(texts, str | Mapping):
        kind = "text" if isinstance(texts, str) else "record"
        raise UserError(
            f"the inputs are one {kind}; give a list of {kind}s, as in {call}([{kind}])"
        )


def encode_masked(vocabulary: Vocabulary | TokenizerJson, text: str) -> list[int]:
    """A text as ids, without [CLS] and [SEP]; where it says [MASK] is the mask's id."""
    first, *rest = text.split("[MASK]")
    ids = vocabulary.encode(first)
    for part in rest:
        ids = [*ids, vocabulary.mask_id, *_behind_mask(vocabulary, part)]
    return ids


def _behind_mask(vocabulary: Vocabulary | TokenizerJson, text: str) -> list[int]:
    """Ids of what follows a mask; as a beginning of text it would get a space that is not there."""
    if not text or text[0].isspace():
        return vocabulary.encode(text)
    full_stop = vocabulary.encode(".")  # always a piece of its own, so it can be cut off again
    return vocabulary.encode(f".{text}")[len(full_stop) :]


def _padded(rows: Sequence[Sequence[int]], fill: int = 0) -> np.ndarray:
    """Rows of different length as int32 [B, L]."""
    padded = np.full((len(rows), max(map(len, rows), default=0)), fill, np.int32)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = values
    return padded
