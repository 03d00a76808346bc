"""How fast ALBERT answers: one text at a time, and many in packed rows.

python -m experiments.benchmarks.inference [SIZE] [--output=FILE.md]

Random parameters in bfloat16 and float32, a classifier of two classes, all from text to probabilities: what
`albert_jax.predictor` does. One device answers single texts, all devices share batches.
"""

import sys
import time
from collections.abc import Callable, Sequence

import jax
import numpy as np

import albert_jax
from albert_jax.data.tokenizer_json import TokenizerJson
from albert_jax.data.vocabulary import Normalisation, Vocabulary, train
from albert_jax.interop.pretrained import Pretrained
from albert_jax.model.config import AlbertConfig, sized
from albert_jax.model.tasks import AlbertForTask
from experiments import program
from experiments.publish import origin, publish

LENGTHS = (32, 128, 512)  # pieces of a text, special ones included
SINGLE, BATCHED = 30, 16_384  # texts one at a time; pieces of the texts that come together
DTYPES = ("bfloat16", "float32")
SENTENCES = ["the cat sat on the mat.", "the dog (a big one) was walking.", "who saw the u.s. cat?"]


def random_classifier(config: AlbertConfig) -> Pretrained:
    """A model that nothing trained, with a vocabulary of few pieces."""
    batch = {
        name: np.zeros((1, 8), np.int32)
        for name in ("tokens", "token_types", "positions", "example_ids")
    }
    batch["cls_positions"] = np.zeros((1, 1), np.int32)
    init = jax.jit(AlbertForTask(config, "sequence", 2).init)
    params = jax.device_get(init(jax.random.key(0), batch)["params"])
    vocabulary = Vocabulary(train(SENTENCES * 20, 38), Normalisation())
    return Pretrained(config, params, vocabulary, "sequence", ("no", "yes"))


def text(vocabulary: Vocabulary | TokenizerJson, length: int) -> str:
    """A text of `length` pieces with its two special ones: a space, and full stops."""
    written = "." * (length - 3)
    assert len(vocabulary.encode(written)) == length - 2
    return written


def seconds(run: Callable[[], object], times: int) -> list[float]:
    """What each of `times` runs takes, sorted, after one that is not counted."""
    run()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return sorted(taken)


def row(model: Pretrained, length: int, single: int, batched: int) -> str:
    """One text again and again on one device, and many of it at once on all."""
    settings, one = {"length": LENGTHS[-1]}, text(model.vocabulary, length)
    alone = albert_jax.predictor(model, settings=settings)
    taken = seconds(lambda: alone([one]), single)
    together = albert_jax.predictor(model, settings=settings, devices=jax.devices())
    many = [one] * max(1, batched // length)
    speed = len(many) / seconds(lambda: together(many), 2)[0]
    middle, late = (1000 * taken[int(share * (single - 1))] for share in (0.5, 0.95))
    values = f"{middle:.1f} | {late:.1f} | {speed:,.1f} | {speed * length:,.0f}"
    return f"| {length} | {model.config.dtype} | {values} |"


def table(size: str, single: int = SINGLE, batched: int = BATCHED) -> str:
    """Markdown: a row for each precision and length."""
    lines = [
        "| pieces | precision | one text, ms | 95th percentile | many, texts/s | pieces/s |",
        "|---|---|---|---|---|---|",
    ]
    for dtype in DTYPES:
        model = random_classifier(sized(size, dtype=dtype))
        lines += [row(model, length, single, batched) for length in LENGTHS]
    return "\n".join(lines)


def main(argv: Sequence[str]):
    """Measures and prints."""
    parser = program.parser("benchmarks.inference", __doc__)
    parser.add_argument("size", nargs="?", default="base")
    parser.add_argument("--output", help="a file for the report")
    options = parser.parse_args(argv)
    about = (
        f"{options.size}, one text of so many pieces {SINGLE} times, then many at once; medians."
    )
    report = "\n".join(
        [
            "# How fast it answers",
            "",
            about,
            origin("benchmarks.inference", argv),
            "",
            table(options.size),
            "",
        ]
    )
    publish(report, options.output)


if __name__ == "__main__":
    main(sys.argv[1:])
