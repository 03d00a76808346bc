"""What a training step carries from one update to the next, and nothing else.

No random key is stored: the dropout of a step is a pure function of (seed, step).
"""

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import optax

from albert_jax.model.albert import Batch
from albert_jax.training.config import StepConfig

Params = dict
TOKENS = "albert/embeddings/tokens"  # the name of a leaf that has rules of its own


class TrainState(flax.struct.PyTreeNode):
    """Finished updates, parameters, the optimizer's moments, and their moving average if asked for."""

    step: jax.Array  # int32 []
    params: Params
    opt_state: optax.OptState
    average: Params | None

    @property
    def best_params(self) -> Params:
        """What is evaluated and used: the moving average where there is one."""
        return self.params if self.average is None else self.average


def create(
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    batch: Batch,
    config: StepConfig,
) -> TrainState:
    """A fresh state; pure, so it can run under jit and eval_shape. `batch` holds shapes only."""
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), batch)
    params = model.init(jax.random.key(config.seed), zeros)["params"]
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        opt_state=optimizer.init(params),
        average=jax.tree.map(jnp.copy, params) if config.average_decay else None,
    )


def leaf_name(path: tuple) -> str:
    """What a parameter is called in patterns, notes and messages: albert/encoder/ffn/output/kernel."""
    return jax.tree_util.keystr(path, simple=True, separator="/")
