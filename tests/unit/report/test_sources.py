"""A source of references that did not come is named on the first screen, with the reason."""

import json

import pytest
import synthetic

from lodestone.runtime.files import write_json
from lodestone.statistics.notes import source_notes

source = synthetic.source
DOWN = source("oqmd", state="missing", rows=0, retrieved=None, failure="https://oqmd.org <b>503</b>")
HALF = source(
    "alexandria",
    state="partial",
    missing=["Co-O", "O"],
    failure="412 of 1000 entries",
    left_out={"disordered": 3},
)


def test_complete_sources_need_no_word():
    assert source_notes([source("oqmd"), source("alexandria")]) == []
    assert source_notes([]) == []


def test_each_fault_is_a_sentence_and_nothing_at_all_is_said_loudly():
    assert source_notes([source("mine"), HALF, DOWN]) == [
        "Compared with alexandria without Co-O, O: 412 of 1000 entries.",
        "Not compared with oqmd: https://oqmd.org <b>503</b>.",
    ]
    assert source_notes([DOWN])[-1].startswith("No known crystal was compared with")


@pytest.mark.slow
def test_the_page_and_the_summary_tell_what_came(finished, tmp_path):
    root = tmp_path / "small"
    write_json(root / "references.json", {"sources": [source("mine"), HALF, DOWN]})
    finished(root, synthetic.settings(synthetic.usual_arms()[:2]))
    notes = json.loads((root / "statistics/summary.json").read_text())["notes"]
    assert notes == source_notes([HALF, DOWN])
    page = (root / "report.html").read_text()
    assert "Not compared with oqmd: https://oqmd.org &lt;b&gt;503&lt;/b&gt;" in page
    shown = page.partition('id="sources"')[2].partition("</section>")[0]
    for text in (
        "2026-04-01 to 2026-04-14",
        "3 disordered",
        "Co-O, O; 412 of 1000 entries",
        "CC-BY-4.0",
        "partial",
    ):
        assert text in shown
    assert "is not on record" not in shown


@pytest.mark.slow
def test_a_campaign_without_any_source_on_record_says_so(finished, tmp_path):
    write_json(tmp_path / "small/references.json", {"sources": []})
    finished(tmp_path / "small", synthetic.settings(synthetic.usual_arms()[:2]))
    assert "What came of the sources is not on record." in (tmp_path / "small/report.html").read_text()


def test_a_note_has_the_first_reason_and_no_more():
    first = "'HTTP 503' (tried 5 times in 25.9 s), at https://oqmd.org/v1"
    long = f"oqmd: {first}; run it again; oqmd: the same once more"
    (note, _) = source_notes([source("oqmd", state="missing", rows=0, failure=long)])
    assert note == f"Not compared with oqmd: {first}."
    (note, _) = source_notes([source("oqmd", state="missing", rows=0, failure="x" * 500)])
    assert note == f"Not compared with oqmd: {'x' * 200}…."
