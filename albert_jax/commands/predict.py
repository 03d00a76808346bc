"""What a model says of every line of a file, as JSON lines in the same order, in constant memory.

albert-jax predict --model=CHECKPOINT --input=reviews.txt --output=answers.jsonl
albert-jax predict --model=CHECKPOINT --input=questions.jsonl --output=answers.jsonl
albert-jax predict --model=CHECKPOINT --task=text:text=review --input=reviews.csv --output=answers.jsonl
echo "a gripping film" | albert-jax predict --model=CHECKPOINT --input=- --output=-

The input is .txt with a text a line, .csv or .tsv with a header, or .jsonl, where blank lines do not count.
Every output line has the number of its line in the input as "line", its "id" if it has one, and what
the task says: label and probabilities, a score, answers, entities or sentences with their offsets in
characters of the raw text. Answers, entities and summaries are of the whole text, read in windows (of
a question to it the first 64 pieces). Classes, scores and similarities are of its first pieces, as many as
the model was tuned on (task.length), or as it takes if it does not say; an option is read with the first
pieces of its passage.
OUTPUT appears when all is done; until then it is OUTPUT.partial.
"""

import contextlib
import json
import math
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import jax
from etils import epath
from tqdm import tqdm

from albert_jax.commands import model_flags
from albert_jax.commands.flags import CommandLine
from albert_jax.commands.predictor import Predictor
from albert_jax.errors import UserError
from albert_jax.paths import are_same
from albert_jax.tasks import source
from albert_jax.tasks.source import Record
from albert_jax.tasks.task import Example

STANDARD = "-"  # input or output
PARTIAL = ".partial"  # behind the output's name until all is done
KINDS = (".txt", *source.KINDS)

Write = Callable[[bytes], Any]


def main(argv: list[str]):
    """Reads the command line and predicts."""
    line = CommandLine(__doc__)
    model_flags.define(line)
    line.text("input", "FILE", "what to read; - for standard input")
    line.text("output", "FILE", "JSON lines; - for standard output")
    line.text("format", "KIND", "of the input: txt, csv, tsv or jsonl; by its ending if left out")
    flags, _ = line.parse(argv)
    for name in ("input", "output"):
        if flags[name] is None:
            raise UserError(f"--{name} is missing; name a file, or - for standard {name}")
    _check_apart(flags["input"], flags["output"])
    kind = _kind(flags["input"], flags["format"])
    ready = model_flags.open_model(flags)
    with _opened(flags["input"]) as lines, _whole(flags["output"]) as write:
        predict(ready, source.rows(lines, kind, flags["input"]), kind, write)


def predict(ready: Predictor, records: Iterable[Record], kind: str, write: Write):
    """Writes a line for every record.

    Args:
      ready: the model and the task.
      records: of the input.
      kind: of the input; in ".txt" a line is the one text that the task reads.
      write: takes the lines.
    """
    places: deque[dict[str, Any]] = deque()  # of examples whose predictions are still to come

    def examples() -> Iterator[Example]:
        for values, place in records:
            has_one_text = kind == ".txt"
            record = ready.record(values["text"], place) if has_one_text else values
            example = ready.task.example(record, place)
            places.append(_place(values, place))
            yield example

    for _, prediction in ready.stream(examples()):
        line = json.dumps(_finite(places.popleft() | prediction), ensure_ascii=False)
        write(line.encode() + b"\n")


def _check_apart(path: str, output: str):
    """Raises UserError: the answers would be written over what is read."""
    if STANDARD not in (path, output) and any(
        are_same(path, written) for written in (output, f"{output}{PARTIAL}")
    ):
        raise UserError(
            f"--output={output} would be written over --input={path}; name another file"
        )


def _kind(path: str, said: str | None) -> str:
    """The format of an input; standard input is text unless something else is said."""
    ending = ".txt" if path == STANDARD else epath.Path(path).suffix
    kind = f".{said}" if said else ending
    if kind not in KINDS:
        raise UserError(
            f"--input={path}: {kind or 'no ending'} is no known format; add --format with one of "
            + ", ".join(known[1:] for known in KINDS)
        )
    return kind


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Iterator[bytes]]:
    """The lines of the input, under a progress bar of its bytes."""
    is_file = path != STANDARD
    total = epath.Path(path).stat().length if is_file else None
    with (
        epath.Path(path).open("rb") if is_file else sys.stdin.buffer as file,
        tqdm(desc=path, total=total, unit="B", unit_scale=True, disable=None) as bar,
    ):
        yield _counted(file, bar)


def _counted(file: BinaryIO, bar: tqdm) -> Iterator[bytes]:
    for line in file:
        bar.update(len(line))
        yield line


@contextlib.contextmanager
def _whole(path: str) -> Iterator[Write]:
    """Writes to the output, which takes its name when all is done; only the first process does."""
    if jax.process_index() != 0:
        yield len  # takes a line and keeps nothing
        return
    if path == STANDARD:
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    partial = epath.Path(f"{path}{PARTIAL}")
    try:
        with partial.open("wb") as file:
            yield file.write
    except UserError as error:
        if partial.stat().length:
            raise UserError(f"{error}; what was predicted before is in {partial}") from error
        partial.unlink()
        raise
    partial.replace(path)


def _place(values: Mapping[str, Any], place: str) -> dict[str, Any]:
    """What tells which line of the input an output line is of."""
    own = {"id": values["id"]} if "id" in values else {}
    return {"line": int(place.rpartition(":")[2]), **own}


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN; null stands for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return {key: _finite(one) for key, one in value.items()} if isinstance(value, dict) else value
