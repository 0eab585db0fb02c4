"""What the analysis and the report leave behind, for an ordinary campaign."""

from __future__ import annotations

import base64
import gzip
import json
import re

import ase.io
import polars as pl
import pytest
import synthetic
from pymatgen.io.cif import CifParser
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from lodestone.report.page import render
from lodestone.report.reading import read_report_data
from lodestone.statistics import console
from lodestone.workflow.paths import CampaignPaths

pytestmark = pytest.mark.slow


def unpacked(packs):
    return [json.loads(gzip.decompress(base64.b64decode(content))) for content in packs]


TABLES = (
    "success",
    "rates",
    "attrition",
    "attrition_reasons",
    "pareto",
    "diversity",
    "quality",
    "distributions",
    "cost",
)


@pytest.fixture(scope="module")
def summary(campaign):
    return json.loads((campaign / "statistics" / "summary.json").read_text())


@pytest.fixture(scope="module")
def page(campaign):
    return (campaign / "report.html").read_text()


@pytest.fixture(scope="module")
def candidates(campaign):
    return pl.read_parquet(campaign / "candidates.parquet")


def test_candidates_are_structures_times_arms(candidates):
    arms = synthetic.usual_arms()
    assert candidates.height == 24 * len(arms)
    assert candidates["id"].is_unique().all()
    assert candidates["arm"].unique(maintain_order=True).to_list() == [a["name"] for a in arms]
    wanted = {"formula", "failed", "space_group", "e_above_hull", "best_rank", "sym_numbers", "relaxed_cell"}
    assert wanted <= set(candidates.columns)


@pytest.mark.parametrize("name", TABLES)
def test_tables_as_text_never_say_nan(campaign, name):
    text = (campaign / "statistics" / f"{name}.tsv").read_text()
    table = pl.read_parquet(campaign / "statistics" / f"{name}.parquet")
    lines = text.splitlines()
    assert lines[0].split("\t") == table.columns
    assert len(lines) == table.height + 1
    assert {len(line.split("\t")) for line in lines} == {table.width}
    assert not re.search(r"(^|\t)(nan|inf|-inf|None|null)(\t|$)", text, re.IGNORECASE | re.MULTILINE)


def test_success_has_every_comparison_once(campaign):
    success = pl.read_parquet(campaign / "statistics" / "success.parquet")
    keys = ["constraint", "arm", "comparison", "outcome"]
    assert success.select(keys).is_unique().all()
    # per constraint: the guided arm against three, the late arm against two, four outcomes each
    assert success.height == 2 * (3 + 2) * 4
    confirmed = success.filter(pl.col("family") == "confirmatory")
    assert confirmed.select("constraint", "comparison", "outcome").rows() == [
        ("co_o_4", "unguided", "satisfied"),
        ("co_o_4", "control", "satisfied"),
    ]


def test_rates_are_counted_over_all_generated(campaign, candidates):
    rates = pl.read_parquet(campaign / "statistics" / "rates.parquet")
    for row in rates.iter_rows(named=True):
        own = candidates.filter(pl.col("arm") == row["arm"])
        met = own[f"{row['constraint']}.satisfied"]
        if row["outcome"] == "satisfied_valid":
            met = met & own["valid"]
        elif row["outcome"] != "satisfied":
            met = own[f"{row['constraint']}.{row['outcome']}"]
        assert row["n"] == own.height
        assert row["successes"] == met.sum()
        assert row["rate"] == pytest.approx(met.sum() / own.height)
        assert row["n_finite"] == (~own["failed"]).sum()


def test_costs_follow_from_the_rates(campaign, summary, page):
    cost = pl.read_parquet(campaign / "statistics" / "cost.parquet")
    rates = pl.read_parquet(campaign / "statistics" / "rates.parquet")
    keys = ["constraint", "arm", "outcome"]
    both = cost.join(rates.select(*keys, "rate"), on=keys, suffix="_expected")
    assert both.height == 2 * 4 * 4
    assert both["rate"].to_list() == both["rate_expected"].to_list()
    known = cost.filter(pl.col("passes_per_success").is_not_null())
    assert (known["passes_per_success"] * known["rate"]).to_list() == pytest.approx([200.0] * known.height)
    distinct = cost.filter(pl.col("outcome") == "distinct_persistent")
    quality = pl.read_parquet(campaign / "statistics" / "quality.parquet")
    found = distinct.join(quality, on=["constraint", "arm"])
    assert found["successes"].to_list() == found["distinct_persistent"].to_list()
    (said,) = summary["constraints"][0]["cost"]
    assert re.match(r"[\d.]+ times fewer network passes per persistent structure than rejection \(", said)
    assert said in page.partition('id="cost"')[2].partition("</section>")[0]
    assert f"co_o_4: {said}" in console.render(summary, {})


def test_attrition_adds_up(campaign, candidates):
    attrition = pl.read_parquet(campaign / "statistics" / "attrition.parquet")
    reasons = pl.read_parquet(campaign / "statistics" / "attrition_reasons.parquet")
    for (arm,), rows in attrition.group_by("arm"):
        left = rows["survived"][-1]
        assert rows["lost"].sum() + left == candidates.filter(pl.col("arm") == arm).height
        assert reasons.filter(pl.col("arm") == arm)["count"].sum() == rows["lost"].sum()


def test_the_best_satisfy_what_they_are_best_for(candidates, summary):
    assert summary["best"]
    for row in summary["best"]:
        own = candidates.row(by_predicate=pl.col("id") == row["id"], named=True)
        constraint = row["best_for"]
        assert own[f"{constraint}.satisfied"]
        assert own[f"{constraint}.processed_satisfied"]
        assert own["valid"]
        assert own["is_representative"]
        assert own["best_rank"] == row["best_rank"]
    keys = [(r["pareto_rank"], r["e_above_hull"]) for r in summary["best"]]
    assert keys == sorted(keys)


def test_the_same_crystal_of_several_arms_is_listed_once(summary):
    crystals = [(r["formula"], r["space_group"]) for r in summary["best"]]
    assert len(crystals) == len(set(crystals))


def test_every_cif_gives_the_same_formula_and_space_group(campaign, summary):
    for row in summary["best"]:
        text = (campaign / "best" / row["cif"]).read_text()
        structure = CifParser.from_str(text).parse_structures(primitive=False)[0]
        number = SpacegroupAnalyzer(structure, symprec=0.01).get_space_group_number()
        assert structure.composition.reduced_formula == row["formula"]
        assert number == row["space_group"]
        assert row["cif_check"] == "ok"


def test_extended_xyz_holds_the_best(campaign, summary):
    frames = ase.io.read(campaign / "best" / "best.extxyz", ":")
    assert [f.info["id"] for f in frames] == [r["id"] for r in summary["best"]]
    assert frames[0].pbc.all()


def test_the_page_is_one_small_file(page):
    assert len(page.encode()) < 15 * 2**20
    markup = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)
    assert len(markup) < 2**20
    assert re.findall(r'<(?:link|img|script|iframe)[^>]+(?:src|href)="(?!data:)', markup) == []


def test_the_page_escapes_what_data_say(page):
    assert "no edges <script>" not in page
    assert "no edges &lt;script&gt;" in page
    assert "Co-Li <b>bold</b>" not in page


def test_the_page_answers_first(page, summary):
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    verdict, best = markup.index("Guidance worked"), markup.index('id="best"')
    assert markup.index("4 O around each Co") < verdict < best < markup.index('id="attrition"')
    assert summary["constraints"][0]["verdict"]["status"] == "worked"
    assert re.search(r"p = [\d.e-]+", markup)
    rates = markup.partition('<div class="scroll"')[2].partition("</table>")[0]
    assert re.search(r"p against unguided.*?<td[^>]*>[\d.e-]+", rates, re.DOTALL)


def test_downloads_hold_the_cifs(page, campaign, summary):
    links = re.findall(r'href="data:chemical/x-cif;base64,([^"]+)" download="([^"]+)"', page)
    assert {name: base64.b64decode(data).decode() for data, name in links} == {
        row["cif"]: (campaign / "best" / row["cif"]).read_text() for row in summary["best"]
    }


def test_no_button_uploads_a_chart(page):
    figures = unpacked(re.findall(r'<div class="plot"[^>]*><script type="text/plain">([^<]+)<', page))
    assert figures
    assert all("sendChartToCloud" in f["config"]["modeBarButtonsToRemove"] for f in figures)
    assert not any(f["config"]["showSendToCloud"] for f in figures)


def test_the_page_is_the_same_every_time(page, campaign):
    paths = CampaignPaths(root=campaign.parent, campaign=campaign.name)
    again = render(read_report_data(paths))
    # plotly gives its figures no names here, gzip no date
    assert again == page


def test_the_record_is_shown_and_can_be_cited(page):
    record = page.partition('id="record"')[2]
    assert "constraints.co_o_4.terms[1].cutoff" in record
    assert "doi:10.1038/s41586-025-08628-5" in record
    assert "@misc{grace," in record
    assert "doi = {10.1103/PhysRevX.14.021036}" in record


def test_the_analysis_is_reproducible(campaign, analysed, tmp_path):
    config = synthetic.settings(synthetic.usual_arms())
    again = analysed(campaign, config, tmp_path)
    files = [p.relative_to(again) for p in sorted(again.rglob("*")) if p.is_file()]
    assert len(files) > 20
    assert [f for f in files if (again / f).read_bytes() != (campaign / f).read_bytes()] == []
