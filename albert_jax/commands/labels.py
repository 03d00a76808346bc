"""The classes of a model in the order of a task.

Programs disagree on it: MNLI's are contradiction, entailment, neutral in google-research/albert, and
entailment, neutral, contradiction in the datasets of transformers. So they are matched by name, and
a model that does not name its classes is not guessed at.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence

from albert_jax.data.normalisation import printable
from albert_jax.errors import UserError
from albert_jax.interop.pretrained import Pretrained
from albert_jax.tasks.glue import BINARY, POSITIVE

CLASSIFIERS = ("sequence", "token")  # heads with classes


def size(model: Pretrained) -> int:
    """Outputs of the model's classifier."""
    return model.params["classifier"]["classifier"]["bias"].shape[0]


def says_a_score(model: Pretrained) -> bool:
    """Whether the model says one number of a text."""
    return model.head == "sequence" and size(model) == 1


def named(model: Pretrained, said: Sequence[str] = ()) -> Pretrained:
    """The model with names for its classes, if it has classes; a score has none.

    Args:
      model: of any head.
      said: what the user calls them, in their order; empty: as the model does, or else LABEL_0 and
        so on, as in transformers.

    Raises:
      UserError: there are not as many, or two have one name.
    """
    if model.head not in CLASSIFIERS:
        return model
    if says_a_score(model):  # which transformers calls LABEL_0
        return dataclasses.replace(model, labels=())
    names = tuple(said) or model.labels or tuple(f"LABEL_{i}" for i in range(size(model)))
    names = tuple(map(printable, names))
    if len(names) != size(model):
        raise UserError(
            f"--labels names {len(names)} classes, the model has {size(model)}; name each in its order"
        )
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise UserError(
            f"{count} of the model's classes are called {name!r}; give each a name of its own, in the "
            "model's order, with --labels"
        )
    return dataclasses.replace(model, labels=names)


def ordered(model: Pretrained, task: str, wanted: Sequence[str]) -> Pretrained:
    """The model with its classes in the order of `wanted`, and called so.

    Args:
      model: names its classes.
      task: its name, for errors.
      wanted: the classes of the task.

    Raises:
      UserError: these are not the same classes.
    """
    order = _order([_plain(name) for name in model.labels], [_plain(name) for name in wanted])
    if order is None:
        raise UserError(
            f"the model's classes are {', '.join(model.labels)}, those of {task} {', '.join(wanted)}; "
            f"say which is which in the model's order, such as --labels={','.join(wanted)}"
        )
    dense = model.params["classifier"]["classifier"]
    dense = {"kernel": dense["kernel"][:, order], "bias": dense["bias"][order]}
    params = model.params | {"classifier": {"classifier": dense}}
    return dataclasses.replace(model, params=params, labels=tuple(wanted))


def _order(names: Sequence[str], wanted: Sequence[str]) -> list[int] | None:
    """Where each class of `wanted` is among `names`; None if that is not clear."""
    if len(set(names)) == len(names) and set(names) == set(wanted):
        return [names.index(name) for name in wanted]
    positive = [number for number, name in enumerate(names) if name in POSITIVE]
    if tuple(wanted) == BINARY and len(names) == 2 and len(positive) == 1:
        return [1 - positive[0], positive[0]]
    return None


def _plain(name: str) -> str:
    """A name as transformers and TFDS may write it; LABEL_1 is class 1."""
    return name.lower().removeprefix("label_").replace("-", "_").replace(" ", "_")
