"""Albert_jax in the race: the real training step with LAMB."""

from functools import partial

import jax
import jax.numpy as jnp
from protocol import serve

from albert_jax.model.albert import AlbertForPretraining
from albert_jax.model.config import sized
from albert_jax.training import losses
from albert_jax.training import optimizer as optimizers
from albert_jax.training import state as states
from albert_jax.training.config import TrainingConfig
from albert_jax.training.schedule import ScheduleConfig, schedule
from albert_jax.training.sharding import make_mesh, to_devices
from albert_jax.training.step import make_train_step


def build(case, batches):
    """A jitted update of ALBERT, and the batches on the device."""
    config = TrainingConfig()
    model = AlbertForPretraining(sized(case["size"], dtype=case["dtype"], **case["changes"]))
    rate, mesh = schedule(ScheduleConfig()), make_mesh()
    shapes = {k: jax.ShapeDtypeStruct(v.shape, v.dtype) for k, v in batches[0].items()}
    params = jax.eval_shape(model.init, jax.random.key(0), shapes)["params"]
    optimizer = optimizers.make(optimizers.OptimizerConfig(name="lamb"), rate, params)
    update = make_train_step(model, losses.PRETRAINING, optimizer, rate, config, 1.0, mesh)
    state = jax.jit(partial(states.create, model, optimizer, shapes, config))()

    def step(batch):
        nonlocal state
        state, metrics = update(state, batch)
        jax.block_until_ready((state, metrics))

    return step, [to_devices(batch, mesh) for batch in batches]


def product(a, b, dtype):
    """The product as the model makes it: factors in `dtype`, sums in float32."""
    a, b = jnp.asarray(a, dtype), jnp.asarray(b, dtype)
    multiply = jax.jit(partial(jnp.matmul, preferred_element_type=jnp.float32))
    return lambda: multiply(a, b).block_until_ready()


if __name__ == "__main__":
    serve(build, product)
