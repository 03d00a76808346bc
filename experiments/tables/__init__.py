"""Every table and figure by name."""

from experiments.table import Table
from experiments.tables import (
    figure1,
    figure2,
    table1,
    table2,
    table3,
    table4,
    table5,
    table6,
    table7,
    table8,
    table9,
    table10,
    table11,
    table12,
    table13,
    table14,
)

TABLES: dict[str, Table] = {
    module.TABLE.name: module.TABLE
    for module in (
        table1,
        table2,
        table3,
        table4,
        table5,
        table6,
        table7,
        table8,
        table9,
        table10,
        table11,
        table12,
        table13,
        table14,
        figure1,
        figure2,
    )
}
