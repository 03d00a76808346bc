"""keras-hub's AlbertMaskedLM on the JAX backend in the race, with AdamW; it has no sentence order."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import keras_hub
from protocol import serve

NAMES = dict(size="hidden_dim", layers="num_layers", heads="num_heads", ffn="intermediate_dim")
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def build(case, batches):
    """One update of the same encoder and masked-LM head."""
    keras.config.set_dtype_policy(POLICIES[case["dtype"]])
    backbone = keras_hub.models.AlbertBackbone(
        vocabulary_size=30_000,
        embedding_dim=128,
        dropout=0.0,
        **{NAMES[name]: value for name, value in case["shape"].items()},
    )
    model = keras_hub.models.AlbertMaskedLM(backbone)
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-4, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[],
        weighted_metrics=[],
    )

    def step(batch):
        model.train_on_batch(batch["x"], batch["y"], sample_weight=batch["weights"])

    return step, [_arranged(batch) for batch in batches]


def _arranged(batch):
    names = ("token_ids", "segment_ids", "padding_mask", "mask_positions")
    return {"x": {name: batch[name] for name in names}} | {k: batch[k] for k in ("y", "weights")}


def product(a, b, dtype):
    """keras leaves the product to JAX."""
    a, b = jnp.asarray(a, dtype), jnp.asarray(b, dtype)
    multiply = jax.jit(jnp.matmul)
    return lambda: multiply(a, b).block_until_ready()


if __name__ == "__main__":
    serve(build, product)
