"""What a model is made of and what it costs: parameters and FLOPs, module by module.

albert-jax inspect --config=configs/pretrain.py:size=xxlarge
albert-jax inspect --model=CHECKPOINT
"""

import math
from collections.abc import Mapping

from albert_jax.analysis import cost
from albert_jax.commands.config import pretraining
from albert_jax.commands.flags import CommandLine
from albert_jax.commands.load import is_run, load, read_run
from albert_jax.errors import UserError

MASKED = 0.15  # of the positions, where no run says how many


def main(argv: list[str]):
    """Prints the page for a config, or for the run in a workdir."""
    line = CommandLine(__doc__)
    line.config(required=False)
    line.path("model", "a workdir, or a model of any format", required=False)
    flags, _ = line.parse(argv)
    if (flags["config"] is None) == (flags["model"] is None):
        raise UserError("inspect needs one of --config=FILE.py:ARG and --model=CHECKPOINT")
    if flags["model"] and not is_run(flags["model"]):
        config = load(flags["model"]).config
        print(page(config, config.max_positions, math.ceil(MASKED * config.max_positions), 1))
        return
    run = pretraining(flags["config"], None) if flags["config"] else read_run(flags["model"])
    print(page(run.model, run.data.length, run.data.predictions, run.data.examples_per_row))


def page(config, length: int, predictions: int, examples: int) -> str:
    """Two tables; FLOPs are per token of a full row of `length`."""
    parameters = cost.parameters(config)
    flops = cost.forward_flops(config, length, predictions, examples)
    per_token = {name: count / length for name, count in flops.items()}
    training = cost.training_flops(config, length, predictions, examples) / length
    return "\n".join(
        [
            *_table("parameters", parameters),
            f"{'without heads':16}{sum(parameters[k] for k in cost.ENCODER):>16,}",
            f"{'state':16}{cost.state_bytes(config) / 2**30:>15.2f} GiB with two moments, float32",
            "",
            *_table(f"FLOPs a token, forward, rows of {length}", per_token),
            f"{'training':16}{training:>16,.0f}",
        ]
    )


def _table(title: str, rows: Mapping[str, float]) -> list[str]:
    total = sum(rows.values())
    lines = [f"{name:16}{value:>16,.0f}{value / total:>8.1%}" for name, value in rows.items()]
    return [title, *lines, f"{'total':16}{total:>16,.0f}"]
