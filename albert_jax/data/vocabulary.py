"""Normalisation, and SentencePiece with the ids of the original ALBERT vocabularies.

The normalisation belongs to the vocabulary here, so that no caller can forget it. It is that of
google-research/albert, tokenization.py, with one addition that can be turned off: typographic
punctuation becomes ASCII. That file's second encoding of pieces such as "000," (a digit before a
comma) is a convention to choose: its outcome differs between the Python versions it ran on, and
transformers 5 no longer has it, so the default is none.
"""

import functools
import io
import random
import re
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import sentencepiece
from etils import epath

from albert_jax.errors import UserError

PAD, UNK, CLS, SEP, MASK = range(5)
SPECIAL = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
USER_DEFINED = ("(", ")", '"', "-", ".", "\u2013", "£", "€")  # the sixth is the en dash

_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_ASCII_PUNCTUATION = {
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"), '"'),
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032"), "'"),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-"),
    **dict.fromkeys(map(ord, "\u2014\u2015"), "--"),
    0x2026: "...",  # ellipsis
    0x2044: "/",  # what NFKD makes of the stroke in 1/2
}


CONVENTIONS = ("none", "original", "huggingface")  # of digits before a comma, see `Vocabulary`


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Which steps `normalise` takes."""

    lower: bool = True
    strip_accents: bool = True
    ascii_punctuation: bool = True


def normalise(text: str, steps: Normalisation) -> str:
    """Whitespace collapsed, then NFKD without combining characters, ASCII punctuation, lower case.

    The order is that of google-research/albert: NFKD before lower-casing.
    """
    if "  " in text or not text.isprintable():  # of all whitespace only " " is printable
        text = " ".join(text.split())
    text = text.strip()
    if not text.isascii():
        if steps.strip_accents:
            text = unicodedata.normalize("NFKD", text)
        table = replacements(steps.strip_accents, steps.ascii_punctuation)
        # Only what is not ASCII is looked up, which makes English text five times faster.
        text = _NON_ASCII.sub(lambda run: run[0].translate(table), text)
    return text.lower() if steps.lower else text


@functools.cache
def replacements(strip_accents: bool, ascii_punctuation: bool) -> dict[int, str | None]:
    """Combining characters to nothing, typographic punctuation to ASCII."""
    codes = range(0x80, sys.maxunicode + 1) if strip_accents else ()
    dropped = dict.fromkeys(code for code in codes if unicodedata.combining(chr(code)))
    return dropped | (_ASCII_PUNCTUATION if ascii_punctuation else {})


def train(
    sentences: Iterable[str],
    size: int,
    *,
    sample: int = 10_000_000,
    seed: int = 0,
    threads: int = 1,
) -> bytes:
    """Trains a unigram SentencePiece model as the README of google-research/albert does.

    Args:
      sentences: normalised text, read once.
      size: pieces wanted, special ones included.
      sample: sentences drawn from all that were read.
      seed: of that draw; SentencePiece's own differs from process to process, whatever its seed.
      threads: that SentencePiece may use; another number sums in another order.

    Returns:
      The serialised model, for a `.model` file.

    Raises:
      UserError: the text has too few different words for `size` pieces.
    """
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(draw(sentences, sample, seed)),
            model_writer=model,
            vocab_size=size,
            model_type="unigram",
            pad_id=PAD,
            unk_id=UNK,
            bos_id=-1,
            eos_id=-1,
            control_symbols=list(SPECIAL[CLS:]),
            user_defined_symbols=list(USER_DEFINED),
            input_sentence_size=0,  # they are drawn already
            character_coverage=0.99995,
            num_threads=threads,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        raise UserError(_explain(str(error), size)) from error
    return model.getvalue()


def draw(sentences: Iterable[str], count: int, seed: int) -> list[str]:
    """`count` of the sentences, each as likely as another, or all if there are no more."""
    kept, chance = [], random.Random(seed)
    for number, sentence in enumerate(sentences):
        if number < count:
            kept.append(sentence)
        elif (place := chance.randrange(number + 1)) < count:
            kept[place] = sentence
    return kept


def _explain(message: str, size: int) -> str:
    """SentencePiece's complaint about a vocabulary size in one line, with the size that fits."""
    if largest := re.search(r"value <= (\d+)", message):
        return (
            f"the text is too small for a vocabulary of {size} pieces: "
            f"set the model's vocab_size to {largest[1]} or less, or add text"
        )
    if smallest := re.search(r"smaller than required_chars. \d+ vs (\d+)", message):
        return (
            f"a vocabulary of {size} pieces does not hold the characters of the text: "
            f"set the model's vocab_size above {smallest[1]}"
        )
    if "sentences_.empty()" in message:
        return "there is no text to train a vocabulary on"
    return f"SentencePiece cannot train a vocabulary of {size} pieces: {' '.join(message.split())}"


class Vocabulary:
    """A SentencePiece model and the normalisation that goes before it.

    Attributes:
      normalisation: the steps taken before encoding.
      convention: what becomes of a piece such as "▁1,000,", which ends in a digit and a comma.
        "none": it stays. "original": its digits are encoded anew and the comma stands alone, as in
        google-research/albert, tokenization.py, under Python 3. "huggingface": the same as
        transformers 4's AlbertTokenizer did it, which inside a word takes away the mark of a space
        and turns `` and '' into quotes beforehand.
      size: V, the number of pieces.
      pieces: the V pieces; "▁" stands for a space.
      word_starts: bool [V], the pieces that begin a word, see `starts_word`.
      is_special: bool [V], pieces that no text contains: padding, unknown, control.
    """

    pad_id, unk_id, cls_id, sep_id, mask_id = PAD, UNK, CLS, SEP, MASK

    def __init__(
        self,
        model: bytes,
        normalisation: Normalisation,
        name: str = "vocabulary",
        convention: str = "none",
    ):
        """`name` is what errors call the model. Raises UserError if it is not one of ours."""
        self.model, self.normalisation, self.name = model, normalisation, name
        self.convention = convention
        if convention not in CONVENTIONS:
            raise UserError(f"convention is {convention!r}; choose one of {', '.join(CONVENTIONS)}")
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except (RuntimeError, OSError) as error:
            raise UserError(f"{name}: not a SentencePiece model, or a damaged one") from error
        self.size = self._processor.vocab_size()
        self.pieces = [self._processor.id_to_piece(i) for i in range(self.size)]
        if tuple(self.pieces[: len(SPECIAL)]) != SPECIAL:
            raise UserError(
                f"{name}: the first pieces are {self.pieces[:5]}, ALBERT needs {list(SPECIAL)}; "
                "train one with `albert-jax prepare` or with the README's options of the original"
            )
        self.word_starts = np.array([starts_word(piece) for piece in self.pieces])
        self.is_special = np.array(
            [
                self._processor.is_control(i) or self._processor.is_unknown(i)
                for i in range(self.size)
            ]
        )
        self._anew = {} if convention == "none" else self._digits_before_commas()

    @classmethod
    def load(
        cls, path: epath.PathLike, normalisation: Normalisation, convention: str = "none"
    ) -> "Vocabulary":
        """Reads a `.model` file, local or remote."""
        path = epath.Path(path)
        if not path.is_file():
            raise UserError(f"{path}: no such vocabulary; corpus.vocabulary names a .model file")
        return cls(path.read_bytes(), normalisation, str(path), convention)

    def __reduce__(self):
        return Vocabulary, (self.model, self.normalisation, self.name, self.convention)

    def __len__(self) -> int:
        return self.size

    def encode(self, text: str) -> list[int]:
        """Normalised text as ids, without special tokens."""
        return self._split(self._processor.encode(self._normalise(text)))

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """`encode` of many texts in one call, half as fast again. One thread: processes share out
        the cores."""
        texts = [self._normalise(text) for text in texts]
        return [self._split(ids) for ids in self._processor.encode(texts, num_threads=1)]

    def decode(self, ids: Iterable[int]) -> str:
        """Ids as text; special tokens are written out, such as "[MASK]"."""
        pieces = "".join(self.pieces[int(i)] for i in ids)
        return pieces.replace("▁", " ").strip()

    def _normalise(self, text: str) -> str:
        if self.convention == "huggingface":
            text = text.replace("``", '"').replace("''", '"')
        return normalise(text, self.normalisation)

    def _split(self, ids: list[int]) -> list[int]:
        """Pieces of a digit and a comma in the chosen convention."""
        if self._anew.keys().isdisjoint(ids):
            return ids
        return [new for number in ids for new in self._anew.get(number, (number,))]

    def _digits_before_commas(self) -> dict[int, list[int]]:
        """What the convention puts in the place of each piece that ends in a digit and a comma."""
        return {
            number: [*self._encode_digits(piece[:-1]), self._processor.piece_to_id(",")]
            for number, piece in enumerate(self.pieces)
            if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()
        }

    def _encode_digits(self, piece: str) -> list[int]:
        """A piece that has lost its comma, encoded as a text; only "huggingface" remembers that it
        may be the inside of a word."""
        first, *rest = self._processor.encode(piece.replace("▁", ""), out_type=str)
        if self.convention == "huggingface" and not piece.startswith("▁"):
            first = first.removeprefix("▁")
        return [self._processor.piece_to_id(part) for part in (first, *rest) if part]


# The original list of punctuation lacks the apostrophe and "<=>".
_PUNCTUATION = frozenset('!"#$%&()*+,-./:;?@[\\]^_`{|}~')
_WORD_CHARACTERS = _PUNCTUATION | frozenset("abcdefghijklmnopqrstuvwxyz")


def starts_word(piece: str) -> bool:
    """Whether whole-word masking takes a piece for the start of a word.

    The rule of google-research/albert, create_pretraining_data.py: a single punctuation mark, or
    any character that is neither an English letter nor punctuation. That takes in the mark of a
    space ("▁"), special pieces ("<"), and makes digits and foreign scripts words of their own.
    """
    return piece in _PUNCTUATION or not all(
        character.lower() in _WORD_CHARACTERS for character in piece
    )
