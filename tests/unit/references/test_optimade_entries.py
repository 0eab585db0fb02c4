"""OPTIMADE entries that are no references, settings that are no good, links, kept pages; no server."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lodestone.references.sources.optimade import OptimadeSource
from lodestone.references.sources.optimade.delivery import _crystal, _page
from lodestone.references.web import entries as c
from lodestone.references.web.fetch import ForeignLinkError, followed
from lodestone.references.web.paging import KeptPages

SOURCE = OptimadeSource(
    name="here", url="https://example.org/v1", energy="_x_energy", e_above_hull="_x_s.a+u.e"
)


def attributes(**changed):
    """Rock salt LiO, two atoms, 4 Å apart lattice vectors."""
    return {
        "lattice_vectors": [[4.0, 0, 0], [0, 4.0, 0], [0, 0, 4.0]],
        "cartesian_site_positions": [[0.0, 0, 0], [2.0, 2.0, 2.0]],
        "species": [
            {"name": "A", "chemical_symbols": ["Li"], "concentration": [1.0]},
            {"name": "B", "chemical_symbols": ["O"], "concentration": [1]},
        ],
        "species_at_sites": ["A", "B"],
        "dimension_types": [1, 1, 1],
        "structure_features": [],
        "_x_energy": -10.0,
        "_x_s": {"a+u": {"e": 0.25}},
    } | changed


def read(**changed):
    return _crystal("1", {"id": "1", "attributes": attributes(**changed)}, ["Li", "O"], SOURCE)


def species(symbols, concentration, **more):
    return [
        {"name": "A", "chemical_symbols": symbols, "concentration": concentration} | more,
        attributes()["species"][1],
    ]


def test_a_good_entry_is_a_crystal() -> None:
    found = read()
    assert found.numbers.tolist() == [3, 8]
    np.testing.assert_allclose(found.frac, [[0, 0, 0], [0.5, 0.5, 0.5]], atol=1e-15)
    assert (found.energy_per_atom, found.e_above_hull) == (-5.0, 0.25)
    # without descriptions of species, sites are named by their elements
    assert read(species=None, species_at_sites=["Li", "O"]).numbers.tolist() == [3, 8]
    assert read(dimension_types=None, structure_features=None).numbers.tolist() == [3, 8]


@pytest.mark.parametrize("value", [None, "low", float("nan"), float("inf"), True, [1.0], 10**400])
def test_energies_that_are_no_numbers_are_none(value) -> None:
    found = read(_x_energy=value, _x_s={"a+u": value})
    assert (found.energy_per_atom, found.e_above_hull) == (None, None)


UNFIT = {
    "mixed site": (c.DISORDERED, {"species": species(["Li", "Na"], [0.5, 0.5])}),
    "half a site": (c.DISORDERED, {"species": species(["Li"], [0.5])}),
    "no share": (c.DISORDERED, {"species": species(["Li"], [None])}),
    "vacancy": (c.DISORDERED, {"species": species(["vacancy"], [1.0])}),
    "attached": (c.DISORDERED, {"species": species(["Li"], [1.0], attached=["H"], nattached=[1])}),
    "said so": (c.DISORDERED, {"structure_features": ["assemblies"]}),
    "X": (c.NO_ELEMENT, {"species": species(["X"], [1.0])}),
    "D": (c.NO_ELEMENT, {"species": species(["D"], [1.0])}),
    "element no string": (c.NO_ELEMENT, {"species": species([3], [1.0])}),
    "species not described": (c.MISMATCH, {"species_at_sites": ["A", "C"]}),
    "species no list": (c.MISMATCH, {"species": {"A": "Li"}}),
    "species without symbols": (c.NO_STRUCTURE, {"species": species([], [])}),
    "no species at sites": (c.NO_STRUCTURE, {"species_at_sites": None}),
    "no positions": (c.NO_STRUCTURE, {"cartesian_site_positions": None}),
    "no cell": (c.NO_STRUCTURE, {"lattice_vectors": None}),
    "no sites": (c.NO_STRUCTURE, {"species_at_sites": [], "cartesian_site_positions": []}),
    "molecule": (c.NOT_PERIODIC, {"dimension_types": [0, 0, 0]}),
    "slab": (c.NOT_PERIODIC, {"dimension_types": [1, 1, 0]}),
    "null cell": (c.NOT_FINITE, {"lattice_vectors": [[None] * 3] * 3}),
    "NaN": (c.NOT_FINITE, {"cartesian_site_positions": [[0.0, 0, 0], [float("nan"), 2, 2]]}),
    "infinite": (c.NOT_FINITE, {"cartesian_site_positions": [[0.0, 0, 0], [float("inf"), 2, 2]]}),
    "flat": (c.FLAT, {"lattice_vectors": [[4.0, 0, 0], [0, 4.0, 0], [4.0, 4.0, 0]]}),
    "ragged": (c.MISMATCH, {"cartesian_site_positions": [[0.0, 0, 0], [2.0, 2.0]]}),
    "too few positions": (c.MISMATCH, {"cartesian_site_positions": [[0.0, 0, 0]]}),
    "too many positions": (c.MISMATCH, {"cartesian_site_positions": [[0.0, 0, 0]] * 3}),
    "text": (c.MISMATCH, {"cartesian_site_positions": [["0", "0", "0"], ["2", "2", "2"]]}),
    "two vectors": (c.MISMATCH, {"lattice_vectors": [[4.0, 0, 0], [0, 4.0, 0]]}),
    "beyond floats": (c.MISMATCH, {"cartesian_site_positions": [[0.0, 0, 0], [10**400, 2, 2]]}),
    "another element": (c.OTHER_ELEMENTS, {"species": species(["Na"], [1.0])}),
    "fewer elements": (c.OTHER_ELEMENTS, {"species_at_sites": ["A", "A"]}),
}


@pytest.mark.parametrize("name", UNFIT)
def test_entries_that_are_no_references_say_why(name) -> None:
    reason, changed = UNFIT[name]
    with pytest.raises(c.UnfitError) as error:
        read(**changed)
    assert str(error.value) == reason


@pytest.mark.parametrize("entry", [{}, {"attributes": None}, {"attributes": []}])
def test_entries_without_attributes_say_so(entry) -> None:
    with pytest.raises(c.UnfitError, match=c.NO_STRUCTURE):
        _crystal("1", entry, ["Li"], SOURCE)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(attributes())), ANYTHING))
def test_whatever_an_entry_holds_it_is_a_crystal_or_says_why(changed) -> None:
    try:
        found = read(**changed)
    except c.UnfitError:
        return
    assert np.isfinite(found.frac).all()
    assert set(found.numbers.tolist()) == {3, 8}


@given(ANYTHING)
def test_whatever_a_page_holds_it_is_read(anything) -> None:
    page = _page({"data": [], "meta": anything, "links": {"next": {"href": anything}}}, "https://a.org/v1")
    assert page.expected is None
    assert _page({"data": [], "links": anything}, "https://a.org/v1").entries == []


@pytest.mark.parametrize(
    ("asked", "link", "wanted"),
    [
        ("https://a.org/v1/s?x", "/v1/s?page_offset=2", "https://a.org/v1/s?page_offset=2"),
        ("https://a.org/v1/s?x", "https://a.org:443/v1/s?y", "https://a.org:443/v1/s?y"),
        ("https://a.org/v1/s?x", "http://a.org/v1/s?y#z", "https://a.org/v1/s?y"),
        ("https://a.org/v1/s?x", "http://a.org:80/v1/s?y", "https://a.org/v1/s?y"),
        ("http://a.org:8000/s", "http://A.org:8000/s?y", "http://A.org:8000/s?y"),
    ],
)
def test_links_of_the_same_server_are_followed(asked, link, wanted) -> None:
    assert followed(asked, link) == wanted


@pytest.mark.parametrize(
    "link",
    [
        "https://b.org/v1/s",
        "http://b.org/v1/s",
        "//b.org/v1/s",
        "https://a.org:444/v1/s",
        "http://a.org:8080/v1/s",
        "https://a.org@b.org/v1/s",
        "https://user@a.org/v1/s",
        "https://a.org:x/v1/s",
        "file:///etc/passwd",
        "ftp://a.org/v1/s",
        "http://169.254.169.254/latest",
        "https://a.org.b.org/v1/s",
    ],
)
def test_links_that_lead_elsewhere_are_refused(link) -> None:
    with pytest.raises(ForeignLinkError, match=r"leads away from https://a\.org"):
        followed("https://a.org/v1/s", link)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://a.org/pbe", "https://a.org/pbe/v1/structures"),
        ("https://a.org/pbe/", "https://a.org/pbe/v1/structures"),
        ("https://a.org/optimade/v1", "https://a.org/optimade/v1/structures"),
        ("https://a.org/v1.2/structures", "https://a.org/v1.2/structures"),
    ],
)
def test_the_version_is_added_where_none_is(url, endpoint) -> None:
    assert OptimadeSource(name="a", url=url).endpoint == endpoint


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "a.org"}, "must be an address"),
        ({"url": "file:///a"}, "must be an address"),
        ({"url": "https://a.org/?key=1"}, "without a query"),
        ({"energy_per_atom": "_oqmd_delta_e"}, "_oqmd_delta_e is an energy relative to others"),
        ({"energy": "_alexandria_formation_energy_per_atom"}, "give a total energy"),
        ({"energy": "_a", "energy_per_atom": "_b"}, "give one"),
        ({"e_above_hull": "a b"}, "pattern"),
        ({"page_limit": 0}, "greater than or equal to 1"),
        ({"timout": 3}, "Extra inputs"),
    ],
)
def test_settings_that_are_no_good_are_named(settings, message) -> None:
    with pytest.raises(ValidationError, match=message):
        OptimadeSource(**{"name": "a", "url": "https://a.org"} | settings)


def test_kept_pages_are_given_back_in_a_row_only(tmp_path: Path) -> None:
    kept = KeptPages(tmp_path, {"filter": "x"})
    for index in range(4):
        kept.keep(index, f"u{index}", {"n": index})
    assert KeptPages(tmp_path, {"filter": "x"}).find(0, "u0") == {"n": 0}
    assert KeptPages(tmp_path, {"filter": "y"}).find(0, "u0") is None
    again = KeptPages(tmp_path, {"filter": "x"})
    assert again.find(0, "u0") == {"n": 0}
    assert again.find(1, "elsewhere") is None
    assert again.find(2, "u2") is None  # what follows a page that is asked anew is asked anew


def test_old_and_broken_pages_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "page-00000.json"
    for age, is_used in ((3600, True), (25 * 3600, False), (-60, False)):
        KeptPages(tmp_path, {}).keep(0, "u", {"n": 0})
        page = json.loads(path.read_text()) | {"kept": time.time() - age}
        path.write_text(json.dumps(page))
        assert (KeptPages(tmp_path, {}).find(0, "u") is not None) == is_used
    for content in (b"", b"[]", b'{"request": {}}', b"\xff", b'{"kept": "now", "request": {}, "url": "u"}'):
        path.write_bytes(content)
        assert KeptPages(tmp_path, {}).find(0, "u") is None
    assert list(tmp_path.iterdir()) == [path]
