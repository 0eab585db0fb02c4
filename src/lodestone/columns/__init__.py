"""Columns of the tables of statistics, each with its type, unit and meaning.

Rates, shares and p-values are fractions between 0 and 1.
"""

from __future__ import annotations

from lodestone.columns.column import Column, Schema, Table
from lodestone.statistics.schemas import comparisons, counts, samplers, shapes

TABLES: dict[str, Table] = {
    "success": comparisons.SUCCESS,
    "rates": comparisons.RATES,
    "attrition": counts.ATTRITION,
    "attrition_reasons": counts.REASONS,
    "diversity": counts.DIVERSITY,
    "quality": counts.QUALITY,
    "cost": counts.COST,
    "search": samplers.SEARCH,
    "strictness": samplers.STRICTNESS,
    "distributions": shapes.DISTRIBUTIONS,
    "joint": shapes.JOINT,
    "pareto": shapes.PARETO,
}
"""Name of the file in statistics/ -> what it holds."""

RATES = comparisons.RATES.schema
SUCCESS = comparisons.SUCCESS.schema
ATTRITION = counts.ATTRITION.schema
REASONS = counts.REASONS.schema
DIVERSITY = counts.DIVERSITY.schema
QUALITY = counts.QUALITY.schema
COST = counts.COST.schema
SEARCH = samplers.SEARCH.schema
STRICTNESS = samplers.STRICTNESS.schema
DISTRIBUTIONS = shapes.DISTRIBUTIONS.schema
JOINT = shapes.JOINT.schema
PARETO = shapes.PARETO.schema

__all__ = ["TABLES", "Column", "Schema", "Table"]
