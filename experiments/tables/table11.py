"""Table 11: depth."""

from experiments.scale import Model
from experiments.table import Row, Table, scores

PAPER = {
    1: scores((31.1, 22.9), (50.1, 50.1), 66.4, 80.8, 40.1, 52.9),
    3: scores((79.8, 69.7), (64.4, 61.7), 77.7, 86.7, 54.0, 71.2),
    6: scores((86.4, 78.4), (73.8, 71.1), 81.2, 88.9, 60.9, 77.2),
    12: scores((89.8, 83.3), (80.7, 77.9), 83.3, 91.7, 66.7, 81.5),
    24: scores((90.3, 83.3), (81.8, 79.0), 83.3, 91.5, 68.7, 82.1),
    48: scores((90.0, 83.1), (81.8, 78.9), 83.4, 91.9, 66.9, 81.8),
}


def deep(layers: int) -> Model:
    """ALBERT-large of some depth, grown from the depth before it as in the paper's footnote 5."""
    before = max((depth for depth in PAPER if depth < layers), default=None)
    return Model(size="large", layers=layers, grown_from=deep(before) if before else None)


TABLE = Table(
    name="table11",
    title="Table 11: depth",
    about=(
        "All layers share their parameters, so every row has the same number of them. The "
        "paper's scores rise with depth up to 24 layers and then no more."
    ),
    rows=tuple(
        Row(f"{layers} layer{'s' * (layers > 1)}", deep(layers), dict(PAPER[layers], params="18M"))
        for layers in PAPER
    ),
    columns=("params", "mlm", "sentence", "squad1", "squad2", "mnli", "sst2", "race"),
    reference=3,
    pictures=("curves", "depth"),
)
