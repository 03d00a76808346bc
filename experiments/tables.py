"""Every table and figure by name."""

from experiments import (
    table2,
    table3,
    table4,
    table5,
    table6,
    table7,
    table8,
    table11,
    table12,
    table13,
)
from experiments.table import Table

MODULES = (table2, table3, table4, table5, table6, table7, table8, table11, table12, table13)
TABLES: dict[str, Table] = {module.TABLE.name: module.TABLE for module in MODULES}
