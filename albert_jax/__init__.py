"""ALBERT in JAX: `albert_jax.load(path)`, `albert_jax.predictor(model)`, `albert_jax.save(model, path, to)`.

The rest of the package is imported where it is used, so that this costs nothing.
"""

import importlib

PLACES = {"load": "load", "predictor": "predictor", "save": "load"}  # name: file of commands/

__all__ = ["load", "predictor", "save"]


def __getattr__(name: str):
    if name not in PLACES:
        raise AttributeError(f"module 'albert_jax' has no attribute {name!r}")
    return getattr(importlib.import_module(f"albert_jax.commands.{PLACES[name]}"), name)
