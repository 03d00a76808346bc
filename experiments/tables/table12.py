"""Table 12: width."""

from experiments.scale import Model
from experiments.table import Row, Table, scores
from experiments.tables.table11 import deep

PAPER = {
    1024: scores((79.8, 69.7), (64.4, 61.7), 77.7, 86.7, 54.0, 71.2, params="18M"),
    2048: scores((83.3, 74.1), (69.1, 66.6), 79.7, 88.6, 58.2, 74.6, params="60M"),
    4096: scores((85.0, 76.4), (71.0, 68.1), 80.3, 90.4, 60.4, 76.3, params="225M"),
    6144: scores((84.7, 75.8), (67.8, 65.4), 78.1, 89.1, 56.0, 74.0, params="499M"),
}


def wide(hidden: int) -> Model:
    """ALBERT-large with three layers of some width, grown from one layer; 1024 is Table 11's."""
    if hidden == 1024:
        return deep(3)
    return Model(
        size="large",
        layers=3,
        hidden=hidden,
        grown_from=Model(size="large", layers=1, hidden=hidden),
    )


TABLE = Table(
    name="table12",
    title="Table 12: width",
    about=(
        "ALBERT-large with three layers. The paper's scores rise with the width up to 4096 "
        "and fall at 6144, without a sign of overfitting."
    ),
    rows=tuple(Row(f"D = {hidden}", wide(hidden), paper) for hidden, paper in PAPER.items()),
    columns=("params", "mlm", "sentence", "squad1", "squad2", "mnli", "sst2", "race"),
    pictures=("curves", "width"),
)
