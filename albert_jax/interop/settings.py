"""Foreign config files: their keys, what we call them, and what a missing one means."""

import dataclasses
import json
from typing import Any

from etils import epath

from albert_jax.errors import UserError
from albert_jax.interop.names import groups, sharing
from albert_jax.model.config import AlbertConfig
from albert_jax.training import config as sections

FIELDS = {  # theirs, in all formats -> ours
    "vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "intermediate_size": "ffn_size",
    "max_position_embeddings": "max_positions",
    "type_vocab_size": "num_types",
    "hidden_dropout_prob": "hidden_dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "initializer_range": "initializer_range",
}
ALBERT_FIELDS = {"embedding_size": "embedding_size", "inner_group_num": "inner_layers"}
EPSILON = {"layer_norm_eps": "layer_norm_epsilon"}
ABSENT: dict[str, Any] = {  # what both programs take where a config file does not say
    "type_vocab_size": 2,
    "inner_group_num": 1,
    "num_hidden_groups": 1,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "classifier_dropout_prob": 0.1,
    "classifier_dropout": None,
    "task": {},  # of our own exports
}
TORCH_ACTIVATIONS = {
    "gelu": "gelu_erf",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}
TF1_ACTIVATIONS = {"gelu": "gelu_tanh", "relu": "relu"}  # its gelu has been tanh in every version
MOST_LAYERS = 10_000
UNSUPPORTED = {  # settings of transformers that are another model, and the value that is ours
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}


class Settings:
    """A config file that is open; `field` finds a key or says that it is missing."""

    def __init__(self, path: epath.Path):
        """Raises UserError: it cannot be read."""
        self.path = path
        try:
            self.values: dict[str, Any] = json.loads(path.read_text())
            if not isinstance(self.values, dict):
                raise TypeError(f"it is a {type(self.values).__name__}")
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise UserError(f"{path} cannot be read ({error}); it must be a JSON object") from error

    def field(self, key: str) -> Any:
        """The value of a key, or what its absence means. Raises UserError: the model needs it."""
        if key in self.values:
            return self.values[key]
        if key in ABSENT:
            return ABSENT[key]
        raise UserError(f"{self.path}: {key} is missing; the model cannot be built without it")

    def activation(self, known: dict[str, str]) -> str:
        """Our name for `hidden_act`."""
        name = str(self.field("hidden_act"))
        if name not in known:
            raise UserError(
                f"{self.path}: hidden_act is {name!r}; only {', '.join(known)} can be read"
            )
        return known[name]

    def typed(self, key: str, kind: type) -> Any:
        """`field`. Raises UserError: it is not of this kind."""
        value = self.field(key)
        if not isinstance(value, kind):
            raise UserError(f"{self.path}: {key} is {value!r}; it must be a {kind.__name__}")
        return value

    def count(self, key: str) -> int:
        """A number of layers or of their groups. Raises UserError: no model has so many."""
        value = self.field(key)
        if type(value) is not int or not 0 < value <= MOST_LAYERS:
            raise UserError(f"{self.path}: {key} is {value!r}; it must be 1 to {MOST_LAYERS}")
        return value

    def build(self, **fields: Any) -> AlbertConfig:
        """A config; a field of the wrong kind is an error that names the file."""
        try:
            defaults = dataclasses.asdict(AlbertConfig(dtype="float32"))
            return sections.build(AlbertConfig, defaults | fields, "model")
        except UserError as error:
            raise UserError(f"{self.path}: {error}") from error


def read_albert(path: epath.Path) -> AlbertConfig:
    """transformers' ALBERT config. Whether E = D has a projection is for the weights to say."""
    settings = _transformers(path)
    fields = FIELDS | ALBERT_FIELDS | EPSILON
    return settings.build(
        **{ours: settings.field(theirs) for theirs, ours in fields.items()},
        **sharing(settings.count("num_hidden_layers"), settings.count("num_hidden_groups")),
        activation=settings.activation(TORCH_ACTIVATIONS),
        classifier_dropout=settings.field("classifier_dropout_prob"),
    )


def read_bert(path: epath.Path) -> AlbertConfig:
    """transformers' BERT config: nothing shared, E = D, no projection."""
    settings = _transformers(path)
    layers, dropout = settings.count("num_hidden_layers"), settings.field("classifier_dropout")
    return settings.build(
        **{ours: settings.field(theirs) for theirs, ours in (FIELDS | EPSILON).items()},
        **sharing(layers, layers),
        embedding_size=settings.field("hidden_size"),
        activation=settings.activation(TORCH_ACTIVATIONS),
        classifier_dropout=settings.field("hidden_dropout_prob") if dropout is None else dropout,
    )


def read_original(path: epath.Path) -> AlbertConfig:
    """albert_config.json of the original release; its LayerNorm has a fixed epsilon."""
    settings = Settings(path)
    return settings.build(
        **{ours: settings.field(theirs) for theirs, ours in (FIELDS | ALBERT_FIELDS).items()},
        **sharing(settings.count("num_hidden_layers"), settings.count("num_hidden_groups")),
        activation=settings.activation(TF1_ACTIVATIONS),
    )


def write_albert(config: AlbertConfig) -> dict[str, Any]:
    """The keys of transformers' ALBERT config."""
    names = {ours: theirs for theirs, ours in TORCH_ACTIVATIONS.items() if "pytorch" not in theirs}
    return {
        **_shared_keys(config),
        "hidden_act": names[config.activation],
        "layer_norm_eps": config.layer_norm_epsilon,
        "classifier_dropout_prob": config.classifier_dropout,
    }


def write_original(config: AlbertConfig) -> dict[str, Any]:
    """The keys of albert_config.json. Raises UserError: the original code cannot be this model."""
    names = {ours: theirs for theirs, ours in TF1_ACTIVATIONS.items()}
    if config.activation not in names:
        raise UserError(f"the original code has no {config.activation}; use --to=huggingface")
    if config.layer_norm_epsilon != 1e-12:
        raise UserError(
            "the original code's LayerNorm has epsilon 1e-12 only; use --to=huggingface"
        )
    if config.always_project and config.embedding_size == config.hidden_size:
        raise UserError("the original code has no projection where E = D; use --to=huggingface")
    return {**_shared_keys(config), "hidden_act": names[config.activation]}


def _shared_keys(config: AlbertConfig) -> dict[str, Any]:
    fields = {theirs: getattr(config, ours) for theirs, ours in (FIELDS | ALBERT_FIELDS).items()}
    return {**fields, "num_hidden_groups": groups(config)}


def _transformers(path: epath.Path) -> Settings:
    """A config of transformers, after a look at the settings that would make it another model."""
    settings = Settings(path)
    for key, ours in UNSUPPORTED.items():
        if key in settings.values and settings.values[key] != ours:
            value = settings.values[key]
            raise UserError(f"{path}: {key} is {value!r}; only models with {ours!r} can be read")
    return settings
