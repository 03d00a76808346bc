"""Figure 2: additional text, and dropout, while pretraining goes on."""

from experiments.table import Table
from experiments.tables import table7, table8

TABLE = Table(
    name="figure2",
    title="Figure 2: additional text, and dropout",
    about=(
        "Accuracy of masked words on held-out text while base is pretrained with and without additional "
        "text (Table 7), and xxlarge with and without dropout (Table 8). In the paper it was higher with "
        "more text, and higher without dropout. The paper's curves of base go on to about 550,000 updates, "
        "those of xxlarge to 1,500,000; here they end where the table says. Held-out text with "
        "additional text has documents of it too, so that the two of base are not of the same text."
    ),
    rows=tuple(
        row._replace(label=f"{size}, {row.label}", paper={})
        for size, table in (("base", table7.TABLE), ("xxlarge", table8.TABLE))
        for row in table.rows
    ),
    columns=("updates", "mlm"),
    reference=None,
)
