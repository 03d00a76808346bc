"""Documents of text into documents of ids, on all cores, in order and in constant memory."""

import hashlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np

from albert_jax.data import lifeline, sentences, text
from albert_jax.data.documents import Document
from albert_jax.data.normalisation import Normalisation, normalise
from albert_jax.data.vocabulary import Vocabulary
from albert_jax.errors import UserError

_BATCH = 1 << 18  # characters that travel to a worker at a time
_AHEAD = 4  # batches under way for each worker

Batch = list[text.Text]
Result = TypeVar("Result")


class Tokenised(NamedTuple):
    """A document of ids, and a number in [0, 1) drawn from the seed and its text."""

    document: Document
    draw: float


def tokenise(
    texts: Iterable[text.Text], vocabulary: Vocabulary, *, seed: int, workers: int
) -> Iterator[Tokenised]:
    """Splits, normalises and encodes, keeping the order; documents without a token are left out.

    The draw depends on the seed and the text alone: the same document, met twice, lands in the
    same split.
    """
    work = _Tokeniser(vocabulary, seed)
    for results in map_batches(work, _batches(texts), workers):
        yield from results


def normalised_sentences(
    texts: Iterable[text.Text], steps: Normalisation, *, workers: int
) -> Iterator[str]:
    """The normalised sentences of the documents, in order: what a vocabulary is trained on."""
    work = _Splitter(steps)
    for results in map_batches(work, _batches(texts), workers):
        yield from results


def encode(body: text.Text, vocabulary: Vocabulary) -> Document:
    """One document as ids, cut into sentences."""
    split = [s for paragraph in body.paragraphs() for s in sentences.split(paragraph)]
    ids = [i for i in vocabulary.encode_batch(split) if i]
    lengths = np.fromiter(map(len, ids), np.int32, len(ids))
    tokens = np.fromiter(chain.from_iterable(ids), np.int32, lengths.sum())
    return Document(tokens, lengths)


def draw(body: text.Text, seed: int) -> float:
    """A number in [0, 1) that depends on the seed and the text of the document alone."""
    key = seed.to_bytes(8, "little")
    digest = hashlib.blake2b(body.body.encode(), digest_size=6, key=key).digest()
    return int.from_bytes(digest, "little") / 2**48


@dataclass(frozen=True)
class _Tokeniser:
    vocabulary: Vocabulary
    seed: int

    def __call__(self, batch: Batch) -> list[Tokenised]:
        results = (Tokenised(encode(b, self.vocabulary), draw(b, self.seed)) for b in batch)
        return [result for result in results if len(result.document.tokens)]


@dataclass(frozen=True)
class _Splitter:
    steps: Normalisation

    def __call__(self, batch: Batch) -> list[str]:
        paragraphs = (paragraph for body in batch for paragraph in body.paragraphs())
        split = (sentence for paragraph in paragraphs for sentence in sentences.split(paragraph))
        return [normalised for s in split if (normalised := normalise(s, self.steps))]


def _batches(texts: Iterable[text.Text]) -> Iterator[Batch]:
    """Short documents travel together, so that the journey costs little."""
    batch, size = [], 0
    for body in texts:
        batch.append(body)
        size += len(body.body)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def map_batches(
    work: Callable[[Batch], Result], batches: Iterable[Batch], workers: int
) -> Iterator[Result]:
    """`map` on a pool of `workers` processes (0 = one a core), ordered, few batches ahead.

    Processes are spawned, not forked: the caller may hold threads. `work` is sent to each once.

    Raises:
      UserError: raised by `work`, or a worker process died.
    """
    workers = workers or os.cpu_count() or 1
    if workers == 1:
        yield from map(work, batches)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(work,))
    try:
        yield from _ordered(pool, batches, workers * _AHEAD)
    except BrokenProcessPool as error:
        raise UserError(
            "a worker process died, perhaps for want of memory; lower corpus.workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _ordered(pool: ProcessPoolExecutor, batches: Iterable[Batch], ahead: int) -> Iterator:
    pending: deque[Future] = deque()
    for batch in batches:
        pending.append(pool.submit(_do_work, batch))
        if len(pending) >= ahead:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _start_worker(work: Callable) -> None:
    """Keeps the work in the process."""
    global _work
    _work = work
    lifeline.attach(signal.SIGINT)


_work: Callable  # in a worker process


def _do_work(batch: Batch):
    return _work(batch)
