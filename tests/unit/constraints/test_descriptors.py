"""Descriptors against pymatgen's own counts, scipy's distances and known crystals."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from crystals import CRYSTALS, IDS, TRICLINIC, arrays, clean
from pydantic import TypeAdapter
from pymatgen.analysis.local_env import CutOffDictNN
from pymatgen.io.ase import AseAtomsAdaptor
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from lodestone.constraints import AnyTerm, Term, term_models
from lodestone.constraints.functions import sha256, split
from lodestone.structures.elements import NUMBERS, RADII
from lodestone.structures.neighbours import neighbour_counts
from lodestone.testing import check_descriptor

WITHOUT_POTENTIAL = [kind for kind in term_models() if kind != "energy_above_hull"]
ADAPTER: TypeAdapter[Term] = TypeAdapter(AnyTerm)


def term(kind: str, **keys: Any) -> Term:
    return ADAPTER.validate_python({"kind": kind} | keys)


def pair(kind: str, a: str, b: str, cutoff: float, target: Any = 4, **keys: Any) -> Term:
    return term(kind, center=a, neighbor=b, cutoff=cutoff, target=target, **keys)


def pymatgen_counts(atoms: Atoms, a: str, b: str, cutoff: float) -> list[int]:
    structure = AseAtomsAdaptor.get_structure(atoms)
    finder = CutOffDictNN({(a, b): cutoff})
    return [
        sum(n["site"].specie.symbol == b for n in finder.get_nn_info(structure, i))
        for i, site in enumerate(structure)
        if site.specie.symbol == a
    ]


def test_there_are_at_least_twenty_crystals() -> None:
    assert len(CRYSTALS) >= 20
    assert any(len(atoms) == 1 for _, atoms, *_ in CRYSTALS)


@pytest.mark.parametrize(("name", "atoms", "a", "b", "cutoff"), CRYSTALS, ids=IDS)
def test_hard_and_sharp_values_are_those_of_other_libraries(
    name: str, atoms: Atoms, a: str, b: str, cutoff: float
) -> None:
    counts = pymatgen_counts(atoms, a, b, cutoff)
    assert min(counts) > 0
    shares = {4: 0.25, 6: 0.75}
    levels = range(max([*counts, 6]) + 1)
    seen = Counter(counts)
    p, q = [seen[k] / len(counts) for k in levels], [shares.get(k, 0) for k in levels]
    distances = atoms.get_all_distances(mic=True)
    lengths = distances[np.ix_(atoms.symbols == a, atoms.symbols == b)]
    expected = {
        "coordination": np.mean(counts),
        "wasserstein": wasserstein_distance(levels, levels, p, q),
        "jensen_shannon": jensenshannon(p, q, base=2),
        "shortest": lengths[lengths > 0].min() if (lengths > 0).any() else None,
    }
    sharp = {"width": 1e-4}
    terms = {
        "coordination": pair("coordination", a, b, cutoff, **sharp),
        "wasserstein": pair("coordination_distribution", a, b, cutoff, shares, **sharp),
        "jensen_shannon": pair(
            "coordination_distribution", a, b, cutoff, shares, metric="jensen_shannon", **sharp
        ),
        "shortest": pair("bond_length", a, b, cutoff, mode="shortest", **sharp),
        "mean": pair("bond_length", a, b, cutoff, mode="mean", **sharp),
        "density": term("density", target=3),
        "contact": term("min_distance", target={"higher": 0.3}),
        "volume": term("volume_per_atom", target=10),
        "angle": term("lattice", quantity="beta", target=90),
        "length": term("lattice", quantity="c", target=4),
        "aspect": term("lattice", quantity="aspect_ratio", target=2),
    }
    structure = AseAtomsAdaptor.get_structure(atoms)
    expected |= {"angle": structure.lattice.beta, "length": structure.lattice.c}
    expected["density"] = atoms.get_masses().sum() / atoms.get_volume() * 1.66053906660
    for what, each in terms.items():
        hard = each.hard(*arrays(atoms))
        pull = 1e-3 * expected["wasserstein"] if what == "jensen_shannon" else 0
        assert float(each.smooth(clean(atoms))[0]) == pytest.approx(hard + pull, rel=1e-5, abs=2e-4), what
        if expected.get(what) is not None:
            assert hard == pytest.approx(expected[what], rel=1e-9, abs=1e-9), (name, what)


def test_primitive_fcc_has_twelve_neighbours() -> None:
    atoms = bulk("Cu", "fcc", a=3.61)
    counts = neighbour_counts(*arrays(atoms), 29, 29, 2.8)
    assert counts is not None
    assert counts.tolist() == [12]


def test_values_written_out() -> None:
    copper = bulk("Cu", "fcc", a=3.61)
    nearest = 3.61 / 2**0.5
    values = {
        "volume": (term("volume_per_atom", target=10), 3.61**3 / 4),
        "density": (term("density", target=8), 4 * 63.546 * 1.66053906660 / 3.61**3),
        "shortest": (pair("bond_length", "Cu", "Cu", 2.8, mode="shortest"), nearest),
        "contact": (term("min_distance", target=1), nearest / 2.64),
        "angle": (term("lattice", quantity="alpha", target=60), 60.0),
        "length": (term("lattice", quantity="a", target=2.5), nearest),
        "aspect": (term("lattice", quantity="aspect_ratio", target=1), 1.0),
    }
    for name, (each, expected) in values.items():
        assert each.hard(*arrays(copper)) == pytest.approx(expected, rel=1e-5), name
    second = pair("bond_length", "Fe", "Fe", 3.0)
    iron = bulk("Fe", "bcc", a=2.87)
    assert second.hard(*arrays(iron)) == pytest.approx((8 * 2.87 * 0.75**0.5 + 6 * 2.87) / 14)


@pytest.mark.parametrize("kind", ["coordination", "coordination_distribution", "bond_length"])
def test_no_centre_is_not_defined(kind: str) -> None:
    atoms = bulk("Cu", "fcc", a=3.61)
    each = pair(kind, "Co", "O", 2.6, {4: 1.0} if kind.endswith("distribution") else 4)
    assert each.hard(*arrays(atoms)) is None
    assert torch.isfinite(each.smooth(clean(atoms))).all()


@pytest.mark.parametrize("kind", WITHOUT_POTENTIAL)
def test_every_kind_holds_to_the_contract(kind: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)  # where the function of the example lies
    keys = dict(term_models()[kind].example)
    if kind == "function":
        module, _ = split(keys["function"])
        keys["sha256"] = {module: sha256(module)}
    check_descriptor(term_models()[kind], keys)


def test_radii_are_cordero_s() -> None:
    from ase.data import atomic_numbers, covalent_radii

    assert {s: NUMBERS[s] for s in RADII} == {s: atomic_numbers[s] for s in RADII}
    assert len(RADII) == 100
    for symbol, radius in list(RADII.items())[:96]:
        assert radius == pytest.approx(covalent_radii[NUMBERS[symbol]]), symbol


def test_a_jensen_shannon_distance_is_bounded_and_zero_for_the_target() -> None:
    counts = pymatgen_counts(TRICLINIC, "Co", "O", 3.2)
    shares = {k: n / len(counts) for k, n in Counter(counts).items()}
    for metric in ("wasserstein", "jensen_shannon"):
        met = pair("coordination_distribution", "Co", "O", 3.2, shares, metric=metric)
        assert met.hard(*arrays(TRICLINIC)) == pytest.approx(0, abs=1e-9)
    far = pair("coordination_distribution", "Co", "O", 3.2, {0: 1.0}, metric="jensen_shannon")
    assert far.hard(*arrays(TRICLINIC)) == pytest.approx(1)
