"""Where a run's numbers go: metrics.jsonl, TensorBoard, and a progress bar or plain lines.

metrics.jsonl is what experiments and curves read: one JSON object a line, {"step", "kind", ...},
every step and kind once. A run that goes back to a checkpoint first cuts off what came after it.
"""

import contextlib
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

import jax
from etils import epath
from tqdm import tqdm

from albert_jax.errors import UserError
from albert_jax.paths import is_remote
from albert_jax.training.workdir import naming, replace

PLAIN_EVERY = (
    10.0  # seconds between progress lines where there is no terminal, and TensorBoard's flushes
)
SEND_EVERY = 60.0  # seconds after which what is kept in a bucket is sent again


class Tracker:
    """Writes to all of them, from process 0; the other processes' trackers do nothing."""

    def __init__(self, workdir: epath.Path, step: int, total: int):
        """`step`: finished updates, of `total`; what an earlier start wrote after it is cut off."""
        self._workdir, self._total = workdir, total
        self._open(step)

    def write(self, step: int, kind: str, values: Mapping[str, float]):
        """One set of numbers after `step` updates.

        Args:
          step: finished updates.
          kind: "train", "held_out", or of fine-tuning "dev", whose values are official scores.
          values: floats or 0-d numpy arrays; not device arrays, whose reading would wait.
        """
        values = {name: float(value) for name, value in values.items()}
        for output in self._outputs:
            with naming(self._workdir):
                output.write(step, kind, values)

    def say(self, message: str):
        """A line for the reader, above the progress bar."""
        if self._outputs:
            tqdm.write(message, file=sys.stdout)
            sys.stdout.flush()

    def rewind(self, step: int):
        """Goes back to the state after `step` updates; what was written since is cut off."""
        self.close()
        self._open(step)

    def flush(self):
        """Puts what is written in its place; to be called before a checkpoint is saved."""
        for output in self._outputs:
            with naming(self._workdir):
                output.flush()

    def close(self):
        """Flushes and closes everything, also after one of them has failed."""
        with naming(self._workdir), contextlib.ExitStack() as stack:
            for output in self._outputs:
                stack.callback(output.close)

    def _open(self, step: int):
        self._outputs = []
        if jax.process_index() == 0:
            self._outputs = [
                lines(self._workdir / "metrics.jsonl", step),
                TensorBoard(self._workdir / "tensorboard", step),
                Progress(step, self._total),
            ]


class JsonLines:
    """Appends to metrics.jsonl; every line is with the operating system before `write` returns."""

    def __init__(self, path: epath.Path, step: int):
        cut(path, step)
        self._path, self._file = path, path.open("a")

    def write(self, step: int, kind: str, values: Mapping[str, float]):
        with naming(self._path):
            self._file.write(_line(step, kind, values))
            self._file.flush()

    def flush(self):
        """There is nothing left to do."""

    def close(self):
        self._file.close()


class RemoteJsonLines:
    """The same in a bucket, where nothing can be appended: all lines are sent again now and then."""

    def __init__(self, path: epath.Path, step: int, clock: Callable[[], float] = time.monotonic):
        cut(path, step)
        self._path, self._clock, self._due = path, clock, clock() + SEND_EVERY
        self._lines = path.read_text().splitlines(keepends=True) if path.exists() else []

    def write(self, step: int, kind: str, values: Mapping[str, float]):
        self._lines.append(_line(step, kind, values))
        if self._clock() >= self._due:
            self.flush()

    def flush(self):
        self._path.write_text("".join(self._lines))
        self._due = self._clock() + SEND_EVERY

    def close(self):
        self.flush()


class TensorBoard:
    """The same numbers as event files, under KIND/NAME; those for a bucket are written here and sent.

    tensorboardX's own SummaryWriter writes in a thread that dies of a full disk, and the run would
    wait for it for ever.
    """

    def __init__(self, folder: epath.Path, step: int):
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import SessionLog

        self._folder = folder
        self._here = tempfile.TemporaryDirectory() if is_remote(folder) else None
        here = Path(self._here.name if self._here else folder)
        here.mkdir(parents=True, exist_ok=True)
        self._events, self._due = EventsWriter(str(here / "events"), f".{step}"), 0.0
        self._write(
            step + 1, session_log=SessionLog(status=SessionLog.START)
        )  # hides what was after

    def write(self, step: int, kind: str, values: Mapping[str, float]):
        from tensorboardX.proto.summary_pb2 import Summary

        named = {f"{kind}/{name}": value for name, value in values.items()}
        rows = [Summary.Value(tag=name, simple_value=value) for name, value in named.items()]
        self._write(step, summary=Summary(value=rows))
        if time.monotonic() >= self._due:
            self._events.flush()
            self._due = time.monotonic() + PLAIN_EVERY

    def flush(self):
        self._events.flush()
        self._send()

    def close(self):
        self._events.close()
        self._send()
        if self._here:
            self._here.cleanup()

    def _write(self, step: int, **content):
        from tensorboardX.proto.event_pb2 import Event

        self._events.write_event(Event(wall_time=time.time(), step=step, **content))

    def _send(self):
        if self._here:
            self._folder.mkdir(parents=True, exist_ok=True)
            for file in Path(self._here.name).iterdir():
                (self._folder / file.name).write_bytes(file.read_bytes())


class Progress:
    """A bar on a terminal; elsewhere, as in a log of CI, a plain line now and then."""

    def __init__(
        self,
        step: int,
        total: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._stream, self._clock = stream or sys.stdout, clock
        self._total, self._first = total, step
        self._start, self._due = clock(), clock()
        self._bar = None
        if self._stream.isatty():
            form = "{percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]{desc}"
            self._bar = tqdm(
                total=total, initial=step, bar_format=form, file=self._stream, dynamic_ncols=True
            )

    def write(self, step: int, kind: str, values: Mapping[str, float]):
        if kind == "held_out":
            self._line(f"step {step}, held out: {summary(values)}")
        elif kind == "dev":
            scores = ", ".join(f"{name} {value:.2f}" for name, value in values.items())
            self._line(f"step {step}, dev: {scores}")
        elif self._bar is not None:
            self._bar.set_description_str(f"  {summary(values)}", refresh=False)
            self._bar.update(step - self._bar.n)
        elif self._clock() >= self._due or step == self._total:
            self._due = self._clock() + PLAIN_EVERY
            self._line(
                f"step {step}/{self._total}  {summary(values)}  {self._remaining(step)} left"
            )

    def flush(self):
        """What is shown is shown."""

    def close(self):
        if self._bar is not None:
            self._bar.close()

    def _line(self, text: str):
        if self._bar is not None:
            tqdm.write(text, file=self._stream)
        else:
            print(text, file=self._stream, flush=True)

    def _remaining(self, step: int) -> str:
        per_step = (self._clock() - self._start) / max(step - self._first, 1)
        return tqdm.format_interval(per_step * (self._total - step))


def summary(values: Mapping[str, float]) -> str:
    """The numbers worth watching, in a line."""
    forms = {
        "loss": "loss {:.3f}",
        "mlm_accuracy": "mlm {:.1%}",
        "mlm_baseline": "(guessing {:.1%})",
        "sentence_accuracy": "sentence {:.1%}",
        "sentence_baseline": "(guessing {:.1%})",
        "accuracy": "accuracy {:.1%}",
        "examples_per_second": "{:,.0f} examples/s",
        "padding": "padding {:.1%}",
        "tokens_per_second": "{:,.0f} tokens/s",
        "mfu": "mfu {:.0%}",
    }
    return " ".join(form.format(values[name]) for name, form in forms.items() if name in values)


def read(workdir: epath.PathLike) -> list[dict]:
    """The lines of metrics.jsonl in order; a number that was not finite is NaN.

    Raises:
      UserError: there are none, or a line is damaged.
    """
    path = epath.Path(workdir) / "metrics.jsonl"
    if not path.exists():
        raise UserError(f"there is no {path}; name the workdir of a run that has begun")
    lines = _parse(path)
    return [{k: math.nan if v is None else v for k, v in line.items()} for line in lines]


def cut(path: epath.Path, step: int):
    """Removes the lines after `step`, and half a line that a killed process may have left."""
    if path.exists():
        kept = [json.dumps(line) + "\n" for line in _parse(path) if line["step"] <= step]
        replace(path, "".join(kept))


def lines(path: epath.Path, step: int) -> JsonLines | RemoteJsonLines:
    """Where lines after `step` go, wherever the file is."""
    return (RemoteJsonLines if is_remote(path) else JsonLines)(path, step)


def _line(step: int, kind: str, values: Mapping[str, float]) -> str:
    finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return json.dumps({"step": step, "kind": kind, **finite}) + "\n"


def _parse(path: epath.Path) -> list[dict]:
    """The complete lines of a file: those that end."""
    *complete, _ = path.read_bytes().split(b"\n")
    lines = []
    for number, text in enumerate(complete, 1):
        try:
            line = json.loads(text)
            if not isinstance(line["step"], int) or not isinstance(line["kind"], str):
                raise TypeError("step is no number, or kind no word")
        except (ValueError, LookupError, TypeError) as error:
            raise UserError(f"{path}, line {number} is damaged; mend or remove it") from error
        lines.append(line)
    return lines
