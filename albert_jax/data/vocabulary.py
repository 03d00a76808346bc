"""SentencePiece with the ids of the original ALBERT vocabularies.

The normalisation belongs to the vocabulary here, so that no caller can forget it. The second encoding
of pieces such as "000," (a digit before a comma) in google-research/albert, tokenization.py, is a
convention to choose: its outcome differs between the Python versions it ran on, and transformers 5 no
longer has it, so the default is none.
"""

import io
import random
import re
from collections.abc import Iterable

import numpy as np
import sentencepiece
from etils import epath

from albert_jax.data.normalisation import Normalisation, normalise, trace
from albert_jax.errors import UserError

PAD, UNK, CLS, SEP, MASK = range(5)
SPECIAL = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
USER_DEFINED = ("(", ")", '"', "-", ".", "\u2013", "£", "€")  # the sixth is the en dash

CONVENTIONS = ("none", "original", "huggingface")  # of digits before a comma, see `Vocabulary`
_DIGIT_COMMA = re.compile(r"\d,\Z")
_QUOTES = re.compile("``|''")


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
            self.size = self._processor.vocab_size()
            self.pieces = [self._processor.id_to_piece(i) for i in range(self.size)]
        except (RuntimeError, OSError, UnicodeDecodeError) as error:
            raise UserError(f"{name}: not a SentencePiece model, or a damaged one") from error
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
        self._ids = {p: i for i, p in enumerate(self.pieces) if not self.is_special[i]}
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

    def encode_offsets(self, text: str) -> tuple[list[int], np.ndarray]:
        """`encode`, and which characters of the raw text each piece stands for.

        Spaces around a piece are left out. A lone space is empty and stands where the next piece
        begins. A combining character that is dropped goes with the one before it; pieces of one
        character, as those of the ellipsis, have it each.

        Returns:
          ids of l pieces and spans int32 [l, 2], begin and end in `text`.
        """
        typed = self._normalise(text)
        pieces = self._processor.encode(typed, out_type=str)
        if self._anew:
            pieces = [new for p in pieces for new in self._apart(p)]
        spelled, places = self._processor.normalize(typed, with_offsets=True)
        origin = self._trace(text)[places]
        return [self._ids.get(p, UNK) for p in pieces], _spans(pieces, spelled, origin)

    def decode(self, ids: Iterable[int]) -> str:
        """Ids as text; special tokens are written out, such as "[MASK]"."""
        pieces = "".join(self.pieces[int(i)] for i in ids)
        return pieces.replace("▁", " ").strip()

    def _normalise(self, text: str) -> str:
        if self.convention == "huggingface":
            text = _QUOTES.sub('"', text)
        return normalise(text, self.normalisation)

    def _trace(self, text: str) -> np.ndarray:
        """Which character of `text` each of `_normalise(text)` comes from, and the end."""
        if self.convention != "huggingface":
            return trace(text, self.normalisation)
        second = [quote.start() + 1 for quote in _QUOTES.finditer(text)]
        kept = np.delete(np.arange(len(text) + 1, dtype=np.int32), second)
        return kept[trace(_QUOTES.sub('"', text), self.normalisation)]

    def _split(self, ids: list[int]) -> list[int]:
        """Pieces of a digit and a comma in the chosen convention."""
        if self._anew.keys().isdisjoint(ids):
            return ids
        return [new for number in ids for new in self._anew.get(number, (number,))]

    def _digits_before_commas(self) -> dict[int, list[int]]:
        """What the convention puts in the place of each piece that ends in a digit and a comma."""
        return {
            number: [self._ids.get(part, UNK) for part in self._apart(piece)]
            for number, piece in enumerate(self.pieces)
            if _DIGIT_COMMA.search(piece)
        }

    def _apart(self, piece: str) -> list[str]:
        """A piece, or if it ends in a digit and a comma, the comma alone and the digits encoded as
        a text; only "huggingface" remembers that they may be the inside of a word."""
        if piece not in self._ids or not _DIGIT_COMMA.search(piece):
            return [piece]
        first, *rest = self._processor.encode(piece[:-1].replace("▁", ""), out_type=str)
        if self.convention == "huggingface" and not piece.startswith("▁"):
            first = first.removeprefix("▁")
        return [part for part in (first, *rest, ",") if part]


def _spans(pieces: list[str], spelled: str, origin: np.ndarray) -> np.ndarray:
    """Begin and end of pieces in a text.

    Args:
      pieces: l pieces; without the marks of spaces they are `spelled` without them.
      spelled: n characters.
      origin: [n + 1], which character of the text each comes from, and the end.
    """
    ends = origin[np.searchsorted(origin, origin, side="right").clip(max=len(origin) - 1)]
    codes = np.frombuffer(spelled.encode("utf-32-le"), "<u4")
    solid = (codes != ord("▁")).nonzero()[0]
    widths = np.fromiter((len(piece) - piece.count("▁") for piece in pieces), int, len(pieces))
    after = widths.cumsum()
    begin = origin[np.append(solid, len(spelled))][after - widths]
    end = np.append(0, ends[solid])[after]
    return np.stack([begin, np.where(widths > 0, end, begin)], axis=1).astype(np.int32)


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
