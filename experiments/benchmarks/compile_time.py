"""How long XLA takes to compile the gradient of ALBERT with a rolled scan, by depth and by what layers share.

python -m experiments.benchmarks.compile_time [SIZE]
"""

import sys
import time
from typing import Any

import jax

from albert_jax.model.albert import AlbertForPretraining, abstract_batch
from albert_jax.model.config import CHOICES, AlbertConfig, sized
from albert_jax.training import losses

DEPTHS = (12, 48)


def seconds(config: AlbertConfig) -> float:
    """Seconds to compile the gradient of the pretraining loss, 8 rows of 128; nothing is run."""
    model, batch = AlbertForPretraining(config), abstract_batch(8, 128, 20, 1)
    params = jax.eval_shape(model.init, jax.random.key(0), batch)["params"]

    def loss(params, batch):
        outputs: Any = model.apply({"params": params}, batch)
        sums = losses.pretraining_sums(outputs, batch)
        return losses.total(sums, losses.weights(batch))

    lowered = jax.jit(jax.grad(loss)).lower(params, batch)
    start = time.perf_counter()
    lowered.compile()
    return time.perf_counter() - start


def table(size: str) -> str:
    """Markdown: a row a sharing mode, a column a depth."""
    seconds(
        sized(size, scan_unroll=1)
    )  # the first compilation of a process also loads the compiler
    rows = [
        f"| {mode} | "
        + " | ".join(
            f"{seconds(sized(size, num_layers=n, sharing=mode, scan_unroll=1)):.2f}" for n in DEPTHS
        )
        + " |"
        for mode in CHOICES["sharing"]
    ]
    head = f"| shared | {' | '.join(f'{n} layers, s' for n in DEPTHS)} |"
    return "\n".join([head, "|---" * (1 + len(DEPTHS)) + "|", *rows])


if __name__ == "__main__":
    print(table(*sys.argv[1:] or ["base"]))
