"""Every architectural choice, validated, and the published sizes as a table."""

import dataclasses
from typing import Any

from albert_jax.errors import UserError

CHOICES = {
    "sharing": ("all", "attention", "ffn", "none"),
    "activation": ("gelu_tanh", "gelu_erf", "relu"),
    "dtype": ("float32", "bfloat16"),
    "remat": ("none", "dots", "full"),
    "attention_kernel": ("auto", "plain", "blocked", "fused", "splash"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AlbertConfig:
    """An encoder, from ALBERT (Lan et al. 2020, section 3.1) to BERT (sharing none, E = D).

    The stack has `num_layers * inner_layers` blocks. Layer l of `num_layers` belongs to group
    floor(l * num_groups / num_layers) and runs the `inner_layers` blocks of that group in sequence,
    as google-research/albert's modeling.py does. `sharing` says what the layers of a group share:
    the whole block, its attention only, its feed-forward part only, or nothing.

    Raises:
      UserError: a field is out of range; the line names it.
    """

    vocab_size: int = 30_000  # V
    embedding_size: int = 128  # E; equal to hidden_size means no projection
    always_project: bool = False  # a projection even then, as transformers' ALBERT has
    hidden_size: int = 768  # D
    num_layers: int = 12
    num_heads: int = 12  # H
    ffn_size: int = 3072  # F
    num_groups: int = 1
    inner_layers: int = 1
    sharing: str = "all"
    max_positions: int = 512
    num_types: int = 2
    activation: str = "gelu_tanh"
    hidden_dropout: float = 0.0
    attention_dropout: float = 0.0
    classifier_dropout: float = 0.1
    layer_norm_epsilon: float = 1e-12
    initializer_range: float = 0.02  # of a normal truncated at two deviations
    dtype: str = "bfloat16"  # of activations; parameters, LayerNorm, softmax and logits are float32
    remat: str = "none"  # what the backward pass computes again: nothing, all but matmuls, blocks
    scan_unroll: int = (
        0  # blocks per iteration of the scan over layers; 0: as model/platform.py says
    )
    attention_kernel: str = "auto"  # as model/platform.py says, or one of model/kernels.py

    def __post_init__(self):
        for name, choices in CHOICES.items():
            _require(getattr(self, name) in choices, self, name, f"one of {', '.join(choices)}")
        for field in dataclasses.fields(self):
            if field.type is int:
                least = 0 if field.name == "scan_unroll" else 1
                _require(getattr(self, field.name) >= least, self, field.name, f"at least {least}")
            if field.name.endswith("dropout"):
                _require(0 <= getattr(self, field.name) < 1, self, field.name, "in [0, 1)")
        _require(0 <= self.layer_norm_epsilon < 1, self, "layer_norm_epsilon", "in [0, 1)")
        _require(
            self.hidden_size % self.num_heads == 0, self, "num_heads", "a divisor of hidden_size"
        )
        _require(self.num_groups <= self.num_layers, self, "num_groups", "at most num_layers")
        ungrouped = self.sharing != "none" or self.num_groups == 1
        _require(ungrouped, self, "num_groups", "1 where nothing is shared")
        can_drop = self.attention_kernel in ("auto", "plain") or self.attention_dropout == 0
        _require(can_drop, self, "attention_dropout", "0, or model.attention_kernel auto or plain")

    @property
    def head_size(self) -> int:
        """K, the width of one attention head."""
        return self.hidden_size // self.num_heads

    @property
    def has_projection(self) -> bool:
        """Whether a dense layer leads from the embeddings to the hidden states."""
        return self.always_project or self.embedding_size != self.hidden_size

    @property
    def num_blocks(self) -> int:
        """Blocks run one after another; a plain ALBERT has as many as layers."""
        return self.num_layers * self.inner_layers

    @property
    def num_copies(self) -> dict[str, int]:
        """Distinct parameter sets behind the `num_blocks` runs of each part of a block."""
        shared, own = self.num_groups * self.inner_layers, self.num_blocks
        attention = shared if self.sharing in ("all", "attention") else own
        ffn = shared if self.sharing in ("all", "ffn") else own
        return {"attention": attention, "ffn": ffn}

    def shared_copy(self, block: int) -> int:
        """Which of the shared parameter sets block number `block` uses."""
        layer, inner = divmod(block, self.inner_layers)
        return layer * self.num_groups // self.num_layers * self.inner_layers + inner


def _require(holds: bool, config: AlbertConfig, name: str, remedy: str):
    if not holds:
        raise UserError(f"model.{name} is {getattr(config, name)!r}; it must be {remedy}")


def _albert(layers: int, hidden: int, heads: int, dropout: float) -> dict[str, Any]:
    return dict(
        num_layers=layers,
        hidden_size=hidden,
        num_heads=heads,
        ffn_size=4 * hidden,
        hidden_dropout=dropout,
        attention_dropout=dropout,
    )


def _bert(layers: int, hidden: int) -> dict[str, Any]:
    return _albert(layers, hidden, hidden // 64, 0.1) | dict(embedding_size=hidden, sharing="none")


def _small(layers: int, hidden: int, embedding: int) -> dict[str, Any]:
    return _albert(layers, hidden, hidden // 32, 0.0) | dict(embedding_size=embedding)


SIZES: dict[str, dict[str, Any]] = {
    # As released (albert_config.json); xlarge has 16 heads there, not the paper's 32.
    "base": _albert(12, 768, 12, 0.0),  # version 2: no dropout
    "large": _albert(24, 1024, 16, 0.0),
    "xlarge": _albert(24, 2048, 16, 0.0),
    "xxlarge": _albert(12, 4096, 64, 0.0),
    "base_v1": _albert(12, 768, 12, 0.1),
    "large_v1": _albert(24, 1024, 16, 0.1),
    "xlarge_v1": _albert(24, 2048, 16, 0.1),
    "xxlarge_v1": _albert(12, 4096, 64, 0.0),
    # The paper's baselines (Table 1): nothing shared, E = D.
    "bert_base": _bert(12, 768),
    "bert_large": _bert(24, 1024),
    "bert_xlarge": _bert(24, 2048),
    # For a CPU.
    "tiny": _small(2, 128, 64),
    "mini": _small(4, 256, 128),
    "small": _small(6, 384, 128),
}


def sized(size: str, **changes) -> AlbertConfig:
    """The configuration of a named size, with changes.

    Raises:
      UserError: there is no such size, or a field is out of range.
    """
    if size not in SIZES:
        raise UserError(f"size {size!r} is unknown; choose one of {', '.join(SIZES)}")
    return AlbertConfig(**SIZES[size] | changes)
