"""Figure 2: additional text, and dropout, while pretraining goes on."""

from experiments.table import Table
from experiments.tables import table7, table8

TABLE = Table(
    name="figure2",
    title="Figure 2: additional text, and dropout",
    about=(
        "Accuracy of masked words on held-out text while base is pretrained with and without additional "
        "text (Table 7), and xxlarge with and without dropout (Table 8). In the paper it was higher with "
        "more text, and higher without dropout."
    ),
    rows=tuple(
        row._replace(label=f"{size}, {row.label}", paper={})
        for size, table in (("base", table7.TABLE), ("xxlarge", table8.TABLE))
        for row in table.rows
    ),
    columns=("mlm",),
    reference=None,
)
