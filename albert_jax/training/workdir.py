"""A workdir's config.json: the settings of its run, and what every start of it ran on."""

import contextlib
import importlib.metadata
import json
import os
import platform
import subprocess
import time
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
from etils import epath

from albert_jax.errors import UserError
from albert_jax.paths import is_remote

LIBRARIES = (
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "grain",
    "numpy",
    "sentencepiece",
)


def open_workdir(
    workdir: epath.Path,
    config: dict[str, Any],
    may_differ: Iterable[str] = (),
    added: Mapping[str, Any] = types.MappingProxyType({}),
):
    """Creates a workdir, or checks that it is the same run's; adds this start to config.json.

    Args:
      workdir: made if it is not there.
      config: nested settings, JSON.
      may_differ: keys and sections, as in "training.steps", that may be changed between starts.
      added: flat settings of later versions, with the values that keep what an earlier one did.

    Raises:
      UserError: the run in the workdir has other settings, or config.json cannot be read.
    """
    config, starts, path = json.loads(json.dumps(config)), [], workdir / "config.json"
    if path.exists():
        saved = _load(path)
        known = dict(flat(config))
        lacking = {key: value for key, value in added.items() if key in known}
        check_config(workdir, lacking | dict(flat(saved["config"])), config, may_differ)
        starts = saved["starts"]
    if jax.process_index() == 0:
        workdir.mkdir(parents=True, exist_ok=True)
        content = {"config": config, "starts": [*starts, provenance()]}
        replace(path, json.dumps(content, indent=2) + "\n")


def check_config(workdir: epath.Path, old: dict, new: dict, may_differ: Iterable[str] = ()):
    """Raises UserError, with the differences, where settings are not those of the workdir."""
    if found := differences(old, new, may_differ):
        raise UserError(
            f"{workdir} holds a run with another config ({'; '.join(found)}); "
            "use its settings, or another --workdir"
        )


def differences(old: dict, new: dict, may_differ: Iterable[str] = ()) -> list[str]:
    """A phrase for each setting that is not what it was, as in "model.dtype float32 -> bfloat16"."""
    before, after = dict(flat(old)), dict(flat(new))
    return [
        f"{key} {_shown(before, key)} -> {_shown(after, key)}"
        for key in sorted(before.keys() | after.keys())
        if (key in before, before.get(key)) != (key in after, after.get(key))
        and not any(f"{key}.".startswith(f"{free}.") for free in may_differ)
    ]


def provenance() -> dict[str, Any]:
    """What a run runs on: commit or package version, libraries, devices, time."""
    devices = jax.devices()
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(Path(__file__).parents[2]),
        "version": importlib.metadata.version("albert-jax"),
        "python": platform.python_version(),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "devices": {"kind": devices[0].device_kind, "count": len(devices)},
        "processes": jax.process_count(),
    }


def commit(checkout: Path) -> str | None:
    """The git commit of a checkout, with "-dirty" if files differ from it; None outside of one."""
    if not (checkout / ".git").exists():
        return None
    describe = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        result = subprocess.run(describe, cwd=checkout, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


def replace(path: epath.Path, content: str | bytes):
    """Writes a file whole or not at all."""
    content = content.encode() if isinstance(content, str) else content
    if is_remote(path):
        path.write_bytes(content)
        return
    partial = path.parent / f"{path.name}.partial"  # one that a killed process left is overwritten
    with naming(path):
        partial.write_bytes(content)
        partial.replace(path)


@contextlib.contextmanager
def naming(path: epath.PathLike) -> Iterator[None]:
    """Inside, an OSError that names no file gets this one: writing to a full disk raises such."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or os.fspath(path)
        raise


def flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as (dotted key, value)."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _load(path: epath.Path) -> dict:
    try:
        saved = json.loads(path.read_text())
        return {"config": dict(saved["config"]), "starts": list(saved["starts"])}
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); restore it, or use another --workdir"
        ) from error


def _shown(settings: dict, key: str) -> str:
    return json.dumps(settings[key]) if key in settings else "absent"
