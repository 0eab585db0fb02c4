"""The benchmark of energies at a toy size, and its table."""

from __future__ import annotations

import pytest

from benchmarks.energies import run as bench
from benchmarks.energies.hull import run as large_hull
from benchmarks.energies.report import tables

pytestmark = pytest.mark.slow


def test_the_mixes_have_the_sizes_that_they_are_named_after() -> None:
    sizes = [len(atoms) for atoms in bench.spread(64)]
    assert min(sizes) >= 2
    assert max(sizes) <= 40
    assert sum(size > 16 for size in sizes) > 20
    assert max(len(atoms) for atoms in bench.as_they_are(64)) <= 16


def test_a_toy_run_agrees_with_the_package_and_has_its_table() -> None:
    row = bench.measure("one layer", "embedded", "few", bench.as_they_are(6), repeats=2, batch_size=8)
    assert row["apart"]["energies"]["energy"] < bench.TOLERANCE
    assert row["apart"]["forces"]["forces"] < bench.TOLERANCE
    assert "forces" not in row["apart"]["energies"]
    hull = large_hull(300, 60)
    assert hull["apart"] < 1e-9
    assert hull["compared"] > 0
    result = {"structures": 6, "repeats": 2, "batch_size": 8, "goal": 3.5, "tolerance": 1e-5, "hull": hull}
    text = tables(result | {"rows": [row | {"met": True}]})
    assert "| one layer | few |" in text
    assert "300 references and 60 candidates" in text


def test_what_is_not_the_same_is_missed() -> None:
    row = {"apart": {"energies": {"energy": 1e-6}, "forces": {"energy": 0.0, "forces": 2e-5}}}
    assert not bench._same(row)
    row["apart"]["forces"]["forces"] = 1e-6
    assert bench._same(row)
