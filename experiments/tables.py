"""Every table and figure by name."""

from experiments import table3
from experiments.table import Table

TABLES: dict[str, Table] = {module.TABLE.name: module.TABLE for module in (table3,)}
