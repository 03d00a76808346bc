"""From tensors with foreign names to our parameters and back; every name is used exactly once.

Sharing: the foreign formats know groups of blocks, and layer l of L runs group floor(l * G / L). Parameters
that only a part of a block shares are written once for each layer (G = L), which computes the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from albert_jax.errors import UserError
from albert_jax.model.albert import AlbertForPretraining, abstract_batch
from albert_jax.model.config import AlbertConfig

Params = dict[str, Any]  # nested, of arrays
Tensors = dict[str, np.ndarray]
ENCODER, PROJECTION = "albert/encoder/", "albert/embeddings/projection/"
OTHER = "put the config and the weights of one model together"
OPTIONAL = ("albert/pooler/", "mlm/", "sentence/", "classifier/", "span/")  # each whole or absent
OUTPUTS = {"sequence": (), "token": (), "span": (2,), "choice": (1,)}  # (): as many as classes


@dataclass(frozen=True)
class Names:
    """A foreign format's names for our parameters."""

    once: dict[str, str]  # ours -> theirs
    per_block: dict[
        str, str
    ]  # ours, below albert/encoder -> theirs, with {group}, {inner}, {block}
    transposed: Callable[[str, str], bool]  # (ours, theirs) -> whether theirs is [out, in]


class Tensor(NamedTuple):
    """One foreign tensor and its place in ours; `copy` is the index of the leading axis, if any."""

    theirs: str
    ours: str
    copy: int | None
    transposed: bool


def groups(config: AlbertConfig) -> int:
    """Groups of blocks that a foreign format needs for the sharing of `config`."""
    return config.num_groups if config.sharing == "all" else config.num_layers


def sharing(layers: int, groups: int) -> dict[str, Any]:
    """The fields of our config for a foreign number of groups: as many as layers share nothing."""
    alone = groups == layers > 1
    return {"num_groups": 1 if alone else groups, "sharing": "none" if alone else "all"}


def check_groups(config: AlbertConfig, group: Callable[[int], int], program: str):
    """Raises UserError where a program's rounding gives a layer another group than ours does."""
    layers, wanted = config.num_layers, groups(config)
    for layer in range(layers):
        if group(layer) != layer * wanted // layers:
            raise UserError(
                f"{program} rounds {wanted} groups in {layers} layers so that layer {layer} runs group "
                f"{group(layer)}, not {layer * wanted // layers}; use another number of groups or layers"
            )


def to_params(names: Names, tensors: Tensors, config: AlbertConfig, source: str) -> Params:
    """Our parameters, float32, from a foreign file's tensors.

    Raises:
      UserError: a tensor is missing, left over, misshapen or not of finite numbers; the line names it
        and `source`.
    """
    rest, shapes = dict(tensors), _shapes(config)
    found: dict[str, list[np.ndarray]] = {}
    for tensor in _tensors(names, config):
        if tensor.theirs not in rest:
            if tensor.ours.startswith(OPTIONAL) and not _any(names, tensor.ours, tensors):
                continue
            raise UserError(f"{source}: {tensor.theirs} is missing; fetch the whole file")
        value = rest.pop(tensor.theirs)
        value = value.T if tensor.transposed else value
        _check_shape(tensor, value, config, shapes, source)
        _check_finite(tensor.theirs, value, source)
        found.setdefault(tensor.ours, []).append(value.astype(np.float32))
    if rest:
        raise UserError(
            f"{source}: {min(rest)} has no place in our model ({len(rest)} such in all); "
            "remove what is not ALBERT or BERT from the file"
        )
    stacked = {name: _copies(config, name) > 1 for name in found}
    return nested({name: np.stack(v) if stacked[name] else v[0] for name, v in found.items()})


def from_params(names: Names, params: Params, config: AlbertConfig) -> Tensors:
    """A foreign file's tensors from our parameters.

    Raises:
      UserError: the format has no name for a parameter.
    """
    ours, tensors = flat(params), {}
    for tensor in _tensors(names, config):
        if tensor.ours in ours:
            value = np.asarray(ours[tensor.ours])
            value = value if tensor.copy is None else value[tensor.copy]
            tensors[tensor.theirs] = np.ascontiguousarray(value.T if tensor.transposed else value)
    if unnamed := ours.keys() - {tensor.ours for tensor in _tensors(names, config)}:
        raise UserError(f"{min(unnamed)} has no name in this format; use --to=native")
    return tensors


def check_params(tensors: Tensors, config: AlbertConfig, source: str):
    """Raises UserError where tensors under our own names are not a model's whole ones."""
    for name, value in tensors.items():
        _check_finite(name, value, source)
    for name, shape in _shapes(config).items():
        present = any(other.startswith(_part(name)) for other in tensors)
        if name not in tensors and (present or not name.startswith(OPTIONAL)):
            raise UserError(f"{source}: {name} is missing; fetch the whole file")
        if name in tensors and tensors[name].shape != shape:
            has, needs = list(tensors[name].shape), list(shape)
            raise UserError(f"{source}: {name} is {has}, its config makes it {needs}; {OTHER}")
    unknown = {name for name in tensors if not name.startswith("classifier/")} - set(
        _shapes(config)
    )
    if unknown:
        raise UserError(f"{source}: {min(unknown)} has no place in our model; {OTHER}")


def check_head(params: Params, head: str, config: AlbertConfig, source: str):
    """Raises UserError where a head lacks what it reads, or is not of one size with itself."""
    if head in ("sequence", "choice") and "pooler" not in params["albert"]:
        raise UserError(
            f"{source}: a head for {head} reads the pooler, which is missing; fetch the whole file"
        )
    if head in OUTPUTS:
        dense = params.get("classifier", {}).get("classifier", {})
        kernel, bias = (np.shape(dense.get(part)) for part in ("kernel", "bias"))
        size = OUTPUTS[head] or bias[-1:]
        if not bias or bias != size or kernel != (config.hidden_size, *size):
            raise UserError(
                f"{source}: the head for {head} has a kernel {list(kernel)} and a bias {list(bias)}; {OTHER}"
            )


def flat(params: Params) -> Tensors:
    """Nested parameters as {"albert/pooler/bias": array}."""
    leaves = jax.tree.leaves_with_path(params)
    return {jax.tree_util.keystr(p, simple=True, separator="/"): leaf for p, leaf in leaves}


def nested(tensors: Mapping[str, Any]) -> Params:
    """The inverse of `flat`."""
    params: Params = {}
    for name, value in tensors.items():
        *branches, leaf = name.split("/")
        node = params
        for branch in branches:
            node = node.setdefault(branch, {})
        node[leaf] = value
    return params


def renamed(params: Params, branch: str, name: str) -> Params:
    """Parameters with a branch, if it is there, under another name. Tables tell a span head from other
    classifiers; our parameters do not."""
    return {name if key == branch else key: value for key, value in params.items()}


def _tensors(names: Names, config: AlbertConfig) -> Iterator[Tensor]:
    """All tensors that a file of this format may hold for a config."""
    for ours, theirs in names.once.items():
        if config.has_projection or not ours.startswith(PROJECTION):
            yield Tensor(theirs, ours, None, names.transposed(ours, theirs))
    for block in range(groups(config) * config.inner_layers):
        group, inner = divmod(block, config.inner_layers)
        for name, theirs in names.per_block.items():
            place = theirs.format(group=group, inner=inner, block=block)
            copy = _copy(config, name.split("/")[0], block)
            yield Tensor(place, ENCODER + name, copy, names.transposed(name, place))


def _copy(config: AlbertConfig, part: str, block: int) -> int | None:
    """Where a foreign block finds its parameters of a part on our leading axis of copies."""
    if config.num_copies[part] == 1:
        return None
    own = config.sharing == "all" or config.num_copies[part] == config.num_blocks
    return block if own else config.shared_copy(block)


def _copies(config: AlbertConfig, name: str) -> int:
    part = name.removeprefix(ENCODER).split("/")[0]
    return config.num_copies[part] if name.startswith(ENCODER) else 1


def _any(names: Names, ours: str, tensors: Tensors) -> bool:
    """Whether a file has any tensor of the optional part that `ours` belongs to."""
    return any(names.once[name] in tensors for name in names.once if name.startswith(_part(ours)))


def _part(name: str) -> str:
    """The optional part that a parameter belongs to, or its own name."""
    return next((part for part in OPTIONAL if name.startswith(part)), name)


def _shapes(config: AlbertConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of everything but task heads, whose number of classes is the file's; nothing is allocated."""
    init = AlbertForPretraining(config).init
    params = jax.eval_shape(init, jax.random.key(0), abstract_batch(1, 8, 1, 1))["params"]
    return {name: leaf.shape for name, leaf in flat(params).items()}


def _check_finite(name: str, value: np.ndarray, source: str):
    """Raises UserError: there is a NaN or an infinity, and every answer would be one."""
    if not np.isfinite(value).all():
        raise UserError(
            f"{source}: {name} has numbers that are not finite; bring the file from the original again"
        )


def _check_shape(
    tensor: Tensor, value: np.ndarray, config: AlbertConfig, shapes: dict, source: str
):
    if tensor.ours in shapes:
        stacked = _copies(config, tensor.ours) > 1
        wanted = shapes[tensor.ours][1:] if stacked else shapes[tensor.ours]
    else:  # of a task head
        wanted = (config.hidden_size, *value.shape[-1:])[-value.ndim :]
    if value.shape != wanted:
        has, needs = (
            list(shape[::-1] if tensor.transposed else shape) for shape in (value.shape, wanted)
        )
        raise UserError(f"{source}: {tensor.theirs} is {has}, its config makes it {needs}; {OTHER}")
