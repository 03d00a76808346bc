"""What many tests look at, made once a session: prepared text, and a run that nothing disturbed."""

import functools
import tempfile
from pathlib import Path

from tests import corpus
from tests.commands import Finished, run

STEPS = 60
CONFIG = f"--config=tests/tiny.py:microbatches=2,steps={STEPS}"
_FOLDER = tempfile.TemporaryDirectory(prefix="albert-jax-runs-")


@functools.cache
def prepared() -> Path:
    """The records of a corpus; do not write there."""
    folder = Path(_FOLDER.name)
    corpus.write_jsonl(folder / "texts.jsonl", field="body")
    finished = run(
        "prepare",
        CONFIG,
        f"--workdir={folder / 'W'}",
        f"--config.corpus.source={folder / 'texts.jsonl'}",
        "--config.corpus.field=body",
    )
    assert finished.status == 0, finished
    return folder / "W" / "records"


@functools.cache
def trained() -> tuple[Path, Finished]:
    """The workdir after all steps, and what `pretrain` printed; copy it to change it."""
    workdir = prepared().parent
    finished = run(*pretrain(workdir))
    assert finished.status == 0, finished
    return workdir, finished


def pretrain(workdir: Path, *flags: str, config: str = CONFIG) -> list[str]:
    """The words of a command that pretrains on the prepared text; later flags win."""
    records = f"--config.corpus.records={prepared()}"
    return ["pretrain", config, f"--workdir={workdir}", records, *flags]
