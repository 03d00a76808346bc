"""Table 10: SQuAD and RACE."""

from experiments.table import Row, Table
from experiments.tables.table9 import long

TABLE = Table(
    name="table10",
    title="Table 10: SQuAD and RACE",
    about=(
        "Single models; SQuAD's dev sets and, where the data have it, RACE's test set. Ensembles and "
        "SQuAD's hidden test set, the rest of the paper's table, are left out. At micro scale there "
        "are no more updates than in other tables, and both rows of ALBERT are the same runs."
    ),
    rows=(
        Row("BERT-large", None, dict(squad1=(90.9, 84.1), squad2=(81.8, 79.0), race_test=72.0)),
        Row("XLNet", None, dict(squad1=(94.5, 89.0), squad2=(88.8, 86.1), race_test=81.8)),
        Row("RoBERTa", None, dict(squad1=(94.6, 88.9), squad2=(89.4, 86.5), race_test=83.2)),
        Row(
            "ALBERT (1M)",
            long(1.0),
            dict(squad1=(94.8, 89.2), squad2=(89.9, 87.2), race_test=86.0, updates=1_000_000),
        ),
        Row(
            "ALBERT (1.5M)",
            long(1.5),
            dict(squad1=(94.8, 89.3), squad2=(90.2, 87.4), race_test=86.5, updates=1_500_000),
        ),
    ),
    columns=("updates", "squad1", "squad2", "race_test"),
    reference=None,
)
