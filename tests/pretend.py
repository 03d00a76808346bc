"""A command that leaves what `pretrain` leaves, at once: `python -m tests.pretend --workdir=W --seed=0`.

It goes on where it was ended, counts its starts, works a little and waits at step 2 for the file W/go with
seed 100 or more, fails with seed 13, and is killed with seed 9.
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

STEPS = 4


def main():
    """Reads the command line and pretends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    workdir, seed = options.workdir, options.seed
    with (workdir / "starts").open("a") as starts:
        starts.write("x")
    if seed == 13:
        sys.exit("out of luck")
    if seed == 9:
        os.kill(os.getpid(), signal.SIGKILL)
    (workdir / "config.json").write_text(json.dumps({"config": config(seed), "starts": [START]}))
    metrics = workdir / "metrics.jsonl"
    step = len(metrics.read_text().splitlines()) // 2 if metrics.exists() else 0
    with metrics.open("a") as file:
        while step < STEPS:
            step += 1
            if step == 3 and seed >= 100:
                work(0.3)
                wait_for(workdir / "go")
            numbers = {"tokens": 10.0 * step, "seconds": 2.0 * step, "mlm_accuracy": 0.1 * step}
            for kind in ("train", "held_out"):
                file.write(json.dumps({"step": step, "kind": kind, **numbers}) + "\n")
            file.flush()
    (workdir / "checkpoints" / str(STEPS)).mkdir(parents=True, exist_ok=True)


def config(seed: int) -> dict:
    """What config.json says of the run."""
    return {"training": {"seed": seed, "steps": STEPS}}


START = {
    "commit": "c0ffee",
    "libraries": {},
    "devices": {"kind": "cpu", "count": 1},
    "processes": 1,
}


def work(seconds: float):
    """Takes so much of the processor's time in all."""
    while time.process_time() < seconds:
        pass


def wait_for(path: Path):
    """Returns when a file is there; gives up after a minute."""
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.1)
    sys.exit("nobody came")


if __name__ == "__main__":
    main()
