"""ALBERT in JAX: `albert_jax.load(path)` and `albert_jax.save(model, path, to)`.

The rest of the package is imported where it is used, so that this costs nothing.
"""

import importlib

__all__ = ["load", "save"]


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module 'albert_jax' has no attribute {name!r}")
    return getattr(importlib.import_module("albert_jax.commands.load"), name)
