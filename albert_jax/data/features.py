"""What the description of a TFDS dataset may say.

`features.json` names Python classes, and TFDS imports the module of any that it does not know. In a folder
from elsewhere that would be a program of somebody else's choice.
"""

import json
from collections.abc import Iterator
from typing import Any

from etils import epath

from albert_jax.errors import UserError

OWN = "tensorflow_datasets.core.features."  # what TFDS's own classes begin with
_KEYS = ("pythonClassName", "python_class_name", "type")  # of now and of former versions


def check(folder: epath.PathLike):
    """Raises UserError: the description of a dataset's folder names a class that is not TFDS's own."""
    path = epath.Path(folder) / "features.json"
    if not path.exists():
        return
    try:
        names = list(_classes(json.loads(path.read_text())))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read ({error}); it must be JSON of TFDS") from error
    if strange := [name for name in names if not name.startswith(OWN)]:
        raise UserError(f"{path}: {strange[0]} is no class of TFDS; do not trust the folder")


def _classes(node: Any) -> Iterator[str]:
    """The names of classes in a description; parts of it are JSON within a string."""
    if isinstance(node, str) and node.lstrip().startswith(("{", "[")):
        yield from _classes(json.loads(node))
    elif isinstance(node, list):
        for one in node:
            yield from _classes(one)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in _KEYS and isinstance(value, str):
                yield value
            else:
                yield from _classes(value)
