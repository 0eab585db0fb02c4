"""The candidates in a real browser: table, filters, map, structure and CIF belong together."""

from __future__ import annotations

import polars as pl
import pytest
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

from lodestone.statistics.candidates import structures_of
from lodestone.structures.neighbours import neighbour_counts
from lodestone.structures.table import arrays, to_pymatgen

POINT = """i => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap(
    (e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
  const plot = all(document.getElementById("chemiscope-map")).find((e) => e._fullLayout);
  const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
  const [x, y] = [plot._fullData[0].x[i], plot._fullData[0].y[i]];
  return [box.left + xaxis._offset + xaxis.d2p(x), box.top + yaxis._offset + yaxis.d2p(y)];
}"""
"""Where the i-th candidate lies on the screen."""


@pytest.fixture
def page(opened):
    """The page without filters, at the candidates."""
    opened.page.locator("#filters button[type=reset]").click()
    opened.page.locator("#candidates").scroll_into_view_if_needed()
    return opened.page


def column(page, head):
    heads = page.locator("#all-candidates thead th").all_text_contents()
    place = next(i for i, text in enumerate(heads) if text.startswith(head)) + 1
    return page.locator(f"#all-candidates tbody td:nth-child({place})").all_text_contents()


def sort_by(page, head):
    """Press Enter on a head, and wait until the table says that it is ordered otherwise."""
    column = page.locator("#all-candidates thead th", has_text=head)
    before = column.get_attribute("aria-sort")
    column.locator(".dt-column-order").press("Enter")
    page.wait_for_function("([th, before]) => th.ariaSort !== before", arg=[column.element_handle(), before])


def fill(page, name, value):
    page.locator(f"#filters [name={name}]").fill(value)


def number(text):
    return float(text.split()[0])


def test_every_distinct_candidate_is_listed(page, candidates):
    assert f"of {candidates.height} candidates" in page.locator(".dt-info").text_content()
    assert column(page, "Structure") == candidates["id"].to_list()[:25]


def test_the_keyboard_sorts_by_number_in_both_directions(page, candidates):
    sort_by(page, "E hull")
    rising = [number(t) for t in column(page, "E hull")]
    assert rising == sorted(rising)
    assert rising[0] == pytest.approx(candidates["e_above_hull"].min(), abs=5e-4)
    sort_by(page, "E hull")
    falling = [number(t) for t in column(page, "E hull")]
    assert falling == sorted(falling, reverse=True)
    sort_by(page, "E hull")


def test_what_has_no_number_is_last_in_both_directions(page):
    for _ in range(2):
        sort_by(page, "#")
        places = column(page, "#")
        ranked = [p for p in places if p]
        assert ranked
        assert places[: len(ranked)] == ranked
    sort_by(page, "#")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("formula", "licoo2", pl.col("formula") == "LiCoO2"),
        ("formula", "Li Co", pl.col("formula").str.contains("Li") & pl.col("formula").str.contains("Co")),
        ("group", "225", pl.col("space_group") == 225),
        ("group", "f-43m", pl.col("space_group_symbol") == "F-43m"),
        ("low", "0.02", pl.col("e_above_hull") >= 0.02),
        ("high", "0", pl.col("e_above_hull") <= 0),
        ("formula", "Xe", pl.lit(value=False)),
    ],
)
def test_a_text_filters(name, value, expected, page, candidates):
    fill(page, name, value)
    wanted = candidates.filter(expected)["id"].to_list()
    found = [text for text in column(page, "Structure") if text]
    assert found == (wanted or column(page, "Structure"))
    if not wanted:
        assert "No candidate passes" in page.locator("#all-candidates tbody").text_content()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("arm", "control", pl.col("arm") == "control"),
        ("novelty", "new", ~pl.col("known")),
        ("novelty", "known", pl.col("known")),
        ("constraint", "0", pl.col("co_o_4.satisfied") & pl.col("co_o_4.persistent")),
        ("constraint", "1", pl.col("volume.satisfied") & pl.col("volume.persistent")),
    ],
)
def test_a_choice_filters(name, value, expected, page, candidates):
    page.locator(f"#filters [name={name}]").select_option(value)
    if name == "constraint":
        page.locator("#filters [name=satisfied]").check()
        page.locator("#filters [name=persistent]").check()
    assert column(page, "Structure") == candidates.filter(expected)["id"].to_list()


def test_the_search_finds_any_text(page, candidates):
    page.locator(".dt-search input").fill("zzz")
    assert "No candidate passes" in page.locator("#all-candidates tbody").text_content()
    page.locator(".dt-search input").fill("")
    assert column(page, "Structure") == candidates["id"].to_list()[:25]


def shown(page):
    return page.locator("#card code").text_content()


def test_a_row_shows_its_structure_on_the_card_and_on_the_map(page, candidates):
    row = page.locator("#all-candidates tbody tr").nth(4)
    row.locator("td").nth(3).click()
    assert shown(page) == candidates["id"][4]
    assert row.get_attribute("aria-current") == "true"
    x, y = page.evaluate(POINT, 4)
    marker = page.locator("#chemiscope-map .chsp-active-pin").bounding_box()
    assert abs(marker["x"] + marker["width"] / 2 - x) < 6
    assert abs(marker["y"] + marker["height"] / 2 - y) < 6


def pin(page):
    """Where the pin of the map lies on the page."""
    box = page.locator("#chemiscope-map .chsp-active-pin").bounding_box()
    return [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + page.evaluate("scrollY")]


def test_what_is_out_of_sight_is_drawn_when_it_comes_into_sight(page, candidates):
    page.locator("#all-candidates tbody tr").nth(4).locator("td").nth(3).click()
    page.locator("#chemiscope-map").scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    before = pin(page)
    page.locator("#record").scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    for row in (9, 6):  # only the last of them will be drawn
        page.evaluate(f"document.querySelectorAll('#all-candidates tbody tr')[{row}].cells[3].click()")
    page.wait_for_timeout(300)
    assert shown(page) == candidates["id"][6]
    assert pin(page) == pytest.approx(before, abs=1)
    page.locator("#chemiscope-map").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    x, y = page.evaluate(POINT, 6)
    assert pin(page) == pytest.approx([x, y + page.evaluate("scrollY")], abs=6)
    assert pin(page) != pytest.approx(before, abs=6)


def test_a_point_of_the_map_selects_card_and_row(page, candidates):
    page.locator("#chemiscope-map").scroll_into_view_if_needed()
    energies = candidates["e_above_hull"].to_list()
    place = energies.index(max(energies))  # alone on the map
    page.mouse.click(*page.evaluate(POINT, place))
    page.wait_for_function(
        f"document.querySelector('#card code').textContent === '{candidates['id'][place]}'"
    )
    chosen = page.locator("#all-candidates tbody tr[aria-current]")
    assert chosen.get_attribute("data-place") == str(place)


def test_the_best_lead_to_their_structures(page, candidates):
    page.locator("#best button.show").nth(1).click()
    assert shown(page) == candidates.filter(pl.col("best_rank") == 2)["id"][0]
    assert page.locator("#best tbody tr[aria-current]").count() == 1
    assert "± 0.031 eV/atom" in page.locator("#card").text_content()


def test_a_structure_rotates(page):
    place = page.locator("#chemiscope-structure")
    place.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    before, box = place.screenshot(), place.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 25, steps=4)
    page.mouse.up()
    page.wait_for_timeout(300)
    assert place.screenshot() != before


def test_the_neighbours_drawn_are_those_that_the_constraint_counts(page, candidates):
    page.locator("label > #bonds").select_option(index=1)
    for place, row in enumerate(candidates.head(4).iter_rows(named=True)):
        page.locator(f"#all-candidates button.show[data-place='{place}']").click()
        stored = arrays({key: row[f"sym_{key}"] for key in ("numbers", "cell", "frac")})
        counts = neighbour_counts(*stored, 27, 8, 2.5)
        legend = page.locator("#legend").text_content()
        if not len(counts):
            assert "No Co in this structure" in legend
            continue
        drawn = [int(n) for n in legend.split("cell drawn: ")[1].split("●")[0].split(", ")]
        assert len(drawn) % len(counts) == 0
        assert drawn == sorted(list(counts) * (len(drawn) // len(counts)))
        met = sum(3.5 <= n <= 4.5 for n in drawn)
        assert f"meets the target of 4 ({met})" in legend
        assert f"misses it ({len(drawn) - met})" in legend
    page.locator("label > #bonds").select_option("auto")


@pytest.mark.parametrize("place", [0, 1, 5, 11])
def test_a_cif_that_is_downloaded_is_the_candidate(place, page, candidates):
    with page.expect_download() as waiting:
        page.locator(f"#all-candidates button.cif[data-place='{place}']").click()
    assert waiting.value.suggested_filename.endswith(".cif")
    found = Structure.from_str(waiting.value.path().read_text(), fmt="cif")
    (wanted,) = to_pymatgen(structures_of(candidates[place], "sym"))
    assert found.composition == wanted.composition
    assert found.volume == pytest.approx(wanted.volume, rel=1e-9)
    assert found.lattice.abc == pytest.approx(wanted.lattice.abc, rel=1e-9)
    apart = (found.frac_coords - wanted.frac_coords + 0.5) % 1 - 0.5
    assert abs(apart).max() < 1e-8
    assert StructureMatcher(scale=False, primitive_cell=False).fit(found, wanted)


def test_the_cif_with_symmetry_of_the_best_is_that_of_the_folder(page, campaign):
    page.locator("#best button.show").first.click()
    with page.expect_download() as waiting:
        page.locator("#card a[download]").click()
    name = waiting.value.suggested_filename
    assert waiting.value.path().read_text() == (campaign / "best" / name).read_text()
