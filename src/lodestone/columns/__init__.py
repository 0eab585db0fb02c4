"""The columns of every table: names with unit and label, and what each table holds."""
