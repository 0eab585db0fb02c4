"""`snakemake --report` of a finished campaign: every category, with captions that tell its settings."""

from __future__ import annotations

import json
import re
import zipfile

import pytest

CATEGORIES = {
    "Report", "Guidance", "Constraints", "Stability", "Candidates", "Curation", "Estimator", "Sources",
}  # fmt: skip


@pytest.fixture(scope="module")
def made(finished, snakemake):
    """The report as a folder of files."""
    process = snakemake(
        finished, "--configfile", "house.yaml", "--report", "report.zip", house=finished, timeout=600
    )
    assert process.returncode == 0, process.stdout + process.stderr
    with zipfile.ZipFile(finished / "report.zip") as archive:
        archive.extractall(finished / "made")
    return finished / "made" / "report"


@pytest.fixture(scope="module")
def html(made):
    return (made / "report.html").read_text(encoding="utf-8")


def results(html):
    """What the page knows of each result: caption, labels, place."""
    text = re.search(r"^\s*(?:var|let|const) results = (\{.*\});?$", html, re.MULTILINE)
    assert text, "the report lists no results"
    return json.loads(text.group(1))


def test_every_category_is_there(html):
    text = re.search(r"^\s*(?:var|let|const) categories = (\{.*\});?$", html, re.MULTILINE)
    assert set(json.loads(text.group(1))) == CATEGORIES


def test_every_result_has_one_label_and_a_caption(html, made):
    found = results(html)
    assert len(found) == 1 + 7 + 4  # page, figures, tables
    for path, result in found.items():
        # two labels become a switch, which fails where a combination is missing
        assert len(result["labels"]) == 1, path
        assert len(result["caption"]) > 80, path
        assert "snakemake." not in result["caption"], path
        assert (made / result["data_uri"]).is_file(), path


def test_captions_tell_the_settings(html):
    captions = {path.rpartition("/")[2]: result["caption"] for path, result in results(html).items()}
    assert "house" in captions["report.html"]
    assert "95 %" in captions["guidance.html"]
    assert "volume-s0.1" in captions["guidance.html"]
    assert "level of 0.05" in " ".join(captions["success.tsv"].split())
    assert "1.0 of the target" in captions["guidance.html"]
    assert "eV/atom, up to 0.5" in captions["constraints.html"]
    assert "8 structures" in captions["curation.html"]
    assert "0.1" in captions["candidates.html"]
    assert "StructureMatcher" in captions["candidates.html"]


def test_the_description_names_the_campaign_of_a_variant(finished, snakemake, campaign_text):
    (finished / "variant.yaml").write_text(
        campaign_text.replace("campaign: house", "campaign: small")
        + "variants: {other: {campaign: house, hull: {shown_below: 0.5}}}\n"
    )
    process = snakemake(
        finished, "--configfile", "variant.yaml", "--config", "variant=other",
        "--report", "variant.zip", house=finished, timeout=600,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr
    with zipfile.ZipFile(finished / "variant.zip") as archive:
        html = archive.read("variant/report.html").decode()
    assert "results/house/report.html" in html
    assert "results/small" not in html


def test_the_description_names_the_campaign_and_the_way_in(html):
    assert re.search(r"Campaign <strong>house</strong>", html.replace("\\u003c", "<").replace("\\u003e", ">"))
    assert "report.zip" in html
