"""An estimator in one new file, or registered by another package, evaluates a campaign's structures."""

from __future__ import annotations

EVALUATED = """
import json
from pathlib import Path
import numpy as np
from lodestone.energies.settings import EnergySettings
from lodestone.energies.stage import evaluated
from lodestone.structures import table

cells, frac = [np.eye(3) * 2.4, np.eye(3) * 0.1], np.array([[0, 0, 0], [0.5] * 3])
rows = table.from_arrays(["good", "tiny"], [np.array([27, 8])] * 2, cells, [frac] * 2)
limits = {"volume_per_atom": [3.0, 100.0], "min_distance": 0.7}
energy = {"estimator": {"kind": "soft_spheres", "depth": 0.2}, "batch_size": 32}
settings = EnergySettings(energy=energy, screen=limits, assets={})
found = evaluated(rows, settings, state=Path("state"), stage="energy")
print(json.dumps([found.rows.rows(), found.maker["name"], found.maker["settings"]]))
"""


def test_a_campaign_names_it_and_its_faults_are_told(house, campaign, tmp_path):
    section = "estimator: {kind: soft_spheres, %s}"
    code, said = house.check(tmp_path, campaign(energy=section % "depth: 0.2"))
    assert code == 0, said
    code, said = house.check(tmp_path, campaign(energy=section % "deptth: 0.2"))
    assert code == 2
    assert "energy.estimator.deptth: unknown key, did you mean 'depth'?; allowed: kind, depth" in said
    assert said.startswith("toys.yaml:")
    code, said = house.check(tmp_path, campaign(energy="estimator: {kind: soft_sphere}"))
    assert code == 2
    assert "'soft_sphere' is not known, did you mean 'soft_spheres'?" in said


def test_it_evaluates_a_table_and_is_guarded(house, tmp_path):
    rows, name, settings = house.value(tmp_path, EVALUATED)
    assert name == "soft spheres"
    assert settings == {"kind": "soft_spheres", "depth": 0.2}
    assert rows[0][1] < 0
    assert rows[0][2] is None
    assert rows[1][1] is None
    assert "volume per atom" in rows[1][2] or "apart" in rows[1][2]
