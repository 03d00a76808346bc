"""Folders of transformers: ALBERT with every head, in safetensors or old Flax msgpack, and BERT; ALBERT out.

BERT is our case of nothing shared, E = D and no projection, and is written as such an ALBERT: groups as many
as layers, and the identity as projection.
"""

import dataclasses
import json
import logging
from typing import Any

import numpy as np
from etils import epath

from albert_jax.errors import UserError
from albert_jax.interop import sentence_transformers, settings, tables, tokenizer, weights
from albert_jax.interop.names import (
    PROJECTION,
    Names,
    Params,
    Tensors,
    check_groups,
    check_head,
    flat,
    from_params,
    groups,
    nested,
    renamed,
    to_params,
)
from albert_jax.interop.pretrained import Pretrained
from albert_jax.model.config import AlbertConfig

CLASSES = {  # transformers' class, without the model's name -> our head
    "Model": "encoder",
    "ForMaskedLM": "masked_lm",
    "ForPreTraining": "pretraining",
    "ForSequenceClassification": "sequence",
    "ForTokenClassification": "token",
    "ForQuestionAnswering": "span",
    "ForMultipleChoice": "choice",
}
TIED = {  # written a second time in some files -> what it must equal
    "predictions.decoder.weight": "albert.embeddings.word_embeddings.weight",
    "predictions.decoder.bias": "predictions.bias",
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
NOT_PARAMETERS = (
    "embeddings.position_ids",
    "embeddings.token_type_ids",
)  # 0, 1, 2, ... in old files
MODELS = {
    "albert": (settings.read_albert, tables.HUGGINGFACE_ALBERT),
    "bert": (settings.read_bert, tables.HUGGINGFACE_BERT),
}
BASES = ("embeddings", "encoder", "pooler")  # what a bare encoder's names begin with


def read(folder: epath.Path, convention: str) -> Pretrained:
    """A folder with config.json, weights and a vocabulary.

    Raises:
      UserError: a file is missing, damaged or of another model; the line names it.
    """
    path = folder / "config.json"
    kind = str(settings.Settings(path).field("model_type"))
    if kind not in MODELS:
        raise UserError(f"{path}: model_type is {kind!r}; {' and '.join(MODELS)} can be read")
    config = MODELS[kind][0](path)
    check_groups(config, _group(config), "transformers")
    names, tensors, source = _weights(folder, kind)
    config, params = _params(names, tensors, config, source)
    _check_tied(path, params)
    head, labels = _head(path, params)
    params = renamed(params, "span", "classifier")
    check_head(params, head, config, source)
    vocabulary = tokenizer.read(folder, convention)
    if others := sentence_transformers.other_vectors(folder):
        logging.getLogger(__name__).warning(
            "%s: its own vectors are made by %s; here they are means of the last states",
            folder,
            others,
        )
    return Pretrained(config, params, vocabulary, head, labels, {"source": folder.name})


def write(model: Pretrained, folder: epath.Path):
    """Files that AutoModel, AutoTokenizer and pipeline open; any sharing becomes groups with copies.

    Raises:
      UserError: a parameter has no name in transformers.
    """
    config, params = _with_projection(model.config, model.params)
    check_groups(config, _group(config), "transformers")
    if model.head == "span":
        params = renamed(params, "classifier", "span")
    tensors = from_params(tables.HUGGINGFACE_ALBERT, params, config)
    weights.write(folder / weights.ONE, tensors, {"format": "pt"})
    description = {
        "model_type": "albert",
        "architectures": [f"Albert{class_of(model.head)}"],
        **settings.write_albert(config),
        "pad_token_id": model.vocabulary.pad_id,
        "bos_token_id": model.vocabulary.cls_id,
        "eos_token_id": model.vocabulary.sep_id,
        "tie_word_embeddings": True,
        **_labels(model),
    }
    (folder / "config.json").write_text(json.dumps(description, indent=2) + "\n")
    tokenizer.write(folder, model.vocabulary, config.max_positions)
    if model.head == "embedding":
        sentence_transformers.write(folder, config)


def _weights(folder: epath.Path, kind: str) -> tuple[Names, Tensors, str]:
    """The tensors of a folder, the table for their names, and the file; safetensors before msgpack."""
    flax = folder / weights.FLAX
    if kind == "albert" and flax.exists() and not weights.has_safetensors(folder):
        return tables.FLAX_ALBERT, _prefixed(weights.read_flax(flax), kind, "/"), str(flax)
    tensors, source = weights.read(folder)
    return MODELS[kind][1], _untied(_modern(_prefixed(tensors, kind, ".")), source), source


def _group(config: AlbertConfig):
    """The group that transformers runs in a layer."""
    per_group = config.num_layers / groups(config)
    return lambda layer: int(layer / per_group)


def class_of(head: str) -> str:
    """transformers' class, without the model's name; an embedding is made of the bare model's states."""
    return next(name for name, ours in CLASSES.items() if ours == head or head == "embedding")


def _labels(model: Pretrained) -> dict:
    """Names of the classes; without any, transformers takes the count from `num_labels`."""
    if "classifier" not in model.params:
        return {}
    count = model.params["classifier"]["classifier"]["bias"].shape[0]
    names = model.labels or tuple(f"LABEL_{i}" for i in range(count))
    kinds = {"problem_type": "regression" if count == 1 else "single_label_classification"}
    return (kinds if model.head == "sequence" else {}) | {
        "id2label": {str(i): name for i, name in enumerate(names)},
        "label2id": {name: i for i, name in enumerate(names)},
    }


def _params(
    names: Names, tensors: Tensors, config: AlbertConfig, source: str
) -> tuple[AlbertConfig, Params]:
    """Our parameters; where E = D, an identity as projection is left out and any other one is kept."""
    if names is tables.HUGGINGFACE_BERT or config.has_projection:
        return config, to_params(names, tensors, config, source)
    config = dataclasses.replace(config, always_project=True)
    params = to_params(names, tensors, config, source)
    projection = params["albert"]["embeddings"]["projection"]
    identity = np.eye(config.hidden_size, dtype=np.float32)
    if np.array_equal(projection["kernel"], identity) and not projection["bias"].any():
        del params["albert"]["embeddings"]["projection"]
        config = dataclasses.replace(config, always_project=False)
    return config, params


def _with_projection(config: AlbertConfig, params: Params) -> tuple[AlbertConfig, Params]:
    """transformers always projects; where we do not, by the identity."""
    if config.has_projection:
        return config, params
    size = config.hidden_size
    identity = {"kernel": np.eye(size, dtype=np.float32), "bias": np.zeros(size, np.float32)}
    added = {PROJECTION + name: value for name, value in identity.items()}
    return dataclasses.replace(config, always_project=True), nested(flat(params) | added)


def _prefixed(tensors: Tensors, kind: str, separator: str) -> Tensors:
    """A bare encoder's names with the prefix that they have inside a model with a head."""
    if any(name.startswith(f"{kind}{separator}") for name in tensors):
        return tensors
    return {
        f"{kind}{separator}{name}" if name.startswith(BASES) else name: tensor
        for name, tensor in tensors.items()
    }


def _modern(tensors: Tensors) -> Tensors:
    """LayerNorm's names as they are since 2019, without what is no parameter."""
    kept = {name: v for name, v in tensors.items() if not name.endswith(NOT_PARAMETERS)}
    return {_modern_name(name): tensor for name, tensor in kept.items()}


def _modern_name(name: str) -> str:
    stem, _, leaf = name.rpartition(".")
    return f"{stem}.{ {'gamma': 'weight', 'beta': 'bias'}.get(leaf, leaf) }" if stem else name


def _untied(tensors: Tensors, source: str) -> Tensors:
    """Without the second copies of what is tied. Raises UserError where they differ."""
    tensors = dict(tensors)
    for double, name in TIED.items():
        if double in tensors:
            value = tensors.pop(double)
            if not np.array_equal(tensors.setdefault(name, value), value):
                raise UserError(
                    f"{source}: {double} differs from {name}; only a model that ties them can be read"
                )
    return tensors


def _check_tied(path: epath.Path, params: Params):
    """Raises UserError: the masked-LM head has a table of its own; a classifier has none to tie."""
    tied = settings.Settings(path).values.get("tie_word_embeddings", True)
    if "mlm" in params and tied is not True:
        raise UserError(
            f"{path}: tie_word_embeddings is {tied!r}; only models with True can be read"
        )


def _head(path: epath.Path, params: Params) -> tuple[str, tuple[str, ...]]:
    """What stands on the encoder, and the names of its classes."""
    if "classifier" not in params and "span" not in params:
        heads = {(True, True): "pretraining", (True, False): "masked_lm", (False, False): "encoder"}
        found = ("mlm" in params, "sentence" in params)
        if found not in heads:
            raise UserError(
                f"{path.parent}: a sentence head without a masked-LM head is not known; remove cls.* "
                "or sop_classifier.* from the file"
            )
        return heads[found], ()
    values = settings.Settings(path).values
    architectures, labels = values.get("architectures"), values.get("id2label")
    first = architectures[0] if isinstance(architectures, list) and architectures else "none"
    name = str(first).removeprefix("Albert").removeprefix("Bert").removeprefix("Flax")
    head = CLASSES.get(name.removeprefix("Albert"))
    if head not in ("sequence", "token", "span", "choice"):
        raise UserError(
            f"{path}: architectures is {architectures}, and the file has a classifier; "
            f"name the class, such as AlbertForSequenceClassification"
        )
    branch = params["span" if head == "span" else "classifier"]
    count = branch["classifier"]["bias"].shape[0]
    if head == "sequence":
        _check_problem(path, values.get("problem_type"), count)
    if not isinstance(labels, dict) or set(labels) != {str(i) for i in range(count)}:
        return head, ()
    return head, tuple(str(labels[str(i)]) for i in range(count))


def _check_problem(path: epath.Path, problem: Any, count: int):
    """Raises UserError: the outputs are no probabilities of classes, and not one score."""
    if problem == "multi_label_classification":
        raise UserError(
            f"{path}: problem_type is 'multi_label_classification'; only a model of one label a text "
            "can be read"
        )
    if problem == "regression" and count > 1:
        raise UserError(
            f"{path}: problem_type is 'regression' of {count} numbers; only a model of one score a text "
            "can be read"
        )
