"""What a batch is and how text becomes one; the two presets."""

from dataclasses import dataclass
from typing import Any

from albert_jax.errors import UserError


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """The config section `data`, as far as batches go.

    Attributes:
      batch_size: rows of a global batch.
      length: positions a row, specials included.
      predictions: masked tokens a row at most.
      examples_per_row: examples packed into a row at most; 1 is one a row, as the reference.
      objective: "sop" (swapped segments), "nsp" (random second segments) or "none" (one segment).
      chunking: "lossless" cuts documents to fill rows, "reference" gathers whole sentences and
        drops what is too long.
      random_negatives: with "sop" and "reference" chunking, a one-sentence chunk takes its second
        segment from a random document, label 1; otherwise it stays one segment, without label.
      short_share: share of the documents cut at a random, shorter length.
      mask_share: share of the tokens that are masked.
      max_ngram: the longest masked n-gram, in words.
      block_tokens: of the text that is made into rows at a time, about. Rows mix within a block, so it
        should hold many documents, and a novel has 100,000; resuming takes as long as making a block.
      shards: logical streams, fixed for a run; they divide batch_size, processes divide them.
      workers: processes a stream: 1, or 0 to make batches in the process that asks for them.
      seed: of order, segments and masks.
    """

    batch_size: int
    length: int
    predictions: int
    examples_per_row: int
    objective: str = "sop"
    chunking: str = "lossless"
    random_negatives: bool = False
    short_share: float = 0.1
    mask_share: float = 0.15
    max_ngram: int = 3
    block_tokens: int = 2_000_000
    shards: int = 1
    workers: int = 1
    seed: int = 0

    def __post_init__(self):
        for name, low in _LEAST.items():
            if getattr(self, name) < low:
                raise UserError(f"data.{name} is {getattr(self, name)}; it must be at least {low}")
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise UserError(
                    f"data.{name} is {getattr(self, name)!r}; it must be one of "
                    + ", ".join(map(repr, allowed))
                )
        for name in ("short_share", "mask_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"data.{name} is {getattr(self, name)}; it must be in [0, 1]")
        if self.batch_size % self.shards:
            raise UserError(
                f"data.batch_size {self.batch_size} is no multiple of data.shards {self.shards}; "
                "change one of them"
            )
        if self.random_negatives and (self.chunking, self.objective) != ("reference", "sop"):
            raise UserError(
                "data.random_negatives needs data.chunking='reference' and data.objective='sop'; "
                "set it to False"
            )


_LEAST = {
    "batch_size": 1,
    "length": 8,
    "predictions": 1,
    "examples_per_row": 1,
    "max_ngram": 1,
    "block_tokens": 1,
    "shards": 1,
    "seed": 0,
}
CHOICES = {
    "objective": ("sop", "nsp", "none"),
    "chunking": ("lossless", "reference"),
    "workers": (0, 1),
}


def reference(batch_size: int, length: int = 512, **changes: Any) -> BatchConfig:
    """The batches of google-research/albert: 20 predictions, one example a row, its SOP mixture."""
    preset = {
        "predictions": 20,
        "examples_per_row": 1,
        "chunking": "reference",
        "random_negatives": changes.get("objective", "sop") == "sop",
    }
    return BatchConfig(batch_size=batch_size, length=length, **preset | changes)


def recommended(batch_size: int, length: int, **changes: Any) -> BatchConfig:
    """Full rows, 15 % of their tokens masked, pure SOP, every token of the text in every epoch."""
    preset = {
        "predictions": -(-15 * length // 100),
        "examples_per_row": max(4, length // 10),
    }
    return BatchConfig(batch_size=batch_size, length=length, **preset | changes)
