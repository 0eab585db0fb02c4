"""A descriptor in one new file, or registered by another package, is all that a constraint needs."""

from __future__ import annotations

import pytest

TERMS = "wanted: {terms: [{kind: number_density, target: 0.1, %s}], satisfied_within: 0.01}"
MEASURED = """
import json
import numpy as np
from lodestone.constraints.measurement import measure_table
from lodestone.sampling.samplers.base import Job
from lodestone.structures import table
import polars as pl

rows = table.from_arrays(["a"], [np.array([27, 8])], [np.eye(3) * 2.5], [np.array([[0, 0, 0], [0.5] * 3])])
rows = rows.with_columns(failed=pl.lit(False), failure=pl.lit(None, dtype=pl.String))
terms = [{"kind": "number_density", "target": 0.2, "scale": 2.0}]
constraint = {"terms": terms, "combine": 2.0, "satisfied_within": 0.1}
found = measure_table(rows, {"wanted": constraint}).row(0, named=True)
print(json.dumps([found["wanted.values"], found["wanted.satisfied"]]))
"""


def test_a_campaign_names_it_and_its_faults_are_told(house, campaign, tmp_path):
    code, said = house.check(tmp_path, campaign(constraints=TERMS % "scale: 2"))
    assert code == 0, said
    code, said = house.check(tmp_path, campaign(constraints=TERMS % "scael: 2"))
    assert code == 2
    assert "constraints.wanted.terms[0].scael: unknown key, did you mean 'scale'?; allowed: kind" in said
    assert said.startswith("toys.yaml:")
    code, said = house.check(tmp_path, campaign(constraints=TERMS % "scale: -1"))
    assert code == 2
    assert "terms[0].scale: -1 is out of range" in said


def test_it_is_measured(house, tmp_path):
    (value,), satisfied = house.value(tmp_path, MEASURED)
    assert value == pytest.approx(2 * 2 / 2.5**3)
    assert satisfied
