"""What the prepared text is like, counted while it is written, and what training will see of it."""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
from etils import epath

from albert_jax.data.documents import Document
from albert_jax.data.vocabulary import UNK, Vocabulary

ROW_LENGTHS = (128, 512)
_SAMPLED = 10_000  # examples of each length whose packing is simulated
_OPEN_ROWS = 32  # rows that packing keeps open


class Statistics:
    """Counts over the documents of both splits; memory does not grow with their number."""

    def __init__(self, vocabulary: Vocabulary):
        self._vocabulary = vocabulary
        self.piece_counts = np.zeros(vocabulary.size, np.int64)  # [V]
        self._document_lengths: Counter[int] = Counter()
        self._sentence_lengths: Counter[int] = Counter()
        self._documents = {"train": 0, "held_out": 0}
        self._examples: dict[int, list[int]] = {length: [] for length in ROW_LENGTHS}

    def add(self, document: Document, split: str) -> None:
        """Counts a document of "train" or "held_out"."""
        self.piece_counts += np.bincount(document.tokens, minlength=len(self.piece_counts))
        self._document_lengths[len(document.tokens)] += 1
        self._sentence_lengths.update(document.sentence_lengths.tolist())
        self._documents[split] += 1
        for length, examples in self._examples.items():
            if len(examples) < _SAMPLED:
                examples += example_lengths(document.sentence_lengths.tolist(), length)

    def merge(self, other: "Statistics") -> None:
        """Adds the counts of other documents, as when machines share the work."""
        self.piece_counts += other.piece_counts
        self._document_lengths += other._document_lengths
        self._sentence_lengths += other._sentence_lengths
        for split, count in other._documents.items():
            self._documents[split] += count
        for length, examples in self._examples.items():
            examples += other._examples[length][: max(0, _SAMPLED - len(examples))]

    def summary(self) -> dict:
        """The numbers of the page, ready for JSON."""
        tokens = int(self.piece_counts.sum())
        most_frequent = int(self.piece_counts.argmax())
        return {
            "documents": self._documents,
            "sentences": self._sentence_lengths.total(),
            "tokens": tokens,
            "unknown_per_1000": 1000 * int(self.piece_counts[UNK]) / tokens,
            "tokens_per_document": _describe(self._document_lengths),
            "tokens_per_sentence": _describe(self._sentence_lengths),
            "pieces_used": int(np.count_nonzero(self.piece_counts)),
            "most_frequent": {
                "id": most_frequent,
                "piece": self._vocabulary.pieces[most_frequent],
                "share": int(self.piece_counts[most_frequent]) / tokens,
            },
            "rows": {str(length): _rows(self._examples[length], length) for length in ROW_LENGTHS},
        }

    def save(self, folder: epath.Path) -> None:
        """Writes `statistics.json` and the counts of all pieces, `counts.npy` int64 [V]."""
        (folder / "statistics.json").write_text(json.dumps(self.summary(), indent=2) + "\n")
        with (folder / "counts.npy").open("wb") as file:
            np.save(file, self.piece_counts)


def example_lengths(sentence_lengths: Sequence[int], row_length: int) -> list[int]:
    """Tokens, with [CLS] and two [SEP], of the examples that the reference cuts from a document.

    Sentences are gathered until the row is full, what is over is cut off, and the short last
    example is kept (google-research/albert, create_pretraining_data.py).
    """
    room = row_length - 3
    lengths, gathered = [], 0
    for length in sentence_lengths:
        gathered += length
        if gathered >= room:
            lengths.append(row_length)
            gathered = 0
    return [*lengths, gathered + 3] if gathered else lengths


def packed_rows(lengths: Sequence[int], row_length: int) -> int:
    """The rows that first-fit packing needs, with a limited number of rows open."""
    rows = 0
    room: list[int] = []
    for length in lengths:
        fits = next((i for i, free in enumerate(room) if free >= length), None)
        if fits is None:
            rows += 1
            room = [*room[-_OPEN_ROWS + 1 :], row_length - length]
        else:
            room[fits] -= length
    return rows


def _rows(lengths: Sequence[int], row_length: int) -> dict:
    """The share of padding with one example a row, and with packed rows."""
    used, rows = sum(lengths), packed_rows(lengths, row_length)
    return {
        "examples_sampled": len(lengths),
        "padding_unpacked": 1 - used / (len(lengths) * row_length),
        "padding_packed": 1 - used / (rows * row_length),
        "examples_per_packed_row": len(lengths) / rows,
    }


def _describe(lengths: Counter[int]) -> dict:
    """Mean and percentiles of values given with their counts."""
    values = np.array(sorted(lengths))
    counts = np.array([lengths[value] for value in values])
    below = np.cumsum(counts) / counts.sum()
    percentiles = {
        f"p{p}": int(values[np.searchsorted(below, p / 100)]) for p in (5, 25, 50, 75, 95)
    }
    return {"mean": float(values @ counts / counts.sum()), **percentiles, "max": int(values[-1])}


def page(summary: dict) -> str:
    """The statistics as a page to read."""
    documents, frequent = summary["documents"], summary["most_frequent"]
    lines = [
        f"documents            {documents['train']:>15,} train  {documents['held_out']:,} held out",
        f"sentences            {summary['sentences']:>15,}",
        f"tokens               {summary['tokens']:>15,}",
        f"unknown              {summary['unknown_per_1000']:>15.2f} per 1,000 tokens",
        f"tokens a document    {_spread(summary['tokens_per_document'])}",
        f"tokens a sentence    {_spread(summary['tokens_per_sentence'])}",
        f"most frequent piece  {frequent['piece']:>15}  {frequent['share']:.2%} of the tokens "
        "(what guessing it always would score)",
    ]
    lines += [
        f"padding at {length:>4}      {rows['padding_unpacked']:>15.1%} one example a row, "
        f"{rows['padding_packed']:.1%} packed ({rows['examples_per_packed_row']:.1f} a row)"
        for length, rows in summary["rows"].items()
    ]
    return "\n".join(lines)


def _spread(spread: dict) -> str:
    return (
        f"{spread['mean']:>15,.1f} on average, {spread['p5']:,} to {spread['p95']:,} for 90 % of "
        f"them, at most {spread['max']:,}"
    )
