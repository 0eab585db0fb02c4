"""What tables, summary and texts say of targets that are sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from lodestone.report.evidence import wish
from lodestone.statistics.console import met
from lodestone.statistics.plan import ConstraintPlan, Plan
from lodestone.statistics.quantities import measure_structures, quantities

PAIR = {"center": "Cs", "neighbor": "Cl", "cutoff": 3.8}
CRYSTAL = {"numbers": [55, 17], "cell": (np.eye(3) * 4.2).tolist(), "frac": [[0, 0, 0], [0.5, 0.5, 0.5]]}


def plan(*terms: dict[str, Any], within: float = 0.0) -> Plan:
    return Plan(
        "small", "Cs-Cl", (), (ConstraintPlan("c", primary=True, terms=terms, satisfied_within=within),)
    )


def structures(many: int = 1) -> pl.DataFrame:
    return pl.DataFrame([CRYSTAL] * many)


def table(values: list[float | None]) -> pl.DataFrame:
    return structures().with_columns(
        pl.Series("c.values", [values]), pl.Series("c.processed_values", [values])
    )


@pytest.mark.parametrize(
    ("target", "satisfied", "loss"),
    [
        ([36, 38], True, 0.0),
        ({"lower": 37.044}, True, 0.0),
        ({"higher": 40}, False, 40 - 37.044),
        ({"values": [30, 37.044]}, True, 0.0),
    ],
)
def test_processed_structures_are_judged_by_the_set(target: Any, satisfied: bool, loss: float) -> None:
    asked = plan({"kind": "volume_per_atom", "target": target, "distance": "l1", "tolerance": 1e-3})
    found = measure_structures(structures(), asked.constraints[0])
    assert found["c.processed_satisfied"].to_list() == [satisfied]
    assert found["c.processed_loss"][0] == pytest.approx(loss, abs=1e-9)


def test_quantities_carry_spans_and_counts_of_both_terms_that_count() -> None:
    asked = plan(
        {"kind": "coordination", "target": [6, 8], **PAIR},
        {"kind": "coordination_distribution", "target": {"8": 1.0}, **PAIR},
        {"kind": "lattice", "quantity": "aspect_ratio", "target": {"lower": 1.5}},
    )
    drawn = quantities({"unguided": table([8.0, 0.0, 1.0])}, table([8.0, 0.0, 1.0]), asked)
    assert [q.spans for q in drawn] == [[(6, 8)], [(0, 0)], [(None, 1.5)]]
    assert [q.unit for q in drawn] == ["", "neighbours", ""]
    assert [q.name for q in drawn] == [
        "Cs-Cl coordination",
        "Cs-Cl coordination distribution wasserstein",
        "lattice aspect ratio",
    ]
    assert [None if q.counts is None else q.counts["unguided"].tolist() for q in drawn] == [[8], [8], None]


def test_what_counts_as_met_is_told_term_by_term() -> None:
    first = {"words": "volume per atom 36 to 38 Å³", "unit": "Å³/atom", "tolerance": None}
    second = {"words": "density at most 3 g/cm³", "unit": "g/cm³", "tolerance": 0.2}
    constraint = {"terms": [first, second], "satisfied_within": 0.0}
    assert met(first, constraint) == "met exactly"
    assert met(first, constraint | {"satisfied_within": 0.5}) == "met within 0.5 Å³/atom"
    assert wish(constraint) == (
        "volume per atom 36 to 38 Å³ (met exactly) together with "
        "density at most 3 g/cm³ (met within 0.2 g/cm³)"
    )
