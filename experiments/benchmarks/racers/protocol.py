"""How a racer is told what to do: a line of JSON in, a line of JSON out. Nothing but numpy is needed.

{"do": "load", "case": {...}, "batches": "FILE.npz"}  builds model and optimizer, runs each batch once
{"do": "steps", "count": N}                           -> {"seconds": ...}
{"do": "memory"}                                      -> {"gigabytes": ...}, the peak of the process
{"do": "matmul", "dtype": ...}                        -> {"flops": ...}, the best rate of this library
"""

import itertools
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

Batch = dict[str, np.ndarray]
Step = Callable[[object], None]  # one update; returns when it is done
SHAPES = ((1024, 768, 3072), (2048, 3072, 768), (2048, 2048, 2048), (4096, 4096, 4096))


def serve(
    build: Callable[[dict, Sequence[Batch]], tuple[Step, Sequence]],
    product: Callable[[np.ndarray, np.ndarray, str], Callable[[], None]],
):
    """Answers until there is nothing more to read.

    Args:
      build: (case, batches) -> a step and the batches as it takes them.
      product: two float32 matrices and a precision -> a function that multiplies them once.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    step = batches = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "load":
            step = batches = None
            step, inputs = build(request["case"], _read(request["batches"]))
            for batch in inputs:
                step(batch)
            batches, answer = itertools.cycle(inputs), {}
        elif request["do"] == "steps":
            start = time.perf_counter()
            for _ in range(request["count"]):
                step(next(batches))
            answer = {"seconds": time.perf_counter() - start}
        elif request["do"] == "memory":
            answer = {"gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}
        else:
            answer = {"flops": best_rate(product, request["dtype"])}
        print(json.dumps(answer), file=answers, flush=True)


def best_rate(product: Callable, dtype: str, repeats: int = 10) -> float:
    """The highest operations per second over all `SHAPES`."""
    rng, best = np.random.default_rng(0), 0.0
    for n, i, o in SHAPES:
        multiply = product(
            rng.normal(size=(n, i)).astype("f4"), rng.normal(size=(i, o)).astype("f4"), dtype
        )
        for _ in range(repeats):
            start = time.perf_counter()
            multiply()
            best = max(best, 2 * n * i * o / (time.perf_counter() - start))
    return best


def _read(path: str) -> list[Batch]:
    """A file of arrays named NUMBER/FIELD as batches."""
    batches: dict[int, Batch] = {}
    with np.load(path) as arrays:
        for name in arrays.files:
            number, field = name.split("/")
            batches.setdefault(int(number), {})[field] = arrays[name]
    return [batches[number] for number in sorted(batches)]
