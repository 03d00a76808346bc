"""Table 8: dropout."""

from typing import Any

from experiments.scale import Model
from experiments.table import Row, Table, scores

LONG: dict[str, Any] = dict(size="xxlarge", effort=8.0, more_data=True)  # about a million updates
SIX_LAYERS = Model(size="xxlarge", layers=6)

TABLE = Table(
    name="table8",
    title="Table 8: dropout",
    about=(
        "After a million updates xxlarge still did not overfit its training text, so the "
        "paper removed dropout from pretraining, and all tasks gained a little. Here the "
        "additional text is that of Table 7, and at micro scale there are no more updates "
        "than in other tables."
    ),
    rows=(
        Row(
            "with dropout",
            Model(dropout=0.1, grown_from=SIX_LAYERS, **LONG),
            scores((94.7, 89.2), (89.6, 86.9), 90.0, 96.3, 85.7, 90.4, updates=1_000_000),
        ),
        Row(
            "without dropout",
            Model(dropout=0.0, grown_from=SIX_LAYERS, **LONG),
            scores((94.8, 89.5), (89.9, 87.2), 90.4, 96.5, 86.1, 90.7, updates=1_000_000),
        ),
    ),
    columns=("updates", "mlm", "sentence", "squad1", "squad2", "mnli", "sst2", "race"),
)
