"""The training batches of a task: a pure function of (seed, update), so a run resumes by its count."""

import functools
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from albert_jax.errors import UserError
from albert_jax.tasks.item import Item
from albert_jax.tasks.rows import Batch, layout, training_batch
from albert_jax.tasks.task import Example, Task


class Epochs:
    """All labelled items of a task, in another order in every epoch.

    Attributes:
      items: what the examples became, without those that nothing is asked of.
      layout: of the rows.
      mean_tokens: of an item.
    """

    def __init__(
        self,
        task: Task,
        examples: Sequence[Example],
        pad_id: int,
        *,
        batch_size: int,
        seed: int,
        microbatches: int = 1,
        devices: int = 1,
    ):
        """Encodes all examples. Raises UserError: none of them has a label."""
        bar = tqdm(examples, desc="encoding", unit="example", leave=False, delay=2, disable=None)
        encoded = (item for example in bar for item in task.items(example))
        self.items: list[Item] = [item for item in encoded if item.label is not None]
        if not self.items:
            raise UserError(
                "no training example has a label; task.data_dir must hold labelled ones"
            )
        lengths = [len(part.tokens) for item in self.items for part in item.parts]
        share = batch_size * len(lengths) / len(self.items) / (microbatches * devices)
        self.layout = layout(lengths, pad_id, share)
        self.mean_tokens = sum(lengths) / len(self.items)
        self._head, self._cut = task.head, (microbatches, devices)
        self._size, self._order = (
            batch_size,
            functools.lru_cache(2)(functools.partial(_order, seed)),
        )

    def batch(self, step: int) -> Batch:
        """The batch of update `step`, from 0. Epochs follow each other without a gap."""
        place = np.arange(step * self._size, (step + 1) * self._size)
        epochs, places = np.divmod(place, len(self.items))
        chosen = [
            self._order(len(self.items), int(e))[p] for e, p in zip(epochs, places, strict=True)
        ]
        return training_batch([self.items[i] for i in chosen], self._head, self.layout, *self._cut)

    def steps(self, epochs: float) -> int:
        """Updates in so many epochs, at least one."""
        return max(1, round(epochs * len(self.items) / self._size))


def _order(seed: int, count: int, epoch: int) -> np.ndarray:
    """The order of `count` items in an epoch."""
    return np.random.default_rng([seed, epoch]).permutation(count)
