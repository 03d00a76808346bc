"""The input pipeline: documents in, numpy batches out, and a position small enough to checkpoint.

A run reads its documents as a fixed number of logical streams. Stream s takes every `shards`-th
document of the epoch's shuffle, turns blocks of them into rows, and gives its share of every global
batch. Which host or process runs a stream never matters, so a run resumes on another number of
hosts with the same batches. Everything random is a pure function of (seed, stream, epoch, block).
"""

import contextlib
import functools
import signal
import weakref
from collections.abc import Iterator
from typing import Any

import grain
import numpy as np
from absl import flags

from albert_jax.data import lifeline
from albert_jax.data.batch_config import BatchConfig
from albert_jax.data.documents import Documents, mean_length, read
from albert_jax.data.rows import BlockRows
from albert_jax.data.segments import Symbols
from albert_jax.errors import UserError

Batch = dict[str, np.ndarray]

_READ_AHEAD = grain.ReadOptions(num_threads=1, prefetch_buffer_size=1)  # one block
_BUFFERED = 4  # batches a worker makes ahead


class Batches:
    """Endless batches: this process's rows of every global batch, in the layout of `lay_rows`.

    Process p of P runs the p-th P-th of the streams; the rows of all processes, in the order of
    the processes, are the global batch, whatever P is. `close()` ends the worker processes; so does
    the end of the program.
    """

    def __init__(
        self,
        documents: Documents,
        config: BatchConfig,
        symbols: Symbols,
        process_index: int = 0,
        process_count: int = 1,
    ):
        """Starts at the first batch. Nothing is read before the first `next`.

        Raises:
          UserError: there are fewer documents than streams, or processes do not divide the streams.
        """
        if config.shards % process_count:
            raise UserError(
                f"data.shards {config.shards} is no multiple of the {process_count} processes; "
                "set it to one and keep it for the whole run"
            )
        if len(documents) < config.shards:
            raise UserError(
                f"the corpus has {len(documents)} documents, fewer than data.shards "
                f"{config.shards}; set data.shards lower or add text"
            )
        if not flags.FLAGS.is_parsed():  # grain reads flags of its own before it starts a worker
            flags.FLAGS.mark_as_parsed()
        owned = config.shards // process_count
        self._streams = {
            stream: iter(_stream(documents, config, symbols, stream))
            for stream in range(process_index * owned, (process_index + 1) * owned)
        }
        self.close = weakref.finalize(self, _close, self._streams)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """UserError if a worker process was killed, or what is raised in one, as for a damaged record."""
        try:
            parts = [next(stream) for stream in self._streams.values()]
        except RuntimeError as error:
            _, death, code = str(error).partition("terminated unexpectedly with ")
            if not death:
                raise
            raise UserError(
                f"a worker process that makes batches died with {code.partition('.')[0]}, perhaps for "
                "want of memory; the same command resumes, --config.data.workers=0 does without them"
            ) from error
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def state(self) -> dict[str, Any]:
        """Where the next batch starts, by stream; JSON-able, the same for any `workers`."""
        return {str(i): _position(stream.get_state()) for i, stream in self._streams.items()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continues from a `state`; it may hold the streams of other processes as well."""
        for i, stream in self._streams.items():
            block, row = state[str(i)]["block"], state[str(i)]["row"]
            stream.set_state(_with_position(stream.get_state(), block, row))


def _close(streams: dict[int, grain.DatasetIterator]) -> None:
    while streams:
        streams.popitem()[1].close()


def held_out(
    documents: Documents,
    config: BatchConfig,
    symbols: Symbols,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Batch]:
    """One pass over documents, unshuffled, with the same masks whenever it is asked for.

    Every process reads all documents and keeps its rows, so that all see equally many batches; the
    last one is filled up with empty rows of weight 0. `config.seed`, `shards` and `workers` play no
    part.

    Raises:
      UserError: there is no document.
    """
    if not len(documents):
        raise UserError("no document is held out; raise corpus.held_out or add text")
    share = config.batch_size // process_count
    mine = slice(process_index * share, (process_index + 1) * share)
    order = grain.MapDataset.range(len(documents))
    blocks = order.batch(_block_size(documents, len(order), config), batch_fn=list)
    blocks = blocks.map(functools.partial(read, documents))
    blocks = blocks.random_map(BlockRows(config, symbols), seed=0).to_iter_dataset(_READ_AHEAD)
    batches = iter(grain.experimental.RebatchIterDataset(blocks, config.batch_size))
    with contextlib.closing(batches):
        for batch in batches:
            missing = config.batch_size - len(batch["tokens"])
            yield {
                name: np.pad(array, [(0, missing), (0, 0)])[mine] for name, array in batch.items()
            }


def _stream(
    documents: Documents, config: BatchConfig, symbols: Symbols, stream: int
) -> grain.IterDataset:
    """The endless rows of one stream, in its part of a global batch."""
    order = grain.MapDataset.range(len(documents)).shuffle(seed=_seed(config.seed, 0))
    mine = order.slice(slice(stream, None, config.shards))
    blocks = mine.batch(_block_size(documents, len(mine), config), batch_fn=list).repeat()
    blocks = blocks.map(functools.partial(read, documents))
    blocks = blocks.random_map(BlockRows(config, symbols), seed=_seed(config.seed, 1 + stream))
    rows = grain.experimental.RebatchIterDataset(
        blocks.to_iter_dataset(_READ_AHEAD), config.batch_size // config.shards
    )
    return rows.mp_prefetch(
        grain.MultiprocessingOptions(num_workers=config.workers, per_worker_buffer_size=_BUFFERED),
        worker_init_fn=lambda index, count: lifeline.attach(signal.SIGINT, signal.SIGTERM),
    )


def _seed(seed: int, use: int) -> int:
    """Unrelated 32-bit seeds for the order (0) and for every stream (1 ...)."""
    return int(np.random.SeedSequence([seed, use]).generate_state(1)[0])


def _block_size(documents: Documents, count: int, config: BatchConfig) -> int:
    """Documents a block, out of `count`: about `block_tokens`, and no document is left over alone."""
    wanted = max(config.block_tokens / mean_length(documents), 2)
    size = -(-count // max(1, round(count / wanted)))
    return next(n for n in range(size, count + 1) if count % n != 1 or n == 1)


def _position(state: dict[str, Any]) -> dict[str, int]:
    """The two numbers in grain's state: the block that is being read, and the next row in it."""
    leaf = _leaf(state)
    return {"block": leaf["parent"]["next_index"], "row": leaf["batch_idx"]}


def _with_position(state: dict[str, Any], block: int, row: int) -> dict[str, Any]:
    leaf = _leaf(state)
    leaf["parent"]["next_index"], leaf["batch_idx"] = block, row
    return state


def _leaf(state: dict[str, Any]) -> dict[str, Any]:
    """The state of the rows; grain wraps it where they come from a worker process."""
    return state["iterators_in_use_states"][0] if "iterators_in_use_states" in state else state
