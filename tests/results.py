"""Results as the runner writes them, without anything having run."""

import json

from etils import epath

from experiments.results import Results
from experiments.table import row_cells

CURVE = ((500, 1e6), (1000, 2e6))  # updates and tokens of the evaluations
MADE_BY = {"commit": "0123456789abcdef", "devices": {"kind": "cpu", "count": 1}}


def write(folder, table, scale, choice, value):
    """Writes a result for every cell of a table.

    Args:
      value: (number of the row, what the cell gives, seed) -> a score between 0 and 1.
    """
    results = Results(epath.Path(folder))
    for number, row in enumerate(table.rows):
        for seed in range(choice.seeds if row.model else 0):
            for name, cell in row_cells(table, row.model, scale, choice, seed).items():
                path = results.path(cell)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(result(name, value(number, name, seed))))
    return results


def result(name: str, score: float) -> dict:
    """The result of a cell that gives `name`: "pretrain", a measurement or a task."""
    spent = {
        "tokens": 2_000_000,
        "training_seconds": 90.0,
        "seconds": {"wall": 120.0, "cpu": 100.0},
    }
    if name == "layers":
        return {"l2": [10 * score, 5.0], "degrees": [60.0, 30.0], "hidden_size": 96}
    if name == "objectives":
        return {"scores": {"mlm": score, "nsp": 0.5, "sop": 0.5}}
    if name == "pretrain":
        guess = {"mlm_baseline": 0.05, "sentence_baseline": 0.52}
        scores = {"mlm_accuracy": score, "mlm_loss": 5.0, "sentence_accuracy": 0.5, **guess}
        curve = [
            scores | {"step": s, "tokens": t, "mlm_accuracy": score * s / 1000} for s, t in CURVE
        ]
        return {"scores": scores, "curve": curve, "steps": 1000, **MADE_BY, **spent}
    metrics = ("accuracy", "f1", "exact", "best_f1", "best_exact", "matthews", "pearson")
    return {"scores": dict.fromkeys(metrics, 100 * score), "test": None, **spent}
