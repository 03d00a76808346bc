"""Table 13: is a deeper xxlarge better?"""

import dataclasses

from experiments.table import Row, Table, scores
from experiments.tables.table2 import XXLARGE

TABLE = Table(
    name="table13",
    title="Table 13: a deeper xxlarge",
    about="Twice the layers did not make the paper's xxlarge better; hence its 12 layers.",
    rows=(
        Row("12 layers", XXLARGE, scores((94.0, 88.1), (88.3, 85.3), 87.8, 95.4, 82.5, 88.7)),
        Row(
            "24 layers",
            dataclasses.replace(XXLARGE, layers=24, grown_from=XXLARGE),
            scores((94.1, 88.3), (88.1, 85.1), 88.0, 95.2, 82.3, 88.7),
        ),
    ),
    columns=("mlm", "sentence", "squad1", "squad2", "mnli", "sst2", "race"),
)
