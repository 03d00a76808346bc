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
from albert_jax.model.config import AlbertConfig

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
        model = load(flags["model"])
        length = model.config.max_positions
        counts = cost.by_module(model.params)
        print(page(model.config, counts, length, math.ceil(MASKED * length), 1))
        return
    run = pretraining(flags["config"], None) if flags["config"] else read_run(flags["model"])
    rows, counts = run.data, cost.parameters(run.model)
    print(page(run.model, counts, rows.length, rows.predictions, rows.examples_per_row))


def page(
    config: AlbertConfig, parameters: cost.Counts, length: int, predictions: int, examples: int
) -> str:
    """Two tables; FLOPs are per token of a full row of `length`, without the heads of other models."""
    flops = cost.forward_flops(config, length, predictions, examples)
    absent = set(cost.HEADS.values()) - parameters.keys()
    per_token = {name: count / length for name, count in flops.items() if name not in absent}
    training = (1 + cost.BACKWARD) * sum(per_token.values())
    return "\n".join(
        [
            *_table("parameters", parameters),
            f"{'without heads':16}{sum(parameters.get(k, 0) for k in cost.ENCODER):>16,}",
            f"{'state':16}{cost.state_bytes(parameters) / 2**30:>15.2f} GiB with two moments, float32",
            "",
            *_table(f"FLOPs a token, forward, rows of {length}", per_token),
            f"{'training':16}{training:>16,.0f}",
        ]
    )


def _table(title: str, rows: Mapping[str, float]) -> list[str]:
    total = sum(rows.values())
    lines = [f"{name:16}{value:>16,.0f}{value / total:>8.1%}" for name, value in rows.items()]
    return [title, *lines, f"{'total':16}{total:>16,.0f}"]
