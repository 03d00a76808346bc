"""The configs of configs/ with all their arguments, for models of thousands of parameters and few updates."""

from ml_collections import ConfigDict

from configs import finetune as tuning
from configs import pretrain as pretraining

SMALLER = {
    "model": {
        "vocab_size": 500,
        "embedding_size": 16,
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 2,
        "ffn_size": 64,
        "max_positions": 32,
        "dtype": "float32",
        "initializer_range": 0.09,
    },
    "corpus": {"held_out": 0.2, "workers": 1},
    "data": {"batch_size": 8, "length": 32, "predictions": 5, "workers": 0, "block_tokens": 2048},
    "training": {"steps": 2, "microbatches": 1, "evaluation_batches": 1},
}
SMALLER_TUNING = {
    "task": {"length": 32},
    "schedule": {"warmup_steps": 1},
    "training": {"batch_size": 16, "steps": 2, "evaluate_every": 2},
}


def pretrain(argument: str | None = None) -> ConfigDict:
    """configs/pretrain.py."""
    return _changed(pretraining.get_config(argument), SMALLER)


def finetune(argument: str | None = None) -> ConfigDict:
    """configs/finetune.py."""
    return _changed(tuning.get_config(argument), SMALLER_TUNING)


def _changed(config: ConfigDict, changes: dict[str, dict]) -> ConfigDict:
    for section, values in changes.items():
        config[section].update(values)
    return config
