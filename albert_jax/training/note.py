"""The note beside a checkpoint's arrays: what they are, how to tell damage, where the data stands.

Nothing in orbax or tensorstore notices a flipped bit in an array, and a lost chunk reads as zeros;
hence a checksum of each array, computed on the device where the array lives.
"""

import functools
import json
import zlib
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from jax.experimental import multihost_utils

from albert_jax.errors import UserError
from albert_jax.training.state import leaf_name

State = Any  # a pytree of arrays
Table = dict[str, list]  # {path: [shape, dtype, checksum]}


class Damaged(Exception):
    """A checkpoint that cannot be read, or not as it was written; says why."""


def seal(note: dict) -> dict:
    """A note, JSON, as it is written: with a checksum of its own."""
    text = json.dumps(note)
    return {"text": text, "crc32": zlib.crc32(text.encode())}


def unseal(sealed: dict) -> dict:
    """The note inside; raises Damaged."""
    if zlib.crc32(sealed["text"].encode()) != sealed["crc32"]:
        raise Damaged("its note is not as it was saved")
    return json.loads(sealed["text"])


def table(state: State) -> Table:
    """{path: [shape, dtype, checksum]} of every array."""
    return {  # one after the other: sums over devices in great number lock each other out on a CPU
        leaf_name(path): [list(leaf.shape), str(leaf.dtype), int(jax.device_get(_checksum(leaf)))]
        for path, leaf in jax.tree.leaves_with_path(state)
    }


@jax.jit
def _checksum(x: jax.Array) -> jax.Array:
    """The sum, modulo 2^32, of the hash of every element and its index; uint32 [].

    The hash, MurmurHash3's finaliser, is one to one: no change of a single element is missed.
    """
    bits = jax.lax.bitcast_convert_type(x, f"uint{8 * x.dtype.itemsize}").ravel()
    h = bits.astype(jnp.uint32) ^ (jnp.arange(bits.size, dtype=jnp.uint32) * np.uint32(0x9E3779B1))
    h = (h ^ (h >> 16)) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> 13)) * np.uint32(0xC2B2AE35)
    return jnp.sum(h ^ (h >> 16), dtype=jnp.uint32)


def check_fit(saved: Table, abstract: State, where: epath.Path):
    """Raises UserError where a checkpoint's arrays are not those of the run."""
    wanted = {leaf_name(path): leaf for path, leaf in jax.tree.leaves_with_path(abstract)}
    for name in sorted(saved.keys() | wanted.keys()):
        has = _kind(*saved[name][:2]) if name in saved else "absent"
        needs = _kind(wanted[name].shape, wanted[name].dtype) if name in wanted else "absent"
        if has != needs:
            raise UserError(
                f"{where}: {name} is {has}, this run's is {needs}; "
                "use the config it was saved with, or another workdir"
            )


def _kind(shape: Iterable[int], dtype: Any) -> str:
    return f"{dtype}[{', '.join(map(str, shape))}]"


def branch(saved: Table, part: str) -> dict[str, Any]:
    """The nested dict of ShapeDtypeStructs under `part`, from the paths in a note."""
    tree: dict[str, Any] = {}
    for name, (shape, dtype, _) in saved.items():
        keys = name.split("/")
        if keys[0] == part:
            node = tree
            for key in keys[1:-1]:
                node = node.setdefault(key, {})
            node[keys[-1]] = jax.ShapeDtypeStruct(tuple(shape), dtype)
    return tree


def gather(data_state: dict) -> dict:
    """The data states of all processes as one; a run may resume with another number of them."""
    text = np.frombuffer(json.dumps(data_state).encode(), np.uint8)
    longest = multihost_utils.process_allgather(np.array(text.size)).max()
    padded = np.pad(text, (0, longest - text.size), constant_values=ord(" "))
    rows = multihost_utils.process_allgather(padded).reshape(-1, longest)
    return functools.reduce(_union, [json.loads(row.tobytes()) for row in rows])


def _union(one: dict, other: dict) -> dict:
    """Both dicts, and both of what is nested in them."""
    nested = {k: _union(one[k], v) for k, v in other.items() if isinstance(one.get(k), dict)}
    return {**one, **other, **nested}
