"""Columns of the tables: their names with their units, and the schemas with what each column means.

Rates, shares and p-values are fractions between 0 and 1. The names stand for themselves: they need no
polars, and a new text in a schema changes no stage but those that write the table.
"""

from lodestone.columns.names import Col, Name

__all__ = ["Col", "Name"]
