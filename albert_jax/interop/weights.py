"""Tensors of a Hugging Face folder: safetensors in one file or in shards, and old Flax msgpack.

Both are data and nothing else. PyTorch's `.bin` files are pickles, programs that run when they are read,
and are refused.
"""

import json
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np
import safetensors.numpy
from etils import epath
from safetensors import SafetensorError

from albert_jax.errors import CHECK_PATH, UserError
from albert_jax.interop.names import Tensors, flat
from albert_jax.interop.settings import Settings

ONE, INDEX, FLAX = "model.safetensors", "model.safetensors.index.json", "flax_model.msgpack"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
AGAIN = "bring it from the original again"
KEPT = ("float32", "float16", "bfloat16", "float64")
DTYPES = {  # of safetensors; those of whole numbers are for tables of positions
    "F64": np.dtype("float64"),
    "F32": np.dtype("float32"),
    "F16": np.dtype("float16"),
    "BF16": np.dtype(ml_dtypes.bfloat16),  # which safetensors.numpy does not read
    "I64": np.dtype("int64"),
    "I32": np.dtype("int32"),
}
SAFE_WAY = (
    "it is a pickle, which can run any program when it is read; on a machine where you trust it, write it "
    "anew with transformers, {kind}.from_pretrained(FOLDER).save_pretrained(NEW), and copy the "
    "vocabulary's files to NEW"
)


def read(folder: epath.Path) -> tuple[Tensors, str]:
    """All tensors of a folder by name, and the file to name in errors.

    Raises:
      UserError: there is no file of a known format, or one is damaged.
    """
    if (folder / ONE).exists():
        return read_safetensors(folder / ONE), str(folder / ONE)
    if (folder / INDEX).exists():
        return _read_shards(folder / INDEX), str(folder / INDEX)
    for name in PICKLES:
        if (folder / name).exists():
            raise UserError(f"{folder / name}: {SAFE_WAY.format(kind=_class(folder))}")
    raise UserError(f"{folder}: there are no weights in it; {ONE}, {INDEX} or {FLAX} is needed")


def has_safetensors(folder: epath.Path) -> bool:
    """Whether the weights are there as safetensors, in one file or in shards."""
    return (folder / ONE).exists() or (folder / INDEX).exists()


def _class(folder: epath.Path) -> str:
    """transformers' class of a folder; another one would leave out its head."""
    path = folder / "config.json"
    said = Settings(path).values.get("architectures") if path.exists() else None
    name = str(said[0]) if isinstance(said, list) and said else ""
    return name if name.isidentifier() else "AutoModelFor... with the name of its head"


def read_safetensors(path: epath.Path) -> Tensors:
    """The tensors of one file."""
    try:
        stored = dict(safetensors.deserialize(path.read_bytes()))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {CHECK_PATH}") from error
    except (SafetensorError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}); {AGAIN}") from error
    return _numbers({name: _array(one, name, path) for name, one in stored.items()}, path)


def read_flax(path: epath.Path) -> Tensors:
    """The tensors of a msgpack file that transformers' Flax models wrote, as "albert/pooler/bias"."""
    from flax.serialization import msgpack_restore

    try:
        tree = msgpack_restore(path.read_bytes())
        tensors = flat(tree.get("params", tree)) if isinstance(tree, dict) else {}
    except Exception as error:  # msgpack raises many kinds
        raise UserError(f"{path} is damaged ({error}); {AGAIN}") from error
    if not tensors:
        raise UserError(f"{path} holds no parameters; it must be a file that Flax models write")
    return _numbers(tensors, path)


def write(path: epath.Path, tensors: Mapping[str, np.ndarray], metadata: dict[str, str]):
    """One safetensors file."""
    path.write_bytes(safetensors.numpy.save(dict(tensors), metadata))


def _read_shards(index: epath.Path) -> Tensors:
    """The tensors that an index lists, each from the file it names; files outside are refused."""
    try:
        places = {**json.loads(index.read_text())["weight_map"]}
        names = sorted(set(places.values()))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise UserError(f"{index} is damaged ({error!r}); {AGAIN}") from error
    tensors: Tensors = {}
    there = {path.name for path in index.parent.iterdir()}
    for name in names:
        if not isinstance(name, str) or epath.Path(name).name != name or name in ("", ".", ".."):
            raise UserError(
                f"{index} names {name!r}, which is not a file of its folder; do not trust it"
            )
        if name not in there:
            raise UserError(
                f"{index.parent / name}: no such file, and {index.name} names it; {AGAIN}"
            )
        shard = read_safetensors(index.parent / name)
        if wrong := {key for key in shard if places.get(key) != name}:
            raise UserError(
                f"{index.parent / name}: {min(wrong)} is not where {index.name} says; {AGAIN}"
            )
        tensors |= shard
    if lost := places.keys() - tensors.keys():
        raise UserError(f"{index}: {min(lost)} is in none of the files; {AGAIN}")
    return tensors


def _array(stored: Mapping[str, Any], name: str, path: epath.Path) -> np.ndarray:
    """A tensor from its bytes."""
    if stored["dtype"] not in DTYPES:
        raise _no_weights(path, name, stored["dtype"])
    return np.frombuffer(stored["data"], DTYPES[stored["dtype"]]).reshape(stored["shape"])


def _numbers(tensors: Mapping[str, np.ndarray], path: epath.Path) -> Tensors:
    """Floating-point tensors as they are; anything else but a table of positions is a quantised model."""
    for name, tensor in tensors.items():
        known = isinstance(tensor, np.ndarray)
        if not known or (str(tensor.dtype) not in KEPT and "position_ids" not in name):
            kind = tensor.dtype if known else type(tensor).__name__
            raise _no_weights(path, name, kind)
    return dict(tensors)


def _no_weights(path: epath.Path, name: str, kind: object) -> UserError:
    return UserError(f"{path}: {name} is {kind}; weights must be one of {', '.join(KEPT)}")
