"""Proposals that cannot but have more symmetry than they name."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.strict.generic import generic_group, random_crystal
from lodestone.wyckoff.proposals import parse
from lodestone.wyckoff.verification import has_operations


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("2 Li:a Co:b O:i", 2), ("1 O:a O:a", 2), ("1 Li:a Co:a O:a O:a", 1), ("148 Co:a Li:b O:c", 166),
        ("216 Li:a O:b", 225), ("14 Co:a Li:b O:e", 14), ("225 Co:a Li:b O:c", 225),
    ],
)  # fmt: skip
def test_the_generic_group_is_known_in_simple_cases(text: str, group: int) -> None:
    assert generic_group(parse(text)) == group


@pytest.mark.parametrize("number", [2, 14, 42, 82, 139, 166, 186, 227])
def test_random_crystals_have_every_operation(number: int) -> None:
    rng = np.random.default_rng(3)
    assert has_operations(*random_crystal(parse(f"{number} Li:a O:b"), rng), number, symprec=1e-6)
