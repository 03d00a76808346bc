"""Words for the [MASK]s of a sentence, the likeliest first.

albert-jax fill-mask --model=WORKDIR "the capital of [MASK] is paris"
"""

from typing import NamedTuple

import jax
import numpy as np

from albert_jax.commands.flags import CommandLine
from albert_jax.commands.load import Pretrained, load
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.model.albert import AlbertForPretraining


class Guess(NamedTuple):
    """A piece for a mask: its id, its text, how likely the model finds it."""

    id: int
    piece: str
    probability: float


def main(argv: list[str]):
    """Prints the guesses for every mask of every text, and the text with the best of them."""
    line = CommandLine(__doc__, takes_words=True)
    line.path("model", "a workdir")
    line.number("top", 5, "guesses to show for each mask")
    flags, texts = line.parse(argv)
    if not texts:
        raise UserError('fill-mask needs a text: albert-jax fill-mask --model=W "a [MASK] text"')
    model = load(flags["model"])
    for text in texts:
        tokens = encode(model.vocabulary, text)
        guesses = fill(model, tokens, flags["top"])
        print(_completed(model.vocabulary, tokens, guesses))
        for number, mask in enumerate(guesses, 1):
            print(
                f"  {number}:",
                *(f"{guess.piece} {guess.probability:.1%}" for guess in mask),
                sep="  ",
            )


def encode(vocabulary: Vocabulary, text: str) -> np.ndarray:
    """[CLS] text [SEP] as ids int32 [L], with the mask's id where the text says [MASK]."""
    first, *rest = text.split("[MASK]")
    if not rest:
        raise UserError(f"{text!r} has no [MASK]; write one where a word is to be guessed")
    ids = [vocabulary.cls_id, *vocabulary.encode(first)]
    for part in rest:
        ids += [vocabulary.mask_id, *_behind_mask(vocabulary, part)]
    return np.array([*ids, vocabulary.sep_id], np.int32)


def _behind_mask(vocabulary: Vocabulary, text: str) -> list[int]:
    """Ids of what follows a mask; as a beginning of text it would get a space that is not there."""
    if not text or text[0].isspace():
        return vocabulary.encode(text)
    full_stop = vocabulary.encode(".")  # always a piece of its own, so it can be cut off again
    return vocabulary.encode(f".{text}")[len(full_stop) :]


def fill(model: Pretrained, tokens: np.ndarray, top: int) -> list[list[Guess]]:
    """The `top` likeliest pieces for every mask in `tokens` [L], in the order of the masks."""
    if len(tokens) > model.config.max_positions:
        raise UserError(
            f"the text has {len(tokens)} pieces, the model takes {model.config.max_positions}; shorten it"
        )
    masks = np.flatnonzero(tokens == model.vocabulary.mask_id)
    logits, _ = jax.jit(AlbertForPretraining(model.config).apply)(
        {"params": model.params}, _row(tokens, masks)
    )
    probabilities = np.asarray(jax.nn.softmax(logits[0]))  # [M, V]
    best = np.argsort(-probabilities, axis=-1)[:, :top]
    pieces = model.vocabulary.pieces
    return [
        [Guess(int(i), pieces[i], float(row[i])) for i in order]
        for row, order in zip(probabilities, best, strict=True)
    ]


def _row(tokens: np.ndarray, masks: np.ndarray) -> dict[str, np.ndarray]:
    """A batch of the one example `tokens`, as far as the forward pass reads it."""
    return {
        "tokens": tokens[None],
        "token_types": np.zeros((1, len(tokens)), np.int32),
        "positions": np.arange(len(tokens), dtype=np.int32)[None],
        "example_ids": np.ones((1, len(tokens)), np.int32),
        "mlm_positions": masks[None].astype(np.int32),
        "cls_positions": np.zeros((1, 1), np.int32),
    }


def _completed(vocabulary: Vocabulary, tokens: np.ndarray, guesses: list[list[Guess]]) -> str:
    filled = tokens.copy()
    filled[tokens == vocabulary.mask_id] = [mask[0].id for mask in guesses]
    return vocabulary.decode(filled[1:-1])
