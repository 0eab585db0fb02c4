"""The tables of statistics/ by the names of their files, and the schema of each."""

from __future__ import annotations

from lodestone.columns import statistics
from lodestone.columns.column import Column, Schema, Table

TABLES: dict[str, Table] = {
    "success": statistics.SUCCESS,
    "rates": statistics.RATES,
    "attrition": statistics.ATTRITION,
    "attrition_reasons": statistics.REASONS,
    "diversity": statistics.DIVERSITY,
    "quality": statistics.QUALITY,
    "cost": statistics.COST,
    "search": statistics.SEARCH,
    "strictness": statistics.STRICTNESS,
    "distributions": statistics.DISTRIBUTIONS,
    "joint": statistics.JOINT,
    "pareto": statistics.PARETO,
}
"""Name of the file in statistics/ -> what it holds."""

RATES = statistics.RATES.schema
SUCCESS = statistics.SUCCESS.schema
ATTRITION = statistics.ATTRITION.schema
REASONS = statistics.REASONS.schema
DIVERSITY = statistics.DIVERSITY.schema
QUALITY = statistics.QUALITY.schema
COST = statistics.COST.schema
SEARCH = statistics.SEARCH.schema
STRICTNESS = statistics.STRICTNESS.schema
DISTRIBUTIONS = statistics.DISTRIBUTIONS.schema
JOINT = statistics.JOINT.schema
PARETO = statistics.PARETO.schema

__all__ = ["TABLES", "Column", "Schema", "Table"]
