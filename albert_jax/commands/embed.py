"""A vector for every text of a file: the mean of the last hidden states, of length one.

albert-jax embed --model=CHECKPOINT --input=texts.txt --output=vectors.npy
albert-jax embed --model=CHECKPOINT --input=posts.jsonl --field=body --output=vectors.npy

The input is .txt with a text a line, or .jsonl, .csv or .tsv. Row i of the output, float32, belongs to text
i; blank lines of .txt have one, too. Nothing is left out of a long text: it is read in windows.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np
from etils import epath
from tqdm import tqdm

from albert_jax.commands.flags import CommandLine
from albert_jax.commands.load import load
from albert_jax.commands.predictor import Predictor
from albert_jax.data import vectors
from albert_jax.errors import CHECK_PATH, UserError
from albert_jax.interop.pretrained import Pretrained, check_several
from albert_jax.tasks import source
from albert_jax.tasks.embedding import Embedding
from albert_jax.tasks.source import Record

LENGTH = 512
FIELD = "text"
WINDOW = "pieces of a window, or as many as the model takes; a longer text is the mean of several"


def main(argv: list[str]):
    """Reads the command line and writes the vectors."""
    line = CommandLine(__doc__)
    line.path("model", "a workdir, or a model of any format that convert reads")
    line.path("input", "the texts")
    line.path("output", "a .npy file")
    line.text("field", "NAME", f"the column of the text in .jsonl, .csv and .tsv ({FIELD})")
    line.number("length", LENGTH, WINDOW)
    flags, _ = line.parse(argv)
    if flags["output"].suffix != ".npy":
        raise UserError(f"--output={flags['output']}: its ending must be .npy")
    path, field = flags["input"], flags["field"] or FIELD
    count = sum(1 for _ in records(path, field))
    model = load(flags["model"])
    texts = (source.text(record, field) for record in records(path, field))
    bar = tqdm(embed(model, texts, flags["length"]), path.name, count, unit="text", disable=None)
    if jax.process_index() != 0:
        deque(bar, maxlen=0)  # the devices of every process are needed, one of them writes
        return
    vectors.write(flags["output"], bar, count, model.config.hidden_size)
    print(f"{flags['output']}: {count:,} vectors of {model.config.hidden_size} numbers")


def embed(model: Pretrained, texts: Iterable[str], length: int = LENGTH) -> Iterator[np.ndarray]:
    """The vectors float32 [D] of texts, in order, by all devices and in constant memory.

    Args:
      model: what `load` returns.
      texts: as many as there are.
      length: see WINDOW.

    Raises:
      UserError: there is one text and no list, or an input is none.
    """
    check_several(texts, "embed")
    task: Any = Embedding(model.vocabulary, min(length, model.config.max_positions))
    vector: Any
    for _, vector in Predictor(model, task, "embedding", jax.devices()).stream(_checked(texts)):
        yield vector


def _checked(texts: Iterable[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(f"input {number} is {str(text)[:40]}; it must be a text")
        yield text


def records(path: epath.Path, field: str) -> Iterator[Record]:
    """The rows of a file of texts.

    Raises:
      UserError: it cannot be read, or a row has no text.
    """
    kinds = (".txt", *source.KINDS)
    if path.suffix not in kinds:
        raise UserError(f"{path}: its ending must be one of {', '.join(kinds)}")
    try:
        with path.open("rb") as lines:
            for record in source.rows(lines, path.suffix, str(path)):
                source.text(record, field)
                yield record
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror or error}); {CHECK_PATH}"
        ) from error
