"""The texts of the training files of every task, without their labels, as a text to pretrain on.

python -m experiments.task_text --data=DATA --output=runs/record/tasks.txt

What Gururangan et al. (2020, "Don't stop pretraining") call task-adaptive pretraining. Dev and test files are
not opened, and of a table without a dev file the rows that become it are left out.
"""

import argparse
import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from etils import epath

from albert_jax.data.vocabulary import Normalisation, Vocabulary
from albert_jax.training.workdir import replace
from experiments import program
from experiments.everyday import TASKS, open_task

VOCABULARY = "../shared/data/vocabulary/30k-clean.model"  # no piece of it comes into the texts


def main(argv: list[str]):
    """Writes the texts, an empty line between two, and says how many there are of each task."""
    options = _parser().parse_args(argv)
    vocabulary = Vocabulary.load(options.vocabulary, Normalisation())
    found: dict[str, None] = {}  # every text once, in order
    for name, task in TASKS.items():
        with _without_warnings():
            examples = open_task(name, options.data, vocabulary).examples("train")
        before = len(found)
        found |= dict.fromkeys(text for example in examples for text in texts(example))
        print(f"{task.title:18} {len(found) - before:8,} texts")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    replace(options.output, "\n\n".join(found) + "\n")


def texts(example: Any) -> Iterator[str]:
    """The texts of an example of any task, each on one line: of a question its context only."""
    given = getattr(example, "texts", None) or [getattr(example, "context", None) or example.text]
    return (" ".join(text.split()) for text in given if text.strip())


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """What the tasks say of answers is not about the texts."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _parser() -> argparse.ArgumentParser:
    parser = program.parser("task_text", __doc__)
    parser.add_argument("--data", default="../shared/data", help="folder of the tasks' files")
    parser.add_argument("--vocabulary", default=VOCABULARY, help="any; the tasks ask for one")
    parser.add_argument("--output", type=epath.Path, required=True, help="a text file")
    return parser


if __name__ == "__main__":
    program.serve(main)
