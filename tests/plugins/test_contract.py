"""The checks that other packages import: the toys pass them, and what breaks them is told."""

from __future__ import annotations

import pytest

CHECKED = """
from lodestone.constraints import term_models
from lodestone.testing import check_descriptor, check_estimator

check_descriptor(term_models()["number_density"])
check_estimator({"kind": "soft_spheres", "depth": 0.2})
print("true")
"""


def test_the_toys_hold_to_the_contract(houses, tmp_path):
    assert houses["package"].value(tmp_path, CHECKED)


def test_what_breaks_the_contract_is_told():
    from lodestone.constraints.descriptors.volume_per_atom import VolumePerAtom
    from lodestone.testing import check_descriptor

    class Turned(VolumePerAtom):
        def hard(self, numbers, cell, frac):
            return float(cell[0, 0]) + 0 * len(numbers) * len(frac)

    class Flat(VolumePerAtom):
        def smooth(self, clean):
            return super().smooth(clean).detach()

    with pytest.raises(AssertionError, match="hard\\(\\) of a crystal turned"):
        check_descriptor(Turned)
    with pytest.raises(AssertionError, match="gradients of smooth"):
        check_descriptor(Flat)
    with pytest.raises(AssertionError, match="example is no good"):
        check_descriptor(VolumePerAtom, {"target": "large"})
