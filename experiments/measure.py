"""Two measurements on a pretrained model, which its own training did not make.

python -m experiments.measure objectives --model=WORKDIR --workdir=OUT    Table 5: on every objective
python -m experiments.measure layers --model=WORKDIR --workdir=OUT        Figure 1: what each layer moves
"""

import dataclasses
import itertools
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from etils import epath

from albert_jax.analysis.probes import layer_distances
from albert_jax.data import batches
from albert_jax.data.batch_config import BatchConfig
from albert_jax.data.records import Records, load_vocabulary
from albert_jax.data.remote import fetched
from albert_jax.data.segments import Symbols
from albert_jax.errors import UserError
from albert_jax.model.albert import Albert, AlbertForPretraining
from albert_jax.model.config import AlbertConfig
from albert_jax.training import losses
from albert_jax.training.checkpoint import restore_params
from albert_jax.training.config import build
from albert_jax.training.workdir import provenance
from experiments import program

Numbers = dict[str, Any]


class Pretrained(NamedTuple):
    """What a measurement needs of a pretraining run."""

    config: AlbertConfig
    data: BatchConfig
    records: epath.Path
    batches: int  # held-out batches that the run looked at
    params: dict


def main(argv: list[str]):
    """Reads the command line, measures, and writes measured.json."""
    parser = program.parser("measure", __doc__)
    parser.add_argument("what", choices=MEASUREMENTS)
    parser.add_argument(
        "--model", type=epath.Path, required=True, help="workdir of a pretraining run"
    )
    parser.add_argument("--records", help="prepared text to measure on; else that of the run")
    parser.add_argument("--workdir", type=epath.Path, required=True, help="gets measured.json")
    options = parser.parse_args(argv)
    run = _open(options.model, options.records)
    numbers = MEASUREMENTS[options.what](run) | provenance()
    options.workdir.mkdir(parents=True, exist_ok=True)
    (options.workdir / "measured.json").write_text(json.dumps(numbers, indent=1) + "\n")


def _open(workdir: epath.Path, records: str | None) -> Pretrained:
    """A run, to be measured on some records or else its own. Raises UserError: others' words."""
    values = json.loads((workdir / "config.json").read_text())["config"]
    vocabulary = workdir / "vocabulary.model"
    folder = fetched(epath.Path(records or values["corpus"]["records"]))
    if records and load_vocabulary(folder).model != vocabulary.read_bytes():
        raise UserError(
            f"{records} has another vocabulary than {workdir}; prepare the text with "
            f"--config.corpus.vocabulary={vocabulary}"
        )
    return Pretrained(
        config=build(AlbertConfig, values["model"]),
        data=build(BatchConfig, values["data"]),
        records=folder,
        batches=values["training"]["evaluation_batches"],
        params=restore_params(workdir / "checkpoints"),
    )


def objectives(run: Pretrained) -> Numbers:
    """{"scores": accuracies of mlm, nsp and sop on held-out text}; masked words on the rows of sop.

    All models see the same pairs: those of sop are two segments in order or swapped, and never of two texts.
    """
    model = AlbertForPretraining(run.config)

    @jax.jit
    def step(params, batch):
        outputs: Any = model.apply({"params": params}, batch)
        return losses.pretraining_sums(outputs, batch), losses.weights(batch)

    scores = {}
    for objective in ("nsp", "sop"):
        data = dataclasses.replace(run.data, objective=objective, random_negatives=False)
        parts = [jax.device_get(step(run.params, batch)) for batch in _held_out(run, data)]
        means = losses.means(*jax.tree.map(lambda *values: np.sum(values), *parts))
        scores[objective] = float(means["sentence_accuracy"])
        scores["mlm"] = float(means["mlm_accuracy"])
    return {"scores": scores}


def layers(run: Pretrained) -> Numbers:
    """{"l2", "degrees"} of every block, in the run's own held-out rows, and the width they are of."""
    model = Albert(run.config)

    @jax.jit
    def step(params, batch):
        x: Any = model.apply({"params": params["albert"]}, batch, method="layers")
        return layer_distances(x, batch["example_ids"])

    parts = [jax.device_get(step(run.params, batch)) for batch in _held_out(run, run.data)]
    sums, tokens = jax.tree.map(lambda *values: np.sum(values, axis=0), *parts)
    means = {name: (value / tokens).tolist() for name, value in sums.items()}
    return means | {"hidden_size": run.config.hidden_size}


def _held_out(run: Pretrained, data: BatchConfig) -> Iterator[batches.Batch]:
    """The first held-out batches, as many as the run itself looked at."""
    symbols = Symbols(load_vocabulary(run.records).word_starts)
    found = batches.held_out(Records(run.records, "held_out"), data, symbols)
    return itertools.islice(found, run.batches)


MEASUREMENTS = {"objectives": objectives, "layers": layers}

if __name__ == "__main__":
    program.serve(main)
