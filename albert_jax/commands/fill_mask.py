"""Words for the [MASK]s of a sentence, the likeliest first.

albert-jax fill-mask --model=CHECKPOINT "the capital of [MASK] is paris"
"""

import dataclasses
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from albert_jax.commands.flags import CommandLine
from albert_jax.commands.load import load
from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError
from albert_jax.interop.pretrained import Pretrained, encode_masked
from albert_jax.model.albert import AlbertForPretraining, Batch, gather


class Guess(NamedTuple):
    """A piece for a mask: its id, its text, how likely the model finds it."""

    id: int
    piece: str
    probability: float


def main(argv: list[str]):
    """Prints the guesses for every mask of every text, and the text with the best of them."""
    line = CommandLine(__doc__, takes_words=True)
    line.path("model", "a workdir, or a model of any format that convert reads")
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


def encode(vocabulary: Vocabulary | TokenizerJson, text: str) -> np.ndarray:
    """[CLS] text [SEP] as ids int32 [L], with the mask's id where the text says [MASK]."""
    if "[MASK]" not in text:
        raise UserError(f"{text!r} has no [MASK]; write one where a word is to be guessed")
    ids = [vocabulary.cls_id, *encode_masked(vocabulary, text), vocabulary.sep_id]
    return np.array(ids, np.int32)


def fill(model: Pretrained, tokens: np.ndarray, top: int) -> list[list[Guess]]:
    """The `top` likeliest pieces for every mask in `tokens` [L], in the order of the masks."""
    if "mlm" not in model.params:
        raise UserError(
            "the model has no masked-LM head; name one that was pretrained or exported with it"
        )
    if len(tokens) > model.config.max_positions:
        raise UserError(
            f"the text has {len(tokens)} pieces, the model takes {model.config.max_positions}; shorten it"
        )
    masks = np.flatnonzero(tokens == model.vocabulary.mask_id)
    config = dataclasses.replace(model.config, dtype="float32")  # the scores that an export gives
    apply = partial(AlbertForPretraining(config).apply, method=_masked_words)
    logits = jax.jit(apply)({"params": model.params}, _row(tokens, masks))
    probabilities = np.asarray(jax.nn.softmax(logits[0]))  # [M, V]
    pieces = model.vocabulary.pieces  # the table may have rows that no piece stands for
    best = np.argsort(-probabilities[:, : len(pieces)], axis=-1)[:, :top]
    return [
        [Guess(int(i), pieces[i], float(row[i])) for i in order]
        for row, order in zip(probabilities, best, strict=True)
    ]


def _masked_words(model: AlbertForPretraining, batch: Batch) -> jax.Array:
    """The masked-LM logits [B, M, V] alone: a checkpoint may have no pooler and no sentence head."""
    x = model.albert.layers(batch)[-1]
    return model.mlm(gather(x, batch["mlm_positions"]), model.albert.embeddings.tokens)


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


def _completed(
    vocabulary: Vocabulary | TokenizerJson, tokens: np.ndarray, guesses: list[list[Guess]]
) -> str:
    filled = tokens.copy()
    filled[tokens == vocabulary.mask_id] = [mask[0].id for mask in guesses]
    return vocabulary.decode(filled[1:-1])
