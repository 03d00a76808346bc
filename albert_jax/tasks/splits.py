"""The user's own tables: the rows of train, dev and test, wherever they are.

In a folder they are train.*, dev.* (or validation.*, valid.*) and test.*, of the endings that
tasks/source.py reads; one file alone is train, `tfds:NAME` a dataset. Where there is no dev, a seeded
share of train is it, and a line says so.
"""

import functools
import logging
from dataclasses import dataclass

import numpy as np
from etils import epath

from albert_jax.errors import UserError
from albert_jax.tasks import source
from albert_jax.tasks.source import TFDS, Record

NAMES = {  # what files and TFDS splits are called
    "train": ("train",),
    "dev": ("dev", "validation", "valid"),
    "test": ("test",),
}


@dataclass(frozen=True, kw_only=True)
class TableConfig:
    """What the section `task` says of the user's own tables.

    Attributes:
      name: of the task.
      data_dir: a folder, a file, or tfds:NAME.
      columns: their names, where the files have no header.
      dev_share: of the training rows, where there is no dev file; 1, to evaluate on a whole file.
      seed: of the draw of that share.
    """

    name: str
    data_dir: str = ""
    columns: tuple[str, ...] = ()
    dev_share: float = 0.1
    seed: int = 0

    def __post_init__(self):
        if not 0 < self.dev_share <= 1:
            raise UserError(f"task.dev_share is {self.dev_share}; it must be above 0, at most 1")


class Splits:
    """The rows of a table by split, each read once."""

    def __init__(self, config: TableConfig):
        self._config = config
        self._stored = functools.cache(functools.partial(_stored, config))

    def records(self, split: str) -> list[Record]:
        """The rows of "train", "dev" or "test", in their order.

        Raises:
          UserError: there are none, or a file of them is malformed.
        """
        if split != "test" and self._stored("dev") is None:
            return _share(self.given(), split, self._config)
        return self._some(split)

    def given(self) -> list[Record]:
        """The rows of train with those that become dev. Raises UserError as `records` does."""
        return self._some("train")

    def hides(self, split: str, column: str) -> bool:
        """Whether a split is test and not all of its rows have something in a column; 0 is something."""
        return split == "test" and any(
            record.values.get(column) in (None, "") for record in self.records(split)
        )

    def _some(self, split: str) -> list[Record]:
        found = self._stored(split)
        if not found:
            raise UserError(
                f"{self._config.data_dir}: no example in the split {split}; {split}.* must hold some"
            )
        return found


def _stored(config: TableConfig, split: str) -> list[Record] | None:
    """The rows that are kept as a split, of train those of the only file; None where there are none."""
    if config.data_dir.startswith(TFDS):
        name = config.data_dir.removeprefix(TFDS)
        known = [kept for kept in NAMES[split] if kept in source.tfds_splits(name)]
        return list(source.from_tfds(name, known[0])) if known else None
    path = epath.Path(config.data_dir)
    if not path.is_dir():
        return list(source.read(path, config.columns)) if split == "train" else None
    files = [path / f"{name}{kind}" for name in NAMES[split] for kind in source.KINDS]
    found = [file for file in files if file.exists()]
    if split == "train" and not found:
        raise UserError(f"{path}: no train file in it; endings are {', '.join(source.KINDS)}")
    return list(source.read(found[0], config.columns)) if found else None


def _share(records: list[Record], split: str, config: TableConfig) -> list[Record]:
    """The rows of train or of dev, out of those for both, in their order."""
    order = np.random.default_rng(config.seed).permutation(len(records))
    count = max(1, round(config.dev_share * len(records)))
    kept = order[:count] if split == "dev" else order[count:]
    if not len(kept):
        raise UserError(f"{config.data_dir}: dev takes all rows of train; add a dev file")
    if split == "dev":
        logging.getLogger(__name__).warning(
            "%s has no dev file: dev is %d of %d rows, drawn by task.seed; evaluate takes all of them "
            "with --task=%s:dev_share=1",
            *(config.data_dir, count, len(records), config.name),
        )
    return [records[i] for i in np.sort(kept)]
